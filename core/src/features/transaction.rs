//! A transaction, as far as features and prepared rows need it.

use std::num::NonZeroU64;

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use xxhash_rust::xxh3::xxh3_64;

use super::correction::TransactionKey;
use super::currency::Currency;
use super::local::LocalTime;
use crate::event::category::Category;
use crate::event::cell::Cell;
use crate::event::line::Line;
use crate::event::number::canonical;
use crate::event::reading::Readings;
use crate::event::schema::decimal;
use crate::event::{Event, EventId, EventType, StoredEvent, TimeBounds};

/// Free text and ids are not in it: transaction ids, merchants and places are hashes,
/// to be counted and compared, and they reach no row. A user's transactions are what a
/// preparation holds in memory, so its size matters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transaction {
    #[serde(with = "micros")]
    pub occurred_at: DateTime<Utc>,
    pub id: EventId,
    /// Microseconds since 1970.
    pub ingested_at: i64,
    /// What its transaction_id hashes to; `None` where it has none.
    pub transaction: Option<TransactionKey>,
    /// The transaction that this one takes the place of.
    pub replaces: Option<TransactionKey>,
    #[serde(with = "decimal_bytes")]
    pub amount: Decimal,
    pub credit: bool,
    pub category: Category,
    pub category_given: CategoryGiven,
    #[serde(with = "decimal_bytes::option")]
    pub balance_after: Option<Decimal>,
    pub currency: Option<Currency>,
    pub merchant: Option<NonZeroU64>,
    pub city: Option<NonZeroU64>,
    /// The sender's offset from UTC, in minutes; 0 where it is not known.
    pub utc_offset_minutes: i16,
    /// Whether the time of day means anything.
    pub time_of_day_known: bool,
    /// See [`TimeBounds`]. Transactions with another time are in no feature.
    pub plausible_time: bool,
}

const _: () = assert!(size_of::<Transaction>() <= 128, "a preparation holds many of them");

/// How a transaction came by its category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CategoryGiven {
    Known,
    /// A name that the table does not list: taken as `other`.
    Unmapped,
    /// No name: taken as `other`.
    Missing,
}

/// Ingestion lets nothing through that this would be said of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a transaction without a readable {0} is stored")]
pub struct Unreadable(pub &'static str);

/// What is read of a transaction's `data`; texts without blanks around them.
#[derive(Default)]
struct Data<'a> {
    transaction: Option<TransactionKey>,
    replaces: Option<TransactionKey>,
    /// Another name of `replaces`, which decides where both are given.
    pending: Option<TransactionKey>,
    amount: Option<Decimal>,
    transaction_type: Option<&'a str>,
    category: Option<&'a str>,
    balance_after: Option<Decimal>,
    currency: Option<&'a str>,
    merchant_name: Option<&'a str>,
    description: Option<&'a str>,
    location_city: Option<&'a str>,
    time_precision: Option<&'a str>,
}

/// What is read of an event beside its `data`.
struct Envelope {
    id: EventId,
    occurred_at: DateTime<Utc>,
    utc_offset_minutes: Option<i16>,
    ingested_at: DateTime<Utc>,
    plausible_time: bool,
}

impl<'a> Data<'a> {
    fn of_map(data: &'a Map<String, Value>) -> Self {
        let text = |field: &str| data.get(field).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
        Self {
            transaction: key(data.get("transaction_id")),
            replaces: key(data.get("replaces")),
            pending: key(data.get("pending_transaction_id")),
            amount: data.get("amount").and_then(decimal),
            transaction_type: text("transaction_type"),
            category: text("category"),
            balance_after: data.get("balance_after").and_then(decimal),
            currency: text("currency"),
            merchant_name: text("merchant_name"),
            description: text("description"),
            location_city: text("location_city"),
            time_precision: text("time_precision"),
        }
    }

    fn of_readings(readings: &'a Readings<'_>) -> Self {
        let mut data = Self::default();
        for (field, reading) in readings.schema.fields.iter().zip(&readings.fields) {
            match field.name {
                "transaction_id" => data.transaction = key_of(&reading.cell),
                "replaces" => data.replaces = key_of(&reading.cell),
                "pending_transaction_id" => data.pending = key_of(&reading.cell),
                "amount" => data.amount = reading.number,
                "transaction_type" => data.transaction_type = reading.trimmed(),
                "category" => data.category = reading.trimmed(),
                "balance_after" => data.balance_after = reading.number,
                "currency" => data.currency = reading.trimmed(),
                "merchant_name" => data.merchant_name = reading.trimmed(),
                "description" => data.description = reading.trimmed(),
                "location_city" => data.location_city = reading.trimmed(),
                "time_precision" => data.time_precision = reading.trimmed(),
                _ => {}
            }
        }
        data
    }
}

impl Transaction {
    /// Reads a stored event of type `transaction_creation`.
    ///
    /// # Errors
    /// Where amount or direction cannot be read.
    pub fn read(stored: &StoredEvent, times: TimeBounds) -> Result<Self, Unreadable> {
        let Event { id, occurred_at, data, .. } = &stored.event;
        let envelope = Envelope {
            id: *id,
            occurred_at: *occurred_at,
            utc_offset_minutes: stored.event.utc_offset_minutes,
            ingested_at: stored.ingested_at,
            plausible_time: stored.has_plausible_time(times),
        };
        Self::of(envelope, &Data::of_map(data))
    }

