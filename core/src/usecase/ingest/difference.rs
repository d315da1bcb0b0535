//! In what a repeated event is not the same as the one that stands.

use serde_json::Value;

use crate::event::StoredEvent;
use crate::event::number::canonical;

/// Paths are named down to this many; one is enough to know that a sender reuses ids.
const MOST: usize = 20;

/// The paths of the fields that differ, e.g. `occurred_at` or `data.context.page`.
pub fn between(first: &StoredEvent, second: &StoredEvent) -> Vec<String> {
    let (a, b) = (&first.event, &second.event);
    let mut paths = Vec::new();
    for (name, differs) in [
        ("event_type", a.event_type != b.event_type),
        ("occurred_at", a.occurred_at != b.occurred_at),
        ("schema_version", a.schema_version != b.schema_version),
    ] {
        if differs {
            paths.push(name.to_owned());
        }
    }
    for (a, b, under) in [(&a.data, &b.data, "data."), (&a.extra, &b.extra, "")] {
        for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
            walk(a.get(key), b.get(key), &format!("{under}{key}"), &mut paths);
        }
    }
    paths.truncate(MOST);
    paths
}

fn walk(a: Option<&Value>, b: Option<&Value>, path: &str, paths: &mut Vec<String>) {
    if a == b || paths.len() >= MOST {
        return;
    }
    match (a, b) {
        // 12.50 is 12.5.
        (Some(Value::Number(a)), Some(Value::Number(b))) if canonical(a.as_str()) == canonical(b.as_str()) => {}
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            for key in keys {
                walk(a.get(key), b.get(key), &format!("{path}.{key}"), paths);
            }
        }
        _ => paths.push(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::event::{Event, EventId, EventType, UserId};

    fn stored(data: Value) -> StoredEvent {
        let event = Event {
            id: EventId(Uuid::nil()),
            user: UserId(Uuid::nil()),
            event_type: EventType::TransactionCreation,
            occurred_at: DateTime::UNIX_EPOCH,
            utc_offset_minutes: None,
            schema_version: 1,
            data: data.as_object().cloned().unwrap_or_default(),
            extra: Default::default(),
        };
        StoredEvent::new(event, DateTime::UNIX_EPOCH)
    }

    #[test]
    fn each_field_that_differs_is_named_once() {
        let first = stored(json!({"amount": 1, "a": {"b": 1, "c": 2}, "same": [1]}));
        let mut second = stored(json!({"amount": 2, "a": {"b": 1, "c": 3, "d": 4}, "same": [1], "new": null}));
        assert_eq!(between(&first, &first), Vec::<String>::new());
        second.event.data.insert("a number".to_owned(), json!(1.0));
        let mut first = first;
        first.event.data.insert("a number".to_owned(), json!(1));
        second.event.occurred_at = DateTime::from_timestamp_nanos(1);
        second.event.extra.insert("trace".to_owned(), json!(1));
        assert_eq!(
            between(&first, &second),
            ["occurred_at", "data.a.c", "data.a.d", "data.amount", "data.new", "trace"]
        );
    }
}
