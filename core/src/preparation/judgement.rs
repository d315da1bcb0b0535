//! What a version tells of the judgement of its records.

use serde_json::Value;

use crate::event::schema::{self, Kind};

/// What names users or events, repeats what senders wrote, or is of the wall
/// clock. It stays with the assessment, which the API shows to those who may see it.
const LEFT_OUT: [&str; 4] = ["examples", "duplicate_examples", "last_ingested", "top"];

/// A judgement as it may lie beside pseudonymous rows, and as the same events
/// always give it.
pub fn of_version(mut judgement: Value) -> Value {
    let classes = classes(&judgement);
    leave_out(&mut judgement);
    for (field, top) in classes {
        judgement["fields"][field]["top"] = top;
    }
    judgement
}

/// The frequent values of fields that name a class: what the next version is
/// compared with. Texts and places are none.
fn classes(judgement: &Value) -> Vec<(String, Value)> {
    let fields = judgement["fields"].as_object().into_iter().flatten();
    let named = fields.filter(|(name, _)| is_class(name));
    named.filter_map(|(name, report)| Some((name.clone(), report.get("top")?.clone()))).collect()
}

/// Whether `type.field` has values of a closed list, or is a category.
fn is_class(name: &str) -> bool {
    let Some((event_type, field)) = name.split_once('.') else { return false };
    let declared = schema::of_name(event_type).and_then(|schema| schema.fields.iter().find(|own| own.name == field));
    field == "category" || declared.is_some_and(|own| matches!(own.kind, Kind::Vocabulary(_) | Kind::Currency))
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
            "fields": {
                "transaction_creation.description": {"populated": 3, "top": [{"value": "secret", "count": 5}]},
                "transaction_creation.transaction_type": {"populated": 3, "top": [{"value": "debit", "count": 5}]},
            },
            "population": {"users": 3, "last_ingested": "2026-01-01T00:00:00Z"},
        });
        let expected = json!({
            "metrics": {"overall_score": 0.9},
            "explanation": [{"rule": "r", "loss": 0.1}],
            "fields": {
                "transaction_creation.description": {"populated": 3},
                "transaction_creation.transaction_type": {"populated": 3, "top": [{"value": "debit", "count": 5}]},
            },
            "population": {"users": 3},
        });
        assert_eq!(of_version(judgement), expected);
    }
}
