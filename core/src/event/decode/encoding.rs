//! Text encodings, detected by content: UTF-8, and UTF-16 that begins with a byte order
//! mark, become UTF-8. Others are rejected by name. No character is ever replaced.

use serde::{Deserialize, Serialize};

use super::failure::{DecodeErrorKind as Kind, Problem};

/// Bytes that tell one encoding from another.
const HEAD: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
}

impl Encoding {
    /// Bytes that a text took in its encoding; `utf8` may hold parts of characters.
    pub(super) fn width(self, utf8: &[u8]) -> u64 {
        match self {
            Encoding::Utf8 => utf8.len() as u64,
            Encoding::Utf16Le | Encoding::Utf16Be => utf8.iter().map(|byte| units(*byte) * 2).sum(),
        }
    }
}

/// Units of UTF-16 in the character that begins with this byte of UTF-8.
fn units(byte: u8) -> u64 {
    match byte {
        0x80..=0xbf => 0,
        0xf0.. => 2,
        _ => 1,
    }
}

/// The stage that turns plain bytes into UTF-8.
#[derive(Debug)]
pub(super) struct Transcoder {
    encoding: Option<Encoding>,
    head: Vec<u8>,
    /// Bytes of the byte order mark.
    mark: u64,
    /// A byte of UTF-16 whose other half is to come.
    odd: Option<u8>,
    /// The first of two surrogates.
    high: Option<u16>,
}

impl Transcoder {
    pub(super) fn new(encoding: Option<Encoding>) -> Self {
        Self { encoding, head: Vec::new(), mark: 0, odd: None, high: None }
    }

    /// Its encoding and the bytes of its byte order mark, once both are known.
    pub(super) fn decided(&self) -> Option<(Encoding, u64)> {
        self.encoding.map(|encoding| (encoding, self.mark))
    }

    /// Appends to `out` what `bytes` say. Bytes that are not UTF-8 stay as they are, and a
    /// surrogate without its other half becomes the three bytes that UTF-8 forbids for
    /// it: whoever checks a record for UTF-8 finds both.
    pub(super) fn run(&mut self, bytes: &[u8], last: bool, out: &mut Vec<u8>) -> Result<(), Problem> {
        let mut bytes = bytes;
        if self.encoding.is_none() {
            let taken = (HEAD - self.head.len()).min(bytes.len());
            self.head.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if self.head.len() < HEAD && !last {
                return Ok(());
            }
            let (encoding, mark) = detect(&self.head)?;
            (self.encoding, self.mark) = (Some(encoding), mark as u64);
            let head = std::mem::take(&mut self.head);
            self.convert(encoding, &head[mark..], out);
        }
        if let Some(encoding) = self.encoding {
            self.convert(encoding, bytes, out);
        }
        if !last {
            return Ok(());
        }
        if let Some(high) = self.high.take() {
            push(out, high.into());
        }
        match self.odd.take() {
            None => Ok(()),
            Some(_) => Problem::new(Kind::Encoding, "the UTF-16 text ends in the middle of a character"),
        }
    }

    fn convert(&mut self, encoding: Encoding, bytes: &[u8], out: &mut Vec<u8>) {
        let join = match encoding {
            Encoding::Utf8 => return out.extend_from_slice(bytes),
            Encoding::Utf16Le => u16::from_le_bytes,
            Encoding::Utf16Be => u16::from_be_bytes,
        };
        let mut bytes = bytes;
        if let (Some(first), [second, rest @ ..]) = (self.odd, bytes) {
            self.odd = None;
            self.unit(join([first, *second]), out);
            bytes = rest;
        }
        let (pairs, rest) = bytes.as_chunks::<2>();
        pairs.iter().for_each(|pair| self.unit(join(*pair), out));
        if let [odd] = rest {
            self.odd = Some(*odd);
        }
    }

    fn unit(&mut self, unit: u16, out: &mut Vec<u8>) {
        match (self.high.take(), unit) {
            (Some(high), 0xdc00..=0xdfff) => {
                push(out, 0x1_0000 + ((u32::from(high) - 0xd800) << 10) + (u32::from(unit) - 0xdc00));
            }
            (alone, unit) => {
                if let Some(alone) = alone {
                    push(out, alone.into());
                }
                match unit {
                    0xd800..=0xdbff => self.high = Some(unit),
                    _ => push(out, unit.into()),
                }
            }
        }
    }
}

/// Writes a code point, or a surrogate in the way of UTF-8.
fn push(out: &mut Vec<u8>, code: u32) {
    match char::from_u32(code) {
        Some(character) => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        None => out.extend_from_slice(&[
            0xe0 | (code >> 12) as u8,
            0x80 | (code >> 6 & 0x3f) as u8,
            0x80 | (code & 0x3f) as u8,
        ]),
    }
}

/// The encoding, and how many bytes of byte order mark come first. JSON begins with
/// an ASCII character, so that where its zero bytes lie says how wide characters are
/// (RFC 4627, section 3).
fn detect(head: &[u8]) -> Result<(Encoding, usize), Problem> {
    let rejected = |found: &str| Problem::new(Kind::Encoding, format!("this is {found}: save the text as UTF-8"));
    match head {
        [0xff, 0xfe, 0, 0] | [0, 0, 0xfe, 0xff] => rejected("UTF-32"),
        [0xef, 0xbb, 0xbf, ..] => Ok((Encoding::Utf8, 3)),
        [0xff, 0xfe, ..] => Ok((Encoding::Utf16Le, 2)),
        [0xfe, 0xff, ..] => Ok((Encoding::Utf16Be, 2)),
        [0, 0, 0, 0] => rejected("no text, as it begins with zero bytes"),
        [0, 0, 0, _] | [_, 0, 0, 0] => rejected("UTF-32 without a BOM"),
        [0, _, ..] | [1..=0x7f, 0, ..] => rejected("UTF-16 without a BOM"),
        _ => Ok((Encoding::Utf8, 0)),
    }
}
