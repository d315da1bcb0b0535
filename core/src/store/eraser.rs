//! Erasing a user: a tombstone in place of the history, and each event deleted in
//! the transaction that takes it off the counts it is in.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::error::TransactionCanceledException;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem, Update};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::attribute::{self, Item, number, string, time};
use super::counters::{self, ShardId, Sign};
use super::event_item::{
    self, COUNTED_ON, ERASED_AT, HISTORY, MEMBERSHIP, SHARD, SUFFICIENT_ON, SUFFICIENT_SINCE, history_key,
    membership_key,
};
use super::event_log::{Addition, MembershipEntry};
use super::heads::head_item;
use super::tables::{EVENT_ID, USER_ID};
use super::{Clients, Saved};
use crate::dataset::lifecycle::Head;
use crate::dataset::{Dataset, Epoch, PerDataset};
use crate::event::{StoredEvent, UserId};

const ERASURE: &str = "erasure";
const EVENTS: &str = "erased_events";
const AFFECTED: &str = "affected";
const QUARANTINED: &str = "quarantined";

/// A stored event, and where it is counted.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted {
    pub stored: StoredEvent,
    pub shard: ShardId,
    /// The epoch in which each dataset that it is part of took it in.
    pub epochs: PerDataset<Option<Epoch>>,
    /// The name that an event of an unknown type is counted under.
    pub counted_as: Option<String>,
    /// Whether it was counted towards thresholds.
    pub has_plausible_time: bool,
}

/// What stands in the place of an erased user's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    pub user: UserId,
    pub erasure: Uuid,
    pub erased_at: DateTime<Utc>,
    /// Events deleted so far.
    pub events: u64,
    /// Quarantined originals that were found.
    pub quarantined: u64,
    /// Datasets of whose closed epochs something was deleted.
    pub affected: Vec<Dataset>,
    /// The epoch and the shard that still count the user as sufficient.
    pub sufficient: Option<(Epoch, ShardId)>,
    /// The shard that still counts the user among those with transactions.
    pub counted_on: Option<ShardId>,
}

/// One transaction of an erasure.
#[derive(Clone, Debug)]
pub struct Removal<'a> {
    pub user: UserId,
    /// At most 80, all counted on `shard`.
    pub events: Vec<&'a Counted>,
    pub shard: ShardId,
    /// The epochs of the shard: what is taken off it is of them.
    pub epochs: PerDataset<Epoch>,
    pub subtraction: Addition,
    /// Heads as they shall be, each with the next revision.
    pub heads: Vec<Head>,
    pub affected: Vec<Dataset>,
    /// As what the user is no longer counted.
    pub uncounted: Option<Uncounted>,
}

/// As what a user is counted, beside the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncounted {
    Sufficient,
    WithTransactions,
    /// In the segment that the user is in: what is kept of it goes with it.
    InSegment,
}

#[derive(Clone, Debug)]
pub struct Eraser {
    client: aws_sdk_dynamodb::Client,
    events_table: String,
    datasets_table: String,
}

impl Eraser {
    pub fn new(clients: &Clients) -> Self {
        Self {
            client: clients.dynamodb.clone(),
            events_table: clients.resources.events_table.clone(),
            datasets_table: clients.resources.datasets_table.clone(),
        }
    }

