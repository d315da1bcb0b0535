//! Counting checks and violations, with examples.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::event::{Event, EventId};

/// How many examples are kept of a violation: the smallest ids, so that the
/// choice does not depend on the order in which they come.
const EXAMPLES: usize = 5;

/// Violations of one rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Violations {
    pub count: u64,
    pub examples: BTreeSet<EventId>,
}

impl Violations {
    pub fn add(&mut self, example: EventId) {
        self.count += 1;
        self.example(example);
    }

    pub fn merge(&mut self, other: Self) {
        self.count += other.count;
        for example in other.examples {
            self.example(example);
        }
    }

    fn example(&mut self, example: EventId) {
        self.examples.insert(example);
        if self.examples.len() > EXAMPLES {
            self.examples.pop_last();
        }
    }
}

/// The checks of one field, and their violations by rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Checks {
    pub checks: u64,
    pub violations: BTreeMap<String, Violations>,
}

impl Checks {
    pub fn violate(&mut self, rule: &str, example: EventId) {
        if let Some(violations) = self.violations.get_mut(rule) {
            violations.add(example);
        } else {
            self.violations.entry(rule.to_owned()).or_default().add(example);
        }
    }

    pub fn violated(&self) -> u64 {
        self.violations.values().map(|violations| violations.count).sum()
    }

    pub fn merge(&mut self, other: Self) {
        self.checks += other.checks;
        for (rule, violations) in other.violations {
            self.violations.entry(rule).or_default().merge(violations);
        }
    }
}

/// Something for each field of each event type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ByField<T>(BTreeMap<String, BTreeMap<String, T>>);

impl<T> Default for ByField<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> ByField<T> {
    /// The same fields, each with what becomes of its value.
    pub fn map<U>(self, mut map: impl FnMut(T) -> U) -> ByField<U> {
        let fields = self.0.into_iter().map(|(event_type, fields)| {
            (event_type, fields.into_iter().map(|(field, value)| (field, map(value))).collect())
        });
        ByField(fields.collect())
    }
}

impl<T: Default> ByField<T> {
    pub fn of(&mut self, event: &Event, field: &str) -> &mut T {
        self.entry(event.event_type.name(), field)
    }

    fn entry(&mut self, event_type: &str, field: &str) -> &mut T {
        // Names are copied only when they are seen for the first time.
        if !self.0.contains_key(event_type) {
            self.0.insert(event_type.to_owned(), BTreeMap::new());
        }
        let fields = self.0.get_mut(event_type).expect("it was just inserted");
        if !fields.contains_key(field) {
            fields.insert(field.to_owned(), T::default());
        }
        fields.get_mut(field).expect("it was just inserted")
    }

    /// Merges field by field.
    pub fn merge(&mut self, other: Self, merge: impl Fn(&mut T, T)) {
        for (event_type, fields) in other.0 {
            for (field, value) in fields {
                merge(self.entry(&event_type, &field), value);
            }
        }
    }
}

impl<T> ByField<T> {
    /// Every field as `type.field`.
    pub fn iter(&self) -> impl Iterator<Item = (String, &T)> {
        self.0.iter().flat_map(|(event_type, fields)| {
            fields.iter().map(move |(field, value)| (format!("{event_type}.{field}"), value))
        })
    }
}
