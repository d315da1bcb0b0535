//! Secrets by their name in free text: `password=…`, `"token": "…"`, `my password is …`,
//! `Authorization: …`, the query parameters of a URL.

use std::ops::Range;

use memchr::{memchr, memchr2, memmem};

use super::edit::NEUTRAL;
use super::fold::{self, Folded};
use super::key::{self, ExtraKeys};
use super::text::Kind;
use super::work;

/// Bytes of a name that are looked at.
const NAME: usize = 64;
/// Bytes of a phrase, such as the words of a seed.
const PHRASE: usize = 512;

/// The names and values of one text.
pub struct Pairs<'a> {
    pub folded: &'a Folded<'a>,
    pub extra: &'a ExtraKeys,
}

/// What a value may consist of, by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Word,
    /// Groups of digits and letters: cards, accounts.
    Groups,
    /// A scheme and credentials.
    Credentials,
    /// All to the end of the line.
    Line,
    /// Words, to the end of the sentence.
    Words,
}

impl Pairs<'_> {
    /// The first value of a sensitive name at or after `from`.
    pub fn next(&self, from: usize) -> Option<Range<usize>> {
        let text = self.text();
        let mut at = from;
        while let Some(found) = memchr2(b':', b'=', &text[at..]) {
            let sign = at + found;
            work::add(found + 1);
            let more = text[sign + 1..].iter().take(2).take_while(|byte| matches!(byte, b':' | b'=' | b'>')).count();
            at = sign + 1 + more;
            if text[sign..].starts_with(b"://") {
                continue;
            }
            if let Some(shape) = self.name_before(sign)
                && let Some(value) = self.value(at, shape, self.folded.is_encoded(sign))
            {
                return Some(value);
            }
        }
        None
    }

    /// The first value at or after `from` that a sentence gives: `my password is …`.
    pub fn next_in_prose(&self, from: usize) -> Option<Range<usize>> {
        let text = self.text();
        let mut at = from;
        while let Some(found) = memchr(b' ', &text[at..]) {
            let sign = at + found;
            work::add(found + 4);
            at = sign + 1;
            if !text[at..].starts_with(b"is ") {
                continue;
            }
            at += 2;
            let phrase = phrase_before(text, sign);
            if key::ends_sensitive(phrase, self.extra)
                && let Some(value) = self.value(at, shape_of(phrase), false)
                && !is_common(&text[value.clone()])
            {
                return Some(value);
            }
        }
        None
    }

    fn text(&self) -> &[u8] {
        &self.folded.bytes
    }

    /// The shape of the value whose name ends before `sign`, if the name is sensitive.
    fn name_before(&self, sign: usize) -> Option<Shape> {
        let text = self.text();
        let begin = sign.saturating_sub(NAME);
        let closing = text[begin..sign].iter().rev().take(6).take_while(|byte| b" \"'\\]`".contains(byte)).count();
        let end = sign - closing;
        let length = text[begin..end].iter().rev().take_while(|byte| is_name(**byte)).count();
        work::add(length + closing + 1);
        let name = &text[end - length..end];
        // Times and the like are most of what stands before a colon.
        let is_number = name.first().is_some_and(u8::is_ascii_digit) && !name[1..].starts_with(b"fa");
        if is_number
            || !name.iter().any(|byte| byte.is_ascii_alphabetic() || *byte == fold::LETTER)
            || is_mask(text, end - length, end)
        {
            return None;
        }
        if name == b"sig" {
            return self.is_long(sign + 1).then_some(Shape::Word);
        }
        let phrase = phrase_before(text, end);
        let named = key::is_sensitive_folded(b"", name, self.extra);
        (named || key::ends_sensitive(phrase, self.extra)).then(|| shape_of(if named { name } else { phrase }))
    }

    /// Whether a value has the length of the signature of a URL.
    fn is_long(&self, start: usize) -> bool {
        self.text()[start..]
            .iter()
            .take(20)
            .take_while(|byte| byte.is_ascii_alphanumeric() || b"+/%=_-".contains(byte))
            .count()
            == 20
    }

    /// The value that begins after `start`; `None` where there is none, or only a mask.
    fn value(&self, start: usize, shape: Shape, sign_encoded: bool) -> Option<Range<usize>> {
        let text = self.text();
        let blanks = text[start..].iter().take(4).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let begin = start + blanks;
        let escapes = text[begin..].iter().take(8).take_while(|byte| **byte == b'\\').count();
        let first = *text.get(begin + escapes)?;
        let value = match first {
            b'"' | b'\'' | b'`' => {
                let inside = begin + escapes + 1;
                inside..quote_end(text, inside, first, escapes)
            }
            b'{' | b'[' if !begins_with_mask(&text[begin..]) => begin..bracket_end(text, begin + escapes),
            _ => begin..self.plain_end(begin, shape, sign_encoded),
        };
        (!value.is_empty() && !begins_with_mask(&text[value.clone()])).then_some(value)
    }

    fn plain_end(&self, begin: usize, shape: Shape, sign_encoded: bool) -> usize {
        let text = self.text();
        let mut end = self.word_end(begin, sign_encoded);
        let limit = text.len().min(begin + PHRASE);
        match shape {
            Shape::Word => {}
            Shape::Line => end = line_end(text, begin, b"\n\r\"'"),
            Shape::Words => end = line_end(&text[..limit], begin, b"\n\r\"';,.&<>{}[]"),
            Shape::Credentials if is_scheme(&text[begin..end]) => {
                let next = end + usize::from(text.get(end) == Some(&b' '));
                if begins_with_mask(&text[next..]) {
                    return begin;
                }
                end = match text[begin..end].to_ascii_lowercase().as_slice() {
                    b"digest" => line_end(text, begin, b"\n\r"),
                    word if word.starts_with(b"aws4") => line_end(text, begin, b"\n\r\"'"),
                    _ => self.word_end(next, sign_encoded),
                };
            }
            Shape::Credentials => {}
            Shape::Groups => {
                for _ in 0..8 {
                    let after = &text[end..];
                    let gap = after.iter().take(3).take_while(|byte| matches!(byte, b' ' | b'-')).count();
                    let group = after[gap..].iter().take(8).take_while(|byte| byte.is_ascii_alphanumeric()).count();
                    work::add(gap + group);
                    if gap == 0 || !after[gap..gap + group].iter().any(u8::is_ascii_digit) {
                        break;
                    }
                    end += gap + group;
                }
            }
        }
        end
    }

    /// Where a word ends. A separator that is encoded ends it only where the pair itself is encoded.
    fn word_end(&self, begin: usize, sign_encoded: bool) -> usize {
        let text = self.text();
        for at in begin..text.len() {
            work::add(1);
            let byte = text[at];
            let ends = match byte {
                b' ' | b'\t' | b'\n' | b'\r' | b'"' | b'\'' | b'`' | b'<' | b'>' | b')' | b'}' | b']' | b'[' | b'{'
                | b'&' => true,
                b',' | b';' => is_list(&text[at + 1..]),
                b'\\' => matches!(text.get(at + 1), Some(b'n' | b'r' | b't' | b'"' | b'\\')),
                _ => false,
            };
            if ends && (sign_encoded || matches!(byte, b'[' | b']') || !self.folded.is_encoded(at)) {
                return at;
            }
        }
        text.len()
    }
}

