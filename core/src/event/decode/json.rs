//! JSON text to values, with the keys that come twice.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::Value;

use super::record::utf8;
use crate::event::privacy::Redactor;
use crate::event::{Fault, FaultCode};

/// Paths of keys that are reported of one text.
const MAX_PATHS: usize = 20;
/// What begins the keys by which the JSON library marks its own values. An object with
/// such a key would be read as something else when it comes back from the store.
const RESERVED: &str = "$serde_json::private::";

/// A JSON value that was read from text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Json {
    pub value: Value,
    /// The paths of keys that come more than once in their object, of which the last value
    /// is the one above. At most 20.
    pub duplicate_keys: Vec<Vec<String>>,
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        Self { value, duplicate_keys: Vec::new() }
    }
}

impl Json {
    /// A warning per key that comes twice. Keys are the sender's and may hold anything, so
    /// that they are redacted.
    pub fn warnings(&self, redactor: &Redactor) -> Vec<Fault> {
        let warning = |path: &Vec<String>| Fault {
            loc: path.iter().map(|key| redactor.redact_text(key).0).collect(),
            code: FaultCode::DuplicateKey,
            message: "the key comes more than once in its object; the last value counts".to_owned(),
        };
        self.duplicate_keys.iter().map(warning).collect()
    }
}

impl Json {
    /// The value of a member, with what is known of it; null where there is none.
    pub fn take(&mut self, name: &str) -> Json {
        let value = self.value.get_mut(name).map(Value::take).unwrap_or_default();
        Json { value, duplicate_keys: below(&self.duplicate_keys, name) }
    }

    /// The elements of an array, each with what is known of it; any other value alone.
    pub fn elements(self) -> Vec<Json> {
        let Value::Array(items) = self.value else { return vec![self] };
        let element = |(index, value): (usize, Value)| Json {
            value,
            duplicate_keys: below(&self.duplicate_keys, &index.to_string()),
        };
        items.into_iter().enumerate().map(element).collect()
    }
}

/// The paths below a key, from there on.
fn below(paths: &[Vec<String>], key: &str) -> Vec<Vec<String>> {
    let below = paths.iter().filter(|path| path.len() > 1 && path[0] == key);
    below.map(|path| path[1..].to_vec()).collect()
}

/// Reads the JSON of one event, or of a batch.
///
/// # Errors
/// `wrong_encoding` or `invalid_format`, with line and column; nothing of the text is
/// quoted.
pub fn parse(text: &[u8]) -> Result<Json, Fault> {
    utf8(text)?;
    read(text).map_err(|broken| broken.fault(1))
}

/// Where text is no JSON, and why.
#[derive(Debug)]
pub(super) struct Broken {
    line: u64,
    column: usize,
    code: FaultCode,
    why: String,
}

impl Broken {
    /// For a text that begins in this line.
    pub(super) fn fault(self, first_line: u64) -> Fault {
        let Self { line, column, code, why } = self;
        let line = first_line + line.saturating_sub(1);
        Fault::new(&[], code, format!("line {line}, column {column}: {why}"))
    }
}

pub(super) fn read(text: &[u8]) -> Result<Json, Broken> {
    let text = std::str::from_utf8(text).map_err(|_| Broken {
        line: 1,
        column: 1,
        code: FaultCode::WrongEncoding,
        why: "the text is not UTF-8; save it as UTF-8".to_owned(),
    })?;
    let value: Value = serde_json::from_str(text).map_err(|error| broken(&error))?;
    let keys = keys(text.as_bytes());
    if keys.reserved {
        let why = format!("a key begins with {RESERVED}, which cannot be stored; rename it");
        return Err(Broken { line: 1, column: 1, code: FaultCode::InvalidFormat, why });
    }
    let duplicate_keys = if keys.count == members(&value) { Vec::new() } else { duplicates(text.as_bytes()) };
    Ok(Json { value, duplicate_keys })
}

