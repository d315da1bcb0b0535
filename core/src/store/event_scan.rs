//! Reading a dataset's events, user by user, in parallel segments.

use std::collections::HashMap;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::try_join_all;
use futures::stream::{self, StreamExt, TryStreamExt};

use super::attribute::{self, Item, number, string};
use super::event_item::{epoch_attribute, event};
use super::tables::{EVENT_ID, USER_ID};
use super::{Clients, MOST_EVALUATED};
use crate::dataset::spec::Role;
use crate::dataset::{Dataset, Epoch};
use crate::event::{EventId, StoredEvent, UserId};

/// Single events that are read at once.
const CONCURRENT_GETS: usize = 32;

/// All events of one user that a scan asked for, ordered by event id.
#[derive(Clone, Debug, PartialEq)]
pub struct UserEvents {
    pub user: UserId,
    pub events: Vec<StoredEvent>,
}

#[derive(Clone, Debug)]
pub struct EventScan {
    client: aws_sdk_dynamodb::Client,
    table: String,
    segments: u32,
}

/// Which events a scan wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wanted {
    dataset: Dataset,
    /// Records only, or everything that the dataset takes in.
    records_only: bool,
    /// Only events of this epoch or earlier ones; `None` for all.
    up_to: Option<Epoch>,
}

impl EventScan {
    /// `segments`: into how many parts the table is divided.
    pub fn new(clients: &Clients, segments: u32) -> Self {
        Self { client: clients.dynamodb.clone(), table: clients.resources.events_table.clone(), segments }
    }

    /// Scans the records of a dataset: one `fold` state per segment, each user in
    /// exactly one of them, whole. Reads are consistent.
    ///
    /// # Errors
    /// Whatever the service says; an item that is no event.
    pub async fn fold<S>(
        &self,
        dataset: Dataset,
        up_to: Option<Epoch>,
        new: impl Fn() -> S,
        fold: impl Fn(&mut S, UserEvents),
    ) -> Result<Vec<S>> {
        self.fold_wanted(Wanted { dataset, records_only: true, up_to }, new, fold).await
    }

    /// As [`EventScan::fold`], with everything that the dataset takes in: its records
    /// and the events that only its features are made of.
    ///
    /// # Errors
    /// Whatever the service says; an item that is no event.
    pub async fn fold_inputs<S>(
        &self,
        dataset: Dataset,
        up_to: Option<Epoch>,
        new: impl Fn() -> S,
        fold: impl Fn(&mut S, UserEvents),
    ) -> Result<Vec<S>> {
        self.fold_wanted(Wanted { dataset, records_only: false, up_to }, new, fold).await
    }

    /// One segment of [`EventScan::fold_inputs`], of as many as the scan has.
    ///
    /// # Errors
    /// Whatever the service says; an item that is no event.
    pub async fn inputs_of_segment(
        &self,
        segment: u32,
        dataset: Dataset,
        up_to: Option<Epoch>,
        take: impl FnMut(UserEvents),
    ) -> Result<()> {
        self.segment(segment, Wanted { dataset, records_only: false, up_to }, take).await
    }

    async fn fold_wanted<S>(
        &self,
        wanted: Wanted,
        new: impl Fn() -> S,
        fold: impl Fn(&mut S, UserEvents),
    ) -> Result<Vec<S>> {
        let (new, fold) = (&new, &fold);
        try_join_all((0..self.segments).map(|segment| async move {
            let mut state = new();
            self.segment(segment, wanted, |user| fold(&mut state, user)).await?;
            Ok(state)
        }))
        .await
    }

    /// Single events, in the order of `keys`; those that are gone are left out.
    ///
    /// # Errors
    /// Whatever the service says; an item that is no event.
    pub async fn get(&self, keys: Vec<(UserId, EventId)>) -> Result<Vec<StoredEvent>> {
        let found = stream::iter(keys).map(|(user, id)| async move {
            let key = attribute::item([(USER_ID, string(user.to_string())), (EVENT_ID, string(id.to_string()))]);
            let get = self.client.get_item().table_name(&self.table).set_key(Some(key)).consistent_read(true);
            let answer = get.send().await.context("could not read an event")?;
            answer.item().map(event).transpose()
        });
        let found = found.buffered(CONCURRENT_GETS).try_filter_map(|found: Option<StoredEvent>| async { Ok(found) });
        found.try_collect().await
    }

