//! What a judgement depends on beside the records.

use std::sync::Mutex;

use chrono::{DateTime, Duration};
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::record::Record;
use super::tally::Sample;
use crate::dataset::Dataset;
use crate::dataset::rules::{Adjusted, ByPlace, RuleChanges};
use crate::dataset::settings::{Settings, Weights};
use crate::event::normal_form::fold;
use crate::event::schema::{self, Kind};
use crate::event::{EventId, FaultCode, TimeBounds};

/// Raised whenever the same records would be judged otherwise than before.
const ENGINE: u32 = 4;

#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Rules {
    pub dataset: Dataset,
    clock_skew_seconds: i64,
    /// In seconds since 1970.
    #[serde(default)]
    time_floor: i64,
    /// Which examples of violations are kept; it decides no score.
    #[serde(default)]
    pub sample: Sample,
    changes: Changes,
}

impl Rules {
    pub fn new(dataset: Dataset, settings: &Settings) -> Self {
        Self {
            dataset,
            clock_skew_seconds: settings.limits.times.skew.num_seconds(),
            time_floor: settings.limits.times.floor.timestamp(),
            sample: Sample::default(),
            changes: Changes::of(&settings.rules),
        }
    }

    /// The same rules, which keep up to `most` examples of each violation, of those
    /// whose event ids come after `after`: a page of the records that fail.
    #[must_use]
    pub fn listing(mut self, most: usize, after: Option<EventId>) -> Self {
        self.sample = Sample { most, after };
        self
    }

    /// Identifies the rules and the weights: hexadecimal SHA-256 over everything
    /// that decides a score.
    pub fn hash(&self, weights: &Weights) -> String {
        let mut hash = Sha256::new();
        let Self { dataset, clock_skew_seconds, time_floor, changes, sample: _ } = self;
        hash.update(format!("{ENGINE} {dataset} {clock_skew_seconds} {time_floor} {:?} {weights:?}", changes.0.source));
        hash.update(format!("{:?}", dataset.spec().rules));
        for event_type in self.dataset.record_types() {
            hash.update(format!("{event_type} {:?}", schema::of_name(event_type)));
        }
        hex::encode(hash.finalize())
    }

    /// When a record can have happened.
    pub(super) fn times(&self) -> TimeBounds {
        let floor = DateTime::from_timestamp(self.time_floor, 0).unwrap_or_default();
        TimeBounds { floor, skew: Duration::seconds(self.clock_skew_seconds) }
    }

    pub(super) fn adjusted(&self, place: usize, field: usize) -> Option<&'static Adjusted> {
        self.changes.0.by_place.get(place)?.get(field)?.as_ref()
    }

    /// Whether a record must have the field.
    pub(super) fn requires(&self, record: &Record<'_>, field: usize) -> bool {
        let adjusted = self.adjusted(record.place, field).and_then(|adjusted| adjusted.required);
        adjusted.unwrap_or(record.schema.fields[field].required)
    }

    /// What is wrong with a populated field.
    pub(super) fn fault(&self, record: &Record<'_>, field: usize) -> Option<FaultCode> {
        let (declared, reading) = (&record.schema.fields[field], &record.fields[field]);
        let Some(adjusted) = self.adjusted(record.place, field) else {
            return declared.kind.check_read(&reading.cell, reading.number).err();
        };
        match (&adjusted.vocabulary, &declared.kind) {
            // A vocabulary of one's own replaces the declared one.
            (Some(words), Kind::Vocabulary(_)) => match reading.cell.text() {
                Some(text) if words.iter().any(|word| fold(word) == fold(text)) => return None,
                Some(_) => return Some(FaultCode::NotInVocabulary),
                None => return Some(FaultCode::WrongType),
            },
            (Some(words), _) if reading.cell.text().is_some_and(|text| words.iter().all(|word| word != text)) => {
                return Some(FaultCode::NotInVocabulary);
            }
            _ => {}
        }
        let beyond =
            |number| adjusted.min.is_some_and(|min| number < min) || adjusted.max.is_some_and(|max| number > max);
        if reading.number.is_some_and(beyond) {
            return Some(FaultCode::OutOfRange);
        }
        declared.kind.check_read(&reading.cell, reading.number).err()
    }

    /// Whether a rule of consistency is checked.
    pub(super) fn applies(&self, place: usize, field: usize, rule: &str) -> bool {
        self.adjusted(place, field).is_none_or(|adjusted| adjusted.off.iter().all(|off| off != rule))
    }
}

/// Changes, found by place. A process has few, and has them for life: each is kept
/// once, so that rules can be copied freely.
#[derive(Clone, Copy, Debug)]
struct Changes(&'static Kept);

#[derive(Debug)]
struct Kept {
    source: RuleChanges,
    by_place: ByPlace,
}

static KEPT: Mutex<Vec<&'static Kept>> = Mutex::new(Vec::new());

impl Changes {
    fn of(source: &RuleChanges) -> Self {
        let mut all = KEPT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(kept) = all.iter().find(|kept| kept.source == *source) {
            return Self(kept);
        }
        let kept: &'static Kept = Box::leak(Box::new(Kept { source: source.clone(), by_place: source.by_place() }));
        all.push(kept);
        Self(kept)
    }
}

impl PartialEq for Changes {
    fn eq(&self, other: &Self) -> bool {
        self.0.source == other.0.source
    }
}

impl Serialize for Changes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.source.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Changes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::of(&RuleChanges::deserialize(deserializer)?))
    }
}
