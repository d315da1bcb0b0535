//! From JSON to an [`Event`]: what is refused, and what is only warned about.

use chrono::{DateTime, Duration, DurationRound, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::schema::{self, Field, Population, Refuse};
use super::{Event, EventId, EventType, Fault, FaultCode, UserId};

/// What an event may weigh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole event as compact JSON.
    pub event_bytes: usize,
    /// Levels of nesting inside `data`.
    pub depth: usize,
    /// How far ahead of the receiver's clock an event may claim to be.
    pub clock_skew: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { event_bytes: 64 * 1024, depth: 16, clock_skew: Duration::minutes(5) }
    }
}

/// What the outside world contributes to reading an event.
#[derive(Clone, Copy, Debug)]
pub struct Intake {
    pub now: DateTime<Utc>,
    pub limits: Limits,
    /// The id of an event that came without one.
    pub new_id: fn() -> Uuid,
}

/// An event that may be stored, and what is odd about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Admitted {
    pub event: Event,
    pub warnings: Vec<Fault>,
}

/// Reads one event.
///
/// # Errors
/// Every fault that turns the event away, all at once, in the order of the fields.
pub fn read(json: &Value, intake: &Intake) -> Result<Admitted, Vec<Fault>> {
    let Value::Object(envelope) = json else {
        return Err(vec![Fault::new(&[], FaultCode::WrongType, "an event must be a JSON object")]);
    };
    let mut refusals = Vec::new();
    let mut warnings = Vec::new();

    let id = match envelope.get("event_id") {
        None => Some((intake.new_id)()),
        present => uuid(present, "event_id", &mut refusals),
    };
    let user = uuid(envelope.get("user_id"), "user_id", &mut refusals);
    let event_type = event_type(envelope.get("event_type"), &mut refusals);
    let occurred_at = occurred_at(envelope.get("occurred_at"), &mut refusals);
    let schema_version = schema_version(envelope.get("schema_version"), &mut refusals);
    let data = data(envelope.get("data"), &mut refusals);
    weigh(json, &intake.limits, &mut refusals);

    if let Some(occurred_at) = occurred_at {
        warnings.extend(implausible_time(occurred_at, intake));
    }
    if let (Some(event_type), Some(data)) = (&event_type, data)
        && let Some(schema) = schema::schema(event_type)
    {
        for field in schema.fields {
            match check(field, data) {
                Some(fault) if refused(field, data) => refusals.push(fault),
                Some(fault) => warnings.push(fault),
                None => {}
            }
        }
    }

    match (id, user, event_type, occurred_at, schema_version, data) {
        (Some(id), Some(user), Some(event_type), Some(occurred_at), Some(schema_version), Some(data))
            if refusals.is_empty() =>
        {
            let event = Event {
                id: EventId(id),
                user: UserId(user),
                event_type,
                occurred_at,
                schema_version,
                data: data.clone(),
            };
            Ok(Admitted { event, warnings })
        }
        _ => Err(refusals),
    }
}

fn uuid(value: Option<&Value>, name: &str, faults: &mut Vec<Fault>) -> Option<Uuid> {
    let (code, message) = match value {
        None | Some(Value::Null) => (FaultCode::Missing, format!("{name} is required: a UUID")),
        Some(Value::String(text)) => match Uuid::parse_str(text) {
            Ok(uuid) => return Some(uuid),
            Err(_) => (FaultCode::InvalidFormat, format!("{name} must be a UUID")),
        },
        Some(_) => (FaultCode::WrongType, format!("{name} must be a string that holds a UUID")),
    };
    faults.push(Fault::new(&[name], code, message));
    None
}

fn event_type(value: Option<&Value>, faults: &mut Vec<Fault>) -> Option<EventType> {
    let (code, message) = match value {
        None | Some(Value::Null) => (FaultCode::Missing, "event_type is required"),
        Some(Value::String(text)) if text.trim().is_empty() => (FaultCode::Missing, "event_type is required"),
        Some(Value::String(text)) if text.len() > 64 => (FaultCode::TooLong, "event_type must be at most 64 bytes"),
        Some(Value::String(text)) => return Some(EventType::from_name(text)),
        Some(_) => (FaultCode::WrongType, "event_type must be a string"),
    };
    faults.push(Fault::new(&["event_type"], code, message));
    None
}

