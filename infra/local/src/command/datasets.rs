//! Datasets as tables.

use chrono::{DateTime, SecondsFormat};
use serde_json::Value;

use crate::report::{grouped, table};

pub fn health(answer: &Value) -> String {
    format!("The service is {}, version {}.", text(&answer["status"]), text(&answer["version"]))
}

pub fn status(answer: &Value) -> String {
    let rows = array(answer, "datasets").iter().map(|dataset| {
        [
            text(&dataset["type"]),
            format!("{} / {}", number(&dataset["data_count"]), number(&dataset["threshold"])),
            score(&dataset["quality_score"]),
            text(&dataset["state"]),
            version(&dataset["last_version"]),
        ]
    });
    let rows = table(["dataset", "counted / threshold", "quality", "state", "version"], rows, &[1, 2]);
    format!("{rows}\nThe service is {}.", text(&answer["status"]))
}

pub fn all(answer: &Value) -> String {
    let mut parts = Vec::new();
    for dataset in array(answer, "datasets") {
        parts.push(one(dataset));
    }
    parts.join("\n\n")
}

pub fn one(dataset: &Value) -> String {
    let readiness = &dataset["readiness"];
    let gates = array(readiness, "gates").iter().map(|gate| {
        let passed = match (&gate["passed"], &gate["actual"]) {
            (Value::Bool(true), _) => "passed",
            (_, Value::Null) => "not known",
            _ => "not passed",
        };
        [text(&gate["gate"]), passed.to_owned(), text(&gate["explanation"])]
    });
    let forecast = match &readiness["forecast"] {
        Value::Null => String::new(),
        forecast => format!("\nExpected to be full at {}: {}", text(&forecast["ready_at"]), text(&forecast["basis"])),
    };
    format!(
        "{} ({}): {}, epoch {}, version {}\n{}{forecast}",
        text(&dataset["dataset_type"]),
        text(&dataset["id"]),
        text(&dataset["state"]),
        number(&dataset["epoch"]),
        version(&dataset["last_version"]),
        table(["gate", "", "what it says"], gates, &[]),
    )
}

pub fn timeline(answer: &Value) -> String {
    let rows = array(answer, "changes")
        .iter()
        .map(|change| [time(&change["at"]), text(&change["from"]), text(&change["to"]), text(&change["cause"])]);
    table(["at", "from", "to", "why"], rows, &[]).to_string()
}

pub fn array<'a>(answer: &'a Value, name: &str) -> &'a [Value] {
    answer[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Nothing is a dash.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

pub fn number(value: &Value) -> String {
    value.as_u64().map_or_else(|| text(value), grouped)
}

/// To the second.
pub fn time(value: &Value) -> String {
    let time = value.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    time.map_or_else(|| text(value), |time| time.to_utc().to_rfc3339_opts(SecondsFormat::Secs, true))
}

pub fn score(value: &Value) -> String {
    value.as_f64().map_or_else(|| "not assessed".to_owned(), |score| format!("{score:.4}"))
}

fn version(value: &Value) -> String {
    value.as_u64().map_or_else(|| "–".to_owned(), |version| format!("v{version}"))
}
