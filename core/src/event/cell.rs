//! A value of `data` as checks see it: the same for an event that was parsed and
//! for one that is read in place from a file.

use std::borrow::Cow;

use rust_decimal::Decimal;
use serde_json::Value;

use super::number;
use super::schema::Population;

#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    Absent,
    Null,
    Bool(bool),
    /// As the sender spelled it.
    Number(Cow<'a, str>),
    Text(Cow<'a, str>),
    /// An array or an object.
    Nested(Cow<'a, Value>),
}

impl<'a> From<Option<&'a Value>> for Cell<'a> {
    fn from(value: Option<&'a Value>) -> Self {
        value.map_or(Cell::Absent, Cell::from)
    }
}

impl<'a> From<&'a Value> for Cell<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Cell::Null,
            Value::Bool(flag) => Cell::Bool(*flag),
            Value::Number(number) => Cell::Number(Cow::Borrowed(number.as_str())),
            Value::String(text) => Cell::Text(Cow::Borrowed(text)),
            Value::Array(_) | Value::Object(_) => Cell::Nested(Cow::Borrowed(value)),
        }
    }
}

impl Cell<'_> {
    /// Whether it holds something, and if not, in which way.
    pub fn population(&self) -> Population {
        match self {
            Cell::Absent => Population::Absent,
            Cell::Null => Population::Null,
            Cell::Text(text) if text.is_empty() => Population::Empty,
            // What begins like a word is no blank, and most texts do.
            Cell::Text(text) if text.as_bytes()[0].is_ascii_graphic() && !matches!(text.as_bytes()[0], b'n' | b'N') => {
                Population::Populated
            }
            Cell::Text(text) => match text.trim() {
                "" => Population::Blank,
                text if text.eq_ignore_ascii_case("nan") => Population::NaN,
                _ => Population::Populated,
            },
            Cell::Bool(_) | Cell::Number(_) | Cell::Nested(_) => Population::Populated,
        }
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Cell::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A number, or a text that spells one between blanks, without passing through
    /// binary floating point: see [`number::decimal`].
    pub fn decimal(&self) -> Option<Decimal> {
        let text = match self {
            Cell::Number(number) => number,
            Cell::Text(text) => text.trim(),
            _ => return None,
        };
        number::decimal(text)
    }
}
