//! What must not be kept: secrets by the name of their key, and numbers and
//! addresses inside values. Redaction happens before an event is stored, logged
//! or put in quarantine; what it did is counted, never kept.
//!
//! [`key`] decides by the words of a key, [`text`] masks inside strings. Both err
//! on the side of hiding: a masked invoice number costs less than a kept card.

mod broken;
mod digits;
mod iban;
mod key;
mod secret;
#[cfg(test)]
mod tests;
mod text;

use std::sync::Arc;

use serde_json::{Map, Value};

use super::cell::Cell;

pub use key::ExtraKeys;
pub use secret::RedactionKey;

/// What a string that was too long ends with.
pub const TRUNCATED: &str = "…[truncated]";

/// Which rules are in force. Each has a switch, for senders whose data would suffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Drop values under sensitive keys.
    pub keys: bool,
    pub cards: bool,
    pub ibans: bool,
    pub ssns: bool,
    pub emails: bool,
    pub phones: bool,
    /// The longest string that is kept whole, in characters, at least 32; `None` for any.
    pub string_chars: Option<usize>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { keys: true, cards: true, ibans: true, ssns: true, emails: true, phones: true, string_chars: Some(1_000) }
    }
}

/// How much was taken out of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Redactions {
    /// Keys whose values were dropped.
    pub dropped: u32,
    /// Numbers and addresses inside values.
    pub masked: u32,
    /// Strings that were cut.
    pub truncated: u32,
}

impl Redactions {
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl std::ops::AddAssign for Redactions {
    fn add_assign(&mut self, other: Self) {
        self.dropped += other.dropped;
        self.masked += other.masked;
        self.truncated += other.truncated;
    }
}

/// The redactor holds what is redacted, and how: switches, the operator's own
/// sensitive keys, and the secret under which ids that look like personal data are
/// replaced. A clone is cheap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redactor(Arc<Config>);

#[derive(Debug, Default, PartialEq, Eq)]
struct Config {
    rules: Rules,
    extra_keys: ExtraKeys,
    key: Option<RedactionKey>,
}

impl From<Rules> for Redactor {
    fn from(rules: Rules) -> Self {
        Self::new(rules, ExtraKeys::default(), None)
    }
}

impl Redactor {
    pub fn new(rules: Rules, extra_keys: ExtraKeys, key: Option<RedactionKey>) -> Self {
        Self(Arc::new(Config { rules, extra_keys, key }))
    }

    /// The same redactor with another key.
    pub fn with_key(&self, key: Option<RedactionKey>) -> Self {
        Self::new(self.0.rules, self.0.extra_keys.clone(), key)
    }

    /// The secret of surrogates. Without one, ids that look like personal data are
    /// masked like any text, and so become equal: ingestion does not start without one.
    pub fn key(&self) -> Option<&RedactionKey> {
        self.0.key.as_ref()
    }

    pub fn rules(&self) -> &Rules {
        &self.0.rules
    }

    /// Redacts an object in place, at every depth. A second time changes nothing.
    pub fn redact(&self, object: &mut Map<String, Value>) -> Redactions {
        let mut redaction = Redaction { rules: &self.0.rules, done: Redactions::default() };
        redaction.object(object, "");
        redaction.done
    }

    /// Redacts any JSON in place.
    pub fn redact_json(&self, json: &mut Value) -> Redactions {
        let mut redaction = Redaction { rules: &self.0.rules, done: Redactions::default() };
        redaction.value(json, "");
        redaction.done
    }

    /// Redacts free text: a file's name, a reason, a line that is not JSON.
    pub fn redact_text(&self, text: &str) -> (String, Redactions) {
        broken::redact_text(text, &self.0.rules)
    }

    /// Redacts a record for the quarantine, which may be JSON or not.
    pub fn redact_record(&self, record: &str) -> (String, Redactions) {
        match serde_json::from_str::<Value>(record) {
            Ok(mut json) => {
                let done = self.redact_json(&mut json);
                (json.to_string(), done)
            }
            Err(_) => self.redact_text(record),
        }
    }

    /// Whether `text` holds anything that would be masked.
    pub fn is_sensitive(&self, text: &str) -> bool {
        text::mask(text, &self.0.rules, false).is_some()
    }

    /// Whether redaction would change what stands under the key of a field that is
    /// declared. A text that may have to be cut counts, whether it will be or not.
    pub fn would_change(&self, key: &str, cell: &Cell<'_>) -> bool {
        let rules = &self.0.rules;
        match cell {
            Cell::Absent | Cell::Null | Cell::Bool(_) => false,
            Cell::Number(number) => rules.cards && number.len() > 12 && digits::is_card(number.as_bytes()),
            Cell::Text(text) => {
                text.len() > rules.string_chars.unwrap_or(usize::MAX)
                    || text::may_hold_something(text) && text::mask(text, rules, key::is_id(key)).is_some()
            }
            Cell::Nested(value) => {
                let mut redaction = Redaction { rules, done: Redactions::default() };
                redaction.value(&mut value.clone().into_owned(), key);
                !redaction.done.is_none()
            }
        }
    }

    /// Whether redaction would drop or rename a key.
    pub fn would_change_key(&self, key: &str) -> bool {
        let rules = &self.0.rules;
        rules.keys && key::is_sensitive("", key) || text::mask(key, rules, false).is_some()
    }
}

struct Redaction<'a> {
    rules: &'a Rules,
    done: Redactions,
}

impl Redaction<'_> {
    /// `under` is the key that leads here: `{"card": {"number": …}}` is a card number too.
    fn object(&mut self, object: &mut Map<String, Value>, under: &str) {
        if self.rules.keys {
            let before = object.len();
            object.retain(|key, _| !key::is_sensitive(under, key));
            self.done.dropped += (before - object.len()) as u32;
        }
        let mut renamed = Vec::new();
        for (key, value) in object.iter_mut() {
            self.value(value, key);
            if let Some((name, masked)) = text::mask(key, self.rules, false) {
                self.done.masked += masked;
                renamed.push((key.clone(), text::neutral(&name)));
            }
        }
        for (key, name) in renamed {
            let Some(value) = object.remove(&key) else { continue };
            let free = (1..).map(|n| if n == 1 { name.clone() } else { format!("{name} {n}") });
            if let Some(name) = free.into_iter().find(|name| !object.contains_key(name)) {
                object.insert(name, value);
            }
        }
    }

    fn value(&mut self, value: &mut Value, key: &str) {
        match value {
            Value::Object(object) => self.object(object, key),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item, key)),
            Value::String(text) => self.text(text, key),
            Value::Number(number) => {
                if self.rules.cards && digits::is_card(number.as_str().as_bytes()) {
                    *value = Value::from(text::CARD);
                    self.done.masked += 1;
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn text(&mut self, text: &mut String, key: &str) {
        if let Some((masked, count)) = text::mask(text, self.rules, key::is_id(key)) {
            self.done.masked += count;
            *text = masked;
        }
        if let Some(most) = self.rules.string_chars
            && text::truncate(text, most)
        {
            self.done.truncated += 1;
            // The cut may have left a shorter number that now looks like a card.
            if let Some((masked, count)) = text::mask(text, self.rules, key::is_id(key)) {
                self.done.masked += count;
                *text = masked;
            }
        }
    }
}