    /// Puts the tombstone, unless it stands: from now on nothing of the user is
    /// taken in. What the history knew is gone, but for where the user is counted.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn bury(&self, user: UserId, erasure: Uuid, now: DateTime<Utc>) -> Result<()> {
        self.client
            .update_item()
            .table_name(&self.events_table)
            .set_key(Some(history_key(user)))
            .update_expression(format!(
                "SET {ERASED_AT} = if_not_exists({ERASED_AT}, :now), {ERASURE} = if_not_exists({ERASURE}, :erasure) \
                 REMOVE transactions, #first, #last ADD revision :one"
            ))
            .expression_attribute_names("#first", "first")
            .expression_attribute_names("#last", "last")
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":erasure", string(erasure.to_string()))
            .expression_attribute_values(":one", number(1))
            .send()
            .await
            .context("could not write a tombstone")?;
        Ok(())
    }

    /// # Errors
    /// Whatever the service says.
    pub async fn tombstone(&self, user: UserId) -> Result<Option<Tombstone>> {
        let request = self.client.get_item().table_name(&self.events_table).set_key(Some(history_key(user)));
        let answer = request.consistent_read(true).send().await.context("could not read a tombstone")?;
        answer.item().filter(|item| item.contains_key(ERASED_AT)).map(|item| tombstone(user, item)).transpose()
    }

    /// Notes on the tombstone how many quarantined originals were found, before they are
    /// deleted: whoever comes later finds fewer, and changes nothing.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn note_quarantined(&self, user: UserId, originals: u64) -> Result<()> {
        let noted = self
            .client
            .update_item()
            .table_name(&self.events_table)
            .set_key(Some(history_key(user)))
            .update_expression(format!("SET {QUARANTINED} = :originals"))
            .condition_expression(format!("attribute_not_exists({QUARANTINED}) OR {QUARANTINED} < :originals"))
            .expression_attribute_values(":originals", number(originals))
            .send()
            .await;
        match noted {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Ok(())
            }
            Err(error) => Err(error).context("could not note on a tombstone what was quarantined"),
        }
    }

    /// Some of the user's events; none when all are gone.
    ///
    /// # Errors
    /// Whatever the service says; an item that is no event.
    pub async fn some_events(&self, user: UserId) -> Result<Vec<Counted>> {
        let mut from = None;
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.events_table)
                .key_condition_expression(format!("{USER_ID} = :user"))
                .expression_attribute_values(":user", string(user.to_string()))
                .consistent_read(true)
                .limit(500)
                .set_exclusive_start_key(from)
                .send()
                .await
                .context("could not read the events of a user")?;
            let items = page.items.unwrap_or_default();
            let beside = [Some(string(HISTORY)), Some(string(MEMBERSHIP))];
            let events = items.iter().filter(|item| !beside.contains(&item.get(EVENT_ID).cloned()));
            let events: Vec<Counted> = events.map(counted).collect::<Result<_>>()?;
            from = page.last_evaluated_key;
            if !events.is_empty() || from.is_none() {
                return Ok(events);
            }
        }
    }

    /// The segment that a user is still counted in.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn membership(&self, user: UserId) -> Result<Option<MembershipEntry>> {
        let request = self.client.get_item().table_name(&self.events_table).set_key(Some(membership_key(user)));
        let answer = request.consistent_read(true).send().await.context("could not read the segment of a user")?;
        answer.item().map(event_item::membership).transpose()
    }

    /// Removes some events, whole or not at all.
    ///
    /// # Errors
    /// Whatever the service says, beyond a conflict with another writer.
    pub async fn remove(&self, removal: &Removal<'_>) -> Result<Saved> {
        let mut items = Vec::new();
        for event in &removal.events {
            let key = attribute::item([
                (USER_ID, string(removal.user.to_string())),
                (EVENT_ID, string(event.stored.event.id.to_string())),
            ]);
            let delete = Delete::builder().table_name(&self.events_table).set_key(Some(key));
            // Who deleted it before has taken it off the counts.
            let delete = delete.condition_expression(format!("attribute_exists({USER_ID})"));
            items.push(TransactWriteItem::builder().delete(delete.build()?).build());
        }
        if removal.uncounted == Some(Uncounted::InSegment) {
            let delete = Delete::builder().table_name(&self.events_table).set_key(Some(membership_key(removal.user)));
            let delete = delete.condition_expression(format!("attribute_exists({USER_ID})"));
            items.push(TransactWriteItem::builder().delete(delete.build()?).build());
        }
        let table = &self.datasets_table;
        let change = counters::change(table, removal.shard, &removal.epochs, &removal.subtraction, Sign::Minus)?;
        items.push(TransactWriteItem::builder().update(change).build());
        for head in &removal.heads {
            let put = Put::builder().table_name(table).set_item(Some(head_item(head)?));
            let put = put.condition_expression("revision = :revision");
            let put = put.expression_attribute_values(":revision", number(head.revision - 1));
            items.push(TransactWriteItem::builder().put(put.build()?).build());
        }
        items.push(TransactWriteItem::builder().update(self.noted(removal)?).build());
        match self.client.transact_write_items().set_transact_items(Some(items)).send().await {
            Ok(_) => Ok(Saved::Yes),
            Err(error) => match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) if is_conflict(cancelled) => {
                    Ok(Saved::Conflict)
                }
                Some(TransactWriteItemsError::TransactionInProgressException(_)) => Ok(Saved::Conflict),
                _ => Err(error).context("could not delete events of a user"),
            },
        }
    }

    /// The tombstone remembers what was done, in the same transaction.
    fn noted(&self, removal: &Removal<'_>) -> Result<Update> {
        let mut expression = format!("ADD {EVENTS} :events");
        let mut update = Update::builder()
            .table_name(&self.events_table)
            .set_key(Some(history_key(removal.user)))
            .expression_attribute_values(":events", number(removal.events.len()));
        if !removal.affected.is_empty() {
            let names = removal.affected.iter().map(|dataset| dataset.name().to_owned()).collect();
            expression.push_str(&format!(", {AFFECTED} :affected"));
            update = update.expression_attribute_values(":affected", AttributeValue::Ss(names));
        }
        let mut condition = format!("attribute_exists({ERASED_AT})");
        match removal.uncounted {
            Some(Uncounted::Sufficient) => {
                expression.push_str(&format!(" REMOVE {SUFFICIENT_SINCE}, {SUFFICIENT_ON}"));
                condition.push_str(&format!(" AND attribute_exists({SUFFICIENT_SINCE})"));
            }
            Some(Uncounted::WithTransactions) => {
                expression.push_str(&format!(" REMOVE {COUNTED_ON}"));
                condition.push_str(&format!(" AND attribute_exists({COUNTED_ON})"));
            }
            Some(Uncounted::InSegment) | None => {}
        }
        Ok(update.update_expression(expression).condition_expression(condition).build()?)
    }
}

