//! Appending events: each batch is one transaction of the events, the counts of
//! one counter shard, the history of every user in it, which the events change or
//! which at least must not have become a tombstone, and the segments of users.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Context, Result, bail};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    CancellationReason, ConditionCheck, KeysAndAttributes, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Clients;
use super::attribute::{self, Item, number};
use super::counters::{self, ShardId, Sign};
use super::event_item::{self, ERASED_AT, event_item, history_item, history_key, membership_item, membership_key};
use super::tables::USER_ID;
use crate::dataset::history::History;
use crate::dataset::membership::Membership;
use crate::dataset::totals::Totals;
use crate::dataset::{Counts, Epoch, PerDataset};
use crate::event::privacy::Redactions;
use crate::event::{StoredEvent, UserId};

/// What a batch adds to its counter shard.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Addition {
    pub counts: PerDataset<Counts>,
    pub totals: Totals,
    /// Users whose first transaction is among the events.
    pub users: u64,
    /// When the newest record of each dataset came in; `None` where the batch has none of it.
    pub newest: PerDataset<Option<DateTime<Utc>>>,
    /// How many users more, or fewer, are in each segment. They may have come to it
    /// on another shard: only the sum over all shards tells how many there are.
    pub segments: BTreeMap<String, i64>,
    /// Events of unknown types, by the name that they are counted under.
    pub unknown_types: BTreeMap<String, u64>,
}

/// A user's history as it is kept: `revision` counts its writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    pub history: History,
    pub revision: u64,
    /// The counter shard that counted the user.
    pub counted_on: Option<ShardId>,
    /// The counter shard that counted the user as sufficient.
    pub sufficient_on: Option<ShardId>,
}

/// The segment that a user is in, as it is kept: `revision` counts its writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembershipEntry {
    /// By the name under which the user is counted.
    pub membership: Membership,
    pub revision: u64,
}

/// How a user stands with us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Known(HistoryEntry),
    /// The user's data are erased, and nothing more is taken in.
    Erased,
}

/// What is kept of users beside their events.
#[derive(Clone, Debug, Default)]
pub struct OfUsers {
    pub standings: HashMap<UserId, Standing>,
    pub memberships: HashMap<UserId, MembershipEntry>,
}

/// An event on its way into the table.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    pub stored: &'a StoredEvent,
    pub redactions: Redactions,
    /// The name that an event of an unknown type is counted under.
    pub counted_as: Option<String>,
    /// Whether it counts towards thresholds: no row is made of an event at another time.
    pub has_plausible_time: bool,
}

/// One transaction: at most 100 items in all, and no event or user twice.
#[derive(Clone, Debug)]
pub struct Batch<'a> {
    pub events: Vec<Entry<'a>>,
    pub shard: ShardId,
    /// The epochs of the shard, with which the events are stamped.
    pub epochs: PerDataset<Epoch>,
    pub addition: Addition,
    /// The histories as they shall be; each replaces the revision before its own.
    pub histories: Vec<(UserId, HistoryEntry)>,
    /// The other users of the events.
    pub bystanders: Vec<UserId>,
    /// The segments of users as they shall be; each replaces the revision before its own.
    pub memberships: Vec<(UserId, MembershipEntry)>,
}

/// Why nothing of a batch was written.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// The event at this place of the batch is stored already: as the one given,
    /// where the service says so.
    Duplicate(usize, Option<Box<StoredEvent>>),
    /// The shard has moved to another epoch, or does not exist.
    EpochMoved,
    /// The user's history has changed since it was read, or is a tombstone.
    HistoryMoved(UserId),
    /// The segment of a user has changed since it was read.
    MembershipMoved(UserId),
    /// Another transaction was at work on the same items.
    Contention,
    /// Capacity is short.
    Throttled,
}

impl Batch<'_> {
    /// In the order in which the transaction has them.
    fn users(&self) -> impl Iterator<Item = UserId> {
        self.histories.iter().map(|(user, _)| *user).chain(self.bystanders.iter().copied())
    }
}

#[derive(Clone, Debug)]
pub struct EventLog {
    client: aws_sdk_dynamodb::Client,
    events_table: String,
    datasets_table: String,
}