    /// A segment holds whole partitions, one after the other: a user is complete
    /// when the next one begins.
    async fn segment(&self, segment: u32, wanted: Wanted, mut take: impl FnMut(UserEvents)) -> Result<()> {
        let mut current: Option<UserEvents> = None;
        let mut from: Option<Item> = None;
        loop {
            let page = self.page(segment, wanted, from);
            let answer = page.send().await.context("could not scan the events")?;
            for item in answer.items.unwrap_or_default() {
                let stored = event(&item)?;
                // A type may hold events that play no part in the dataset.
                match wanted.dataset.role(&stored.event) {
                    Some(Role::Record) => {}
                    Some(Role::Feature) if !wanted.records_only => {}
                    Some(Role::Feature) | None => continue,
                }
                match &mut current {
                    Some(user) if user.user == stored.event.user => user.events.push(stored),
                    _ => {
                        let next = UserEvents { user: stored.event.user, events: vec![stored] };
                        if let Some(complete) = current.replace(next) {
                            take(complete);
                        }
                    }
                }
            }
            from = answer.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        if let Some(complete) = current {
            take(complete);
        }
        Ok(())
    }

    fn page(&self, segment: u32, wanted: Wanted, from: Option<Item>) -> ScanFluentBuilder {
        let inputs = wanted.dataset.spec().inputs.iter();
        let inputs = inputs.filter(|input| input.role == Role::Record || !wanted.records_only);
        let types: HashMap<String, AttributeValue> =
            (0..).zip(inputs).map(|(n, input)| (format!(":type{n}"), string(input.event_type))).collect();
        let mut names: Vec<&str> = types.keys().map(String::as_str).collect();
        names.sort_unstable();
        let of_type = format!("#type IN ({})", names.join(", "));
        // One segment is the whole table, which is scanned without saying so: the embedded engine
        // finds the next page by the primary key then, and reads all of the table for it otherwise.
        let (segment, segments) = match self.segments {
            1 => (None, None),
            segments => (Some(segment as i32), Some(segments as i32)),
        };
        let scan = self
            .client
            .scan()
            .table_name(&self.table)
            .set_segment(segment)
            .set_total_segments(segments)
            .limit(MOST_EVALUATED)
            .consistent_read(true)
            .expression_attribute_names("#type", "type")
            .expression_attribute_names("#epoch", epoch_attribute(wanted.dataset))
            .set_expression_attribute_values(Some(types))
            .set_exclusive_start_key(from);
        match wanted.up_to {
            None => scan.filter_expression(format!("attribute_exists(#epoch) AND {of_type}")),
            Some(epoch) => scan
                .filter_expression(format!("#epoch <= :epoch AND {of_type}"))
                .expression_attribute_values(":epoch", number(epoch)),
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::config::BehaviorVersion;

    use super::*;

    fn page_of(segments: u32) -> ScanFluentBuilder {
        let config = aws_sdk_dynamodb::Config::builder().behavior_version(BehaviorVersion::latest()).build();
        let scan = EventScan { client: aws_sdk_dynamodb::Client::from_conf(config), table: "events".into(), segments };
        scan.page(0, Wanted { dataset: Dataset::SPENDING, records_only: true, up_to: None }, None)
    }

    #[test]
    fn no_page_is_read_further_than_it_is_answered() {
        for segments in [1, 4] {
            assert_eq!(*page_of(segments).as_input().get_limit(), Some(MOST_EVALUATED), "{segments}");
        }
    }

    #[test]
    fn one_segment_is_an_ordinary_scan() {
        assert_eq!(*page_of(1).as_input().get_total_segments(), None);
        assert_eq!(*page_of(4).as_input().get_total_segments(), Some(4));
    }
}
