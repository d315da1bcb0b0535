//! JSON that is redacted in its text: what is not replaced stays byte for byte as it
//! came, its spelling of numbers, its blanks and escapes included.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr2;
use serde::de::IgnoredAny;

use super::edit::{self, Edit};
use super::fold::Pieces;
use super::text::Kind;
use super::{Config, Redactions, key, pair_of, work};

/// Whether a text may be an array or an object, by its first and last signs.
pub fn may_be_json(text: &str) -> bool {
    let bytes = text.trim_ascii().as_bytes();
    match bytes {
        [b'{', .., b'}'] => bytes[1..].trim_ascii_start().first().is_some_and(|byte| matches!(byte, b'"' | b'}')),
        [b'[', .., b']'] => {
            bytes[1..].trim_ascii_start().first().is_some_and(|byte| b"\"[{]-0123456789tfn".contains(byte))
        }
        _ => false,
    }
}

pub fn is_json(text: &str) -> bool {
    work::add(text.len());
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// The edits of a text that is JSON; none of any other.
pub fn edits(text: &str, nested: usize, config: &Config, done: &mut Redactions) -> Vec<Edit> {
    if !is_json(text) {
        return Vec::new();
    }
    let mut reader = Reader { text, at: 0, nested, config, edits: Vec::new(), done: Redactions::default() };
    reader.value("", "");
    *done += reader.done;
    reader.edits
}

/// A reader of text that is known to be JSON.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    nested: usize,
    config: &'a Config,
    edits: Vec<Edit>,
    done: Redactions,
}

/// A value that was read, and the state of the reader before it.
struct ReadValue<'a> {
    range: Range<usize>,
    /// The value, where it is a string.
    string: Option<Cow<'a, str>>,
    edits_before: usize,
    done_before: Redactions,
}

impl<'a> Reader<'a> {
    fn peek(&mut self) -> u8 {
        let bytes = self.text.as_bytes();
        while self.at < bytes.len() && bytes[self.at].is_ascii_whitespace() {
            self.at += 1;
        }
        bytes.get(self.at).copied().unwrap_or(0)
    }