/// Whether all that stood in the way was another writer.
fn is_conflict(cancelled: &TransactionCanceledException) -> bool {
    cancelled.cancellation_reasons().iter().all(|reason| {
        matches!(
            reason.code(),
            None | Some(
                "None"
                    | "ConditionalCheckFailed"
                    | "TransactionConflict"
                    | "ThrottlingError"
                    | "ProvisionedThroughputExceeded"
            )
        )
    })
}

fn counted(item: &Item) -> Result<Counted> {
    let epoch = |dataset| attribute::find_number(item, &event_item::epoch_attribute(dataset));
    Ok(Counted {
        stored: event_item::event(item)?,
        shard: ShardId::pick(attribute::get_number(item, SHARD)?),
        epochs: PerDataset::try_from_fn(|dataset| epoch(dataset).map(|epoch| epoch.map(Epoch)))?,
        counted_as: item
            .contains_key(event_item::COUNTED_AS)
            .then(|| attribute::get_string(item, event_item::COUNTED_AS).map(str::to_owned))
            .transpose()?,
        has_plausible_time: !item.contains_key(event_item::IMPLAUSIBLE_TIME),
    })
}

fn tombstone(user: UserId, item: &Item) -> Result<Tombstone> {
    let affected = match item.get(AFFECTED) {
        Some(AttributeValue::Ss(names)) => names.iter().map(|name| name.parse()).collect::<Result<_, _>>()?,
        _ => Vec::new(),
    };
    let since = attribute::find_number(item, SUFFICIENT_SINCE)?.map(Epoch);
    let on = attribute::find_number(item, SUFFICIENT_ON)?.map(ShardId::pick);
    Ok(Tombstone {
        user,
        erasure: attribute::get_string(item, ERASURE)?.parse()?,
        erased_at: attribute::get_time(item, ERASED_AT)?,
        events: attribute::find_number(item, EVENTS)?.unwrap_or(0),
        quarantined: attribute::find_number(item, QUARANTINED)?.unwrap_or(0),
        affected,
        sufficient: since.zip(on),
        counted_on: attribute::find_number(item, COUNTED_ON)?.map(ShardId::pick),
    })
}
