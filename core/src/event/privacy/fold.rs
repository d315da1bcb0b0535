//! Folding: text in the one spelling that the scanner knows. Digits of every script,
//! full-width and other compatibility forms, all blanks, dashes and dots become
//! ASCII; invisible characters go; percent-encoding and HTML entities are decoded.
//! What a position of the folded text was in the original is kept, so that a
//! finding is cut out of the text as it came.

use std::borrow::Cow;
use std::ops::Range;

use unicode_normalization::char::decompose_compatible;

use super::{script, work};

/// A letter that has no ASCII spelling.
pub const LETTER: u8 = 0xff;
/// Any other character that has none.
const OTHER: u8 = 0xfe;

/// Folded text, a byte for each character that shows.
#[derive(Debug)]
pub struct Folded<'a> {
    pub bytes: Cow<'a, [u8]>,
    pieces: Pieces,
}

/// Where a text differs from its original, in order; empty where it does not.
#[derive(Debug, Default)]
pub struct Pieces(Vec<Piece>);

/// A run of bytes that stand for themselves, or the spelling of one character.
#[derive(Clone, Copy, Debug)]
struct Piece {
    at: usize,
    original: usize,
    /// The original bytes of an encoded character; 0 for a run.
    encoded: usize,
}

impl Pieces {
    /// A run of plain bytes begins.
    pub fn push_run(&mut self, at: usize, original: usize) {
        self.0.push(Piece { at, original, encoded: 0 });
    }

    /// A character that is spelled with so many bytes of the original.
    pub fn push_encoded(&mut self, at: usize, original: usize, encoded: usize) {
        self.0.push(Piece { at, original, encoded });
    }

    /// The original bytes of a range that is not empty.
    pub fn original(&self, range: &Range<usize>) -> Range<usize> {
        if self.0.is_empty() {
            return range.clone();
        }
        let start = self.of(range.start);
        let start = start.original + if start.encoded > 0 { 0 } else { range.start - start.at };
        let last = self.of(range.end - 1);
        let end = last.original + if last.encoded > 0 { last.encoded } else { range.end - last.at };
        start..end
    }

    fn is_encoded(&self, at: usize) -> bool {
        !self.0.is_empty() && self.of(at).encoded > 0
    }

    fn of(&self, at: usize) -> Piece {
        self.0[self.0.partition_point(|piece| piece.at <= at) - 1]
    }
}

impl<'a> Folded<'a> {
    /// Text of which it is known that it needs no folding.
    pub fn plain(text: &'a str) -> Self {
        Self { bytes: Cow::Borrowed(text.as_bytes()), pieces: Pieces::default() }
    }

    pub fn new(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        work::add(bytes.len());
        match bytes.iter().position(|byte| is_special(*byte)) {
            None => Self { bytes: Cow::Borrowed(bytes), pieces: Pieces::default() },
            Some(first) => Folder::new(text, first).run(),
        }
    }

    /// The original bytes of a range of the folded text that is not empty.
    pub fn original(&self, range: &Range<usize>) -> Range<usize> {
        self.pieces.original(range)
    }

    /// Whether the byte at `at` was written in an encoding.
    pub fn is_encoded(&self, at: usize) -> bool {
        self.pieces.is_encoded(at)
    }
}

/// Whether folding has to look at a byte: all but those of plain ASCII text.
fn is_special(byte: u8) -> bool {
    byte >= 0x7f || byte == b'%' || byte == b'&' || (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r'))
}

struct Folder<'a> {
    text: &'a str,
    at: usize,
    folded: Vec<u8>,
    pieces: Pieces,
    /// Whether the next plain byte continues the last piece.
    in_run: bool,
}

impl<'a> Folder<'a> {
    fn new(text: &'a str, first: usize) -> Self {
        let mut folded = Vec::with_capacity(text.len());
        folded.extend_from_slice(&text.as_bytes()[..first]);
        let mut pieces = Pieces::default();
        pieces.push_run(0, 0);
        Self { text, at: first, folded, pieces, in_run: first > 0 }
    }