    fn value(&mut self, parent: &str, key: &str) -> ReadValue<'a> {
        let first = self.peek();
        let (start, edits_before, done_before) = (self.at, self.edits.len(), self.done);
        let mut string = None;
        match first {
            b'{' => self.object(key),
            b'[' => self.array(parent, key),
            b'"' => string = Some(self.string_value(parent, key)),
            _ => self.scalar(parent, key),
        }
        ReadValue { range: start..self.at, string, edits_before, done_before }
    }

    fn object(&mut self, under: &str) {
        self.at += 1;
        let (mut is_named, mut value) = (false, None);
        loop {
            match self.peek() {
                b'"' => {}
                b',' => {
                    self.at += 1;
                    continue;
                }
                _ => break,
            }
            let (inside, decoded, pieces) = self.string();
            self.key_edits(inside, &decoded, &pieces);
            self.peek();
            self.at += 1;
            let read = self.value(under, &decoded);
            if self.config.rules.keys {
                if key::is_sensitive(under, &decoded, &self.config.extra_keys) {
                    self.drop_value(&read);
                } else if pair_of::is_value_key(&decoded) {
                    value = Some(read);
                } else if pair_of::is_name_key(&decoded) {
                    is_named |= read.string.is_some_and(|name| pair_of::is_secret_name(&name, self.config));
                }
            }
        }
        self.at += 1;
        if let Some(value) = value.filter(|_| is_named) {
            self.drop_value(&value);
        }
    }

    fn array(&mut self, parent: &str, key: &str) {
        self.at += 1;
        let mut items = Vec::new();
        let mut count = 0;
        loop {
            match self.peek() {
                b']' | 0 => break,
                b',' => self.at += 1,
                _ => {
                    let read = self.value(parent, key);
                    count += 1;
                    if count <= 2 {
                        items.push(read);
                    }
                }
            }
        }
        self.at += 1;
        if let (2, [name, value], true) = (count, items.as_slice(), self.config.rules.keys)
            && let (Some(name), Some(text)) = (&name.string, &value.string)
            && pair_of::is_secret_pair(name, text, self.config)
        {
            self.drop_value(value);
        }
    }

    /// Replaces all of a value, and forgets what was replaced inside.
    fn drop_value(&mut self, value: &ReadValue<'_>) {
        let text = &self.text[value.range.clone()];
        let mask = Kind::Dropped.mask();
        if text == "null" || value.string.as_ref().is_some_and(|string| string == mask) {
            return;
        }
        // What stands after the value keeps its edits.
        let kept = self.edits.iter().skip(value.edits_before).filter(|edit| edit.range.start >= value.range.end);
        let kept: Vec<Edit> = kept.cloned().collect();
        let (count, inside) = (self.edits.len(), self.edits.len() - value.edits_before - kept.len());
        self.edits.truncate(value.edits_before);
        self.edits.push(Edit { range: value.range.clone(), with: format!("\"{mask}\"").into() });
        self.edits.extend(kept);
        if count == value.edits_before + inside {
            self.done = value.done_before;
        }
        self.done.dropped += 1;
    }

    fn string_value(&mut self, parent: &str, key: &str) -> Cow<'a, str> {
        let (inside, decoded, pieces) = self.string();
        let edits = edit::of_text(&decoded, key::place(parent, key), self.nested, self.config, &mut self.done);
        self.push(edits, &inside, &pieces);
        decoded
    }

    fn key_edits(&mut self, inside: Range<usize>, decoded: &str, pieces: &Pieces) {
        let mut edits = edit::of_text(decoded, super::Place::Text, 0, self.config, &mut self.done);
        edit::neutral(&mut edits);
        self.push(edits, &inside, pieces);
    }

    /// Adds edits of a decoded string as edits of its spelling.
    fn push(&mut self, edits: Vec<Edit>, inside: &Range<usize>, pieces: &Pieces) {
        for Edit { range, with } in edits {
            let range = if range.is_empty() { range } else { pieces.original(&range) };
            let with =
                if with.contains(['"', '\\']) { with.replace('\\', r"\\").replace('"', r#"\""#).into() } else { with };
            self.edits.push(Edit { range: inside.start + range.start..inside.start + range.end, with });
        }
    }

    fn scalar(&mut self, parent: &str, key: &str) {
        let rest = &self.text.as_bytes()[self.at..];
        let length =
            rest.iter().take_while(|byte| !byte.is_ascii_whitespace() && !b",]}:".contains(byte)).count().max(1);
        let range = self.at..(self.at + length).min(self.text.len());
        self.at = range.end;
        let Some(scalar) = self.text.get(range.clone()) else { return };
        if !scalar.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
            return;
        }
        if let Some(with) = edit::of_number(scalar, key::place(parent, key), self.config, &mut self.done) {
            self.edits.push(Edit { range, with: format!("\"{with}\"").into() });
        }
    }

    /// Reads a string: where its inside stands, and what it spells.
    fn string(&mut self) -> (Range<usize>, Cow<'a, str>, Pieces) {
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        let (mut end, mut escaped) = (start, false);
        while let Some(found) = memchr2(b'"', b'\\', &bytes[end.min(bytes.len())..]) {
            end += found;
            if bytes[end] == b'"' {
                break;
            }
            escaped = true;
            end += 2;
        }
        let end = end.min(bytes.len());
        work::add(end - start);
        self.at = end + 1;
        let inside = self.text.get(start..end).unwrap_or_default();
        if !escaped {
            return (start..end, Cow::Borrowed(inside), Pieces::default());
        }
        let (text, pieces) = unescaped(inside);
        (start..end, Cow::Owned(text), pieces)
    }
}

/// What the inside of a JSON string spells, and which of its bytes spell what.
fn unescaped(inside: &str) -> (String, Pieces) {
    let (mut text, mut pieces, mut at) = (String::with_capacity(inside.len()), Pieces::default(), 0);
    while at < inside.len() {
        let run = memchr::memchr(b'\\', &inside.as_bytes()[at..]).unwrap_or(inside.len() - at);
        work::add(run + 1);
        if run > 0 {
            pieces.push_run(text.len(), at);
            text.push_str(&inside[at..at + run]);
            at += run;
            continue;
        }
        let (c, length) = escape(&inside.as_bytes()[at..]);
        pieces.push_encoded(text.len(), at, length);
        text.push(c);
        at += length;
    }
    (text, pieces)
}

/// The character of an escape, and its length. Half of a pair is a replacement character.
fn escape(bytes: &[u8]) -> (char, usize) {
    let c = match bytes.get(1) {
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'u') => return unicode(bytes),
        Some(byte) => *byte as char,
        None => '\\',
    };
    (c, 2.min(bytes.len()))
}

fn unicode(bytes: &[u8]) -> (char, usize) {
    let unit = |at: usize| {
        let hex = bytes.get(at..at + 6).filter(|escape| escape.starts_with(b"\\u"))?;
        u32::from_str_radix(std::str::from_utf8(&hex[2..]).ok()?, 16).ok()
    };
    let Some(first) = unit(0) else { return ('\u{fffd}', 2.min(bytes.len())) };
    if let (0xd800..0xdc00, Some(second @ 0xdc00..0xe000)) = (first, unit(6)) {
        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (char::from_u32(code).unwrap_or('\u{fffd}'), 12);
    }
    (char::from_u32(first).unwrap_or('\u{fffd}'), 6)
}