impl EventLog {
    pub fn new(clients: &Clients) -> Self {
        Self {
            client: clients.dynamodb.clone(),
            events_table: clients.resources.events_table.clone(),
            datasets_table: clients.resources.datasets_table.clone(),
        }
    }

    /// Writes a batch, whole or not at all. Answers why not: every refusal at once.
    ///
    /// A batch under the same `token` is written once within ten minutes, so it can
    /// be repeated when the answer was lost.
    ///
    /// # Errors
    /// Whatever the service says beyond the refusals: see [`super::Failure`].
    pub async fn append(&self, batch: &Batch<'_>, token: Uuid) -> Result<Vec<Refusal>> {
        let users = batch.histories.len() + batch.bystanders.len();
        let mut items = Vec::with_capacity(batch.events.len() + 1 + users + batch.memberships.len());
        for entry in &batch.events {
            items.push(self.put(
                event_item(entry, batch.shard, &batch.epochs)?,
                format!("attribute_not_exists({USER_ID})"),
                None,
            )?);
        }
        let addition = counters::change(&self.datasets_table, batch.shard, &batch.epochs, &batch.addition, Sign::Plus)?;
        items.push(TransactWriteItem::builder().update(addition).build());
        for (user, entry) in &batch.histories {
            items.push(self.replace(history_item(*user, entry), entry.revision)?);
        }
        for user in &batch.bystanders {
            items.push(self.not_erased(*user)?);
        }
        for (user, entry) in &batch.memberships {
            items.push(self.replace(membership_item(*user, entry), entry.revision)?);
        }
        let write = self.client.transact_write_items().set_transact_items(Some(items));
        match write.client_request_token(token.to_string()).send().await {
            Ok(_) => Ok(Vec::new()),
            Err(error) => match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    refusals(batch, cancelled.cancellation_reasons())
                }
                _ => Err(error).context("could not write a batch of events"),
            },
        }
    }

    /// Puts the item in the place of the revision before its own.
    fn replace(&self, item: Item, revision: u64) -> Result<TransactWriteItem> {
        match revision {
            1 => self.put(item, format!("attribute_not_exists({USER_ID})"), None),
            revision => self.put(item, "revision = :revision".to_owned(), Some(revision - 1)),
        }
    }

    fn put(&self, item: Item, condition: String, revision: Option<u64>) -> Result<TransactWriteItem> {
        let mut put = Put::builder().table_name(&self.events_table).set_item(Some(item));
        put = put
            .condition_expression(condition)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if let Some(revision) = revision {
            put = put.expression_attribute_values(":revision", number(revision));
        }
        Ok(TransactWriteItem::builder().put(put.build()?).build())
    }

    fn not_erased(&self, user: UserId) -> Result<TransactWriteItem> {
        let check = ConditionCheck::builder()
            .table_name(&self.events_table)
            .set_key(Some(history_key(user)))
            .condition_expression(format!("attribute_not_exists({ERASED_AT})"));
        Ok(TransactWriteItem::builder().condition_check(check.build()?).build())
    }

    /// How the users of `histories` stand of whom anything is known, and the segments
    /// of those of `memberships` who are in one. At most 100 of both together.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn of_users(&self, histories: &BTreeSet<UserId>, memberships: &BTreeSet<UserId>) -> Result<OfUsers> {
        let keys = histories.iter().map(|user| history_key(*user));
        let found = self.items(keys.chain(memberships.iter().map(|user| membership_key(*user))).collect()).await?;
        let mut read = OfUsers::default();
        for item in &found {
            let user = UserId(attribute::get_string(item, USER_ID)?.parse()?);
            if event_item::is_membership(item) {
                read.memberships.insert(user, event_item::membership(item)?);
            } else {
                read.standings.insert(user, event_item::standing(item)?);
            }
        }
        Ok(read)
    }

    /// Those items that are there.
    async fn items(&self, mut keys: Vec<Item>) -> Result<Vec<Item>> {
        let mut found = Vec::with_capacity(keys.len());
        while !keys.is_empty() {
            let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build()?;
            let answer = self
                .client
                .batch_get_item()
                .request_items(&self.events_table, wanted)
                .send()
                .await
                .context("could not read what is known of users")?;
            found.extend(answer.responses.unwrap_or_default().into_values().flatten());
            keys = answer
                .unprocessed_keys
                .and_then(|mut tables| tables.remove(&self.events_table))
                .map(|left| left.keys)
                .unwrap_or_default();
        }
        Ok(found)
    }
}

