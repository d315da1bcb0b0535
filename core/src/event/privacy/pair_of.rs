//! Names and values that are two members of an object, `{"name": "password",
//! "value": …}`, or the two items of a list.

use super::{Config, key};

/// Bytes of a name that is looked at.
const NAME: usize = 64;

const NAME_KEYS: [&str; 16] = [
    "name",
    "key",
    "field",
    "fieldname",
    "field_name",
    "param",
    "parameter",
    "header",
    "attribute",
    "property",
    "label",
    "k",
    "variable",
    "question",
    "identifier",
    "type",
];

const VALUE_KEYS: [&str; 15] = [
    "value",
    "val",
    "v",
    "content",
    "data",
    "text",
    "answer",
    "input",
    "values",
    "default",
    "current",
    "fieldvalue",
    "field_value",
    "string",
    "entry",
];

pub fn is_name_key(key: &str) -> bool {
    is_one_of(key, &NAME_KEYS)
}

pub fn is_value_key(key: &str) -> bool {
    is_one_of(key, &VALUE_KEYS)
}

fn is_one_of(key: &str, known: &[&str]) -> bool {
    key.len() <= 12 && {
        let key = key.trim_start_matches(['@', '_', '$']);
        known.iter().any(|known| key.eq_ignore_ascii_case(known))
    }
}

/// Whether the string that is a name names something sensitive.
pub fn is_secret_name(name: &str, config: &Config) -> bool {
    name.len() <= NAME && key::is_sensitive("", name, &config.extra_keys)
}

/// Whether a list of two is a sensitive name and its value.
pub fn is_secret_pair(name: &str, value: &str, config: &Config) -> bool {
    is_secret_name(name, config) && !is_secret_name(value, config)
}
