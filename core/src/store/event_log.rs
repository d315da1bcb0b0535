//! Appending events: each batch is one transaction of the events, the counts of
//! one counter shard, and the histories of users that the events change.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result, bail};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, KeysAndAttributes, Put, TransactWriteItem};

use chrono::{DateTime, Utc};

use super::Clients;
use super::attribute::{self, Item, number, string, time};
use super::counters::{self, ShardId};
use super::tables::{EVENT_ID, USER_ID};
use crate::dataset::history::History;
use crate::dataset::totals::Totals;
use crate::dataset::{Counts, Dataset, Epoch, PerDataset};
use crate::event::{StoredEvent, UserId};

/// The sort key of a user's history; no event id is spelled like it.
const HISTORY: &str = "history";

/// What a batch adds to its counter shard.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Addition {
    pub counts: PerDataset<Counts>,
    pub totals: Totals,
    /// Users whose first transaction is among the events.
    pub users: u64,
    /// When the newest record of each dataset came in; `None` where the batch has none of it.
    pub newest: PerDataset<Option<DateTime<Utc>>>,
    /// Segment updates by the name of the segment.
    pub segments: BTreeMap<String, u64>,
}

/// A user's history as it is kept: `revision` counts its writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    pub history: History,
    pub revision: u64,
}

/// One transaction: at most 100 items in all, and no event or user twice.
#[derive(Clone, Debug)]
pub struct Batch<'a> {
    pub events: Vec<&'a StoredEvent>,
    pub shard: ShardId,
    /// The epochs of the shard, with which the events are stamped.
    pub epochs: PerDataset<Epoch>,
    pub addition: Addition,
    /// The histories as they shall be; each replaces the revision before its own.
    pub histories: Vec<(UserId, HistoryEntry)>,
}

/// Why nothing of a batch was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The event at this place of the batch is stored already.
    Duplicate(usize),
    /// The shard has moved to another epoch, or does not exist.
    EpochMoved,
    /// The user's history has changed since it was read.
    HistoryMoved(UserId),
    /// Another transaction was at work on the same items, or capacity is short.
    Contention,
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
    /// A lost answer is repeated by the SDK under the same token, so it cannot
    /// count twice.
    ///
    /// # Errors
    /// Whatever the service says beyond the refusals.
    pub async fn append(&self, batch: &Batch<'_>) -> Result<Vec<Refusal>> {
        let mut items = Vec::with_capacity(batch.events.len() + batch.histories.len() + 1);
        for event in &batch.events {
            items.push(self.put(event_item(event, &batch.epochs), format!("attribute_not_exists({USER_ID})"), None)?);
        }
        let addition = counters::addition(&self.datasets_table, batch.shard, &batch.epochs, &batch.addition)?;
        items.push(TransactWriteItem::builder().update(addition).build());
        for (user, entry) in &batch.histories {
            let (condition, revision) = match entry.revision {
                1 => (format!("attribute_not_exists({USER_ID})"), None),
                revision => ("revision = :revision".to_owned(), Some(revision - 1)),
            };
            items.push(self.put(history_item(*user, entry), condition, revision)?);
        }
        match self.client.transact_write_items().set_transact_items(Some(items)).send().await {
            Ok(_) => Ok(Vec::new()),
            Err(error) => match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    refusals(batch, cancelled.cancellation_reasons())
                }
                Some(
                    TransactWriteItemsError::TransactionInProgressException(_)
                    | TransactWriteItemsError::ProvisionedThroughputExceededException(_)
                    | TransactWriteItemsError::RequestLimitExceeded(_),
                ) => Ok(vec![Refusal::Contention]),
                _ => Err(error).context("could not write a batch of events"),
            },
        }
    }

    fn put(&self, item: Item, condition: String, revision: Option<u64>) -> Result<TransactWriteItem> {
        let mut put = Put::builder().table_name(&self.events_table).set_item(Some(item));
        put = put.condition_expression(condition);
        if let Some(revision) = revision {
            put = put.expression_attribute_values(":revision", number(revision));
        }
        Ok(TransactWriteItem::builder().put(put.build()?).build())
    }

    /// The histories of the users that have one. At most 100 users.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn histories(&self, users: &[UserId]) -> Result<HashMap<UserId, HistoryEntry>> {
        let mut histories = HashMap::with_capacity(users.len());
        let mut keys: Vec<Item> = users.iter().map(|user| history_key(*user)).collect();
        while !keys.is_empty() {
            let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build()?;
            let answer = self
                .client
                .batch_get_item()
                .request_items(&self.events_table, wanted)
                .send()
                .await
                .context("could not read the histories of users")?;
            for item in answer.responses.unwrap_or_default().into_values().flatten() {
                let user = UserId(attribute::get_string(&item, USER_ID)?.parse()?);
                histories.insert(user, history_entry(&item)?);
            }
            keys = answer
                .unprocessed_keys
                .and_then(|mut tables| tables.remove(&self.events_table))
                .map(|left| left.keys)
                .unwrap_or_default();
        }
        Ok(histories)
    }
}

