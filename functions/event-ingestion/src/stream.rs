//! The stream of a foreign DynamoDB table: its items become events by the mapping
//! that the settings hold for the table.

use std::ops::Range;

use chrono::Utc;
use function_edge::Error;
use learning_core::event::decode::Json;
use learning_core::event::mapping::{Mapping, Mappings, plain_item};
use learning_core::event::{Fault, FaultCode};
use learning_core::store::Origin;
use learning_core::usecase::{Arrival, Requests, Unanswered};
use serde_json::{Map, Value, json};

/// Takes changes in; answers from which on they are to be brought again.
///
/// # Errors
/// For a table that has no mapping: nothing of it may pass by unseen.
pub async fn take(road: &Unanswered, mappings: &Mappings, changes: Vec<Value>) -> Result<Value, Error> {
    let mut mapped = Vec::with_capacity(changes.len());
    for change in &changes {
        let table = table(change).ok_or("a change names no table")?;
        let mapping = mappings.0.get(table).ok_or_else(|| {
            format!(
                "the table {table} has no mapping: add one to LEARNING_STREAM_MAPPINGS, or stop sending its stream here"
            )
        })?;
        mapped.push((table, mapping, change));
    }
    let arrivals = |places: Range<usize>| {
        mapped[places].iter().filter_map(|(table, mapping, change)| arrival(table, mapping, change)).collect()
    };
    let unread = |place: usize| (origin(mapped[place].0), image(mapped[place].2));
    match road.ingest_each(mapped.len(), arrivals, unread, Utc::now(), &mut Requests::default()).await {
        Ok(_) => Ok(json!({"batchItemFailures": []})),
        Err(error) => {
            // A stream goes on in its order, so that the first is named.
            tracing::warn!(%error, "changes could not be taken in; they are brought again");
            let first = changes.first().map(sequence).unwrap_or_default();
            Ok(json!({"batchItemFailures": [{"itemIdentifier": first}]}))
        }
    }
}

/// `arn:aws:dynamodb:region:account:table/NAME/stream/…`
fn table(change: &Value) -> Option<&str> {
    change.get("eventSourceARN")?.as_str()?.split('/').nth(1)
}

/// All changes of a table come from one place; their bodies tell them apart.
fn origin(table: &str) -> Origin {
    Origin { road: "stream".to_owned(), source: table.to_owned(), line: 0 }
}

/// The new item of a change, as far as it can be read.
fn image(change: &Value) -> String {
    change.pointer("/dynamodb/NewImage").unwrap_or(&Value::Null).to_string()
}

fn sequence(change: &Value) -> &str {
    change.pointer("/dynamodb/SequenceNumber").and_then(Value::as_str).unwrap_or_default()
}

/// The event of a change; `None` for those that are none.
fn arrival(table: &str, mapping: &Mapping, change: &Value) -> Option<Arrival> {
    let modified = match change.get("eventName").and_then(Value::as_str) {
        Some("INSERT") => false,
        Some("MODIFY") if mapping.modifications => true,
        _ => return None,
    };
    let item = |name: &str| change.pointer(&format!("/dynamodb/{name}")).and_then(plain_item);
    let mut keys = Value::Object(item("Keys").unwrap_or_default()).to_string();
    if modified {
        keys = format!("{keys}@{}", sequence(change));
    }
    let image: Option<Map<String, Value>> = item("NewImage");
    let incoming = match &image {
        Some(item) => Ok(mapping.event(table, &keys, item).into()),
        None => Err(Fault::new(&["NewImage"], FaultCode::Missing, "the stream must carry new images")),
    };
    // The event, where there is one: it is what can be replayed.
    let body = incoming.as_ref().map_or_else(|_: &Fault| keys.clone(), |json: &Json| json.value.to_string());
    Some(Arrival { incoming, origin: origin(table), body, request: 0, earlier: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(name: &str, image: Option<Value>) -> Value {
        json!({
            "eventName": name, "eventSource": "aws:dynamodb",
            "eventSourceARN": "arn:aws:dynamodb:us-east-1:1:table/orders/stream/2026-01-01T00:00:00.000",
            "dynamodb": {"Keys": {"id": {"S": "o1"}}, "NewImage": image, "SequenceNumber": "7"},
        })
    }

    fn mapping(modifications: bool) -> Mapping {
        let mapping = json!({
            "event_type": "=purchase", "user_id": "user", "occurred_at": "at", "data": {"total": "total"},
            "modifications": modifications,
        });
        serde_json::from_value(mapping).unwrap()
    }

    #[test]
    fn new_items_are_events_and_changed_ones_where_the_mapping_says_so() {
        let image = json!({"user": {"S": "u"}, "at": {"S": "2026-01-31T10:00:00Z"}, "total": {"N": "1.50"}});
        let event = |name: &str, modifications| {
            arrival("orders", &mapping(modifications), &change(name, Some(image.clone())))
                .map(|a| a.incoming.unwrap().value)
        };
        assert_eq!(table(&change("INSERT", None)), Some("orders"));
        let inserted = event("INSERT", false).unwrap();
        assert_eq!(inserted["data"].to_string(), r#"{"total":1.50}"#);
        assert_eq!(event("MODIFY", false), None);
        assert_ne!(event("MODIFY", true).unwrap()["event_id"], inserted["event_id"]);
        assert_eq!(event("REMOVE", true), None);
    }

    #[test]
    fn a_stream_without_images_is_a_fault() {
        let arrival = arrival("orders", &mapping(false), &change("INSERT", None)).unwrap();
        assert_eq!(arrival.incoming.unwrap_err().code, FaultCode::Missing);
    }
}
