//! Counting checks and violations, with examples.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

use super::record::Example;
use crate::event::EventId;
use crate::event::schema::{declared, place_of};

/// Which examples are kept of a violation: the smallest ids, so that the choice
/// does not depend on the order in which they come. Pages of failing records are
/// examples too: more of them, and from where the last page ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Sample {
    pub most: usize,
    pub after: Option<EventId>,
}

impl Default for Sample {
    fn default() -> Self {
        Self { most: 5, after: None }
    }
}

/// Violations of one rule.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Violations {
    pub count: u64,
    /// In order.
    pub examples: Vec<Example>,
}

impl Violations {
    #[inline]
    pub fn add(&mut self, sample: &Sample, example: Example) {
        self.count += 1;
        // Once there are enough, hardly any is kept any more.
        if self.examples.len() < sample.most || self.examples.last().is_some_and(|last| example < *last) {
            self.keep(sample, example);
        }
    }

    pub fn merge(&mut self, sample: &Sample, other: Self) {
        self.count += other.count;
        for example in other.examples {
            self.keep(sample, example);
        }
    }

    fn keep(&mut self, sample: &Sample, example: Example) {
        let full = self.examples.len() >= sample.most;
        if (full && self.examples.last().is_none_or(|last| *last <= example))
            || sample.after.is_some_and(|after| example.event <= after)
        {
            return;
        }
        if let Err(place) = self.examples.binary_search(&example) {
            self.examples.insert(place, example);
            self.examples.truncate(sample.most);
        }
    }
}

/// The checks of one field, and their violations by rule.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Checks {
    pub checks: u64,
    pub violations: BTreeMap<Cow<'static, str>, Violations>,
}

impl Checks {
    pub fn violate(&mut self, sample: &Sample, rule: &'static str, example: Example) {
        self.violations.entry(Cow::Borrowed(rule)).or_default().add(sample, example);
    }

    pub fn violated(&self) -> u64 {
        self.violations.values().map(|violations| violations.count).sum()
    }

    pub fn merge(&mut self, sample: &Sample, other: Self) {
        self.checks += other.checks;
        for (rule, violations) in other.violations {
            self.violations.entry(rule).or_default().merge(sample, violations);
        }
    }
}

/// The pseudo-field that stands for the time of the event: the place after the
/// last declared field.
pub const TIME: &str = "occurred_at";

/// Something for each field of each event type, by their places. Written by names.
#[derive(Clone, Debug, PartialEq)]
pub struct ByField<T>(Vec<Vec<Option<T>>>);

impl<T> Default for ByField<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> ByField<T> {
    /// Every field for which there is something, as event type and name.
    pub fn iter(&self) -> impl Iterator<Item = (Name, &T)> {
        self.0.iter().enumerate().flat_map(|(place, fields)| {
            fields.iter().enumerate().filter_map(move |(field, value)| Some((Name { place, field }, value.as_ref()?)))
        })
    }
}

impl<T: Default> ByField<T> {
    pub fn of(&mut self, place: usize, field: usize) -> &mut T {
        if self.0.is_empty() {
            self.0 =
                declared().iter().map(|schema| schema.fields.iter().map(|_| None).chain([None]).collect()).collect();
        }
        self.0[place][field].get_or_insert_default()
    }

    pub fn merge(&mut self, other: Self, mut merge: impl FnMut(&mut T, T)) {
        for (place, fields) in other.0.into_iter().enumerate() {
            for (field, value) in fields.into_iter().enumerate() {
                if let Some(value) = value {
                    merge(self.of(place, field), value);
                }
            }
        }
    }
}

/// A field of an event type, by their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    pub place: usize,
    pub field: usize,
}

impl Name {
    pub fn event_type(self) -> &'static str {
        declared()[self.place].event_type
    }

    pub fn field(self) -> &'static str {
        declared()[self.place].fields.get(self.field).map_or(TIME, |field| field.name)
    }

    fn of(event_type: &str, field: &str) -> Option<Self> {
        let place = place_of(event_type)?;
        let fields = declared()[place].fields;
        let field = if field == TIME { fields.len() } else { declared()[place].place(field)? };
        Some(Self { place, field })
    }
}

/// As `type.field`.
impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.event_type(), self.field())
    }
}

impl std::str::FromStr for Name {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        name.split_once('.')
            .and_then(|(event_type, field)| Self::of(event_type, field))
            .ok_or_else(|| format!("there is no field {name:?}"))
    }
}

impl<T: Serialize> Serialize for ByField<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(name, value)| (name.to_string(), value)))
    }
}

impl<'de, T: Default + Deserialize<'de>> Deserialize<'de> for ByField<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Self::default();
        for (name, value) in BTreeMap::<String, T>::deserialize(deserializer)? {
            let name: Name = name.parse().map_err(D::Error::custom)?;
            *fields.of(name.place, name.field) = value;
        }
        Ok(fields)
    }
}
