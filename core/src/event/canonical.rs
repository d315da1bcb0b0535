//! The canonical form of JSON values: equal values have equal bytes. Keys are in
//! one order, numbers have no needless zeros, and every text carries its length.

use serde_json::{Map, Value};

use super::cell::Cell;
use super::number;

/// Writes a value so that values that mean the same have the same bytes.
pub fn write_cell(cell: &Cell<'_>, out: &mut Vec<u8>) {
    match cell {
        Cell::Absent => {}
        Cell::Null => out.push(b'n'),
        Cell::Bool(flag) => out.push(if *flag { b't' } else { b'f' }),
        Cell::Number(number) => write_number(number, out),
        Cell::Text(text) => write_string(text, out),
        Cell::Nested(value) => write(value, out),
    }
}

/// Writes a JSON value in its canonical form.
pub fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Array(items) => {
            out.push(b'[');
            items.iter().for_each(|item| write(item, out));
            out.push(b']');
        }
        Value::Object(object) => write_object(object, out),
        _ => write_cell(&Cell::from(value), out),
    }
}

/// Writes an object with its keys in order.
pub fn write_object(object: &Map<String, Value>, out: &mut Vec<u8>) {
    let mut entries: Vec<_> = object.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    out.push(b'{');
    for (key, value) in entries {
        write_string(key, out);
        write(value, out);
    }
    out.push(b'}');
}

/// Writes a text behind its length, so that no text can pass for its own end.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    match u8::try_from(text.len()) {
        Ok(length) if length < u8::MAX => out.push(length),
        _ => {
            out.push(u8::MAX);
            out.extend_from_slice(&(text.len() as u64).to_le_bytes());
        }
    }
    out.extend_from_slice(text.as_bytes());
}

fn write_number(spelled: &str, out: &mut Vec<u8>) {
    out.push(b'#');
    out.extend_from_slice(number::canonical(spelled).as_bytes());
    out.push(b' ');
}
