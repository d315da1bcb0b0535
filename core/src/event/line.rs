//! Reading an event in place, without building it: the short way, for lines that
//! nothing is wrong with at the door. Whatever is odd goes the long way, through
//! [`super::envelope`], which is where the rules of admission are.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Duration, DurationRound, Timelike, Utc};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::cell::Cell;
use super::envelope::Intake;
use super::reading::Readings;
use super::{EventId, UserId, schema};

/// An event that may be stored as it is, its values borrowed from its line.
#[derive(Debug)]
pub struct Line<'a> {
    pub id: EventId,
    pub user: UserId,
    pub occurred_at: DateTime<Utc>,
    pub data: Readings<'a>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    event_id: Cow<'a, str>,
    #[serde(borrow)]
    user_id: Cow<'a, str>,
    #[serde(borrow)]
    event_type: Cow<'a, str>,
    #[serde(borrow)]
    occurred_at: Cow<'a, str>,
    schema_version: Option<u32>,
    #[serde(borrow)]
    data: Entries<'a>,
}

/// The entries of an object.
struct Entries<'a>(Vec<(Cow<'a, str>, Cell<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;

        impl<'de> Visitor<'de> for Visit {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                #[derive(Deserialize)]
                struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

                let mut entries = Vec::with_capacity(16);
                while let Some(entry) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    entries.push((entry.0.0, Cell::try_from(entry.1).map_err(Error::custom)?));
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Visit)
    }
}

/// Reads a line of a declared type; `None` where it must go the long way.
pub fn read<'a>(line: &'a [u8], intake: &Intake) -> Option<Line<'a>> {
    if line.len() > intake.limits.event_bytes {
        return None;
    }
    let envelope: Envelope<'a> = serde_json::from_str(std::str::from_utf8(line).ok()?).ok()?;
    if envelope.schema_version == Some(0) || envelope.event_type.trim().is_empty() || envelope.event_type.len() > 64 {
        return None;
    }
    let place = schema::place_of(&envelope.event_type)?;
    // Fields of an older version are admitted by its declaration, and judged by the newest.
    let admitted_by = schema::of_version(&envelope.event_type, envelope.schema_version.unwrap_or(1))?;
    if !std::ptr::eq(admitted_by, schema::declared()[place]) {
        return None;
    }
    let is_shallow = |cell: &Cell<'_>| match cell {
        Cell::Nested(value) => is_shallower(value, intake.limits.depth),
        _ => true,
    };
    if !envelope.data.0.iter().all(|(_, cell)| is_shallow(cell)) {
        return None;
    }
    let data = Readings::new(place, envelope.data.0);
    // Of a key that comes twice, the last value counts: a map knows.
    let comes_twice = data.others.windows(2).any(|two| two[0].0 == two[1].0);
    let as_it_is = !comes_twice && data.are_admissible() && data.are_kept_whole(&intake.privacy);
    Some(Line {
        id: EventId(Uuid::try_parse(&envelope.event_id).ok()?),
        user: UserId(Uuid::try_parse(&envelope.user_id).ok()?),
        occurred_at: time(&envelope.occurred_at)?,
        data,
    })
    .filter(|_| as_it_is)
}

fn time(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    if time.nanosecond() % 1_000 == 0 {
        return Some(time);
    }
    Some(time.duration_trunc(Duration::microseconds(1)).unwrap_or(time))
}

/// Whether a value has fewer than `depth` levels of nesting, plainly.
fn is_shallower(value: &Value, depth: usize) -> bool {
    match value {
        Value::Array(items) => depth > 1 && items.iter().all(|item| is_shallower(item, depth - 1)),
        Value::Object(map) => depth > 1 && map.values().all(|item| is_shallower(item, depth - 1)),
        _ => true,
    }
}
