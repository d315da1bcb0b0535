//! From an item of somebody else's table to an event, by configuration: an app
//! that keeps its transactions in DynamoDB is connected without writing code.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

/// How the items of each table become events, by the table's name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Mappings(pub BTreeMap<String, Mapping>);

impl FromStr for Mappings {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text)
    }
}

/// How the items of one table become events. Each member says where its value
/// comes from: the name of an attribute (`customer.id` for one in a map), or
/// `=text` for that very text.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    pub event_type: Source,
    /// A value that is no UUID becomes one, the same each time.
    pub user_id: Source,
    /// Of an item whose mapping has none, the id is made of its keys.
    pub event_id: Option<Source>,
    pub occurred_at: Source,
    #[serde(default)]
    pub data: BTreeMap<String, Source>,
    /// Whether changed items are events too, and not only new ones.
    #[serde(default)]
    pub modifications: bool,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Source {
    Text(String),
    Attribute(Vec<String>),
}

impl TryFrom<String> for Source {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if let Some(text) = text.strip_prefix('=') {
            return Ok(Source::Text(text.to_owned()));
        }
        let path: Vec<String> = text.split('.').map(str::to_owned).collect();
        if path.iter().any(String::is_empty) {
            return Err("a source must be the name of an attribute, or =text");
        }
        Ok(Source::Attribute(path))
    }
}

impl Source {
    fn of(&self, item: &Map<String, Value>) -> Option<Value> {
        match self {
            Source::Text(text) => Some(Value::from(text.as_str())),
            Source::Attribute(path) => {
                let (first, rest) = path.split_first()?;
                rest.iter().try_fold(item.get(first)?, |value, name| value.get(name)).cloned()
            }
        }
    }
}

impl Mapping {
    /// The event that an item of `table` reports; whether it is a good one is for
    /// the envelope to say. `keys` tell the item from the others.
    pub fn event(&self, table: &str, keys: &str, item: &Map<String, Value>) -> Value {
        let mut event = Map::new();
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                event.insert(name.to_owned(), value);
            }
        };
        set("event_type", self.event_type.of(item));
        set("user_id", self.user_id.of(item).map(|user| as_uuid(&format!("{table}/user"), user)));
        let id = self.event_id.as_ref().and_then(|source| source.of(item));
        set("event_id", Some(as_uuid(&format!("{table}/event"), id.unwrap_or_else(|| Value::from(keys)))));
        set("occurred_at", self.occurred_at.of(item));
        let data = self.data.iter().filter_map(|(name, source)| Some((name.clone(), source.of(item)?)));
        set("data", Some(Value::Object(data.collect())));
        Value::Object(event)
    }
}

/// The value itself where it is a UUID, else one derived from it.
fn as_uuid(within: &str, value: Value) -> Value {
    const NAMESPACE: Uuid = Uuid::from_u128(0x8f52_1c0a_97d3_4e68_a1b4_60de_3f79_c215);
    let text = match value {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        // For the envelope to refuse.
        other => return other,
    };
    match Uuid::parse_str(&text) {
        Ok(uuid) => Value::from(uuid.to_string()),
        Err(_) => Value::from(Uuid::new_v5(&NAMESPACE, format!("{within}/{text}").as_bytes()).to_string()),
    }
}

/// The JSON of an attribute as DynamoDB writes it, e.g. `{"N": "12.50"}`; numbers keep their digits.
/// `None` for what is no attribute. Binary values stay in Base64.
pub fn plain(attribute: &Value) -> Option<Value> {
    let (kind, value) = attribute.as_object()?.iter().next()?;
    let list = |value: &Value, item: fn(&Value) -> Option<Value>| -> Option<Value> {
        Some(Value::Array(value.as_array()?.iter().filter_map(item).collect()))
    };
    match kind.as_str() {
        "S" | "B" => value.as_str().map(Value::from),
        "N" => number(value),
        "BOOL" => value.as_bool().map(Value::from),
        "NULL" => Some(Value::Null),
        "L" => list(value, plain),
        "SS" | "BS" => list(value, |item| Some(item.clone())),
        "NS" => list(value, number),
        "M" => plain_item(value).map(Value::Object),
        _ => None,
    }
}

fn number(value: &Value) -> Option<Value> {
    serde_json::from_str(value.as_str()?).ok().filter(Value::is_number)
}

/// The JSON of an item or a map of attributes.
pub fn plain_item(item: &Value) -> Option<Map<String, Value>> {
    Some(item.as_object()?.iter().filter_map(|(name, value)| Some((name.clone(), plain(value)?))).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_item_becomes_an_event_the_same_each_time() {
        let mappings: Mappings = serde_json::from_value(json!({"orders": {
            "event_type": "=transaction_creation", "user_id": "customer.id", "occurred_at": "at",
            "data": {"transaction_id": "order", "amount": "total", "transaction_type": "=debit", "category": "kind"},
        }}))
        .unwrap();
        let item = json!({
            "order": {"S": "o-1"}, "total": {"N": "12.50"}, "at": {"S": "2026-01-31T10:00:00Z"},
            "customer": {"M": {"id": {"N": "7"}}}, "kind": {"NULL": true},
        });
        let item = plain_item(&item).unwrap();
        let event = mappings.0["orders"].event("orders", "o-1", &item);
        assert_eq!(event, mappings.0["orders"].event("orders", "o-1", &item));
        assert_eq!(
            event["data"].to_string(),
            r#"{"amount":12.50,"category":null,"transaction_id":"o-1","transaction_type":"debit"}"#
        );
        assert!(Uuid::parse_str(event["user_id"].as_str().unwrap()).is_ok());
        assert_eq!(event["event_type"], "transaction_creation");
        assert_ne!(event["event_id"], mappings.0["orders"].event("orders", "o-2", &item)["event_id"]);
    }

    #[test]
    fn a_mapping_that_cannot_be_is_an_error() {
        for mapping in [
            json!({"t": {"event_type": "=x", "user_id": "u"}}),
            json!({"t": {"event_type": "=x", "user_id": "", "occurred_at": "at"}}),
            json!({"t": {"event_type": "=x", "user_id": "u", "occurred_at": "at", "more": "x"}}),
        ] {
            assert!(serde_json::from_value::<Mappings>(mapping).is_err());
        }
    }
}