/// What the reasons for a cancelled transaction say. They come in the order of
/// its items: the events, the counter shard, the users, the segments of users.
fn refusals(batch: &Batch<'_>, reasons: &[CancellationReason]) -> Result<Vec<Refusal>> {
    let events = batch.events.len();
    let mut refusals = Vec::new();
    for (place, reason) in reasons.iter().enumerate() {
        refusals.push(match reason.code() {
            None | Some("None") => continue,
            Some("ConditionalCheckFailed") if place < events => {
                let stored = reason.item.as_ref().map(event_item::event).transpose()?;
                Refusal::Duplicate(place, stored.map(Box::new))
            }
            Some("ConditionalCheckFailed") if place == events => Refusal::EpochMoved,
            Some("ConditionalCheckFailed") => {
                let moved = batch.memberships.iter().map(|(user, _)| Refusal::MembershipMoved(*user));
                let after = batch.users().map(Refusal::HistoryMoved).chain(moved).nth(place - events - 1);
                after.context("the transaction was cancelled for an item that it does not have")?
            }
            Some("TransactionConflict") => Refusal::Contention,
            Some("ThrottlingError" | "ProvisionedThroughputExceeded") => Refusal::Throttled,
            Some(code) => bail!("item {place} of a transaction was refused: {code} {}", reason.message().unwrap_or("")),
        });
    }
    if refusals.is_empty() {
        bail!("a transaction was cancelled without a reason");
    }
    Ok(refusals)
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::event::EventId;

    fn reason(code: &str) -> CancellationReason {
        CancellationReason::builder().code(code).build()
    }

    /// A batch of no events, one history, one bystander and one segment: what the reasons are matched with.
    fn batch() -> Batch<'static> {
        let time = DateTime::UNIX_EPOCH;
        let history = History { transactions: 1, first: time, last: time, sufficient_since: None };
        let membership = Membership { at: time, event: EventId(Uuid::nil()), name: "savers".to_owned() };
        let entry = HistoryEntry { history, revision: 1, counted_on: None, sufficient_on: None };
        Batch {
            events: Vec::new(),
            shard: ShardId::pick(3),
            epochs: PerDataset::from_fn(|_| Epoch::FIRST),
            addition: Addition::default(),
            histories: vec![(UserId(Uuid::nil()), entry)],
            bystanders: vec![UserId(Uuid::max())],
            memberships: vec![(UserId(Uuid::max()), MembershipEntry { membership, revision: 2 })],
        }
    }

    #[test]
    fn every_reason_for_a_cancelled_transaction_is_told_apart() {
        let batch = batch();
        let read = |codes: &[&str]| refusals(&batch, &codes.iter().map(|code| reason(code)).collect::<Vec<_>>());
        assert_eq!(read(&["ConditionalCheckFailed", "None"]).unwrap(), [Refusal::EpochMoved]);
        assert_eq!(read(&["None", "ConditionalCheckFailed"]).unwrap(), [Refusal::HistoryMoved(UserId(Uuid::nil()))]);
        let bystander = read(&["None", "None", "ConditionalCheckFailed"]).unwrap();
        assert_eq!(bystander, [Refusal::HistoryMoved(UserId(Uuid::max()))]);
        let membership = read(&["None", "None", "None", "ConditionalCheckFailed"]).unwrap();
        assert_eq!(membership, [Refusal::MembershipMoved(UserId(Uuid::max()))]);
        assert_eq!(read(&["TransactionConflict", "None"]).unwrap(), [Refusal::Contention]);
        for code in ["ThrottlingError", "ProvisionedThroughputExceeded"] {
            assert_eq!(read(&[code, "None"]).unwrap(), [Refusal::Throttled]);
        }
        assert!(read(&["ValidationError"]).unwrap_err().to_string().contains("ValidationError"));
        assert!(read(&["None", "None"]).is_err());
        assert!(read(&["None", "None", "None", "None", "ConditionalCheckFailed"]).is_err());
    }
}
