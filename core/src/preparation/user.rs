//! What a preparation keeps of one user's events: transactions, and of other
//! events only the fields that the dataset's rows are made from. What is not
//! declared there (free text, places, context) is gone before any row is made.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::pseudonym::{Subject, subject};
use super::rows::Reads;
use super::split::Split;
use crate::dataset::settings::PseudonymKey;
use crate::event::number::{self, nearest_float};
use crate::event::schema::decimal;
use crate::event::{EventId, EventType, StoredEvent, TimeBounds, UserId};
use crate::features::{Ledger, Transaction, Unreadable, Void};

/// A user, whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct User {
    pub subject: Subject,
    pub split: Split,
    /// In order of time, then event id.
    pub transactions: Vec<Transaction>,
    pub voids: Vec<Void>,
    /// Events of other types, in the same order.
    pub reports: Vec<Report>,
}

/// An event that is no transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub id: EventId,
    pub event_type: Box<str>,
    micros: i64,
    /// See [`TimeBounds`].
    pub plausible_time: bool,
    /// The declared fields, as JSON.
    data: Box<str>,
}

/// The declared fields of a report.
#[derive(Clone, Debug)]
pub struct Fields(Map<String, Value>);

impl User {
    /// Without any event.
    pub fn new(key: &PseudonymKey, user: UserId) -> Self {
        let (subject, split) = (subject(key, user), Split::of(key, user));
        Self { subject, split, transactions: Vec::new(), voids: Vec::new(), reports: Vec::new() }
    }

    /// # Errors
    /// A transaction that cannot be read.
    pub fn read(
        key: &PseudonymKey,
        user: UserId,
        events: &[StoredEvent],
        times: TimeBounds,
        reads: Reads,
    ) -> Result<Self, Unreadable> {
        let mut read = Self::new(key, user);
        for stored in events {
            read.add(stored, times, reads)?;
        }
        read.order();
        Ok(read)
    }

    /// Takes what the rows may be made from of an event; answers how many bytes that
    /// takes in memory. [`User::order`] must follow.
    ///
    /// # Errors
    /// A transaction that cannot be read.
    pub fn add(&mut self, stored: &StoredEvent, times: TimeBounds, reads: Reads) -> Result<usize, Unreadable> {
        if stored.event.event_type == EventType::TransactionCreation {
            return Ok(self.push(Transaction::read(stored, times)?));
        }
        if let Some(void) = Void::read(stored, times) {
            self.voids.push(void);
            return Ok(size_of::<Void>());
        }
        let Some(report) = Report::read(stored, times, reads) else { return Ok(0) };
        let bytes = report.weight();
        self.reports.push(report);
        Ok(bytes)
    }

    /// Takes a transaction; answers by how many bytes the user has grown, with room for
    /// more. [`User::order`] must follow.
    pub fn push(&mut self, transaction: Transaction) -> usize {
        let room = self.transactions.capacity();
        self.transactions.push(transaction);
        (self.transactions.capacity() - room) * size_of::<Transaction>()
    }

    /// Takes in other events of the same user; [`User::order`] must follow.
    pub fn append(&mut self, mut other: Self) {
        self.transactions.append(&mut other.transactions);
        self.voids.append(&mut other.voids);
        self.reports.append(&mut other.reports);
    }

    pub fn order(&mut self) {
        self.transactions.sort_unstable_by_key(Transaction::order);
        self.voids.sort_unstable();
        self.reports.sort_unstable_by_key(|report| (report.micros, report.id));
    }

    /// About what the user takes in memory, in bytes.
    pub fn weight(&self) -> usize {
        let reports: usize = self.reports.iter().map(Report::weight).sum();
        let voids = self.voids.len() * size_of::<Void>();
        size_of::<Self>() + self.transactions.len() * (size_of::<Transaction>() + 8) + voids + reports
    }

    pub fn events(&self) -> u64 {
        (self.transactions.len() + self.voids.len() + self.reports.len()) as u64
    }

    /// The latest believable time of all events.
    pub fn latest(&self) -> Option<DateTime<Utc>> {
        let transactions = self.transactions.iter().rev().find(|transaction| transaction.plausible_time);
        let voids = self.voids.iter().rev().find(|void| void.plausible_time);
        let reports = self.reports.iter().rev().find(|report| report.plausible_time);
        let times = [
            transactions.map(|transaction| transaction.occurred_at),
            voids.map(Void::occurred_at),
            reports.map(Report::occurred_at),
        ];
        times.into_iter().flatten().max()
    }

    /// Takes the transactions out, with their corrections applied.
    pub fn take_ledger(&mut self) -> Ledger {
        Ledger::new(std::mem::take(&mut self.transactions), &self.voids)
    }
}

impl Report {
    fn read(stored: &StoredEvent, times: TimeBounds, reads: Reads) -> Option<Self> {
        let event = &stored.event;
        let (_, fields) = reads.iter().find(|(event_type, _)| *event_type == event.event_type.name())?;
        let kept: Map<String, Value> =
            fields.iter().filter_map(|name| Some(((*name).to_owned(), event.data.get(*name)?.clone()))).collect();
        Some(Self {
            id: event.id,
            event_type: event.event_type.name().into(),
            micros: event.occurred_at.timestamp_micros(),
            plausible_time: stored.has_plausible_time(times),
            data: Value::Object(kept).to_string().into(),
        })
    }

    /// About what it takes in memory, in bytes.
    fn weight(&self) -> usize {
        size_of::<Self>() + 16 + self.data.len()
    }

    pub fn occurred_at(&self) -> DateTime<Utc> {
        // It was made from a time that the calendar has.
        DateTime::from_timestamp_micros(self.micros).unwrap_or_default()
    }

    pub fn fields(&self) -> Fields {
        Fields(serde_json::from_str(&self.data).unwrap_or_default())
    }
}

impl Fields {
    /// A string that is not blank.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str().map(str::trim).filter(|text| !text.is_empty())
    }

    /// An id: a string or a whole number.
    pub fn id(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::Number(number) => number::integer(number.as_str()).map(Into::into),
            _ => self.text(name).map(str::to_owned),
        }
    }

    pub fn number(&self, name: &str) -> Option<f64> {
        decimal(self.0.get(name)?).map(nearest_float)
    }

    /// A whole number that is not negative.
    pub fn index(&self, name: &str) -> Option<i32> {
        let Value::Number(number) = self.0.get(name)? else { return None };
        number::integer(number.as_str())?.parse().ok().filter(|index| *index >= 0)
    }

    pub fn flag(&self, name: &str) -> bool {
        self.0.get(name) == Some(&Value::Bool(true))
    }
}
