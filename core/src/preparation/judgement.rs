//! What a version tells of the judgement of its records.

use serde_json::Value;

/// What names users or events, repeats what senders wrote, or is of the wall
/// clock. It stays with the assessment, which the API shows to those who may see it.
const LEFT_OUT: [&str; 4] = ["examples", "duplicate_examples", "last_ingested", "top"];

/// A judgement as it may lie beside pseudonymous rows, and as the same events
/// always give it.
pub fn of_version(mut judgement: Value) -> Value {
    leave_out(&mut judgement);
    judgement
}

fn leave_out(json: &mut Value) {
    match json {
        Value::Object(members) => {
            members.retain(|name, _| !LEFT_OUT.contains(&name.as_str()));
            members.values_mut().for_each(leave_out);
        }
        Value::Array(items) => items.iter_mut().for_each(leave_out),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scores_stay_and_names_go() {
        let judgement = json!({
            "metrics": {"overall_score": 0.9},
            "duplicate_examples": [{"event": "e", "user": "u"}],
            "explanation": [{"rule": "r", "loss": 0.1, "examples": ["e"]}],
            "fields": {"t.description": {"populated": 3, "top": [{"value": "secret", "count": 2}]}},
            "population": {"users": 3, "last_ingested": "2026-01-01T00:00:00Z"},
        });
        let expected = json!({
            "metrics": {"overall_score": 0.9},
            "explanation": [{"rule": "r", "loss": 0.1}],
            "fields": {"t.description": {"populated": 3}},
            "population": {"users": 3},
        });
        assert_eq!(of_version(judgement), expected);
    }
}
