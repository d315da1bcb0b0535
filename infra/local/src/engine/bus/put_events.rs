//! The operation PutEvents. Entries succeed or fail one by one.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Bus, Delivery};
use crate::engine::{ACCOUNT, REGION};

/// EventBridge takes at most this many entries at once.
const MAX_ENTRIES: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    source: Option<String>,
    detail_type: Option<String>,
    detail: Option<String>,
    #[serde(default)]
    resources: Vec<String>,
    /// Seconds since 1970.
    time: Option<f64>,
}

struct Refusal {
    code: &'static str,
    message: String,
}

/// The answer to the whole request, or what is wrong with it.
pub(super) fn answer(bus: &Bus, body: &[u8]) -> Result<Value, String> {
    let request: Request = serde_json::from_slice(body).map_err(|e| format!("not a PutEvents request: {e}"))?;
    if !(1..=MAX_ENTRIES).contains(&request.entries.len()) {
        return Err(format!("1 to {MAX_ENTRIES} entries are taken at once, not {}", request.entries.len()));
    }
    let put: Vec<_> = request.entries.into_iter().map(|entry| put(bus, entry)).collect();
    let failed = put.iter().filter(|entry| entry.is_err()).count();
    let entries: Vec<Value> = put.into_iter().map(|entry| entry.unwrap_or_else(|refusal| refused(&refusal))).collect();
    Ok(json!({ "FailedEntryCount": failed, "Entries": entries }))
}

fn refused(refusal: &Refusal) -> Value {
    json!({ "ErrorCode": refusal.code, "ErrorMessage": refusal.message })
}

fn put(bus: &Bus, entry: Entry) -> Result<Value, Refusal> {
    let id = Uuid::new_v4();
    let event = event(id, entry)?;
    for rule in bus.rules.matching(&event) {
        let delivery = Delivery { target: rule.target.clone(), rule: rule.name.clone(), event: event.clone() };
        // Nobody receives any more: the sender must not take the fact for delivered.
        bus.deliveries
            .send(delivery)
            .map_err(|_| Refusal { code: "InternalFailure", message: "the local stack is stopping".to_owned() })?;
    }
    Ok(json!({ "EventId": id }))
}

fn event(id: Uuid, entry: Entry) -> Result<Value, Refusal> {
    let detail: Value = serde_json::from_str(&given(entry.detail, "Detail")?)
        .ok()
        .filter(Value::is_object)
        .ok_or_else(|| Refusal { code: "MalformedDetail", message: "Detail is not a JSON object".to_owned() })?;
    Ok(json!({
        "version": "0",
        "id": id,
        "detail-type": given(entry.detail_type, "DetailType")?,
        "source": given(entry.source, "Source")?,
        "account": ACCOUNT,
        "time": time(entry.time)?.to_rfc3339_opts(SecondsFormat::Secs, true),
        "region": REGION,
        "resources": entry.resources,
        "detail": detail,
    }))
}

fn given(value: Option<String>, name: &str) -> Result<String, Refusal> {
    value
        .filter(|value| !value.is_empty())
        .ok_or_else(|| Refusal { code: "InvalidArgument", message: format!("{name} is missing") })
}

fn time(seconds: Option<f64>) -> Result<DateTime<Utc>, Refusal> {
    let Some(seconds) = seconds else { return Ok(Utc::now()) };
    // The cast saturates, and no date is that far away.
    DateTime::from_timestamp_millis((seconds * 1000.0) as i64)
        .ok_or_else(|| Refusal { code: "InvalidArgument", message: format!("Time {seconds} is not a date") })
}
