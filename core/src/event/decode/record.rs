use super::json::{Json, read};
use crate::event::{Fault, FaultCode};

/// The text of one record, and where it stands in its input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The line in which it begins, from 1.
    pub line: u64,
    /// The byte of the decompressed input at which it begins.
    pub offset: u64,
    /// Without blanks around it; in UTF-8 if [`Record::text`] says so. Of a record that is
    /// too long, its beginning.
    pub text: Vec<u8>,
    pub too_long: bool,
    pub(super) is_utf16: bool,
}

impl Record {
    /// A record that was cut from decoded text.
    pub fn of_line(line: u64, text: &[u8]) -> Self {
        Self { line, offset: 0, text: text.to_vec(), too_long: false, is_utf16: false }
    }

    /// Its text.
    ///
    /// # Errors
    /// `too_large`, and `wrong_encoding` for what is not UTF-8, with the byte that says so:
    /// such a record has no text that could be kept.
    pub fn text(&self) -> Result<&str, Fault> {
        if self.too_long {
            let message = format!("line {}: the event has more than {} bytes", self.line, self.text.len());
            return Err(Fault::new(&[], FaultCode::TooLarge, message));
        }
        valid(&self.text, self.line, self.is_utf16)
    }

    /// Its JSON.
    ///
    /// # Errors
    /// As [`Record::text`], and `invalid_format` with the line and column where the JSON
    /// breaks.
    pub fn json(&self) -> Result<Json, Fault> {
        self.text()?;
        read(&self.text).map_err(|broken| broken.fault(self.line))
    }
}

/// The text that bytes spell.
///
/// # Errors
/// `wrong_encoding`, with the first byte that is not UTF-8 and its line.
pub fn utf8(text: &[u8]) -> Result<&str, Fault> {
    valid(text, 1, false)
}

fn valid(text: &[u8], first_line: u64, is_utf16: bool) -> Result<&str, Fault> {
    std::str::from_utf8(text).map_err(|error| {
        let (before, rest) = text.split_at(error.valid_up_to());
        let line = first_line + memchr::memchr_iter(b'\n', before).count() as u64;
        Fault::new(&[], FaultCode::WrongEncoding, not_utf8(rest, line, is_utf16))
    })
}

/// What is wrong with text that goes on with bytes that are not UTF-8.
fn not_utf8(rest: &[u8], line: u64, is_utf16: bool) -> String {
    if is_utf16 {
        return format!("the UTF-16 text has half of a surrogate pair at line {line}: write the character whole");
    }
    let guess = match rest {
        [0xc2..=0xf4, 0x80..=0xbf, ..] | [0xed, ..] => "a character is cut off or damaged",
        [0x80..=0x9f, ..] => "Windows-1252?",
        _ => "Latin-1?",
    };
    format!("byte 0x{:02X} at line {line} is not UTF-8: {guess} Save the text as UTF-8", rest[0])
}