fn broken(error: &serde_json::Error) -> Broken {
    let detail = error.to_string();
    let problem = if error.is_eof() {
        "it ends too early"
    } else if detail.starts_with("recursion limit") {
        "it is nested more than 127 levels deep"
    } else if detail.contains("surrogate") || detail.contains("hex escape") {
        "an escape stands for half a character"
    } else {
        "unexpected text"
    };
    Broken {
        line: error.line() as u64,
        column: error.column(),
        code: FaultCode::InvalidFormat,
        why: format!("this is not JSON: {problem}"),
    }
}

/// Whether an object in valid JSON has a key twice.
pub(in crate::event) fn has_duplicate_keys(text: &[u8], value: &Value) -> bool {
    keys(text).count != members(value)
}

/// Keys of all objects in a value.
fn members(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(members).sum(),
        Value::Object(map) => map.len() + map.values().map(members).sum::<usize>(),
        _ => 0,
    }
}

struct Keys {
    count: usize,
    reserved: bool,
}

fn keys(text: &[u8]) -> Keys {
    let mut keys = Keys { count: 0, reserved: false };
    for token in Tokens::new(text) {
        if let Token::Key(raw) = token {
            keys.count += 1;
            keys.reserved |= matches!(raw.first(), Some(b'$' | b'\\')) && unescaped(raw).starts_with(RESERVED);
        }
    }
    keys
}

/// The paths of keys that come twice, in the order of the text.
fn duplicates(text: &[u8]) -> Vec<Vec<String>> {
    enum Open<'a> {
        Object { seen: HashSet<Cow<'a, str>>, key: Cow<'a, str> },
        Array { index: usize },
    }
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut paths = Vec::new();
    for token in Tokens::new(text) {
        match token {
            Token::Object => open.push(Open::Object { seen: HashSet::new(), key: Cow::Borrowed("") }),
            Token::Array => open.push(Open::Array { index: 0 }),
            Token::Close => drop(open.pop()),
            Token::Comma => {
                if let Some(Open::Array { index }) = open.last_mut() {
                    *index += 1;
                }
            }
            Token::Key(raw) => {
                let Some(Open::Object { seen, key }) = open.last_mut() else { continue };
                *key = unescaped(raw);
                if seen.insert(key.clone()) {
                    continue;
                }
                let path: Vec<String> = open
                    .iter()
                    .map(|open| match open {
                        Open::Object { key, .. } => key.to_string(),
                        Open::Array { index } => index.to_string(),
                    })
                    .collect();
                if !paths.contains(&path) {
                    paths.push(path);
                }
                if paths.len() == MAX_PATHS {
                    return paths;
                }
            }
        }
    }
    paths
}

/// A key without its escapes; of valid JSON.
fn unescaped(raw: &[u8]) -> Cow<'_, str> {
    let text = std::str::from_utf8(raw).unwrap_or_default();
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(serde_json::from_str(&format!("\"{text}\"")).unwrap_or_default())
}

/// What of valid JSON says where its keys lie.
enum Token<'a> {
    Object,
    Array,
    Close,
    Comma,
    /// As it is spelled, without quotes.
    Key(&'a [u8]),
}

struct Tokens<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Tokens<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// The string that begins after the quote, and moves behind its end.
    fn string(&mut self) -> &'a [u8] {
        let begin = self.at;
        while let Some(found) = memchr::memchr2(b'"', b'\\', &self.text[self.at..]) {
            let at = self.at + found;
            if self.text[at] == b'"' {
                self.at = at + 1;
                return &self.text[begin..at];
            }
            self.at = (at + 2).min(self.text.len());
        }
        self.at = self.text.len();
        &self.text[begin..]
    }

    fn is_key(&self) -> bool {
        self.text[self.at..].iter().find(|byte| !super::form::is_blank(**byte)) == Some(&b':')
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let byte = *self.text.get(self.at)?;
            self.at += 1;
            match byte {
                b'{' => return Some(Token::Object),
                b'[' => return Some(Token::Array),
                b'}' | b']' => return Some(Token::Close),
                b',' => return Some(Token::Comma),
                b'"' => {
                    let string = self.string();
                    if self.is_key() {
                        return Some(Token::Key(string));
                    }
                }
                _ => {}
            }
        }
    }
}
