//! Reading an event in place, without building it: the fast path, for events that are
//! stored as they were written. Others take the slow path through [`super::envelope`],
//! where the rules of admission are. Both give the same event.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::cell::Cell;
use super::envelope::Intake;
use super::reading::Readings;
use super::scan::Scan;
use super::{EventId, EventTime, UserId, schema};

/// An event that may be stored as it is, its values borrowed from its line.
#[derive(Debug)]
pub struct Line<'a> {
    pub id: EventId,
    pub user: UserId,
    pub occurred_at: DateTime<Utc>,
    /// See [`super::Event::utc_offset_minutes`].
    pub utc_offset_minutes: Option<i16>,
    pub data: Readings<'a>,
}

/// What a line says, before it is known what it should.
struct Envelope<'a> {
    event_id: Cow<'a, str>,
    user_id: Cow<'a, str>,
    occurred_at: Cow<'a, str>,
    schema_version: u32,
    data: Readings<'a>,
}

impl<'a> Envelope<'a> {
    /// `None` where a key is missing, comes twice, or holds what it should not, and where
    /// the type is not declared.
    fn read(line: &'a str) -> Option<Self> {
        let (mut event_id, mut user_id, mut event_type, mut occurred_at) = (None, None, None, None);
        let (mut schema_version, mut data) = (None, None);
        let mut scan = Scan::new(line);
        scan.object(|scan, key| match key.as_ref() {
            "event_id" => once(&mut event_id, scan.text()?),
            "user_id" => once(&mut user_id, scan.text()?),
            "event_type" => once(&mut event_type, scan.text()?),
            "occurred_at" => once(&mut occurred_at, scan.text()?),
            "schema_version" => match scan.cell()? {
                Cell::Null => once(&mut schema_version, 1),
                Cell::Number(number) => once(&mut schema_version, number.parse().ok()?),
                _ => None,
            },
            "data" => once(&mut data, Data::read(scan, event_type.as_deref())?),
            // An unknown member, or an alias of a known one.
            _ => None,
        })?;
        scan.is_at_end().then_some(())?;
        Some(Self {
            event_id: event_id?,
            user_id: user_id?,
            occurred_at: occurred_at?,
            schema_version: schema_version.unwrap_or(1),
            data: match data? {
                Data::Placed(readings) => readings,
                Data::Unplaced(entries) => Readings::new(schema::place_of(&event_type?)?, entries),
            },
        })
    }
}

/// The values of an event, whose places only its type tells.
enum Data<'a> {
    Placed(Readings<'a>),
    /// They came before the type.
    Unplaced(Vec<(Cow<'a, str>, Cell<'a>)>),
}

impl<'a> Data<'a> {
    fn read(scan: &mut Scan<'a>, event_type: Option<&str>) -> Option<Self> {
        if let Some(event_type) = event_type {
            return Readings::scan(schema::place_of(event_type)?, scan).map(Data::Placed);
        }
        let mut entries = Vec::with_capacity(16);
        scan.object(|scan, key| {
            entries.push((key, scan.cell()?));
            Some(())
        })?;
        Some(Data::Unplaced(entries))
    }
}

/// Keeps the value of a key that must not come twice.
fn once<T>(kept: &mut Option<T>, value: T) -> Option<()> {
    kept.replace(value).is_none().then_some(())
}

/// Reads a line of a declared type; `None` where it must take the slow path.
pub fn read<'a>(line: &'a [u8], intake: &Intake) -> Option<Line<'a>> {
    // A string is no longer than its line.
    if line.len() > intake.limits.event_bytes.min(intake.limits.string_bytes) {
        return None;
    }
    let envelope = Envelope::read(std::str::from_utf8(line).ok()?)?;
    let data = envelope.data;
    if envelope.schema_version == 0 || envelope.schema_version > data.schema.version {
        return None;
    }
    // Fields of an older version are admitted by its declaration, and judged by the newest.
    if envelope.schema_version < data.schema.version
        && !std::ptr::eq(schema::of_version(data.schema.event_type, envelope.schema_version)?, data.schema)
    {
        return None;
    }
    if !data.are_shallower(intake.limits.depth) {
        return None;
    }
    // A key that comes twice is for the slow path to warn of.
    let comes_twice = data.others.windows(2).any(|two| two[0].0 == two[1].0);
    let as_it_is = !comes_twice && data.were_normal && data.are_admissible() && data.are_kept_whole(&intake.privacy);
    let time = EventTime::parse(&envelope.occurred_at).filter(|time| !time.is_assumed_utc)?;
    Some(Line {
        id: EventId(uuid(&envelope.event_id)?),
        user: UserId(uuid(&envelope.user_id)?),
        occurred_at: time.utc,
        utc_offset_minutes: time.offset_minutes,
        data,
    })
    .filter(|_| as_it_is)
}

/// A UUID that identifies something.
fn uuid(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok().filter(|uuid| !uuid.is_nil() && !uuid.is_max())
}

#[cfg(test)]
mod agreement;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::settings::Settings;

    #[test]
    fn it_does_not_matter_which_key_comes_first() {
        let Settings { limits, privacy, .. } = Settings::default();
        let intake = Intake { now: Utc::now(), limits, privacy };
        let fields = [
            r#""event_id":"00000000-0000-4000-8000-000000000001""#,
            r#""user_id":"00000000-0000-4000-8000-000000000002""#,
            r#""event_type":"transaction_creation""#,
            r#""occurred_at":"2024-01-01T00:00:31Z""#,
            r#""data":{"x":true,"transaction_id":"t0","amount":80.87,"transaction_type":"credit"}"#,
        ];
        let read_from = |start: usize| {
            let mut fields = fields;
            fields.rotate_left(start);
            let line = format!("{{{}}}", fields.join(","));
            let read = read(line.as_bytes(), &intake).map(|line| format!("{line:?}"));
            read.expect("it is as plain as can be")
        };
        for start in 1..fields.len() {
            assert_eq!(read_from(start), read_from(0));
        }
    }
}
