//! A record as metrics see it, and the trace that it leaves for what is judged
//! among the records of a user.

use std::borrow::Cow;
use std::sync::OnceLock;

use chrono::{DateTime, Utc};

use super::consistency::Compiled;
use super::content;
use crate::event::cell::Cell;
use crate::event::line::Line;
use crate::event::reading::{Reading, Readings};
use crate::event::schema::{EventSchema, declared, place_of};
use crate::event::{Event, EventId, StoredEvent, UserId};
use crate::features::LocalTime;

/// One record, its values borrowed from wherever they lie.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    pub id: EventId,
    pub user: UserId,
    pub occurred_at: DateTime<Utc>,
    pub utc_offset_minutes: Option<i16>,
    pub ingested_at: DateTime<Utc>,
    /// Its type's place among the declared ones.
    pub place: usize,
    pub schema: &'static EventSchema,
    /// One for each declared field, in their order.
    pub fields: Vec<Reading<'a>>,
    /// What `data` holds beside declared fields, in order of the keys.
    pub others: Vec<(Cow<'a, str>, Cell<'a>)>,
}

impl<'a> Record<'a> {
    /// A stored event as a record; `None` where its type is not declared.
    pub fn of(stored: &'a StoredEvent) -> Option<Self> {
        let Event { id, user, event_type, occurred_at, utc_offset_minutes, data, .. } = &stored.event;
        let entries = data.iter().map(|(key, value)| (Cow::Borrowed(key.as_str()), value.into()));
        let data = Readings::new(place_of(event_type.name())?, entries);
        let line =
            Line { id: *id, user: *user, occurred_at: *occurred_at, utc_offset_minutes: *utc_offset_minutes, data };
        Some(Self::of_line(line, stored.ingested_at))
    }

    /// An event that was read in place, as a record.
    pub fn of_line(line: Line<'a>, ingested_at: DateTime<Utc>) -> Self {
        let Line { id, user, occurred_at, utc_offset_minutes, data, .. } = line;
        let Readings { place, schema, fields, others, .. } = data;
        Self { id, user, occurred_at, utc_offset_minutes, ingested_at, place, schema, fields, others }
    }

    /// The text of a declared field.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.fields[self.schema.place(field)?].cell.text()
    }

    /// The date on the sender's calendar, in days since 1970-01-01.
    pub fn local_day(&self) -> i32 {
        LocalTime::of(self.occurred_at, self.utc_offset_minutes.unwrap_or_default()).day
    }

    /// Which record it is, where it serves as an example.
    pub fn example(&self) -> Example {
        Example { event: self.id, user: self.user }
    }

    pub fn trace(&self) -> Trace {
        let mut words = [0; WORDS];
        for rule in rules_of(self.place) {
            rule.note(self, &mut words);
        }
        Trace {
            user: self.user,
            event: self.id,
            occurred_at: self.occurred_at.timestamp_micros(),
            content: content::digest(self),
            place: self.place as u8,
            words,
        }
    }
}

/// Names a record; ordered by event id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Example {
    pub event: EventId,
    pub user: UserId,
}

/// How many words the rules of a type may note of each record.
pub const WORDS: usize = 10;

/// What is kept of a record until all records of its user are together: its
/// place in time, its content as a digest, and what the rules between records note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    pub user: UserId,
    pub event: EventId,
    /// Microseconds since 1970.
    pub occurred_at: i64,
    /// SHA-256 of the canonical content, its first half: equal means equal.
    pub content: [u8; 16],
    /// Its type's place among the declared ones.
    pub place: u8,
    pub words: [u64; WORDS],
}

impl Trace {
    /// Bytes of a trace when written.
    pub const BYTES: usize = 16 + 16 + 8 + 16 + 1 + 8 * WORDS;

    pub fn example(&self) -> Example {
        Example { event: self.event, user: self.user }
    }

    /// The order in which the records of users are judged: by user, time and event id,
    /// the ids as numbers, which are in the order of their bytes.
    pub fn order(&self) -> (u128, i64, u128) {
        (self.user.0.as_u128(), self.occurred_at, self.event.0.as_u128())
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.user.0.as_bytes());
        out.extend_from_slice(self.event.0.as_bytes());
        out.extend_from_slice(&self.occurred_at.to_le_bytes());
        out.extend_from_slice(&self.content);
        out.push(self.place);
        for word in self.words {
            out.extend_from_slice(&word.to_le_bytes());
        }
    }

    pub fn read(bytes: &[u8; Self::BYTES]) -> Self {
        let mut rest = bytes.as_slice();
        fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
            let (head, tail) = rest.split_first_chunk().expect("a trace has this many bytes");
            *rest = tail;
            *head
        }
        Self {
            user: UserId(uuid::Uuid::from_bytes(take(&mut rest))),
            event: EventId(uuid::Uuid::from_bytes(take(&mut rest))),
            occurred_at: i64::from_le_bytes(take(&mut rest)),
            content: take(&mut rest),
            place: take::<1>(&mut rest)[0],
            words: std::array::from_fn(|_| u64::from_le_bytes(take(&mut rest))),
        }
    }
}

/// The rules between records of the type at `place`, ready to be checked.
pub fn rules_of(place: usize) -> &'static [Compiled] {
    static RULES: OnceLock<Vec<Vec<Compiled>>> = OnceLock::new();
    &RULES.get_or_init(|| declared().iter().map(|schema| Compiled::all(schema)).collect())[place]
}
