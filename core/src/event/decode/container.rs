//! Compression, detected by content: gzip of any number of members, zstd of any number
//! of frames, plain bytes; and either of the two once more inside.

use std::io::{BufRead, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;
use zstd::stream::raw::{DParameter, Decoder as Zstd, InBuffer, Operation, OutBuffer};

use super::failure::{DecodeErrorKind as Kind, Problem};

/// Bytes that are decompressed at once, and read ahead of a gzip decoder.
pub(super) const CHUNK: usize = 32 * 1024;
/// Bytes that tell one format from another.
const MAGIC: usize = 8;
/// Compressed data within compressed data are read; deeper ones are rejected.
const MAX_DEPTH: u8 = 2;
/// Log of the largest zstd window, 8 MB: what RFC 9659 sets for content on the web, and
/// what `zstd` stays within up to level 19.
const MAX_WINDOW_LOG: u32 = 23;

/// What a stage has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Output,
    NeedsInput,
    End,
}

/// The stage that turns the bytes of an input into plain bytes.
pub(super) struct Unpacker {
    state: State,
    depth: u8,
    /// Bytes that came before the format was known.
    head: Vec<u8>,
}

enum State {
    Undecided,
    Plain,
    Packed { inflater: Inflater, buffer: Vec<u8>, at: usize, ended: bool, inner: Box<Unpacker> },
}

impl Unpacker {
    pub(super) fn new() -> Self {
        Self { state: State::Undecided, depth: 0, head: Vec::new() }
    }

    /// The stage for bytes that are known to be plain.
    pub(super) fn plain() -> Self {
        Self { state: State::Plain, depth: 0, head: Vec::new() }
    }

    pub(super) fn is_compressed(&self) -> bool {
        matches!(self.state, State::Packed { .. })
    }

    /// Bytes that were read ahead and not yet decompressed.
    pub(super) fn ahead(&self) -> usize {
        match &self.state {
            State::Packed { inflater: Inflater::Gzip(decoder), .. } => decoder.get_ref().rest().len(),
            State::Packed { .. } => 0,
            _ => self.head.len(),
        }
    }

    /// Appends at most a chunk to `out`, out of bytes from the front of `input`.
    pub(super) fn run(&mut self, input: &mut &[u8], last: bool, out: &mut Vec<u8>) -> Result<Step, Problem> {
        loop {
            match &mut self.state {
                State::Undecided => {
                    let missing = MAGIC.saturating_sub(self.head.len()).min(input.len());
                    self.head.extend_from_slice(&input[..missing]);
                    *input = &input[missing..];
                    if self.head.len() < MAGIC && !last {
                        return Ok(Step::NeedsInput);
                    }
                    self.decide()?;
                }
                State::Plain => {
                    if !self.head.is_empty() {
                        out.append(&mut self.head);
                        return Ok(Step::Output);
                    }
                    let taken = input.len().min(CHUNK);
                    out.extend_from_slice(&input[..taken]);
                    *input = &input[taken..];
                    return Ok(match (taken, last) {
                        (0, true) => Step::End,
                        (0, false) => Step::NeedsInput,
                        _ => Step::Output,
                    });
                }
                State::Packed { inflater, buffer, at, ended, inner } => {
                    let mut rest = &buffer[*at..];
                    let step = inner.run(&mut rest, *ended, out)?;
                    *at = buffer.len() - rest.len();
                    if step != Step::NeedsInput {
                        return Ok(step);
                    }
                    buffer.clear();
                    *at = 0;
                    let mut head = self.head.as_slice();
                    let step = if head.is_empty() {
                        inflater.run(input, last, buffer)?
                    } else {
                        inflater.run(&mut head, false, buffer)?
                    };
                    self.head = head.to_vec();
                    match step {
                        Step::Output => {}
                        Step::NeedsInput if input.is_empty() && !last => return Ok(step),
                        Step::NeedsInput => {}
                        Step::End => *ended = true,
                    }
                }
            }
        }
    }

    fn decide(&mut self) -> Result<(), Problem> {
        if let Some(name) = foreign(&self.head) {
            let advice = "send JSON lines or a JSON array, plain or compressed by gzip or zstd";
            return Problem::new(Kind::Format, format!("this is {name}: {advice}"));
        }
        let Some(inflater) = Inflater::of(&self.head)? else {
            self.state = State::Plain;
            return Ok(());
        };
        if self.depth == MAX_DEPTH {
            return Problem::new(Kind::Compression, "the data are compressed three times: decompress them first");
        }
        let inner = Box::new(Unpacker { state: State::Undecided, depth: self.depth + 1, head: Vec::new() });
        self.state = State::Packed { inflater, buffer: Vec::new(), at: 0, ended: false, inner };
        Ok(())
    }
}

