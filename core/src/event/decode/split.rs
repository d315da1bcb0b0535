//! Cutting text into records, each with its line and where it begins.

use super::Record;
use super::encoding::Encoding;
use super::failure::{DecodeErrorKind as Kind, Problem};
use super::form::{self, At, Form, HEAD, Prefix, Scan, is_blank};

/// The stage that cuts UTF-8 text into records.
#[derive(Debug)]
pub(super) struct Splitter {
    max: usize,
    form: Option<Form>,
    /// Text that came before the form was known, and how much of it is cut.
    head: Vec<u8>,
    head_at: usize,
    pub encoding: Encoding,
    /// Where it is: the line, and the byte of the decompressed input.
    pub line: u64,
    pub offset: u64,
    record: Partial,
    scan: Scan,
}

/// The beginning of a record.
#[derive(Debug, Default)]
struct Partial {
    begun: bool,
    /// Whether the record goes to the end of its line.
    is_line: bool,
    line: u64,
    offset: u64,
    text: Vec<u8>,
    too_long: bool,
}

impl Splitter {
    pub(super) fn new(max: usize, form: Option<Form>, line: u64, offset: u64) -> Self {
        Self {
            max,
            form,
            head: Vec::new(),
            head_at: 0,
            encoding: Encoding::Utf8,
            line,
            offset,
            record: Partial::default(),
            scan: Scan::default(),
        }
    }

    /// The form, once it is known.
    pub(super) fn form(&self) -> Option<Form> {
        self.form
    }

    /// The line of the record that is being read, or of what comes next.
    pub(super) fn record_line(&self) -> u64 {
        if self.record.begun { self.record.line } else { self.line }
    }

    /// The next record, out of bytes from the front of `text`; `None` where all of them
    /// are used up.
    pub(super) fn next(&mut self, text: &mut &[u8], last: bool) -> Result<Option<Record>, Problem> {
        while self.form.is_none() {
            if self.head.is_empty() {
                let blanks = text.iter().take_while(|byte| is_blank(**byte)).count();
                self.pass(&text[..blanks]);
                *text = &text[blanks..];
            }
            let taken = text.len().min(HEAD - self.head.len().min(HEAD));
            self.head.extend_from_slice(&text[..taken]);
            *text = &text[taken..];
            self.form = form::detect(&self.head, last && text.is_empty());
            if self.form.is_none() && text.is_empty() {
                return Ok(None);
            }
        }
        if self.head_at < self.head.len() {
            let head = std::mem::take(&mut self.head);
            let mut rest = &head[self.head_at..];
            let record = self.cut(&mut rest, last && text.is_empty());
            self.head_at = head.len() - rest.len();
            self.head = head;
            if !matches!(record, Ok(None)) || text.is_empty() {
                return record;
            }
        }
        self.cut(text, last)
    }

    /// Counts what lies before the next record.
    fn pass(&mut self, bytes: &[u8]) {
        self.line += memchr::memchr_iter(b'\n', bytes).count() as u64;
        self.offset += self.encoding.width(bytes);
    }

    fn cut(&mut self, text: &mut &[u8], last: bool) -> Result<Option<Record>, Problem> {
        match self.form {
            None | Some(Form::Lines) => Ok(self.cut_line(text, last)),
            Some(Form::Spread) => Ok(self.cut_object(text, last)),
            Some(Form::Array(at)) => self.cut_element(text, last, at, Form::Array),
            Some(Form::Events(at)) => self.cut_element(text, last, at, Form::Events),
        }
    }

    /// Skips blanks; whether something follows.
    fn skip_blanks(&mut self, text: &mut &[u8]) -> bool {
        let blanks = text.iter().take_while(|byte| is_blank(**byte)).count();
        self.pass(&text[..blanks]);
        *text = &text[blanks..];
        !text.is_empty()
    }

    /// Begins a record here, unless one is begun.
    fn begin(&mut self) -> bool {
        if self.record.begun {
            return false;
        }
        self.record = Partial { begun: true, line: self.line, offset: self.offset, ..Partial::default() };
        self.scan = Scan::default();
        true
    }

    /// Moves bytes from the front of `text` to the record, up to what is kept of one.
    fn append(&mut self, text: &mut &[u8], count: usize) {
        let bytes = &text[..count];
        let room = self.max - self.record.text.len();
        self.record.too_long |= count > room;
        self.record.text.extend_from_slice(&bytes[..count.min(room)]);
        self.pass(bytes);
        *text = &text[count..];
    }

