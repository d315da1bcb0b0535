//! Envelopes.

use chrono::NaiveDateTime;
use serde_json::{Number, Value, json};
use uuid::Uuid;

use crate::draw::Draw;

pub fn event(user: Uuid, event_type: &str, at: NaiveDateTime, data: Value, draw: &mut Draw) -> Value {
    json!({
        "event_id": draw.uuid(),
        "user_id": user,
        "event_type": event_type,
        "occurred_at": at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "data": data,
    })
}

/// Cents as a JSON number with two decimals: `12.50`.
pub fn money(cents: i64) -> Value {
    let sign = if cents < 0 { "-" } else { "" };
    let cents = cents.unsigned_abs();
    Value::Number(Number::from_string_unchecked(format!("{sign}{}.{:02}", cents / 100, cents % 100)))
}

/// Thousandths as a JSON number.
pub fn thousandths(number: i64) -> Value {
    Value::Number(Number::from_string_unchecked(format!("{}.{:03}", number / 1_000, number % 1_000)))
}

/// By which events are ordered.
pub fn order(event: &Value) -> (String, String) {
    let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
    (text("occurred_at"), text("event_id"))
}
