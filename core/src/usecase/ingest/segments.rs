//! The names under which segment updates are counted.

use std::collections::BTreeSet;

use crate::event::{Event, EventType};

/// Names that a counter shard counts apart. Senders may name segments as they
/// like, a shard is one item: what is beyond this is counted as `other`.
const NAMES: usize = 64;
const NAME_CHARACTERS: usize = 64;
const OTHER: &str = "other";

/// The names that a shard is known to hold.
#[derive(Clone, Debug, Default)]
pub struct Segments(BTreeSet<String>);

impl Segments {
    pub fn new(known: impl IntoIterator<Item = String>) -> Self {
        Self(known.into_iter().collect())
    }

    /// What an event is counted under; `None` where it updates no segment.
    pub fn name_of(&self, event: &Event) -> Option<String> {
        if event.event_type != EventType::UserSegmentUpdate {
            return None;
        }
        let name = event.data.get("segment_name").and_then(serde_json::Value::as_str).unwrap_or_default().trim();
        let fits = !name.is_empty() && name.chars().count() <= NAME_CHARACTERS;
        let counted = fits && (self.0.contains(name) || self.0.len() < NAMES);
        Some(if counted { name } else { OTHER }.to_owned())
    }

    pub fn learn<'a>(&mut self, names: impl IntoIterator<Item = &'a String>) {
        self.0.extend(names.into_iter().cloned());
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::event::{EventId, UserId};

    fn update(name: &str) -> Event {
        Event {
            id: EventId(Uuid::nil()),
            user: UserId(Uuid::nil()),
            event_type: EventType::UserSegmentUpdate,
            occurred_at: DateTime::UNIX_EPOCH,
            schema_version: 1,
            data: json!({"segment_id": "1", "segment_name": name}).as_object().cloned().unwrap(),
            extra: Default::default(),
        }
    }

    #[test]
    fn names_are_counted_apart_until_there_are_too_many() {
        let mut segments = Segments::default();
        assert_eq!(segments.name_of(&update(" savers ")).as_deref(), Some("savers"));
        let names: Vec<String> = (0..NAMES).map(|n| n.to_string()).collect();
        segments.learn(&names);
        assert_eq!(segments.name_of(&update("7")).as_deref(), Some("7"));
        assert_eq!(segments.name_of(&update("savers")).as_deref(), Some(OTHER));
        assert_eq!(Segments::default().name_of(&update("  ")).as_deref(), Some(OTHER));
        let page = Event { event_type: EventType::from_name("page_view"), ..update("savers") };
        assert_eq!(segments.name_of(&page), None);
    }
}
