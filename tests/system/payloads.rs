//! The payloads of `events/`, each sent to its function on an empty stack.

use std::path::Path;

use fincoach_local::function::{Function, RawValue};
use serde_json::{Value, json};

use crate::support::Running;

fn read(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))).unwrap()
}

/// What a function answers, as the files write it.
async fn answer(running: &Running, function: Function, payload: &Value) -> Value {
    let payload: Box<RawValue> = serde_json::value::to_raw_value(payload).unwrap();
    let mut answer = match running.stack.invoke(function, payload).await {
        Ok(answer) => serde_json::to_value(answer).unwrap(),
        Err(error) => return json!({"error": error.to_string()}),
    };
    if let Some(body) = answer.get("body").and_then(Value::as_str) {
        answer["body"] = serde_json::from_str(body).unwrap();
    }
    answer
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

#[tokio::test(flavor = "multi_thread")]
async fn every_payload_is_answered_as_the_file_beside_it_says() {
    let events = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
    for function in Function::ALL {
        let mut payloads = 0;
        for entry in std::fs::read_dir(events.join(function.name())).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if name.ends_with(".answer.json") || !name.ends_with(".json") {
                continue;
            }
            // Each on a stack of its own, so that none depends on another.
            let running = Running::start().await;
            let answered = answer(&running, function, &read(&path)).await;
            let expected = read(&path.with_extension("answer.json"));
            let as_expected = match (&expected["error"], &answered["error"]) {
                (Value::String(expected), Value::String(answered)) => answered.starts_with(expected.as_str()),
                _ => holds(&answered, &expected),
            };
            assert!(as_expected, "{}/{name} is answered {answered:#}", function.name());
            running.stop().await;
            payloads += 1;
        }
        assert!(payloads > 0, "{} has no payloads", function.name());
    }
}