/// The name of a format that is not read, by its first bytes.
fn foreign(head: &[u8]) -> Option<&'static str> {
    const FORMATS: [(&[u8], &str); 12] = [
        (b"PK\x03\x04", "a ZIP archive"),
        (b"BZh", "bzip2"),
        (b"\xfd7zXZ\0", "xz"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (b"\x04\x22\x4d\x18", "LZ4"),
        (b"\xff\x06\0\0sNaP", "Snappy"),
        (b"\x1f\x9d", "the output of compress"),
        (b"PAR1", "a Parquet file"),
        (b"Obj\x01", "an Avro file"),
        (b"ORC", "an ORC file"),
        (b"SQLite f", "an SQLite database"),
        (b"%PDF", "a PDF"),
    ];
    FORMATS.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, name)| *name)
}

/// A decoder of one compression.
enum Inflater {
    Gzip(Box<MultiGzDecoder<Feed>>),
    Zstd(Box<Frames>),
}

impl Inflater {
    fn of(head: &[u8]) -> Result<Option<Self>, Problem> {
        Ok(match head {
            [0x1f, 0x8b, ..] => Some(Inflater::Gzip(Box::new(MultiGzDecoder::new(Feed::default())))),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
                Some(Inflater::Zstd(Box::new(Frames::new()?)))
            }
            _ => None,
        })
    }

    fn run(&mut self, input: &mut &[u8], last: bool, out: &mut Vec<u8>) -> Result<Step, Problem> {
        match self {
            Inflater::Gzip(decoder) => gunzip(decoder, input, last, out),
            Inflater::Zstd(frames) => frames.run(input, last, out),
        }
    }
}

fn gunzip(
    decoder: &mut MultiGzDecoder<Feed>,
    input: &mut &[u8],
    last: bool,
    out: &mut Vec<u8>,
) -> Result<Step, Problem> {
    loop {
        decoder.get_mut().take(input, last);
        let begin = out.len();
        out.resize(begin + CHUNK, 0);
        let read = decoder.read(&mut out[begin..]);
        out.truncate(begin + *read.as_ref().unwrap_or(&0));
        return match read {
            Ok(0) => Ok(Step::End),
            Ok(_) => Ok(Step::Output),
            Err(error) if error.kind() == ErrorKind::WouldBlock && input.is_empty() => Ok(Step::NeedsInput),
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                Problem::new(Kind::Compression, "the gzip data end early: is the upload complete?")
            }
            Err(_) => Problem::new(
                Kind::Compression,
                "the gzip data are damaged, or something else follows them: send them again",
            ),
        };
    }
}

/// Bytes that a reader takes: it would block where more are to come.
#[derive(Debug, Default)]
struct Feed {
    bytes: Vec<u8>,
    at: usize,
    last: bool,
}

impl Feed {
    fn rest(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    /// Takes a chunk once all before it is used up.
    fn take(&mut self, input: &mut &[u8], last: bool) {
        if self.rest().is_empty() {
            let taken = input.len().min(CHUNK);
            self.bytes.clear();
            self.bytes.extend_from_slice(&input[..taken]);
            self.at = 0;
            *input = &input[taken..];
        }
        self.last = last && input.is_empty();
    }
}

impl Read for Feed {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let mut available = self.fill_buf()?;
        let read = available.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Feed {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if self.rest().is_empty() && !self.last {
            return Err(ErrorKind::WouldBlock.into());
        }
        Ok(self.rest())
    }

    fn consume(&mut self, amount: usize) {
        self.at += amount;
    }
}

/// Frames of zstd, one after another; those that hold no data are skipped.
struct Frames {
    decoder: Zstd<'static>,
    /// Whether a frame has begun and not ended.
    inside: bool,
}

impl Frames {
    fn new() -> Result<Self, Problem> {
        let decoder = Zstd::new().and_then(|mut decoder| {
            decoder.set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG))?;
            Ok(decoder)
        });
        match decoder {
            Ok(decoder) => Ok(Self { decoder, inside: false }),
            Err(_) => Problem::new(Kind::Compression, "there is no memory to read zstd data"),
        }
    }

    fn run(&mut self, input: &mut &[u8], last: bool, out: &mut Vec<u8>) -> Result<Step, Problem> {
        out.reserve(CHUNK);
        let begin = out.len();
        loop {
            if input.is_empty() && !self.inside {
                return Ok(if last { Step::End } else { Step::NeedsInput });
            }
            let mut from = InBuffer::around(input);
            let mut to = OutBuffer::around_pos(out, begin);
            let hint = self.decoder.run(&mut from, &mut to).map_err(|error| unreadable(&error))?;
            let (read, written) = (from.pos(), to.pos() - begin);
            *input = &input[read..];
            self.inside = hint != 0;
            if written > 0 {
                return Ok(Step::Output);
            }
            if read == 0 && input.is_empty() && self.inside {
                return if last {
                    Problem::new(Kind::Compression, "the zstd data end early: is the upload complete?")
                } else {
                    Ok(Step::NeedsInput)
                };
            }
        }
    }
}

fn unreadable(error: &std::io::Error) -> Problem {
    let text = if error.to_string().contains("too much memory") {
        "the zstd data need a window of more than 8 MB: compress them without --long and --ultra"
    } else if error.to_string().contains("ictionary") {
        "the zstd data need a dictionary: compress them without one"
    } else {
        "the zstd data are damaged, or something else follows them: send them again"
    };
    Problem(Kind::Compression, text.to_owned())
}