fn occurred_at(value: Option<&Value>, faults: &mut Vec<Fault>) -> Option<DateTime<Utc>> {
    const EXPECTED: &str = "occurred_at must be an RFC 3339 time, e.g. 2026-01-31T09:30:00Z";
    let code = match value {
        None | Some(Value::Null) => FaultCode::Missing,
        Some(Value::String(text)) => match DateTime::parse_from_rfc3339(text) {
            Ok(time) => {
                let time = time.to_utc();
                // A leap second or a year at the edge of the calendar cannot be rounded; it is kept as it is.
                return Some(time.duration_trunc(Duration::microseconds(1)).unwrap_or(time));
            }
            Err(_) => FaultCode::InvalidFormat,
        },
        Some(_) => FaultCode::WrongType,
    };
    faults.push(Fault::new(&["occurred_at"], code, EXPECTED));
    None
}

fn schema_version(value: Option<&Value>, faults: &mut Vec<Fault>) -> Option<u32> {
    match value {
        None => Some(1),
        Some(value) => {
            let version = value.as_u64().and_then(|version| u32::try_from(version).ok()).filter(|version| *version > 0);
            if version.is_none() {
                faults.push(Fault::new(
                    &["schema_version"],
                    FaultCode::WrongType,
                    "schema_version must be a positive integer",
                ));
            }
            version
        }
    }
}

fn data<'a>(value: Option<&'a Value>, faults: &mut Vec<Fault>) -> Option<&'a Map<String, Value>> {
    let (code, message) = match value {
        Some(Value::Object(data)) => return Some(data),
        None | Some(Value::Null) => (FaultCode::Missing, "data is required"),
        Some(_) => (FaultCode::WrongType, "data must be an object"),
    };
    faults.push(Fault::new(&["data"], code, message));
    None
}

fn weigh(json: &Value, limits: &Limits, faults: &mut Vec<Fault>) {
    let bytes = json_bytes(json);
    if bytes > limits.event_bytes {
        let message = format!("the event has {bytes} bytes; at most {} are taken", limits.event_bytes);
        faults.push(Fault::new(&[], FaultCode::TooLarge, message));
    }
    if depth(json) > limits.depth + 2 {
        let message = format!("data is nested deeper than {} levels", limits.depth);
        faults.push(Fault::new(&["data"], FaultCode::TooDeep, message));
    }
}

/// Size as compact JSON, without writing it: exact but for escaped characters.
pub(crate) fn json_bytes(json: &Value) -> usize {
    match json {
        Value::Null | Value::Bool(true) => 4,
        Value::Bool(false) => 5,
        Value::Number(number) => number.as_str().len(),
        Value::String(text) => text.len() + 2,
        Value::Array(items) => 1 + items.iter().map(|item| json_bytes(item) + 1).sum::<usize>().max(1),
        Value::Object(map) => 1 + map.iter().map(|(key, item)| key.len() + 4 + json_bytes(item)).sum::<usize>().max(1),
    }
}

/// Levels of arrays and objects; a scalar has 1.
fn depth(json: &Value) -> usize {
    match json {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 1,
    }
}

fn implausible_time(occurred_at: DateTime<Utc>, intake: &Intake) -> Option<Fault> {
    let message = if occurred_at < DateTime::UNIX_EPOCH {
        "occurred_at lies before 1970".to_owned()
    } else if occurred_at > intake.now + intake.limits.clock_skew {
        "occurred_at lies in the future".to_owned()
    } else {
        return None;
    };
    Some(Fault::new(&["occurred_at"], FaultCode::ImplausibleTime, message))
}

/// What is wrong with one field, if anything.
fn check(field: &Field, data: &Map<String, Value>) -> Option<Fault> {
    let value = data.get(field.name);
    let fault = |code, message| Some(Fault::new(&["data", field.name], code, message));
    match (Population::of(value), value) {
        (Population::Populated, Some(value)) => {
            let code = field.kind.check(value).err()?;
            fault(code, format!("{} must be {}", field.name, field.kind.expectation()))
        }
        _ if field.required => {
            fault(FaultCode::Missing, format!("{} is required: {}", field.name, field.kind.expectation()))
        }
        _ => None,
    }
}

