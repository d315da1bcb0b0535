//! What must not be kept: secrets by the name of their key, and numbers, addresses
//! and tokens inside values. Redaction happens before an event is stored, logged or
//! put in quarantine; what it did is counted, never kept.
//!
//! [`key`] decides by the words of a key, [`text`] finds inside strings: in text that
//! [`fold`] has brought to one spelling, in a fixed number of steps for each byte.
//! [`walk`] redacts parsed JSON, [`record`] JSON in its text. Ids become surrogates,
//! everything else a mask.

mod calling;
mod card;
mod context;
mod edit;
mod email;
mod fold;
mod groups;
mod iban;
mod key;
mod pair;
mod pair_of;
mod phone;
mod record;
mod script;
mod ssn;
mod surrogate;
#[cfg(test)]
mod tests;
mod text;
mod token;
mod walk;
mod work;

use std::sync::Arc;

use serde_json::{Map, Value};

use super::cell::Cell;
use walk::Walk;

pub use key::ExtraKeys;
pub use surrogate::RedactionKey;

/// What a string that was too long ends with.
pub const TRUNCATED: &str = "…[truncated]";

/// How often a text is looked at again after something was replaced: a mask may uncover
/// what stood too close to it.
const PASSES: usize = 8;

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
    /// Tokens of providers, private keys, credentials.
    pub tokens: bool,
    /// The longest string that is kept whole, in characters, at least 32; `None` for any.
    pub string_chars: Option<usize>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            keys: true,
            cards: true,
            ibans: true,
            ssns: true,
            emails: true,
            phones: true,
            tokens: true,
            string_chars: Some(1_000),
        }
    }
}

/// How much was taken out of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Redactions {
    /// Values of sensitive keys.
    pub dropped: u32,
    /// Numbers, addresses and tokens inside values.
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

/// What the digits of a value may be, by its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Text,
    /// Under the key of a telephone number.
    Phone,
    /// Coordinates, amounts, times: no telephone number without its `+`.
    Numbering,
    /// What identifies a thing: replaced by a surrogate, so that no two become equal.
    Id,
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
        self.redact_fields(object, &mut Vec::new())
    }

    /// Redacts an object in place, and adds the names of its members whose values changed.
    pub fn redact_fields(&self, object: &mut Map<String, Value>, changed: &mut Vec<String>) -> Redactions {
        let mut walk = Walk::new(&self.0);
        walk.fields(object, changed);
        walk.done
    }

    /// Redacts any JSON in place.
    pub fn redact_json(&self, json: &mut Value) -> Redactions {
        let mut walk = Walk::new(&self.0);
        walk.value(json, "", "");
        walk.done
    }

    /// Redacts free text: a file's name, a reason, a line that is not JSON.
    pub fn redact_text(&self, text: &str) -> (String, Redactions) {
        self.passes(text, |text, done| edit::of_text(text, Place::Text, edit::NESTED, &self.0, done))
    }

    /// Redacts a record for the quarantine, which may be JSON or not. What is not
    /// replaced stays byte for byte as it came.
    pub fn redact_record(&self, record: &str) -> (String, Redactions) {
        if !record::is_json(record) {
            return self.redact_text(record);
        }
        self.passes(record, |record, done| record::edits(record, edit::NESTED, &self.0, done))
    }

    fn passes(&self, text: &str, edits: impl Fn(&str, &mut Redactions) -> Vec<edit::Edit>) -> (String, Redactions) {
        let (mut text, mut done) = (text.to_owned(), Redactions::default());
        for _ in 0..PASSES {
            let edits = edits(&text, &mut done);
            if edits.is_empty() {
                break;
            }
            text = edit::apply(&text, &edits);
        }
        (text, done)
    }

    /// Whether `text` holds anything that would be masked.
    pub fn is_sensitive(&self, text: &str) -> bool {
        !edit::of_text(text, Place::Text, 0, &self.0, &mut Redactions::default()).is_empty()
    }

    /// Whether redaction would change what stands under the key of a field that is
    /// declared. A text that may have to be cut counts, whether it will be or not.
    pub fn would_change(&self, key: &str, cell: &Cell<'_>) -> bool {
        let mut done = Redactions::default();
        match cell {
            Cell::Absent | Cell::Null | Cell::Bool(_) => false,
            Cell::Number(number) => edit::of_number(number, key::place("", key), &self.0, &mut done).is_some(),
            Cell::Text(text) => {
                text.len() > self.0.rules.string_chars.unwrap_or(usize::MAX)
                    || !edit::of_text(text, key::place("", key), edit::NESTED, &self.0, &mut done).is_empty()
            }
            Cell::Nested(value) => {
                let mut walk = Walk::new(&self.0);
                walk.value(&mut value.clone().into_owned(), "", key);
                !walk.done.is_none()
            }
        }
    }

    /// Whether redaction would drop or rename a key.
    pub fn would_change_key(&self, key: &str) -> bool {
        self.0.rules.keys && key::is_sensitive("", key, &self.0.extra_keys)
            || Walk::new(&self.0).neutral_key(key).is_some()
    }
}