    fn complete(&mut self) -> Option<Record> {
        let Partial { line, offset, mut text, too_long, .. } = std::mem::take(&mut self.record);
        let blanks = text.iter().rev().take_while(|byte| is_blank(**byte)).count();
        text.truncate(text.len() - blanks);
        let is_utf16 = self.encoding != Encoding::Utf8;
        Some(Record { line, offset, text, too_long, is_utf16 })
    }

    fn cut_line(&mut self, text: &mut &[u8], last: bool) -> Option<Record> {
        if !self.record.begun && !self.skip_blanks(text) {
            return None;
        }
        if !text.is_empty() {
            self.begin();
        }
        let end = memchr::memchr(b'\n', text);
        self.append(text, end.unwrap_or(text.len()));
        if end.is_some() {
            self.pass(b"\n");
            *text = &text[1..];
        }
        if end.is_some() || (last && self.record.begun) { self.complete() } else { None }
    }

    /// An object to its closing brace; anything else to the end of its line.
    fn cut_object(&mut self, text: &mut &[u8], last: bool) -> Option<Record> {
        if !self.record.begun && !self.skip_blanks(text) {
            return None;
        }
        if !text.is_empty() && self.begin() {
            self.record.is_line = text[0] != b'{';
        }
        if self.record.is_line {
            return self.cut_line(text, last);
        }
        let mut end = None;
        for (at, byte) in text.iter().enumerate() {
            self.scan.step(*byte);
            if self.scan.depth == 0 && !self.scan.in_string {
                end = Some(at + 1);
                break;
            }
        }
        self.append(text, end.unwrap_or(text.len()));
        if end.is_some() || (last && self.record.begun) { self.complete() } else { None }
    }

    fn cut_element(
        &mut self,
        text: &mut &[u8],
        last: bool,
        at: At,
        form: fn(At) -> Form,
    ) -> Result<Option<Record>, Problem> {
        let mut at = at;
        loop {
            if !self.record.begun && !self.skip_blanks(text) {
                return if last { self.end_of_array(at) } else { Ok(None) };
            }
            if text.is_empty() {
                return if last { self.end_of_array(at) } else { Ok(None) };
            }
            match (at, text[0]) {
                (At::Begin, _) => {
                    let begin = match form::events(text) {
                        Prefix::Whole(bytes) => bytes,
                        Prefix::Part | Prefix::No => 1,
                    };
                    self.pass(&text[..begin]);
                    *text = &text[begin..];
                    at = At::First;
                }
                (At::First | At::Next, first) => {
                    if !self.record.begun {
                        match first {
                            b']' if at == At::Next => return structure("a comma stands before the end of the array"),
                            b']' => {}
                            b',' => return structure("a comma stands where an element should"),
                            _ => drop(self.begin()),
                        }
                    }
                    let end = if self.record.begun { self.end_of_element(text) } else { Some(0) };
                    self.append_if_begun(text, end.unwrap_or(text.len()));
                    let Some(_) = end else { continue };
                    at = if text[0] == b',' { At::Next } else { At::End };
                    self.pass(&text[..1]);
                    *text = &text[1..];
                    self.form = Some(form(at));
                    if self.record.begun {
                        return Ok(self.complete());
                    }
                }
                (At::End, b'}') if form(at) == Form::Events(at) => {
                    self.pass(b"}");
                    *text = &text[1..];
                    at = At::Closed;
                }
                (At::End | At::Closed, _) => {
                    return structure("something follows the end of the array");
                }
            }
            self.form = Some(form(at));
        }
    }

    fn append_if_begun(&mut self, text: &mut &[u8], count: usize) {
        if self.record.begun {
            self.append(text, count);
        }
    }

    /// Where the comma or bracket stands that ends an element.
    fn end_of_element(&mut self, text: &[u8]) -> Option<usize> {
        for (at, byte) in text.iter().enumerate() {
            if matches!(byte, b',' | b']') && self.scan.depth == 0 && !self.scan.in_string {
                return Some(at);
            }
            self.scan.step(*byte);
        }
        None
    }

    fn end_of_array(&mut self, at: At) -> Result<Option<Record>, Problem> {
        match (at, self.form) {
            (At::End, Some(Form::Array(_))) | (At::Closed, _) => Ok(None),
            (At::End, _) => structure("the object around the events is not closed"),
            _ => structure("the array is not closed"),
        }
    }
}

fn structure<T>(found: &str) -> Result<T, Problem> {
    Problem::new(Kind::Structure, format!("{found}: send one JSON array, or one event per line"))
}
