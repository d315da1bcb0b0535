//! The decoder turns the bytes of any input into the texts of its records: every
//! source of events uses it. It detects compression ([`container`]), encoding
//! ([`encoding`]) and form ([`form`]) by content, takes bytes in pieces of any size, and
//! needs memory for one record and some chunks.
//!
//! [`parse`] reads the JSON of a record.

mod container;
mod encoding;
mod failure;
mod form;
mod json;
mod record;
mod split;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use self::container::{Step, Unpacker};
pub use self::encoding::Encoding;
use self::encoding::Transcoder;
use self::failure::Problem;
pub use self::failure::{DecodeError, DecodeErrorKind, Location};
pub use self::form::Form;
pub(super) use self::json::has_duplicate_keys;
pub use self::json::{Json, parse};
pub use self::record::{Record, utf8};
use self::split::Splitter;

/// What a decoder accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Bytes that are kept of one record.
    pub record_bytes: usize,
    /// Bytes of all text, after decompression.
    pub decompressed_bytes: u64,
}

/// A position between two records, from which another decoder can go on. It is one in
/// the decompressed bytes, before they become UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    pub offset: u64,
    /// From 1.
    pub line: u64,
    pub encoding: Encoding,
    pub form: Form,
}

/// A decoder of one input.
pub struct Decoder {
    text: Text,
    splitter: Splitter,
}

impl Decoder {
    pub fn new(limits: DecodeLimits) -> Self {
        Self { text: Text::new(limits.decompressed_bytes), splitter: Splitter::new(limits.record_bytes, None, 1, 0) }
    }

    /// The decoder that goes on at a position; it is given the decompressed bytes from
    /// its offset on.
    pub fn resume(position: Position, limits: DecodeLimits) -> Self {
        let Position { offset, line, encoding, form } = position;
        let mut splitter = Splitter::new(limits.record_bytes, Some(form), line, offset);
        splitter.encoding = encoding;
        Self { text: Text::plain(encoding, offset, limits.decompressed_bytes), splitter }
    }

    /// The next record, out of bytes from the front of `input`; `None` where they are
    /// used up: then the caller hands over the next ones. `last` says that none follow;
    /// `None` is the end then.
    ///
    /// # Errors
    /// An input that cannot be read further. The records before are good; the decoder is
    /// of no use any more.
    pub fn next(&mut self, input: &mut &[u8], last: bool) -> Result<Option<Record>, DecodeError> {
        loop {
            let (mut text, ended) = self.text.available();
            let before = text.len();
            let record = self.splitter.next(&mut text, ended);
            let used = before - text.len();
            self.text.consume(used);
            match record {
                Ok(None) if ended => return Ok(None),
                Ok(None) => {}
                Ok(record) => return Ok(record),
                Err(Problem(kind, problem)) => {
                    let mut location = self.text.location(self.splitter.record_line());
                    location.decompressed = self.splitter.offset;
                    if !location.is_compressed {
                        location.read = self.splitter.offset;
                    }
                    return Err(DecodeError { kind, problem, location });
                }
            }
            match self.text.fill(input, last) {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(Problem(kind, problem)) => {
                    let location = self.text.location(self.splitter.record_line());
                    return Err(DecodeError { kind, problem, location });
                }
            }
            if let Some((encoding, mark)) = self.text.take_decided() {
                self.splitter.encoding = encoding;
                self.splitter.offset += mark;
            }
        }
    }

    /// The position after the last record; `None` before the first.
    pub fn position(&self) -> Option<Position> {
        let Splitter { line, offset, encoding, .. } = self.splitter;
        let form = self.splitter.form().filter(|form| !form.is_at_begin())?;
        Some(Position { offset, line, encoding, form })
    }

    /// Whether the input is compressed, so that positions are not offsets in it.
    pub fn is_compressed(&self) -> bool {
        self.text.is_compressed()
    }
}

/// Bytes of text that say in which form its records are.
pub const FORM_BYTES: usize = form::HEAD;

/// Whether a text that begins like this has one record per line. `is_all` says that
/// there is no more of it.
pub fn is_lines(text: &[u8], is_all: bool) -> bool {
    let text = text.trim_ascii_start();
    form::detect(text, is_all).is_none_or(|form| form == Form::Lines)
}

