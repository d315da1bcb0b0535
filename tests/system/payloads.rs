//! The payloads of `events/`, each sent to its function on an empty stack.

use std::path::{Path, PathBuf};

use fincoach_local::function::{Function, RawValue};
use serde_json::{Value, json};

use crate::support::Running;

/// A payload and what is to be answered to it.
pub struct Payload {
    pub function: Function,
    pub file: PathBuf,
    pub sent: Value,
    pub expected: Value,
}

impl Payload {
    /// All there are; every function has some.
    pub fn all() -> Vec<Self> {
        let events = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
        let mut all = Vec::new();
        for function in Function::ALL {
            let folder = std::fs::read_dir(events.join(function.name())).unwrap();
            let mut files: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
            files.retain(|file| {
                let name = file.file_name().unwrap().to_str().unwrap();
                name.ends_with(".json") && !name.ends_with(".answer.json")
            });
            files.sort();
            assert!(!files.is_empty(), "{} has no payloads", function.name());
            all.extend(files.into_iter().map(|file| {
                let expected = read(&file.with_extension("answer.json"));
                Self { function, sent: read(&file), expected, file }
            }));
        }
        all
    }

    /// For people: `function/name`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.function.name(), self.file.file_stem().unwrap().to_str().unwrap())
    }

    /// What is wrong with an answer; nothing if it holds what the file says.
    pub fn complaint(&self, mut answered: Value) -> Option<String> {
        // The files have the body of an HTTP answer as JSON.
        if let Some(body) = answered.get("body").and_then(Value::as_str) {
            answered["body"] = serde_json::from_str(body).unwrap_or_else(|_| json!(body));
        }
        let as_expected = match (&self.expected["error"], &answered["error"]) {
            (Value::String(expected), Value::String(answered)) => answered.starts_with(expected.as_str()),
            _ => holds(&answered, &self.expected),
        };
        (!as_expected).then(|| format!("{} is answered {answered:#}", self.name()))
    }
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))).unwrap()
}

/// Every member of `expected` is in `answered`, lists in full length.
fn holds(answered: &Value, expected: &Value) -> bool {
    match (answered, expected) {
        (Value::Object(answered), Value::Object(expected)) => {
            expected.iter().all(|(name, value)| answered.get(name).is_some_and(|answered| holds(answered, value)))
        }
        (Value::Array(answered), Value::Array(expected)) => {
            answered.len() == expected.len() && answered.iter().zip(expected).all(|(a, e)| holds(a, e))
        }
        _ => answered == expected,
    }
}

/// What a function answers, as the files write it.
async fn answer(running: &Running, payload: &Payload) -> Value {
    let sent: Box<RawValue> = serde_json::value::to_raw_value(&payload.sent).unwrap();
    match running.stack.invoke(payload.function, sent).await {
        Ok(answer) => serde_json::to_value(answer).unwrap(),
        Err(error) => json!({"error": error.to_string()}),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_payload_is_answered_as_the_file_beside_it_says() {
    let mut complaints = Vec::new();
    for payload in Payload::all() {
        // Each on a stack of its own, so that none depends on another.
        let running = Running::start().await;
        complaints.extend(payload.complaint(answer(&running, &payload).await));
        running.stop().await;
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
