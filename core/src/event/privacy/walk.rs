//! Redaction of parsed JSON, in place and at every depth.

use serde_json::{Map, Value};

use super::edit::{self, NESTED};
use super::text::{self, Kind};
use super::{Config, PASSES, Place, Redactions, key, pair_of};

/// The walk through a value counts what it redacts.
pub struct Walk<'a> {
    pub config: &'a Config,
    pub done: Redactions,
}

impl<'a> Walk<'a> {
    pub fn new(config: &'a Config) -> Self {
        Self { config, done: Redactions::default() }
    }

    /// `under` is the key that leads here: `{"card": {"number": …}}` is a card number too.
    fn object(&mut self, object: &mut Map<String, Value>, under: &str) {
        self.members(object, under, &mut |_| {});
    }

    /// Adds the names of members whose values changed; a member that was dropped is none.
    pub fn fields(&mut self, object: &mut Map<String, Value>, changed: &mut Vec<String>) {
        self.members(object, "", &mut |key| changed.push(key.to_owned()));
    }

    fn members(&mut self, object: &mut Map<String, Value>, under: &str, changed: &mut dyn FnMut(&str)) {
        self.drop_members(object, under);
        let mut renamed = Vec::new();
        for (key, value) in object.iter_mut() {
            let before = self.done;
            self.value(value, under, key);
            if self.done != before {
                changed(key);
            }
            renamed.extend(self.neutral_key(key).map(|name| (key.clone(), name)));
        }
        rename(object, renamed);
    }

    /// Members under sensitive keys, and values that another member names.
    fn drop_members(&mut self, object: &mut Map<String, Value>, under: &str) {
        if !self.config.rules.keys {
            return;
        }
        let before = object.len();
        object.retain(|key, _| !key::is_sensitive(under, key, &self.config.extra_keys));
        let is_named = object.iter().any(|(key, value)| {
            pair_of::is_name_key(key) && value.as_str().is_some_and(|name| pair_of::is_secret_name(name, self.config))
        });
        if is_named {
            object.retain(|key, _| !pair_of::is_value_key(key));
        }
        self.done.dropped += (before - object.len()) as u32;
    }

    /// The name of a key that holds something sensitive.
    pub fn neutral_key(&mut self, key: &str) -> Option<String> {
        let mut name = key.to_owned();
        let mut changed = false;
        for _ in 0..PASSES {
            let mut edits = edit::of_text(&name, Place::Text, 0, self.config, &mut self.done);
            if edits.is_empty() {
                break;
            }
            edit::neutral(&mut edits);
            name = edit::apply(&name, &edits);
            changed = true;
        }
        changed.then_some(name)
    }

    /// `parent` is the key above `key`.
    pub fn value(&mut self, value: &mut Value, parent: &str, key: &str) {
        match value {
            Value::Object(object) => self.object(object, key),
            Value::Array(items) => {
                for item in items.iter_mut() {
                    self.value(item, parent, key);
                }
                self.drop_second(items);
            }
            Value::String(text) => self.text(text, key::place(parent, key)),
            Value::Number(number) => {
                let place = key::place(parent, key);
                if let Some(with) = edit::of_number(number.as_str(), place, self.config, &mut self.done) {
                    *value = Value::String(with);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn drop_second(&mut self, items: &mut [Value]) {
        if let [Value::String(name), Value::String(value)] = items
            && self.config.rules.keys
            && value != Kind::Dropped.mask()
            && pair_of::is_secret_pair(name, value, self.config)
        {
            *value = Kind::Dropped.mask().to_owned();
            self.done.dropped += 1;
        }
    }

    fn text(&mut self, text: &mut String, place: Place) {
        self.masked(text, place);
        if let Some(max) = self.config.rules.string_chars
            && text::truncate(text, max)
        {
            self.done.truncated += 1;
            // The cut may have left a shorter number that now looks like a card.
            self.masked(text, place);
        }
    }

    fn masked(&mut self, text: &mut String, place: Place) {
        for _ in 0..PASSES {
            let edits = edit::of_text(text, place, NESTED, self.config, &mut self.done);
            if edits.is_empty() {
                break;
            }
            *text = edit::apply(text, &edits);
        }
    }
}

/// Gives members their new names; none is lost where two would be the same.
fn rename(object: &mut Map<String, Value>, renamed: Vec<(String, String)>) {
    for (key, name) in renamed {
        let Some(value) = object.remove(&key) else { continue };
        let free = (1..).map(|n| if n == 1 { name.clone() } else { format!("{name} {n}") });
        if let Some(name) = free.into_iter().find(|name| !object.contains_key(name)) {
            object.insert(name, value);
        }
    }
}