/// Whether a faulty field turns the event away.
fn refused(field: &Field, data: &Map<String, Value>) -> bool {
    let value = data.get(field.name);
    let populated = value.filter(|_| Population::of(value) == Population::Populated);
    match field.refuse {
        Refuse::Never => false,
        Refuse::Invalid => true,
        Refuse::Unpopulated => populated.is_none(),
        Refuse::Unreadable => populated.is_none_or(|value| !field.kind.readable(value)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn intake() -> Intake {
        Intake { now: "2026-06-01T00:00:00Z".parse().unwrap(), limits: Limits::default(), new_id: Uuid::nil }
    }

    fn transaction() -> Value {
        json!({
            "event_id": "960cf240-310c-5496-9b51-c5b65dbee86d",
            "user_id": "f4c0f25c-bbe9-5c87-b0ec-0437c3e4437a",
            "event_type": "transaction_creation",
            "occurred_at": "2026-01-31T10:00:00.123456789+01:00",
            "data": {"transaction_id": "t1", "amount": 12.5, "transaction_type": "debit", "category": "Groceries"},
        })
    }

    fn with(path: &str, value: Value) -> Value {
        let mut event = transaction();
        *event.pointer_mut(path).expect("path") = value;
        event
    }

    fn codes(faults: &[Fault]) -> Vec<(String, FaultCode)> {
        faults.iter().map(|fault| (fault.loc.join("."), fault.code)).collect()
    }

    #[test]
    fn a_clean_event_is_admitted_in_utc_microseconds() {
        let admitted = read(&transaction(), &intake()).unwrap();
        assert_eq!(admitted.warnings, []);
        assert_eq!(super::super::format_time(admitted.event.occurred_at), "2026-01-31T09:00:00.123456Z");
        assert_eq!(admitted.event.schema_version, 1);
    }

    #[test]
    fn all_faults_are_named_at_once() {
        let faults = read(&json!({"event_id": 1, "user_id": null, "data": {}}), &intake()).unwrap_err();
        assert_eq!(
            codes(&faults),
            [
                ("event_id".into(), FaultCode::WrongType),
                ("user_id".into(), FaultCode::Missing),
                ("event_type".into(), FaultCode::Missing),
                ("occurred_at".into(), FaultCode::Missing),
            ]
        );
    }

    #[test]
    fn what_cannot_be_trained_on_is_refused() {
        for (path, value, code) in [
            ("/data/transaction_id", json!(" "), FaultCode::Missing),
            ("/data/amount", json!("twelve"), FaultCode::WrongType),
            ("/data/amount", json!(null), FaultCode::Missing),
            ("/data/transaction_type", json!("refund"), FaultCode::NotInVocabulary),
        ] {
            let faults = read(&with(path, value), &intake()).unwrap_err();
            assert_eq!(codes(&faults), [(path[1..].replace('/', "."), code)]);
        }
    }

    #[test]
    fn what_is_merely_dirty_is_admitted_with_a_warning() {
        for (path, value, code) in [
            ("/data/category", json!(null), FaultCode::Missing),
            ("/data/amount", json!(-1), FaultCode::OutOfRange),
            ("/data/amount", json!("12.50"), FaultCode::WrongType),
            ("/occurred_at", json!("2999-01-01T00:00:00Z"), FaultCode::ImplausibleTime),
            ("/occurred_at", json!("1969-12-31T23:59:59Z"), FaultCode::ImplausibleTime),
        ] {
            let admitted = read(&with(path, value), &intake()).unwrap();
            assert_eq!(codes(&admitted.warnings), [(path[1..].replace('/', "."), code)]);
        }
    }

    #[test]
    fn an_unknown_type_is_admitted_whatever_it_holds() {
        let mut event = with("/event_type", json!("page_view"));
        event["data"] = json!({"url": "/"});
        let admitted = read(&event, &intake()).unwrap();
        assert_eq!(admitted.event.event_type, EventType::Other("page_view".into()));
    }

    #[test]
    fn size_and_depth_are_limited() {
        let large = with("/data/category", json!("x".repeat(70_000)));
        assert_eq!(codes(&read(&large, &intake()).unwrap_err()), [(String::new(), FaultCode::TooLarge)]);
        let mut nested = json!(1);
        for _ in 0..20 {
            nested = json!([nested]);
        }
        let deep = with("/data/category", nested);
        let faults = read(&deep, &intake()).unwrap_err();
        assert_eq!(codes(&faults), [("data".into(), FaultCode::TooDeep)]);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(|number| json!(number)),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map("[a-z_]{1,16}", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_json_gets_an_answer(json in any_json(), field in prop::sample::select(vec!["event_id", "user_id", "event_type", "occurred_at", "data"])) {
            let _ = read(&json, &intake());
            let mut event = transaction();
            event[field] = json;
            match read(&event, &intake()) {
                Ok(_) => {}
                Err(faults) => prop_assert!(!faults.is_empty()),
            }
        }
    }
}
