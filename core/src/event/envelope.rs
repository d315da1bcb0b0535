//! From JSON to an [`Event`]: what is refused, and what is only warned about.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::cell::Cell;
use super::identity::ContentDigest;
use super::normal_form::normalise;
use super::privacy::{Redactions, Redactor};
use super::schema::{self, Field, Population, Refuse};
use super::{Event, EventId, EventTime, EventType, Fault, FaultCode, TimeBounds, UserId, number, suggestion};

/// The members of the envelope; others are stored as they are, and nobody reads them.
pub const MEMBERS: [&str; 6] = ["event_id", "user_id", "event_type", "occurred_at", "schema_version", "data"];

/// Other names of members, and the member that each stands for.
pub const ALIASES: [(&str, &str); 2] = [("timestamp", "occurred_at"), ("event_data", "data")];

/// What an event may weigh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole event as compact JSON.
    pub event_bytes: usize,
    /// Levels of nesting inside `data`.
    pub depth: usize,
    /// Bytes of one string, before it is cut to what is kept of it.
    pub string_bytes: usize,
    /// When an event can have happened; outside of it, it is stored with a warning.
    pub times: TimeBounds,
}

impl Default for Limits {
    fn default() -> Self {
        Self { event_bytes: 64 * 1024, depth: 16, string_bytes: 32 * 1024, times: TimeBounds::default() }
    }
}

/// What the outside world contributes to reading an event.
#[derive(Clone, Debug)]
pub struct Intake {
    pub now: DateTime<Utc>,
    pub limits: Limits,
    pub privacy: Redactor,
}

/// An event that may be stored, and what is odd about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Admitted {
    pub event: Event,
    pub warnings: Vec<Fault>,
    /// What was taken out of its data.
    pub redactions: Redactions,
}

/// Reads one event, and redacts it. One that came without an id gets that which `new_id`
/// makes of its content, as it is after redaction.
///
/// # Errors
/// Every fault that turns the event away, all at once, in the order of the fields.
pub fn read(
    json: Value,
    intake: &Intake,
    new_id: impl FnOnce(ContentDigest) -> EventId,
) -> Result<Admitted, Vec<Fault>> {
    let mut refusals = Vec::new();
    let mut warnings = Vec::new();
    weigh(&json, &intake.limits, &mut refusals);
    // What is too large is rejected unread: neither redacted nor checked field by field.
    let within_limits = refusals.is_empty();
    let Value::Object(mut envelope) = json else {
        return Err(vec![Fault::new(&[], FaultCode::WrongType, "an event must be a JSON object")]);
    };

    resolve_aliases(&mut envelope);
    let id = match envelope.get("event_id") {
        None | Some(Value::Null) => Some(None),
        present => uuid(present, "event_id", &mut refusals).map(Some),
    };
    let user = uuid(envelope.get("user_id"), "user_id", &mut refusals);
    let (event_type, type_redactions) = event_type(envelope.get("event_type"), &intake.privacy, &mut refusals);
    let occurred_at = occurred_at(envelope.get("occurred_at"), &mut refusals);
    let schema_version = schema_version(envelope.get("schema_version"), &mut refusals);
    let mut data = data(envelope.remove("data"), &mut refusals);

    if !within_limits {
        return Err(refusals);
    }
    if !type_redactions.is_none() {
        let message = "event_type held personal data, and is not stored as it was sent";
        warnings.push(Fault::new(&["event_type"], FaultCode::Redacted, message));
    }
    if let Some(occurred_at) = occurred_at {
        warnings.extend(assumed_utc(&occurred_at));
        warnings.extend(implausible_time(occurred_at.utc, intake));
    }
    // Before the fields are checked: they are checked as they are stored.
    let mut redacted = Vec::new();
    let mut redactions =
        data.as_mut().map(|data| intake.privacy.redact_fields(data, &mut redacted)).unwrap_or_default();
    redactions += type_redactions;
    envelope.retain(|member, _| !MEMBERS.contains(&member.as_str()));
    let mut extra = envelope;
    if !extra.is_empty() {
        warnings.push(unknown_member());
        redactions += intake.privacy.redact(&mut extra);
    }
    warnings.extend(event_type.as_ref().and_then(unknown_event_type));
    if let (Some(event_type), Some(data)) = (&event_type, &mut data)
        && let Some(schema) = schema::of_version(event_type.name(), schema_version.unwrap_or(1))
    {
        if schema_version.is_some_and(|version| version > schema.version) {
            warnings.push(unknown_version(schema));
        }
        normalise(schema, data);
        warnings.extend(redacted_fields(schema, &redacted));
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
            let given = id.map(EventId);
            let (id, user) = (given.unwrap_or(EventId(Uuid::nil())), UserId(user));
            let EventTime { utc: occurred_at, offset_minutes: utc_offset_minutes, .. } = occurred_at;
            let mut event =
                Event { id, user, event_type, occurred_at, utc_offset_minutes, schema_version, data, extra };
            if given.is_none() {
                event.id = new_id(ContentDigest::of(&event));
            }
            Ok(Admitted { event, warnings, redactions })
        }
        _ => Err(refusals),
    }
}