    fn run(mut self) -> Folded<'a> {
        let bytes = self.text.as_bytes();
        while self.at < bytes.len() {
            work::add(1);
            let byte = bytes[self.at];
            if !is_special(byte) {
                let rest = &bytes[self.at..];
                self.run_of(rest.iter().position(|byte| is_special(*byte)).unwrap_or(rest.len()));
                continue;
            }
            let decoded = match byte {
                b'%' => percent(&bytes[self.at..]),
                b'&' => entity(&bytes[self.at..]),
                _ => self.text[self.at..].chars().next().map(|c| (c, c.len_utf8())),
            };
            match decoded {
                Some((c, length)) => self.encoded(c, length),
                None => self.run_of(1),
            }
        }
        Folded { bytes: Cow::Owned(self.folded), pieces: self.pieces }
    }

    /// Takes so many bytes as they are.
    fn run_of(&mut self, bytes: usize) {
        work::add(bytes);
        if !self.in_run {
            self.pieces.push_run(self.folded.len(), self.at);
            self.in_run = true;
        }
        self.folded.extend_from_slice(&self.text.as_bytes()[self.at..self.at + bytes]);
        self.at += bytes;
    }

    fn encoded(&mut self, c: char, length: usize) {
        self.in_run = false;
        let before = self.folded.len();
        if c.is_ascii() {
            if !script::is_invisible(c) {
                self.folded.push(c as u8);
            }
        } else if let Some(letter) = script::latin(c) {
            self.folded.push(letter);
        } else if !script::is_invisible(c) {
            let folded = &mut self.folded;
            // The longest decompositions are ligatures of whole phrases, which spell nothing.
            decompose_compatible(c, |part| {
                if folded.len() < before + 4 {
                    folded.extend(sign(part));
                }
            });
        }
        if self.folded.len() > before {
            self.pieces.push_encoded(before, self.at, length);
        }
        self.at += length;
    }
}

/// The byte of a character of a decomposition; `None` for what does not show.
fn sign(c: char) -> Option<u8> {
    if script::is_invisible(c) {
        return None;
    }
    if c.is_ascii() {
        return Some(c as u8);
    }
    let spelled = script::digit(c).map(|digit| b'0' + digit).or_else(|| script::look_alike(c));
    Some(spelled.unwrap_or(match c {
        _ if c.is_whitespace() => b' ',
        _ if c.is_alphanumeric() => LETTER,
        _ => OTHER,
    }))
}

/// The character that percent-encoding spells at the beginning of `bytes`, and the
/// length of its spelling; `%2540`, which was encoded twice, too.
fn percent(bytes: &[u8]) -> Option<(char, usize)> {
    let (first, mut length) = percent_byte(bytes)?;
    let wanted = match first {
        0..0x80 => return Some((first as char, length)),
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    let mut spelled = [first, 0, 0, 0];
    for byte in &mut spelled[1..wanted] {
        let (next, more) = percent_byte(&bytes[length..])?;
        *byte = next;
        length += more;
    }
    let c = std::str::from_utf8(&spelled[..wanted]).ok()?.chars().next()?;
    Some((c, length))
}

/// How often an escape that is itself escaped is followed.
const ESCAPED_ESCAPES: usize = 4;

fn percent_byte(bytes: &[u8]) -> Option<(u8, usize)> {
    if bytes.first() != Some(&b'%') {
        return None;
    }
    let mut at = 1;
    for _ in 0..ESCAPED_ESCAPES {
        if bytes[at..].starts_with(b"25") && bytes[at + 2..].iter().take(2).all(u8::is_ascii_hexdigit) {
            if bytes.len() < at + 4 {
                break;
            }
            at += 2;
        }
    }
    let hex = |digit: &u8| (*digit as char).to_digit(16);
    let byte = hex(bytes.get(at)?)? * 16 + hex(bytes.get(at + 1)?)?;
    Some((byte as u8, at + 2))
}

/// The character of an HTML entity at the beginning of `bytes`, and its length.
fn entity(bytes: &[u8]) -> Option<(char, usize)> {
    let mut at = 1;
    for _ in 0..ESCAPED_ESCAPES {
        if bytes[at..].starts_with(b"amp;")
            && bytes.get(at + 4).is_some_and(|next| next.is_ascii_alphabetic() || *next == b'#')
        {
            at += 4;
        }
    }
    let name = &bytes[at..bytes.len().min(at + 10)];
    let length = name.iter().position(|byte| *byte == b';')?;
    let name = std::str::from_utf8(&name[..length]).ok()?;
    let c = match name.strip_prefix('#') {
        Some(number) => {
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
        None => named(name)?,
    };
    Some((c, at + length + 1))
}

fn named(name: &str) -> Option<char> {
    Some(match name.to_ascii_lowercase().as_str() {
        "commat" => '@',
        "nbsp" | "ensp" | "emsp" | "thinsp" | "numsp" | "puncsp" | "hairsp" => ' ',
        "hyphen" | "dash" | "ndash" | "mdash" | "minus" => '-',
        "period" | "middot" => '.',
        "lowbar" => '_',
        "plus" => '+',
        "lpar" => '(',
        "rpar" => ')',
        "sol" => '/',
        "colon" => ':',
        "equals" => '=',
        "quot" => '"',
        "apos" => '\'',
        "comma" => ',',
        "amp" => '&',
        "tab" => '\t',
        "newline" => '\n',
        "shy" | "zwj" | "zwnj" | "zerowidthspace" => '\u{200b}',
        _ => return None,
    })
}
