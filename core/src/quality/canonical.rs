//! One spelling for equal JSON: keys in order, numbers without needless zeros.

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::event::schema::decimal;

/// Appends `object` without the keys of `left_out` (at the top level).
pub fn write_object(object: &Map<String, Value>, left_out: &[&str], out: &mut String) {
    let mut entries: Vec<_> = object.iter().filter(|(key, _)| !left_out.contains(&key.as_str())).collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    out.push('{');
    for (key, value) in entries {
        write_string(key, out);
        out.push(':');
        write(value, out);
        out.push(',');
    }
    out.push('}');
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => match decimal(value) {
            Some(decimal) => {
                // Writing to a string cannot fail.
                let _ = write!(out, "{}", decimal.normalize());
            }
            None => out.push_str(number.as_str()),
        },
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::Object(object) => write_object(object, &[], out),
    }
}

/// The length in front tells where the text ends, whatever is in it.
fn write_string(text: &str, out: &mut String) {
    let _ = write!(out, "{}\"{text}\"", text.len());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(json: &str) -> String {
        let value: Value = serde_json::from_str(json).unwrap();
        let mut out = String::new();
        write_object(value.as_object().unwrap(), &["id"], &mut out);
        out
    }

    #[test]
    fn equal_content_is_spelled_alike() {
        assert_eq!(
            canonical(r#"{"a":12.50,"b":[1,{"c":null}],"id":1}"#),
            canonical(r#"{"id":2,"b":[1.0,{"c":null}],"a":1.25e1}"#)
        );
    }

    #[test]
    fn other_content_is_not() {
        for (one, other) in [
            (r#"{"a":1}"#, r#"{"a":"1"}"#),
            (r#"{"a":null}"#, r#"{}"#),
            (r#"{"a":"x","b":"y"}"#, r#"{"a":"x\",1\"b\":1\"y"}"#),
            (r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#),
            (r#"{"a":{"id":1}}"#, r#"{"a":{"id":2}}"#),
        ] {
            assert_ne!(canonical(one), canonical(other));
        }
    }
}