/// A warning for each declared field whose value was redacted.
fn redacted_fields(schema: &schema::EventSchema, redacted: &[String]) -> impl Iterator<Item = Fault> {
    let declared = schema.fields.iter().filter(|field| redacted.iter().any(|name| name == field.name));
    declared.map(|field| {
        let message =
            format!("{} looked like personal data, or was too long, and is not stored as it was sent", field.name);
        Fault::new(&["data", field.name], FaultCode::Redacted, message)
    })
}

fn uuid(value: Option<&Value>, name: &str, faults: &mut Vec<Fault>) -> Option<Uuid> {
    let (code, message) = match value {
        None | Some(Value::Null) => (FaultCode::Missing, format!("{name} is required: a UUID")),
        Some(Value::String(text)) => match Uuid::parse_str(text) {
            Ok(uuid) if uuid.is_nil() || uuid.is_max() => {
                (FaultCode::NilId, format!("{name} must identify something: the UUIDs of zeros or ones only do not"))
            }
            Ok(uuid) => return Some(uuid),
            Err(_) => (FaultCode::InvalidFormat, format!("{name} must be a UUID")),
        },
        Some(_) => (FaultCode::WrongType, format!("{name} must be a string that holds a UUID")),
    };
    faults.push(Fault::new(&[name], code, message));
    None
}

/// A name, so that nobody's address comes in by this door.
fn event_type(value: Option<&Value>, redactor: &Redactor, faults: &mut Vec<Fault>) -> (Option<EventType>, Redactions) {
    let is_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:/ ".contains(&byte));
    let (code, message) = match value {
        None | Some(Value::Null) => (FaultCode::Missing, "event_type is required"),
        Some(Value::String(text)) if text.trim().is_empty() => (FaultCode::Missing, "event_type is required"),
        Some(Value::String(text)) if text.len() > 64 => (FaultCode::TooLong, "event_type must be at most 64 bytes"),
        Some(Value::String(text)) if is_name(text) => {
            // Of a mask, only its letters may stand in a name.
            let (name, done) = redactor.redact_text(text);
            let name = if done.is_none() { name } else { name.replace(['[', ']'], "") };
            return (Some(EventType::from_name(&name)), done);
        }
        Some(Value::String(_)) => {
            (FaultCode::InvalidFormat, "event_type must be a name of letters, digits, blanks and _ - . : /")
        }
        Some(_) => (FaultCode::WrongType, "event_type must be a string"),
    };
    faults.push(Fault::new(&["event_type"], code, message));
    (None, Redactions::default())
}

fn occurred_at(value: Option<&Value>, faults: &mut Vec<Fault>) -> Option<EventTime> {
    const EXPECTED: &str = "occurred_at must be an RFC 3339 time, e.g. 2026-01-31T09:30:00Z";
    let code = match value {
        None | Some(Value::Null) => FaultCode::Missing,
        Some(Value::String(text)) => match EventTime::parse(text) {
            Some(time) => return Some(time),
            None => FaultCode::InvalidFormat,
        },
        Some(_) => FaultCode::WrongType,
    };
    faults.push(Fault::new(&["occurred_at"], code, EXPECTED));
    None
}

