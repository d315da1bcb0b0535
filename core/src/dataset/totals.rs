//! How many events have ever been accepted, by type and interaction: what the
//! aggregations are read from, and how many records each dataset has.

use std::collections::BTreeMap;

use super::Dataset;
use super::spec::Role;
use crate::event::Event;
use crate::event::schema::schema;

/// Types and interactions outside the vocabulary are counted together, so that
/// the number of kinds stays small whatever senders invent.
const OTHER: &str = "other";

/// The kind under which an accepted event is counted, e.g. `transaction_creation`
/// or `goal_modification.achieve`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKind(String);

impl EventKind {
    pub fn of(event: &Event) -> Self {
        let name = event.event_type.name();
        let Some(schema) = schema(&event.event_type) else { return Self(OTHER.to_owned()) };
        match schema.interactions() {
            None => Self(name.to_owned()),
            Some(vocabulary) => {
                let interaction = event.interaction().filter(|word| vocabulary.contains(word)).unwrap_or(OTHER);
                Self(format!("{name}.{interaction}"))
            }
        }
    }

    pub fn from_name(name: &str) -> Self {
        Self(name.to_owned())
    }

    pub fn name(&self) -> &str {
        &self.0
    }

    fn event_type(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }

    fn interaction(&self) -> Option<&str> {
        self.0.split_once('.').map(|(_, interaction)| interaction)
    }

    fn is_record_of(&self, dataset: Dataset) -> bool {
        dataset.role_of(self.event_type(), self.interaction()) == Some(Role::Record)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals(BTreeMap<EventKind, u64>);

impl Totals {
    pub fn add(&mut self, kind: EventKind, count: u64) {
        *self.0.entry(kind).or_default() += count;
    }

    pub fn merge(&mut self, other: Totals) {
        for (kind, count) in other.0 {
            self.add(kind, count);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&EventKind, u64)> {
        self.0.iter().map(|(kind, count)| (kind, *count))
    }

    /// All accepted events.
    pub fn events(&self) -> u64 {
        self.0.values().sum()
    }

    /// Events of a type, by interaction; those of a type without interactions are under its name.
    pub fn of_type(&self, event_type: &str) -> BTreeMap<String, u64> {
        self.iter()
            .filter(|(kind, _)| kind.event_type() == event_type)
            .map(|(kind, count)| (kind.interaction().unwrap_or(event_type).to_owned(), count))
            .collect()
    }

    /// Records of each class that a dataset declares, over all its epochs.
    pub fn classes(&self, dataset: Dataset) -> Vec<(&'static str, u64)> {
        let records = |class: &str| {
            let of_class = self.iter().filter(|(kind, _)| kind.interaction() == Some(class));
            of_class.filter(|(kind, _)| kind.is_record_of(dataset)).map(|(_, count)| count).sum()
        };
        dataset.spec().classes.iter().map(|class| (*class, records(class))).collect()
    }

    /// Records of a dataset, over all its epochs.
    pub fn records(&self, dataset: Dataset) -> u64 {
        self.iter().filter(|(kind, _)| kind.is_record_of(dataset)).map(|(_, count)| count).sum()
    }
}

impl FromIterator<EventKind> for Totals {
    fn from_iter<I: IntoIterator<Item = EventKind>>(kinds: I) -> Self {
        let mut totals = Totals::default();
        for kind in kinds {
            totals.add(kind, 1);
        }
        totals
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::event::{EventId, EventType, UserId};

    fn event(event_type: &str, interaction: &str) -> Event {
        Event {
            id: EventId(Uuid::nil()),
            user: UserId(Uuid::nil()),
            event_type: EventType::from_name(event_type),
            occurred_at: DateTime::UNIX_EPOCH,
            utc_offset_minutes: None,
            schema_version: 1,
            data: json!({"interaction_type": interaction}).as_object().cloned().unwrap_or_default(),
            extra: Default::default(),
        }
    }

    #[test]
    fn records_by_totals_are_the_records_by_event() {
        let events = [
            event("transaction_creation", ""),
            event("recommendation_interaction", "view"),
            event("recommendation_interaction", "helpful"),
            event("recommendation_interaction", "shrugged"),
            event("goal_modification", "achieve"),
            event("goal_modification", "rued"),
            event("user_segment_update", ""),
            event("page_view", ""),
            event("purchase", "view"),
        ];
        let totals: Totals = events.iter().map(EventKind::of).collect();
        assert_eq!(totals.events(), 9);
        assert_eq!(totals.classes(Dataset::GOAL), [("achieve", 1), ("fail", 0)]);
        assert_eq!(totals.classes(Dataset::SPENDING), []);
        let goal = [("achieve".to_owned(), 1), ("other".to_owned(), 1)];
        assert_eq!(totals.of_type("goal_modification"), BTreeMap::from(goal));
        assert_eq!(totals.of_type("transaction_creation"), BTreeMap::from([("transaction_creation".to_owned(), 1)]));
        for dataset in Dataset::all() {
            let records = events.iter().filter(|event| dataset.role(event) == Some(Role::Record)).count();
            assert_eq!(totals.records(dataset), records as u64, "{dataset}");
        }
    }
}
