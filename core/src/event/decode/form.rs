//! The form in which records are written one after another, detected by content.

use serde::{Deserialize, Serialize};

/// Bytes of text that the form is detected by; if they leave it open, it is lines.
pub(super) const HEAD: usize = 16 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// One record per line.
    Lines,
    /// Objects that are spread over lines, as pretty-printers write them.
    Spread,
    /// The elements of one array.
    Array(At),
    /// The elements of the array in `{"events": […]}`.
    Events(At),
}

impl Form {
    /// Whether it is an array whose begin was not read.
    pub(super) fn is_at_begin(self) -> bool {
        matches!(self, Form::Array(At::Begin) | Form::Events(At::Begin))
    }
}

/// A position in an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum At {
    /// Before the opening bracket (and what precedes it).
    Begin,
    /// After the opening bracket.
    First,
    /// After a comma.
    Next,
    /// After the closing bracket.
    End,
    /// After the closing brace of `{"events": […]}`.
    Closed,
}

/// The form of a text that begins with `head`, which begins with no blank; `None`
/// where more of it is needed. `is_all` says that there is no more.
pub(super) fn detect(head: &[u8], is_all: bool) -> Option<Form> {
    let undecided = || if is_all || head.len() >= HEAD { Some(Form::Lines) } else { None };
    match head.first() {
        None => undecided(),
        Some(b'[') => Some(Form::Array(At::Begin)),
        Some(b'{') => match events(head) {
            Prefix::Whole(_) => Some(Form::Events(At::Begin)),
            Prefix::Part => undecided(),
            Prefix::No => {
                spread(head).map_or_else(undecided, |spread| Some(if spread { Form::Spread } else { Form::Lines }))
            }
        },
        Some(_) => Some(Form::Lines),
    }
}

pub(super) enum Prefix {
    /// The bytes that it has.
    Whole(usize),
    Part,
    No,
}

/// Whether a text begins with `{"events":[`, with blanks or without.
pub(super) fn events(text: &[u8]) -> Prefix {
    let mut at = 0;
    for token in [&b"{"[..], b"\"events\"", b":", b"["] {
        at += text[at..].iter().take_while(|byte| is_blank(**byte)).count();
        let rest = &text[at..];
        if !rest.starts_with(token) {
            return if token.starts_with(rest) { Prefix::Part } else { Prefix::No };
        }
        at += token.len();
    }
    Prefix::Whole(at)
}

/// Whether the first object goes on after the end of its first line: with a key, or
/// its closing brace. A line that breaks off is followed by another record instead.
fn spread(head: &[u8]) -> Option<bool> {
    let mut scan = Scan::default();
    for (at, byte) in head.iter().enumerate() {
        if *byte == b'\n' {
            if scan.in_string || scan.depth == 0 {
                return Some(false);
            }
            let next = head[at..].iter().find(|byte| !is_blank(**byte))?;
            return Some(matches!(next, b'"' | b'}'));
        }
        scan.step(*byte);
    }
    None
}

/// What is known of JSON text, byte by byte, without a judgement on it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scan {
    /// Open brackets and braces.
    pub depth: usize,
    pub in_string: bool,
    escaped: bool,
}

impl Scan {
    pub(super) fn step(&mut self, byte: u8) {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }
}

/// Blanks of JSON.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}