fn schema_version(value: Option<&Value>, faults: &mut Vec<Fault>) -> Option<u32> {
    match value {
        None | Some(Value::Null) => Some(1),
        Some(value) => {
            let version = match value {
                // 1.0 is a whole number too.
                Value::Number(number) => number::integer(number.as_str()).and_then(|digits| digits.parse().ok()),
                _ => None,
            };
            let version = version.filter(|version| *version > 0);
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

fn data(value: Option<Value>, faults: &mut Vec<Fault>) -> Option<Map<String, Value>> {
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
    // Only an event that is larger than the limit can hold a string that is.
    if bytes > limits.string_bytes && longest_string(json) > limits.string_bytes {
        let message = format!("a string is longer than the {} bytes that are taken", limits.string_bytes);
        faults.push(Fault::new(&["data"], FaultCode::TooLong, message));
    }
}

fn longest_string(json: &Value) -> usize {
    match json {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(longest_string).max().unwrap_or(0),
        Value::Object(map) => map.iter().map(|(key, item)| key.len().max(longest_string(item))).max().unwrap_or(0),
        _ => 0,
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

fn unknown_version(schema: &schema::EventSchema) -> Fault {
    let message = format!("schema_version is above {}, the newest that is known; checked by that", schema.version);
    Fault::new(&["schema_version"], FaultCode::UnknownVersion, message)
}

/// Gives members that came under another name their own. Where both are there, the
/// member's own name counts; an equal value under the other is dropped, a different
/// one stays among the unknown members.
fn resolve_aliases(envelope: &mut Map<String, Value>) {
    for (alias, member) in ALIASES {
        let Some(value) = envelope.get(alias) else { continue };
        match envelope.get(member) {
            None | Some(Value::Null) => {
                if let Some(value) = envelope.remove(alias) {
                    envelope.insert(member.to_owned(), value);
                }
            }
            Some(own) if own == value => {
                envelope.remove(alias);
            }
            Some(_) => {}
        }
    }
}

fn unknown_event_type(event_type: &EventType) -> Option<Fault> {
    if !event_type.is_unknown() {
        return None;
    }
    let mut message = "event_type is not declared: the event is stored, and no dataset reads it".to_owned();
    if let Some(nearest) = suggestion::nearest(event_type.name()) {
        message = format!("{message}; did you mean `{nearest}`?");
    }
    Some(Fault::new(&["event_type"], FaultCode::UnknownEventType, message))
}

/// It does not say which: names are the sender's, and may hold anything.
fn unknown_member() -> Fault {
    let message = format!("what is not among {} is kept, but nobody reads it; it belongs in data", MEMBERS.join(", "));
    Fault::new(&[], FaultCode::UnknownField, message)
}

fn assumed_utc(time: &EventTime) -> Option<Fault> {
    let message = "occurred_at has no UTC offset: UTC is assumed; send e.g. 2026-01-31T09:30:00+01:00";
    time.is_assumed_utc.then(|| Fault::new(&["occurred_at"], FaultCode::AssumedUtc, message))
}

fn implausible_time(occurred_at: DateTime<Utc>, intake: &Intake) -> Option<Fault> {
    let times = &intake.limits.times;
    let message = if times.is_too_early(occurred_at) {
        let floor = times.floor.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        format!("occurred_at lies before {floor}, the earliest plausible time; were seconds read as milliseconds?")
    } else if times.is_too_late(occurred_at, intake.now) {
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
    match (field.kind.population(&value.into()), value) {
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
    let populated = value.filter(|_| field.kind.population(&Cell::from(value)) == Population::Populated);
    match field.refuse {
        Refuse::Never => false,
        Refuse::Invalid => true,
        Refuse::Unpopulated => populated.is_none(),
        Refuse::Unreadable => populated.is_none_or(|value| !field.kind.readable(value)),
    }
}

#[cfg(test)]
mod tests;
