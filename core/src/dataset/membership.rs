//! The segment that a user is in: that of the update which happened last, in
//! whatever order they come in. Of updates at the same time, the greater event id
//! decides.

use chrono::{DateTime, Utc};

use crate::event::{Event, EventId, EventType};

/// What is counted for a segment that has no usable name, or one name too many.
pub const OTHER: &str = "other";
const NAME_CHARACTERS: usize = 64;

/// Where a user is, and since which update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    pub at: DateTime<Utc>,
    pub event: EventId,
    pub name: String,
}

impl Membership {
    /// Where an event puts its user; `None` for one that is no segment update.
    pub fn of(event: &Event) -> Option<Self> {
        if event.event_type != EventType::UserSegmentUpdate {
            return None;
        }
        let name = event.data.get("segment_name").and_then(serde_json::Value::as_str).unwrap_or_default().trim();
        let fits = !name.is_empty() && name.chars().count() <= NAME_CHARACTERS;
        let name = if fits { name } else { OTHER }.to_owned();
        Some(Self { at: event.occurred_at, event: event.id, name })
    }

    /// Of two updates, the one that holds.
    #[must_use]
    pub fn latest(self, other: Self) -> Self {
        if other.happened_after(&self) { other } else { self }
    }

    pub fn happened_after(&self, other: &Self) -> bool {
        (self.at, self.event) > (other.at, other.event)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::event::UserId;

    fn update(minute: i64, id: u128, name: &str) -> Event {
        Event {
            id: EventId(Uuid::from_u128(id)),
            user: UserId(Uuid::nil()),
            event_type: EventType::UserSegmentUpdate,
            occurred_at: DateTime::UNIX_EPOCH + chrono::Duration::minutes(minute),
            utc_offset_minutes: None,
            schema_version: 1,
            data: json!({"segment_id": "1", "segment_name": name}).as_object().cloned().unwrap(),
            extra: Default::default(),
        }
    }

    #[test]
    fn a_name_is_trimmed_and_what_is_none_is_other() {
        let name = |name: &str| Membership::of(&update(0, 1, name)).unwrap().name;
        assert_eq!(name(" savers "), "savers");
        assert_eq!(name(" "), OTHER);
        assert_eq!(name(&"x".repeat(65)), OTHER);
        let page = Event { event_type: EventType::from_name("page_view"), ..update(0, 1, "savers") };
        assert_eq!(Membership::of(&page), None);
    }

    proptest! {
        #[test]
        fn the_latest_holds_in_whatever_order_and_however_often_updates_come(
            updates in proptest::collection::vec((0..4i64, 1..30u128), 1..20),
            again in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let all: Vec<Membership> =
                updates.iter().map(|(minute, id)| Membership::of(&update(*minute, *id, "a")).unwrap()).collect();
            let mut shuffled: Vec<_> = again.iter().map(|index| index.get(&all).clone()).collect();
            shuffled.extend(all.iter().rev().cloned());
            let latest = all.iter().map(|one| (one.at, one.event)).max().unwrap();
            let held = shuffled.into_iter().reduce(Membership::latest).unwrap();
            prop_assert_eq!((held.at, held.event), latest);
        }
    }
}