/// Whether what follows a comma begins something else: a blank, a quote, the end, another name.
fn is_list(after: &[u8]) -> bool {
    let Some(first) = after.first() else { return true };
    if first.is_ascii_whitespace() || matches!(first, b'"' | b'\'' | b'\\') {
        return true;
    }
    let name = after.iter().take(NAME).take_while(|byte| is_name(**byte)).count();
    work::add(name);
    name > 0 && matches!(after.get(name), Some(b'=' | b':'))
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'$') || byte == fold::LETTER
}

/// The words that stand before `end`.
fn phrase_before(text: &[u8], end: usize) -> &[u8] {
    let before = &text[end.saturating_sub(NAME)..end];
    let is_phrase =
        |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b' ' | b'_' | b'-' | b'\'') || *byte == fold::LETTER;
    let length = before.iter().rev().take_while(|byte| is_phrase(byte)).count();
    work::add(length + 1);
    &before[before.len() - length..]
}

fn shape_of(name: &[u8]) -> Shape {
    let name = name[name.len().saturating_sub(NAME)..].to_ascii_lowercase();
    let has = |words: &[&[u8]]| words.iter().any(|word| memmem::find(&name, word).is_some());
    work::add(name.len());
    match () {
        () if has(&[b"cookie"]) => Shape::Line,
        () if has(&[b"auth"]) => Shape::Credentials,
        () if has(&[b"phrase", b"mnemonic", b"birth", b"dob", b"answer", b"maiden", b"seed"]) => Shape::Words,
        () if has(&[
            b"card",
            b"account",
            b"acct",
            b"iban",
            b"ssn",
            b"pan",
            b"routing",
            b"tax",
            b"passport",
            b"sort",
            b"number",
            b"social",
        ]) =>
        {
            Shape::Groups
        }
        () => Shape::Word,
    }
}

