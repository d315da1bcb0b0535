//! Events: what senders report, and what of it is kept.
//!
//! [`envelope`] turns JSON into an [`Event`] or a list of [`Fault`]s;
//! [`schema`] declares the known event types and their fields, and is the one
//! place to add either; [`privacy`] takes out what must not be kept; [`ndjson`]
//! and [`mapping`] bring other forms to events; [`category`] maps the names of
//! spending categories.

pub mod category;
pub mod cell;
pub mod envelope;
mod fault;
pub mod line;
pub mod mapping;
pub mod ndjson;
pub mod number;
pub mod privacy;
pub mod reading;
pub mod reference;
pub mod rule;
mod scan;
pub mod schema;

use std::fmt;

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

pub use fault::{Fault, FaultCode};

/// The person whose behaviour an event reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(pub Uuid);

/// The sender's id of an event; unique within its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub Uuid);

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What kind of behaviour an event reports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    TransactionCreation,
    RecommendationInteraction,
    GoalModification,
    UserSegmentUpdate,
    /// A type that this crate has no word for. Where [`schema`] declares it, it is
    /// checked and may feed datasets; else it is stored as behaviour, never trained on.
    Other(String),
}

impl EventType {
    /// The types that the crate has a word for.
    pub const KNOWN: [EventType; 4] = [
        EventType::TransactionCreation,
        EventType::RecommendationInteraction,
        EventType::GoalModification,
        EventType::UserSegmentUpdate,
    ];

    pub fn name(&self) -> &str {
        match self {
            EventType::TransactionCreation => "transaction_creation",
            EventType::RecommendationInteraction => "recommendation_interaction",
            EventType::GoalModification => "goal_modification",
            EventType::UserSegmentUpdate => "user_segment_update",
            EventType::Other(name) => name,
        }
    }

    pub fn from_name(name: &str) -> Self {
        Self::KNOWN.into_iter().find(|known| known.name() == name).unwrap_or_else(|| EventType::Other(name.to_owned()))
    }
}

/// An event that passed the door.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub id: EventId,
    pub user: UserId,
    pub event_type: EventType,
    /// Event time, UTC, whole microseconds.
    pub occurred_at: DateTime<Utc>,
    pub schema_version: u32,
    /// As the sender wrote it; numbers keep their decimal text.
    pub data: Map<String, Value>,
    /// Members of the envelope that nobody knows: kept, and neither judged nor trained on.
    pub extra: Map<String, Value>,
}

impl Event {
    /// The `interaction_type` of `data`, where it is a string.
    pub fn interaction(&self) -> Option<&str> {
        self.data.get("interaction_type").and_then(Value::as_str)
    }
}

/// An event together with the moment at which it was taken in.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEvent {
    pub event: Event,
    pub ingested_at: DateTime<Utc>,
}

impl StoredEvent {
    /// Whether the event claims to have happened after it was taken in, by more
    /// than the `skew` that clocks are allowed.
    pub fn is_after_intake(&self, skew: Duration) -> bool {
        self.event.occurred_at > self.ingested_at + skew
    }

    /// Whether the event's time can be believed: from 1970 on, and not after intake.
    pub fn has_plausible_time(&self, skew: Duration) -> bool {
        is_plausible(self.event.occurred_at, self.ingested_at, skew)
    }
}

/// Whether a time can be believed of an event that is taken in at another: from
/// 1970 on, and not after intake by more than the `skew` that clocks are allowed.
pub fn is_plausible(occurred_at: DateTime<Utc>, ingested_at: DateTime<Utc>, skew: Duration) -> bool {
    occurred_at >= DateTime::UNIX_EPOCH && occurred_at <= ingested_at + skew
}

/// RFC 3339 in UTC with six decimals, so that text order is time order.
pub fn format_time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}
