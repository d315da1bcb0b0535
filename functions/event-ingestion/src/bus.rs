//! EventBridge: an app puts its events on a bus, and a rule sends them here. What
//! the detail leaves open is taken from the bus's own envelope.

use chrono::Utc;
use function_edge::Error;
use learning_core::event::decode::Json;
use learning_core::store::Origin;
use learning_core::usecase::Unanswered;
use serde_json::{Value, json};

use crate::queue::{arrival, batch};

/// Whether this is an event as EventBridge delivers it.
pub fn is_event(json: &Value) -> bool {
    json.get("detail-type").is_some() && json.get("detail").is_some_and(Value::is_object)
}

/// The events in the detail: one, or a batch under `events`.
pub fn events(mut event: Json) -> Vec<Json> {
    let member = |name: &str| event.value.get(name).filter(|value| value.is_string()).cloned();
    let defaults = [("event_type", member("detail-type")), ("occurred_at", member("time"))];
    let mut events = batch(event.take("detail"));
    for event in events.iter_mut().filter_map(|event| event.value.as_object_mut()) {
        for (name, value) in &defaults {
            if let Some(value) = value
                && !event.contains_key(*name)
            {
                event.insert((*name).to_owned(), value.clone());
            }
        }
    }
    events
}

/// # Errors
/// When the store fails: the bus brings the event again.
pub async fn take(road: &Unanswered, event: Json) -> Result<Value, Error> {
    let text = |name: &str| event.value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let source = text("source");
    let origin = |line| Origin { road: "bus".to_owned(), source: source.clone(), line };
    let arrivals = events(event).into_iter().zip(1..).map(|(event, line)| arrival(event, 0, origin(line)));
    let outcomes = road.ingest(arrivals.collect(), Utc::now()).await?;
    Ok(json!({"events": outcomes.len()}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_detail_leaves_open_comes_from_the_bus() {
        let event = Json::from(json!({
            "id": "1", "source": "shop", "detail-type": "page_view", "time": "2026-01-31T10:00:00Z",
            "detail": {"events": [{"user_id": "u"}, {"event_type": "purchase"}]},
        }));
        assert!(is_event(&event.value));
        assert_eq!(
            events(event).into_iter().map(|event| event.value).collect::<Vec<_>>(),
            [
                json!({"user_id": "u", "event_type": "page_view", "occurred_at": "2026-01-31T10:00:00Z"}),
                json!({"event_type": "purchase", "occurred_at": "2026-01-31T10:00:00Z"}),
            ]
        );
    }
}