fn is_scheme(word: &[u8]) -> bool {
    let word = word.to_ascii_lowercase();
    word.starts_with(b"aws4")
        || matches!(
            word.as_slice(),
            b"bearer" | b"basic" | b"token" | b"digest" | b"negotiate" | b"apikey" | b"key" | b"hmac"
        )
}

/// Words that say something about a secret instead of giving it.
fn is_common(value: &[u8]) -> bool {
    let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    letters + 1 >= value.len()
        && matches!(
            value.to_ascii_lowercase().strip_suffix(b".").unwrap_or(&value.to_ascii_lowercase()),
            b"a" | b"an"
                | b"the"
                | b"not"
                | b"required"
                | b"invalid"
                | b"valid"
                | b"incorrect"
                | b"wrong"
                | b"expired"
                | b"being"
                | b"too"
                | b"now"
                | b"missing"
                | b"reset"
                | b"set"
                | b"changed"
                | b"for"
                | b"in"
                | b"on"
                | b"to"
                | b"ok"
                | b"correct"
                | b"weak"
                | b"strong"
                | b"hidden"
                | b"secret"
                | b"secure"
                | b"safe"
                | b"stored"
                | b"hashed"
                | b"encrypted"
                | b"empty"
                | b"used"
                | b"sent"
                | b"already"
                | b"also"
                | b"blocked"
                | b"locked"
                | b"needed"
                | b"only"
                | b"your"
                | b"my"
                | b"our"
                | b"this"
                | b"that"
                | b"very"
                | b"no"
                | b"never"
                | b"always"
                | b"accepted"
        )
}

/// Where a quoted value ends: at its quote, with as many backslashes before it as before the first.
fn quote_end(text: &[u8], inside: usize, quote: u8, escapes: usize) -> usize {
    let mut backslashes = 0;
    for (at, byte) in text.iter().enumerate().skip(inside) {
        work::add(1);
        match *byte {
            b'\\' => backslashes += 1,
            byte if byte == quote && (if escapes == 0 { backslashes % 2 == 0 } else { backslashes <= escapes }) => {
                return at - backslashes.min(escapes);
            }
            _ => backslashes = 0,
        }
    }
    text.len()
}

/// Where a list or an object ends.
fn bracket_end(text: &[u8], begin: usize) -> usize {
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for (at, byte) in text.iter().enumerate().skip(begin) {
        work::add(1);
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    text.len()
}

fn line_end(text: &[u8], begin: usize, ends: &[u8]) -> usize {
    let length = text[begin..].iter().take_while(|byte| !ends.contains(byte)).count();
    work::add(length);
    begin + length
}

/// Whether the text is a mask, or what was found before and will be one.
fn begins_with_mask(text: &[u8]) -> bool {
    text.first() == Some(&b']')
        || text.starts_with(NEUTRAL.as_bytes())
        || Kind::ALL.iter().any(|kind| text.starts_with(kind.mask().as_bytes()))
}

/// Whether a name is the inside of a mask.
fn is_mask(text: &[u8], start: usize, end: usize) -> bool {
    start > 0 && text[start - 1] == b'[' && text.get(end) == Some(&b']') && begins_with_mask(&text[start - 1..=end])
}