/// All records of bytes that are in memory; after an error there are none.
pub fn records(bytes: &[u8], limits: DecodeLimits) -> impl Iterator<Item = Result<Record, DecodeError>> + '_ {
    let (mut decoder, mut rest, mut failed) = (Decoder::new(limits), bytes, false);
    std::iter::from_fn(move || {
        if failed {
            return None;
        }
        let next = decoder.next(&mut rest, true).transpose();
        failed = matches!(next, Some(Err(_)));
        next
    })
}

/// The text of an input, in UTF-8 as far as it is text.
pub struct Text {
    unpacker: Unpacker,
    transcoder: Transcoder,
    /// Whether the encoding is known to whoever asks for it.
    reported: bool,
    packed: Vec<u8>,
    buffer: Vec<u8>,
    at: usize,
    ended: bool,
    read: u64,
    decompressed: u64,
    lines: u64,
    max: u64,
}

impl Text {
    /// The text of an input of any compression and encoding, of at most so many bytes.
    pub fn new(max: u64) -> Self {
        Self::of(Unpacker::new(), Transcoder::new(None), 0, max)
    }

    fn plain(encoding: Encoding, offset: u64, max: u64) -> Self {
        Self::of(Unpacker::plain(), Transcoder::new(Some(encoding)), offset, max)
    }

    fn of(unpacker: Unpacker, transcoder: Transcoder, offset: u64, max: u64) -> Self {
        let reported = transcoder.decided().is_some();
        Self {
            unpacker,
            transcoder,
            reported,
            packed: Vec::new(),
            buffer: Vec::new(),
            at: 0,
            ended: false,
            read: offset,
            decompressed: offset,
            lines: 0,
            max,
        }
    }

    /// Text that was decoded and not yet consumed, and whether it is the last.
    pub fn available(&self) -> (&[u8], bool) {
        (&self.buffer[self.at..], self.ended)
    }

    pub fn consume(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// Decodes a chunk from the front of `input`; false where more input is needed. What
    /// is not yet consumed stays.
    fn fill(&mut self, input: &mut &[u8], last: bool) -> Result<bool, Problem> {
        if self.at == self.buffer.len() {
            self.buffer.clear();
            self.at = 0;
        }
        self.packed.clear();
        let before = input.len();
        let step = self.unpacker.run(input, last, &mut self.packed);
        self.read += (before - input.len()) as u64;
        self.decompressed += self.packed.len() as u64;
        self.ended = step? == Step::End;
        if self.decompressed > self.max {
            let problem = format!("the text has more than {} bytes", self.max);
            return Problem::new(DecodeErrorKind::TooLarge, problem);
        }
        let begin = self.buffer.len();
        self.transcoder.run(&self.packed, self.ended, &mut self.buffer)?;
        self.lines += memchr::memchr_iter(b'\n', &self.buffer[begin..]).count() as u64;
        Ok(self.ended || !self.packed.is_empty())
    }

    /// As [`Text::fill`], for callers that cut the text themselves.
    ///
    /// # Errors
    /// See [`Decoder::next`].
    pub fn read(&mut self, input: &mut &[u8], last: bool) -> Result<bool, DecodeError> {
        self.fill(input, last).map_err(|Problem(kind, problem)| {
            let location = self.location(self.lines + 1);
            DecodeError { kind, problem, location }
        })
    }

    /// Whether the input turned out to be compressed.
    pub fn is_compressed(&self) -> bool {
        self.unpacker.is_compressed()
    }

    /// The encoding and the bytes of its mark, when they have become known.
    fn take_decided(&mut self) -> Option<(Encoding, u64)> {
        let decided = self.transcoder.decided().filter(|_| !self.reported);
        self.reported |= decided.is_some();
        decided
    }

    fn location(&self, line: u64) -> Location {
        Location {
            line,
            read: self.read - self.unpacker.ahead() as u64,
            decompressed: self.decompressed,
            is_compressed: self.unpacker.is_compressed(),
        }
    }
}
