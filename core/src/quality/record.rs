//! A record as metrics see it, and the trace that it leaves for what is judged
//! among the records of a user.

use std::borrow::Cow;
use std::sync::OnceLock;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::consistency::Compiled;
use super::content;
use crate::event::cell::Cell;
use crate::event::line::Line;
use crate::event::privacy;
use crate::event::schema::{EventSchema, Kind, Population, Refuse, declared, of_name};
use crate::event::{Event, EventId, StoredEvent, UserId};

/// One record, its values borrowed from wherever they lie.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    pub id: EventId,
    pub user: UserId,
    pub occurred_at: DateTime<Utc>,
    pub ingested_at: DateTime<Utc>,
    /// Its type's place among the declared ones.
    pub place: usize,
    pub schema: &'static EventSchema,
    /// One for each declared field, in their order.
    pub fields: Vec<Reading<'a>>,
    /// What `data` holds beside declared fields, in order of the keys.
    pub others: Vec<(Cow<'a, str>, Cell<'a>)>,
}

/// What a field holds.
#[derive(Clone, Debug)]
pub struct Reading<'a> {
    pub cell: Cell<'a>,
    pub population: Population,
    /// The value of a numeric field, where it can be read.
    pub number: Option<Decimal>,
}

impl Reading<'_> {
    pub fn is_populated(&self) -> bool {
        self.population == Population::Populated
    }

    /// The binary number nearest to its value.
    pub fn float(&self) -> Option<f64> {
        /// Powers of ten that are exact.
        const TENS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
        let number = self.number?;
        let mantissa = number.mantissa();
        match TENS.get(number.scale() as usize) {
            // Both are exact, and a quotient is rounded once: to the nearest (Clinger 1990).
            Some(ten) if mantissa.unsigned_abs() < 1 << 53 => Some(mantissa as f64 / ten),
            _ => match &self.cell {
                Cell::Number(text) | Cell::Text(text) => text.trim().parse().ok(),
                _ => None,
            },
        }
    }
}

/// The envelope of a record, without its data.
#[derive(Clone, Copy, Debug)]
pub struct Envelope {
    pub id: EventId,
    pub user: UserId,
    pub occurred_at: DateTime<Utc>,
    pub ingested_at: DateTime<Utc>,
}

impl<'a> Record<'a> {
    /// A record of the type at `place`, of the entries of its `data`.
    pub fn new(envelope: Envelope, place: usize, data: impl IntoIterator<Item = (Cow<'a, str>, Cell<'a>)>) -> Self {
        let schema = declared()[place];
        let absent = || Reading { cell: Cell::Absent, population: Population::Absent, number: None };
        let mut fields: Vec<Reading<'a>> = schema.fields.iter().map(|_| absent()).collect();
        let mut others = Vec::new();
        // Senders write keys in the order of the declaration more often than not.
        let mut expected = 0;
        for (key, cell) in data {
            let as_expected = schema.fields.get(expected).is_some_and(|field| field.name == key);
            match if as_expected { Some(expected) } else { schema.place(&key) } {
                Some(place) => {
                    expected = place + 1;
                    let number = matches!(schema.fields[place].kind, Kind::Number { .. } | Kind::Index);
                    let number = if number { cell.decimal() } else { None };
                    fields[place] = Reading { population: cell.population(), number, cell };
                }
                None => others.push((key, cell)),
            }
        }
        others.sort_by(|(one, _), (other, _)| one.cmp(other));
        let Envelope { id, user, occurred_at, ingested_at } = envelope;
        Self { id, user, occurred_at, ingested_at, place, schema, fields, others }
    }

    /// A stored event as a record; `None` where its type is not declared.
    pub fn of(stored: &'a StoredEvent) -> Option<Self> {
        let Event { id, user, event_type, occurred_at, data, .. } = &stored.event;
        let place = place_of(event_type.name())?;
        let envelope = Envelope { id: *id, user: *user, occurred_at: *occurred_at, ingested_at: stored.ingested_at };
        Some(Self::new(envelope, place, data.iter().map(|(key, value)| (Cow::Borrowed(key.as_str()), value.into()))))
    }

    /// An event that was read in place, as a record of the type at `place`.
    pub fn of_line(line: Line<'a>, place: usize, ingested_at: DateTime<Utc>) -> Self {
        let Line { id, user, occurred_at, data, .. } = line;
        Self::new(Envelope { id, user, occurred_at, ingested_at }, place, data)
    }

    /// Whether ingestion takes it in, as far as its fields decide.
    pub fn is_admissible(&self) -> bool {
        self.schema.fields.iter().zip(&self.fields).all(|(field, reading)| match field.refuse {
            Refuse::Never => true,
            Refuse::Unpopulated => reading.is_populated(),
            Refuse::Unreadable => reading.is_populated() && reading.number.is_some(),
            Refuse::Invalid => reading.is_populated() && field.kind.check_read(&reading.cell, reading.number).is_ok(),
        })
    }

    /// Whether ingestion keeps it as it is: it hides nothing of it.
    pub fn is_kept_whole(&self, rules: &privacy::Rules) -> bool {
        let fields = self.schema.fields.iter().zip(&self.fields);
        !fields.into_iter().any(|(field, reading)| privacy::would_change(field.name, &reading.cell, rules))
            && !self
                .others
                .iter()
                .any(|(key, cell)| privacy::would_change_key(key, rules) || privacy::would_change(key, cell, rules))
    }

    /// The text of a declared field.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.fields[self.schema.place(field)?].cell.text()
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

/// The place of an event type among the declared ones: of its newest version, by
/// which records of all versions are judged.
pub fn place_of(event_type: &str) -> Option<usize> {
    let newest = of_name(event_type)?;
    declared().iter().position(|schema| std::ptr::eq(*schema, newest))
}

/// Names a record; ordered by event id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Example {
    pub event: EventId,
    pub user: UserId,
}

/// How many words the rules of a type may note of each record.
pub const WORDS: usize = 8;

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

    /// The order in which the records of users are judged.
    pub fn order(&self) -> (UserId, i64, EventId) {
        (self.user, self.occurred_at, self.event)
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