    /// Reads an event of type `transaction_creation` in place, which is ingested as of `now`.
    ///
    /// # Errors
    /// See [`Transaction::read`].
    pub fn of_line(line: &Line<'_>, now: DateTime<Utc>, times: TimeBounds) -> Result<Self, Unreadable> {
        let envelope = Envelope {
            id: line.id,
            occurred_at: line.occurred_at,
            utc_offset_minutes: line.utc_offset_minutes,
            ingested_at: now,
            plausible_time: times.is_plausible(line.occurred_at, now),
        };
        Self::of(envelope, &Data::of_readings(&line.data))
    }

    fn of(envelope: Envelope, data: &Data<'_>) -> Result<Self, Unreadable> {
        let category = data.category.and_then(Category::from_name);
        Ok(Self {
            occurred_at: envelope.occurred_at,
            id: envelope.id,
            ingested_at: envelope.ingested_at.timestamp_micros(),
            transaction: data.transaction,
            replaces: data.replaces.or(data.pending),
            amount: data.amount.ok_or(Unreadable("amount"))?,
            credit: match data.transaction_type {
                Some("credit") => true,
                Some("debit") => false,
                _ => return Err(Unreadable("transaction_type")),
            },
            category: category.unwrap_or(Category::Other),
            category_given: match (data.category, category) {
                (None, _) => CategoryGiven::Missing,
                (Some(_), None) => CategoryGiven::Unmapped,
                (Some(_), Some(_)) => CategoryGiven::Known,
            },
            balance_after: data.balance_after,
            currency: data.currency.and_then(Currency::from_name),
            merchant: data.merchant_name.map(folded).or_else(|| data.description.map(stem)).map(|name| hash(&name)),
            city: data.location_city.map(folded).map(|name| hash(&name)),
            time_of_day_known: data.time_precision != Some("day"),
            utc_offset_minutes: envelope.utc_offset_minutes.unwrap_or_default(),
            plausible_time: envelope.plausible_time,
        })
    }

    /// Reads the transactions among a user's events, in the order that they have.
    ///
    /// # Errors
    /// See [`Transaction::read`].
    pub fn of_user<'a>(
        events: impl IntoIterator<Item = &'a StoredEvent>,
        times: TimeBounds,
    ) -> Result<Vec<Self>, Unreadable> {
        let of_type = events.into_iter().filter(|stored| stored.event.event_type == EventType::TransactionCreation);
        of_type.map(|stored| Self::read(stored, times)).collect()
    }

    pub fn order(&self) -> (DateTime<Utc>, EventId) {
        (self.occurred_at, self.id)
    }

    /// When it happened, on the sender's clock.
    pub fn local_time(&self) -> LocalTime {
        LocalTime::of(self.occurred_at, self.utc_offset_minutes)
    }

    /// Whether another transaction says the same of the same moment, as far as
    /// anything of it is kept.
    pub fn has_content_of(&self, other: &Self) -> bool {
        let ids = |of: &Self| (of.id, of.ingested_at);
        let (id, ingested_at) = ids(self);
        Self { id, ingested_at, ..other.clone() } == *self
    }
}

/// Names are compared without regard to case and to runs of white space.
fn folded(text: &str) -> CompactString {
    let mut folded = CompactString::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        if word.is_ascii() {
            let start = folded.len();
            folded.push_str(word);
            folded[start..].make_ascii_lowercase();
        } else {
            folded.push_str(&word.to_lowercase());
        }
    }
    folded
}

/// A bank's description also without the number at its end, which is a branch's,
/// a terminal's or a day's.
fn stem(description: &str) -> CompactString {
    let name = folded(description);
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, ' ' | '#' | '*' | '-' | '/'));
    if stem.is_empty() { name } else { stem.into() }
}

/// What an id hashes to: a number and a text that spell the same id are one; `None`
/// for what is no id.
pub(super) fn key(id: Option<&Value>) -> Option<TransactionKey> {
    key_of(&Cell::from(id))
}

fn key_of(id: &Cell<'_>) -> Option<TransactionKey> {
    match id {
        Cell::Number(number) => Some(hash(&canonical(number))),
        Cell::Text(text) => Some(text.trim()).filter(|text| !text.is_empty()).map(hash),
        _ => None,
    }
}

/// Without a random key: the parts of one preparation must agree.
fn hash(name: &str) -> NonZeroU64 {
    NonZeroU64::new(xxh3_64(name.as_bytes())).unwrap_or(NonZeroU64::MIN)
}

mod micros {
    use super::*;

    pub fn serialize<S: serde::Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        time.timestamp_micros().serialize(serializer)
    }

    pub fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
        let micros = i64::deserialize(deserializer)?;
        DateTime::from_timestamp_micros(micros).ok_or_else(|| serde::de::Error::custom("a time beyond the calendar"))
    }
}

mod decimal_bytes {
    use super::*;

    pub fn serialize<S: serde::Serializer>(decimal: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
        decimal.serialize().serialize(serializer)
    }

    pub fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
        <[u8; 16]>::deserialize(deserializer).map(Decimal::deserialize)
    }

    pub mod option {
        use super::*;

        pub fn serialize<S: serde::Serializer>(decimal: &Option<Decimal>, serializer: S) -> Result<S::Ok, S::Error> {
            decimal.map(|decimal| decimal.serialize()).serialize(serializer)
        }

        pub fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
            Ok(Option::<[u8; 16]>::deserialize(deserializer)?.map(Decimal::deserialize))
        }
    }
}
