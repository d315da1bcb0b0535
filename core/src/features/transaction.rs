//! A transaction, as far as features and prepared rows need it.

use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{DateTime, Duration, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::event::category::Category;
use crate::event::schema::decimal;
use crate::event::{EventId, EventType, StoredEvent};

/// Free text is not in it: merchants and places are hashes, to be counted and
/// compared, and they reach no row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transaction {
    #[serde(with = "micros")]
    pub occurred_at: DateTime<Utc>,
    pub id: EventId,
    #[serde(with = "decimal_bytes")]
    pub amount: Decimal,
    pub credit: bool,
    pub category: Category,
    pub category_given: CategoryGiven,
    #[serde(with = "decimal_bytes::option")]
    pub balance_after: Option<Decimal>,
    pub currency: Option<Box<str>>,
    pub merchant: Option<u64>,
    pub city: Option<u64>,
    /// Whether the time of day means anything.
    pub time_of_day_known: bool,
    /// Not before 1970 and not after its intake. Others are in no feature.
    pub plausible_time: bool,
}

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

impl Transaction {
    /// Reads a stored event of type `transaction_creation`.
    ///
    /// # Errors
    /// Where amount or direction cannot be read.
    pub fn read(stored: &StoredEvent, clock_skew: Duration) -> Result<Self, Unreadable> {
        let data = &stored.event.data;
        let text = |field: &str| {
            data.get(field).and_then(|value| value.as_str()).map(str::trim).filter(|text| !text.is_empty())
        };
        let name = text("category");
        let category = name.and_then(Category::from_name);
        Ok(Self {
            occurred_at: stored.event.occurred_at,
            id: stored.event.id,
            amount: data.get("amount").and_then(decimal).ok_or(Unreadable("amount"))?,
            credit: match text("transaction_type") {
                Some("credit") => true,
                Some("debit") => false,
                _ => return Err(Unreadable("transaction_type")),
            },
            category: category.unwrap_or(Category::Other),
            category_given: match (name, category) {
                (None, _) => CategoryGiven::Missing,
                (Some(_), None) => CategoryGiven::Unmapped,
                (Some(_), Some(_)) => CategoryGiven::Known,
            },
            balance_after: data.get("balance_after").and_then(decimal),
            currency: text("currency").map(Box::from),
            merchant: text("merchant_name").map(folded).or_else(|| text("description").map(stem)).map(hash),
            city: text("location_city").map(folded).map(hash),
            time_of_day_known: text("time_precision") != Some("day"),
            plausible_time: stored.has_plausible_time(clock_skew),
        })
    }

    /// Reads the transactions among a user's events, and orders them by time, then
    /// event id.
    ///
    /// # Errors
    /// See [`Transaction::read`].
    pub fn of_user<'a>(
        events: impl IntoIterator<Item = &'a StoredEvent>,
        clock_skew: Duration,
    ) -> Result<Vec<Self>, Unreadable> {
        let of_type = events.into_iter().filter(|stored| stored.event.event_type == EventType::TransactionCreation);
        let mut transactions =
            of_type.map(|stored| Self::read(stored, clock_skew)).collect::<Result<Vec<_>, Unreadable>>()?;
        transactions.sort_unstable_by_key(Self::order);
        Ok(transactions)
    }

    pub fn order(&self) -> (DateTime<Utc>, EventId) {
        (self.occurred_at, self.id)
    }
}

/// Names are compared without regard to case and to runs of white space.
fn folded(text: &str) -> String {
    text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A bank's description also without the number at its end, which is a branch's,
/// a terminal's or a day's.
fn stem(description: &str) -> String {
    let name = folded(description);
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, ' ' | '#' | '*' | '-' | '/'));
    if stem.is_empty() { name } else { stem.to_owned() }
}

/// Without a random key: the parts of one preparation must agree.
fn hash(name: String) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
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