fn event_item(stored: &StoredEvent, epochs: &PerDataset<Epoch>) -> Item {
    let event = &stored.event;
    let mut item = attribute::item([
        (USER_ID, string(event.user.to_string())),
        (EVENT_ID, string(event.id.to_string())),
        ("type", string(event.event_type.name())),
        ("occurred_at", time(event.occurred_at)),
        ("ingested_at", time(stored.ingested_at)),
        ("schema_version", number(event.schema_version)),
        // As text: numbers keep their digits, and a scan reads one attribute.
        ("data", string(serde_json::Value::Object(event.data.clone()).to_string())),
    ]);
    for dataset in Dataset::all().filter(|dataset| dataset.role(event).is_some()) {
        item.insert(epoch_attribute(dataset), number(epochs[dataset]));
    }
    item
}

/// The attribute that stamps an event with the epoch in which `dataset` took it in.
pub(super) fn epoch_attribute(dataset: Dataset) -> String {
    format!("epoch_{dataset}")
}

fn history_key(user: UserId) -> Item {
    attribute::item([(USER_ID, string(user.to_string())), (EVENT_ID, string(HISTORY))])
}

fn history_item(user: UserId, entry: &HistoryEntry) -> Item {
    let mut item = history_key(user);
    item.insert("transactions".into(), number(entry.history.transactions));
    item.insert("first".into(), time(entry.history.first));
    item.insert("last".into(), time(entry.history.last));
    item.insert("revision".into(), number(entry.revision));
    if let Some(epoch) = entry.history.sufficient_since {
        item.insert("sufficient_since".into(), number(epoch));
    }
    item
}

fn history_entry(item: &Item) -> Result<HistoryEntry> {
    let history = History {
        transactions: attribute::get_number(item, "transactions")?,
        first: attribute::get_time(item, "first")?,
        last: attribute::get_time(item, "last")?,
        sufficient_since: attribute::find_number(item, "sufficient_since")?.map(Epoch),
    };
    Ok(HistoryEntry { history, revision: attribute::get_number(item, "revision")? })
}

/// What the reasons for a cancelled transaction say. They come in the order of
/// its items: the events, the counter shard, the histories.
fn refusals(batch: &Batch<'_>, reasons: &[CancellationReason]) -> Result<Vec<Refusal>> {
    let events = batch.events.len();
    let mut refusals = Vec::new();
    for (place, reason) in reasons.iter().enumerate() {
        refusals.push(match reason.code() {
            None | Some("None") => continue,
            Some("ConditionalCheckFailed") if place < events => Refusal::Duplicate(place),
            Some("ConditionalCheckFailed") if place == events => Refusal::EpochMoved,
            Some("ConditionalCheckFailed") => match batch.histories.get(place - events - 1) {
                Some((user, _)) => Refusal::HistoryMoved(*user),
                None => bail!("the transaction was cancelled for an item that it does not have"),
            },
            Some("TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded") => Refusal::Contention,
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
    use uuid::Uuid;

    use super::*;

    fn reason(code: &str) -> CancellationReason {
        CancellationReason::builder().code(code).build()
    }

    /// A batch of no events and one history: what the reasons are matched with.
    fn batch() -> Batch<'static> {
        let time = DateTime::UNIX_EPOCH;
        let history = History { transactions: 1, first: time, last: time, sufficient_since: None };
        Batch {
            events: Vec::new(),
            shard: ShardId::pick(3),
            epochs: PerDataset::from_fn(|_| Epoch::FIRST),
            addition: Addition::default(),
            histories: vec![(UserId(Uuid::nil()), HistoryEntry { history, revision: 1 })],
        }
    }

    #[test]
    fn every_reason_for_a_cancelled_transaction_is_told_apart() {
        let batch = batch();
        let read = |codes: &[&str]| refusals(&batch, &codes.iter().map(|code| reason(code)).collect::<Vec<_>>());
        assert_eq!(read(&["ConditionalCheckFailed", "None"]).unwrap(), [Refusal::EpochMoved]);
        assert_eq!(read(&["None", "ConditionalCheckFailed"]).unwrap(), [Refusal::HistoryMoved(UserId(Uuid::nil()))]);
        for code in ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"] {
            assert_eq!(read(&[code, "None"]).unwrap(), [Refusal::Contention]);
        }
        assert!(read(&["ValidationError"]).unwrap_err().to_string().contains("ValidationError"));
        assert!(read(&["None", "None"]).is_err());
        assert!(read(&["None", "None", "ConditionalCheckFailed"]).is_err());
    }
}
