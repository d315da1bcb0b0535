//! Event patterns: the part of EventBridge's language that the rules use.
//!
//! A pattern names fields; a leaf lists alternatives, of which one must hold.
//! Fields that the pattern does not name do not matter. Where the event has a
//! list, one element must satisfy the pattern. An operator that is not known
//! here is refused: to ignore it would match otherwise than AWS.
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html>

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

/// The fields of the envelope that a pattern can name.
const ENVELOPE: [&str; 9] =
    ["version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"];

#[derive(Debug, Clone)]
pub(super) struct Pattern(BTreeMap<String, Node>);

#[derive(Debug, Clone)]
enum Node {
    Fields(BTreeMap<String, Node>),
    OneOf(Vec<Test>),
}

#[derive(Debug, Clone)]
enum Test {
    Equals(Value),
    Prefix(String),
    Exists(bool),
    AnythingBut(Vec<Value>),
}

impl Pattern {
    pub(super) fn parse(pattern: &Value) -> Result<Self> {
        let fields = pattern.as_object().context("the pattern is not an object")?;
        if let Some(unknown) = fields.keys().find(|name| !ENVELOPE.contains(&name.as_str())) {
            bail!("an event has no field {unknown:?} (it has: {})", ENVELOPE.join(", "));
        }
        Ok(Self(parse_fields(fields, "")?))
    }

    pub(super) fn matches(&self, event: &Value) -> bool {
        all_match(&self.0, Some(event))
    }
}

fn parse_fields(fields: &Map<String, Value>, path: &str) -> Result<BTreeMap<String, Node>> {
    ensure!(!fields.is_empty(), "{}an object without fields matches nothing", prefix(path));
    let parsed = fields.iter().map(|(name, value)| {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        ensure!(!name.starts_with('$'), "{path}: {name} is not supported");
        Ok((name.clone(), parse_node(value, &path)?))
    });
    parsed.collect()
}

fn prefix(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}: ") }
}

fn parse_node(value: &Value, path: &str) -> Result<Node> {
    match value {
        Value::Object(fields) => Ok(Node::Fields(parse_fields(fields, path)?)),
        Value::Array(alternatives) => {
            ensure!(!alternatives.is_empty(), "{path}: an empty list matches nothing");
            Ok(Node::OneOf(
                alternatives
                    .iter()
                    .map(|test| parse_test(test).with_context(|| path.to_owned()))
                    .collect::<Result<_>>()?,
            ))
        }
        _ => bail!("{path}: put the value in a list: [{value}]"),
    }
}

fn parse_test(test: &Value) -> Result<Test> {
    match test {
        Value::Object(operator) => {
            let mut entries = operator.iter();
            let (Some((name, operand)), None) = (entries.next(), entries.next()) else {
                bail!("a test has one operator, not {}", operator.len());
            };
            parse_operator(name, operand)
        }
        Value::Array(_) => bail!("a list within a list"),
        scalar => Ok(Test::Equals(scalar.clone())),
    }
}

fn parse_operator(name: &str, operand: &Value) -> Result<Test> {
    match (name, operand) {
        ("prefix", Value::String(prefix)) if !prefix.is_empty() => Ok(Test::Prefix(prefix.clone())),
        ("prefix", _) => bail!("prefix wants a string that is not empty"),
        ("exists", Value::Bool(wanted)) => Ok(Test::Exists(*wanted)),
        ("exists", _) => bail!("exists wants true or false"),
        ("anything-but", Value::Array(values)) if !values.is_empty() && values.iter().all(is_comparable) => {
            Ok(Test::AnythingBut(values.clone()))
        }
        ("anything-but", value) if is_comparable(value) => Ok(Test::AnythingBut(vec![value.clone()])),
        ("anything-but", _) => bail!("anything-but wants strings or numbers"),
        _ => bail!("unknown operator {name:?} (known: prefix, exists, anything-but)"),
    }
}

fn is_comparable(value: &Value) -> bool {
    value.is_string() || value.is_number()
}

fn all_match(fields: &BTreeMap<String, Node>, object: Option<&Value>) -> bool {
    fields.iter().all(|(name, node)| node.matches(object.and_then(|object| object.get(name))))
}

impl Node {
    /// `value` is the event's field, if it has it.
    fn matches(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            (Self::Fields(fields), Some(Value::Array(elements))) => {
                elements.iter().any(|element| all_match(fields, Some(element)))
            }
            // An object that is absent has absent fields, which `exists: false` matches.
            (Self::Fields(fields), value) => all_match(fields, value),
            (Self::OneOf(tests), value) => tests.iter().any(|test| test.holds(value)),
        }
    }
}

impl Test {
    fn holds(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            (Self::Exists(wanted), value) => value.is_some_and(is_leaf) == *wanted,
            (_, None | Some(Value::Object(_))) => false,
            (_, Some(Value::Array(elements))) => elements.iter().any(|element| self.holds(Some(element))),
            (Self::Equals(wanted), Some(value)) => wanted == value,
            (Self::Prefix(prefix), Some(value)) => value.as_str().is_some_and(|text| text.starts_with(prefix)),
            (Self::AnythingBut(unwanted), Some(value)) => !unwanted.contains(value),
        }
    }
}

/// EventBridge finds by `exists` a field with a value, not one with fields.
fn is_leaf(value: &Value) -> bool {
    !value.is_object()
}

#[cfg(test)]
#[path = "pattern_tests.rs"]
mod tests;
