//! Corrections: from when on a transaction no longer counts.
//!
//! A transaction counts from its time on, until the first of these:
//!
//! - the next transaction with the same transaction_id, in the order of time, of
//!   ingestion and of event ids: the later one is the correction of the earlier one;
//! - a transaction that `replaces` its transaction_id;
//! - a void of its transaction_id.
//!
//! A transaction that was replaced or voided before its own time never counts:
//! events that arrive or are dated out of order lead to the same end. What no longer
//! counts never counts again, so each transaction has one interval of validity: a
//! void of the replacement does not bring back what it replaced, and after a void
//! the same transaction_id stays void. A correction says nothing before its own time,
//! so rows as of earlier moments do not change.

use std::collections::HashMap;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use super::transaction::Transaction;
use crate::event::{EventId, EventType, StoredEvent, TimeBounds};
use chrono::{DateTime, Utc};

/// A transaction_id: its hash.
pub type TransactionKey = NonZeroU64;

/// An event of type `transaction_void`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Void {
    /// Microseconds since 1970.
    pub at: i64,
    pub id: EventId,
    pub transaction: TransactionKey,
    /// See [`TimeBounds`]. Voids with another time have no effect.
    pub plausible_time: bool,
}

impl Void {
    /// `None` for an event of another type, and for one that names no transaction.
    pub fn read(stored: &StoredEvent, times: TimeBounds) -> Option<Self> {
        if stored.event.event_type != EventType::TransactionVoid {
            return None;
        }
        Some(Self {
            at: stored.event.occurred_at.timestamp_micros(),
            id: stored.event.id,
            transaction: super::transaction::key(stored.event.data.get("transaction_id"))?,
            plausible_time: stored.has_plausible_time(times),
        })
    }

    pub fn occurred_at(&self) -> DateTime<Utc> {
        // It was made from a time that the calendar has.
        DateTime::from_timestamp_micros(self.at).unwrap_or_default()
    }
}

/// Why a transaction no longer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// It was sent again, with equal content.
    Repeated,
    /// Another took its place: a correction with the same transaction_id, or one that names it.
    Replaced,
    Voided,
}

/// The end of a transaction's validity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct End {
    /// Microseconds since 1970; not before the transaction's own time.
    pub at: i64,
    /// The transaction, by its index.
    pub index: usize,
    pub cause: Cause,
}

/// The ends of those of a user's transactions that end, in order of their index.
/// `transactions` may be in any order.
pub fn ends(transactions: &[Transaction], voids: &[Void]) -> Vec<End> {
    if voids.is_empty() && !is_any_corrected(transactions) {
        return Vec::new();
    }
    let mut ends = HashMap::new();
    let by_name = ends_by_name(transactions, voids);
    for (index, transaction) in transactions.iter().enumerate() {
        if let Some((at, cause)) = transaction.transaction.and_then(|key| by_name.get(&key)) {
            ends.insert(index, (*at, *cause));
        }
    }
    for (index, at, cause) in successions(transactions) {
        let end = ends.entry(index).or_insert((at, cause));
        *end = (*end).min((at, cause));
    }
    let bounded = ends.into_iter().map(|(index, (at, cause))| {
        let at = at.max(transactions[index].occurred_at.timestamp_micros());
        End { at, index, cause }
    });
    let mut ends: Vec<End> = bounded.collect();
    ends.sort_unstable_by_key(|end| end.index);
    ends
}

/// Whether any transaction may correct another: nearly no user has one.
fn is_any_corrected(transactions: &[Transaction]) -> bool {
    let mut keys: Vec<_> = transactions.iter().filter_map(|transaction| transaction.transaction).collect();
    keys.sort_unstable();
    keys.windows(2).any(|two| two[0] == two[1]) || transactions.iter().any(|transaction| transaction.replaces.is_some())
}

/// The first moment at which a transaction_id is voided, or replaced by another.
fn ends_by_name(transactions: &[Transaction], voids: &[Void]) -> HashMap<TransactionKey, (i64, Cause)> {
    let voided = voids.iter().filter(|void| void.plausible_time);
    let voided = voided.map(|void| (void.transaction, (void.at, Cause::Voided)));
    let replacing = transactions.iter().filter(|transaction| transaction.plausible_time);
    let replaced = replacing.filter_map(|transaction| {
        let replaces = transaction.replaces.filter(|replaces| Some(*replaces) != transaction.transaction)?;
        Some((replaces, (transaction.occurred_at.timestamp_micros(), Cause::Replaced)))
    });
    let mut ends = HashMap::new();
    for (key, end) in voided.chain(replaced) {
        let first = ends.entry(key).or_insert(end);
        *first = (*first).min(end);
    }
    ends
}

/// Each transaction that is followed by another of its transaction_id: its index,
/// and when and why it ends. Those of no plausible time are apart: they correct each
/// other only.
fn successions(transactions: &[Transaction]) -> Vec<(usize, i64, Cause)> {
    let mut order: Vec<usize> =
        (0..transactions.len()).filter(|index| transactions[*index].transaction.is_some()).collect();
    let group = |index: usize| (transactions[index].transaction, transactions[index].plausible_time);
    order.sort_unstable_by_key(|index| {
        let transaction = &transactions[*index];
        (group(*index), transaction.occurred_at, transaction.ingested_at, transaction.id)
    });
    let pairs = order.windows(2).filter(|two| group(two[0]) == group(two[1]));
    let end = |two: &[usize]| {
        let (earlier, later) = (&transactions[two[0]], &transactions[two[1]]);
        let cause = if earlier.has_content_of(later) { Cause::Repeated } else { Cause::Replaced };
        (two[0], later.occurred_at.timestamp_micros(), cause)
    };
    pairs.map(end).collect()
}
