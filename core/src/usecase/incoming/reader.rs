//! Reading the lines of an object in bounded memory, whatever it decompresses to.

use std::io::Write;

use anyhow::Result;
use flate2::write::MultiGzDecoder;

use crate::event::ndjson::{Line, Splitter};
use crate::store::{Content, Objects};

/// Bytes that are fetched at once.
const FETCH: u64 = 4 * 1024 * 1024;
/// Bytes that are decompressed at once: to at most some thousand times as many.
const STEP: usize = 1024;
/// Bytes of lines that a batch may have.
const BATCH_BYTES: usize = 1024 * 1024;

pub struct Reader<'a> {
    objects: &'a Objects,
    key: String,
    content: Content,
    /// Bytes of the object that were fetched, and those of them not yet read.
    fetched: u64,
    unread: std::vec::IntoIter<u8>,
    at_end: bool,
    source: Option<Source>,
    lines: std::collections::VecDeque<Line>,
    skipped: u64,
}

enum Source {
    Plain(Sink),
    Gzip(Box<MultiGzDecoder<Sink>>),
}

/// Where decompressed bytes go.
struct Sink {
    splitter: Splitter,
    lines: Vec<Line>,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let Self { splitter, lines } = self;
        splitter.push(bytes, |line| lines.push(line));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> Reader<'a> {
    /// `None` where there is no such object.
    pub async fn open(objects: &'a Objects, key: &str, gzip: bool, line_bytes: usize) -> Result<Option<Self>> {
        let Some(first) = objects.get_part(key, 0, FETCH).await? else { return Ok(None) };
        let sink = Sink { splitter: Splitter::new(line_bytes), lines: Vec::new() };
        let source = if gzip { Source::Gzip(Box::new(MultiGzDecoder::new(sink))) } else { Source::Plain(sink) };
        Ok(Some(Self {
            objects,
            key: key.to_owned(),
            content: first.content,
            fetched: first.bytes.len() as u64,
            at_end: first.bytes.is_empty(),
            unread: first.bytes.into_iter(),
            source: Some(source),
            lines: std::collections::VecDeque::new(),
            skipped: 0,
        }))
    }

    /// Of the object, as it was when it was opened.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// Leaves out the lines up to this number.
    pub fn skip_lines(&mut self, lines: u64) {
        self.skipped = lines;
    }

    /// Up to `most` lines; none at the end. Inside, why the file cannot be read further.
    pub async fn next(&mut self, most: usize) -> Result<Result<Vec<Line>, String>> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < most && bytes < BATCH_BYTES {
            if let Some(line) = self.lines.pop_front() {
                if line.number > self.skipped {
                    bytes += line.text.len();
                    batch.push(line);
                }
                continue;
            }
            match self.read().await? {
                Ok(true) => {}
                Ok(false) => break,
                // What was read before it broke is taken in first.
                Err(_) if !batch.is_empty() => break,
                Err(problem) => return Ok(Err(problem)),
            }
        }
        Ok(Ok(batch))
    }

    /// Reads on; false at the end.
    async fn read(&mut self) -> Result<Result<bool, String>> {
        if self.unread.as_slice().is_empty() && !self.at_end {
            match self.objects.get_part(&self.key, self.fetched, FETCH).await? {
                Some(part) if part.bytes.is_empty() => self.at_end = true,
                Some(part) if part.content.tag != self.content.tag => {
                    return Ok(Err("the object was replaced meanwhile".to_owned()));
                }
                Some(part) => {
                    self.fetched += part.bytes.len() as u64;
                    self.unread = part.bytes.into_iter();
                }
                None => return Ok(Err("the object was deleted meanwhile".to_owned())),
            }
        }
        let Some(source) = &mut self.source else { return Ok(Ok(false)) };
        let slice = self.unread.as_slice();
        let step = slice.len().min(STEP);
        if step > 0 {
            let written = match source {
                Source::Plain(sink) => sink.write_all(&slice[..step]),
                Source::Gzip(decoder) => decoder.write_all(&slice[..step]),
            };
            if let Err(error) = written {
                return Ok(Err(format!("the object cannot be decompressed: {error}")));
            }
            self.unread.nth(step - 1);
            let sink = match source {
                Source::Plain(sink) => sink,
                Source::Gzip(decoder) => decoder.get_mut(),
            };
            self.lines.extend(sink.lines.drain(..));
            return Ok(Ok(true));
        }
        match self.source.take() {
            Some(Source::Plain(sink)) => self.finish(sink),
            Some(Source::Gzip(decoder)) => match decoder.finish() {
                Ok(sink) => self.finish(sink),
                Err(error) => return Ok(Err(format!("the object cannot be decompressed: {error}"))),
            },
            None => {}
        }
        Ok(Ok(true))
    }

    fn finish(&mut self, sink: Sink) {
        let Sink { splitter, lines } = sink;
        self.lines.extend(lines);
        splitter.finish(|line| self.lines.push_back(line));
    }
}
