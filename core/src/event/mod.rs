//! Events: what senders report, and what of it is kept.
//!
//! [`envelope`] turns JSON into an [`Event`] or a list of [`Fault`]s;
//! [`schema`] declares the known event types and their fields, and is the one
//! place to add either; [`privacy`] takes out what must not be kept; [`decode`] reads
//! events from bytes, and [`mapping`] from items of other tables; [`category`] maps the names of
//! spending categories.

pub mod canonical;
pub mod category;
pub mod cell;
pub mod decode;
pub mod envelope;
mod fault;
pub mod identity;
pub mod line;
pub mod mapping;
pub mod normal_form;
pub mod number;
pub mod privacy;
mod provenance;
pub mod reading;
pub mod reference;
pub mod rule;
mod scan;
pub mod schema;
mod suggestion;
mod time;

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

pub use fault::{Fault, FaultCode};
pub use provenance::{EventSource, Provenance};
pub use time::{EventTime, TimeBounds, format_time};

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
    TransactionVoid,
    RecommendationInteraction,
    GoalModification,
    UserSegmentUpdate,
    /// A type that this crate has no word for. Where [`schema`] declares it, it is
    /// checked and may feed datasets; else it is stored as behaviour, never trained on.
    Other(String),
}

impl EventType {
    /// The types that the crate has a word for.
    pub const KNOWN: [EventType; 5] = [
        EventType::TransactionCreation,
        EventType::TransactionVoid,
        EventType::RecommendationInteraction,
        EventType::GoalModification,
        EventType::UserSegmentUpdate,
    ];

    pub fn name(&self) -> &str {
        match self {
            EventType::TransactionCreation => "transaction_creation",
            EventType::TransactionVoid => "transaction_void",
            EventType::RecommendationInteraction => "recommendation_interaction",
            EventType::GoalModification => "goal_modification",
            EventType::UserSegmentUpdate => "user_segment_update",
            EventType::Other(name) => name,
        }
    }

    /// Whether nobody knows the type: it is neither declared nor usual behaviour.
    pub fn is_unknown(&self) -> bool {
        !suggestion::is_known(self.name())
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
    /// The sender's offset from UTC, in minutes; `None` where the sender left it open.
    pub utc_offset_minutes: Option<i16>,
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

/// An event together with its ingestion: when it was ingested, and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEvent {
    pub event: Event,
    pub ingested_at: DateTime<Utc>,
    pub provenance: Provenance,
}

impl StoredEvent {
    /// An event of unknown provenance.
    pub fn new(event: Event, ingested_at: DateTime<Utc>) -> Self {
        Self { event, ingested_at, provenance: Provenance::default() }
    }

    /// Whether the event's time is plausible, given when it was ingested.
    pub fn has_plausible_time(&self, times: TimeBounds) -> bool {
        times.is_plausible(self.event.occurred_at, self.ingested_at)
    }
}
