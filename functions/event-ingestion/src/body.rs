//! The body of a request: what it holds, decoded within bounds.

use function_edge::{Problem, Request};
use learning_core::dataset::settings::Settings;
use learning_core::event::decode::{DecodeError, DecodeErrorKind, DecodeLimits, Decoder, Record, Text, utf8};
use learning_core::event::{Fault, FaultCode};
use learning_core::store::BodyDigest;
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON document.
    Json,
    /// Records of any number, which are accepted or rejected one by one.
    Ndjson,
}

/// A body within its limits, as it came. Its compression and encoding are found by
/// content, whatever the headers say.
#[derive(Debug)]
pub struct Body<'a> {
    pub format: Format,
    bytes: &'a [u8],
    limits: DecodeLimits,
}

impl<'a> Body<'a> {
    /// # Errors
    /// 413, 415, and 400 for what cannot be decoded: before any event is ingested.
    pub fn of(request: &'a Request, settings: &Settings) -> Result<Self, Problem> {
        let format = format(request.content_type()?)?;
        let declared = declares_compression(request.header("content-encoding"))?;
        let limits = DecodeLimits {
            // Room for blanks that an event may have between its members.
            record_bytes: settings.limits.event_bytes * 2,
            decompressed_bytes: settings.decompressed_bytes as u64,
        };
        let body = Self { format, bytes: request.body(settings.body_bytes)?, limits };
        let is_compressed = match format {
            Format::Json => body.decode(|_| {})?,
            Format::Ndjson => body.try_records()?,
        };
        if declared && !is_compressed {
            let detail =
                "Content-Encoding says that the body is compressed, and it is not: send it without that header";
            return Err(Problem::malformed(detail));
        }
        Ok(body)
    }

    /// All of it, as text.
    ///
    /// # Errors
    /// 400 for what is not text, with the byte that says so.
    pub fn text(&self) -> Result<String, Problem> {
        let mut text = Vec::new();
        self.decode(|piece| text.extend_from_slice(piece))?;
        utf8(&text).map_err(|fault| Problem::malformed(fault.message))?;
        Ok(String::from_utf8(text).unwrap_or_default())
    }

    /// The SHA-256 of its text: the same text may be compressed and encoded in many ways.
    ///
    /// # Errors
    /// See [`Body::of`].
    pub fn digest(&self) -> Result<BodyDigest, Problem> {
        let mut hash = Sha256::new();
        self.decode(|piece| hash.update(piece))?;
        Ok(hash.finalize().into())
    }

    /// Its records, one after another.
    pub fn records(&self) -> impl Iterator<Item = Result<Record, Problem>> + use<'a> {
        learning_core::event::decode::records(self.bytes, self.limits).map(|record| record.map_err(problem))
    }

    /// Hands over the text piece by piece; whether it was compressed.
    fn decode(&self, mut take: impl FnMut(&[u8])) -> Result<bool, Problem> {
        let (mut text, mut rest) = (Text::new(self.limits.decompressed_bytes), self.bytes);
        loop {
            text.read(&mut rest, true).map_err(problem)?;
            let (piece, last) = text.available();
            take(piece);
            let used = piece.len();
            if last {
                return Ok(text.is_compressed());
            }
            text.consume(used);
        }
    }

    /// Reads all records to no end but to know that they can be read; whether they were
    /// compressed.
    fn try_records(&self) -> Result<bool, Problem> {
        let (mut decoder, mut rest) = (Decoder::new(self.limits), self.bytes);
        while decoder.next(&mut rest, true).map_err(problem)?.is_some() {}
        Ok(decoder.is_compressed())
    }
}

fn format(content_type: &str) -> Result<Format, Problem> {
    let is = |names: &[&str]| names.iter().any(|name| content_type.eq_ignore_ascii_case(name));
    if is(&["application/json"]) {
        Ok(Format::Json)
    } else if is(&["application/x-ndjson", "application/ndjson"]) {
        Ok(Format::Ndjson)
    } else {
        let problem = "send application/json or application/x-ndjson";
        Err(Problem::unsupported_media_type(format!("{content_type} is not accepted; {problem}")))
    }
}

fn declares_compression(encoding: Option<&str>) -> Result<bool, Problem> {
    match encoding.map(|encoding| encoding.trim().to_ascii_lowercase()).as_deref() {
        None | Some("" | "identity") => Ok(false),
        Some("gzip" | "x-gzip" | "zstd") => Ok(true),
        Some(_) => {
            let detail = "the content encoding is not accepted; send gzip, zstd or none";
            Err(Problem::unsupported_media_type(detail))
        }
    }
}

fn problem(error: DecodeError) -> Problem {
    match error.kind {
        DecodeErrorKind::TooLarge => {
            Problem::too_large(format!("{}; put larger files under incoming/ in the bucket", error.problem))
        }
        _ => Problem::malformed(format!("the body cannot be read: {error}")),
    }
}

/// The events of a JSON body: one, a batch under `events`, or an array; each still text.
#[derive(Debug)]
pub enum Posted<'a> {
    One(&'a str),
    Batch(Vec<&'a RawValue>),
}

impl<'a> Posted<'a> {
    /// # Errors
    /// 400 for what is no JSON, 413 for too many events, 422 for `events` that are no list.
    pub fn read(body: &'a str, max: usize) -> Result<Self, Problem> {
        #[derive(Deserialize)]
        struct Probe<'a> {
            #[serde(borrow)]
            events: Option<&'a RawValue>,
        }
        let unreadable = |error: serde_json::Error| {
            // Not the parser's words: they may quote the body.
            let place = format!("see line {} column {}", error.line(), error.column());
            let advice = "events one per line are application/x-ndjson";
            Problem::malformed(format!("the body is not JSON: {place}; {advice}"))
        };
        let events = match body.trim_ascii_start().as_bytes().first() {
            Some(b'[') => body,
            Some(b'{') => {
                let Probe { events } = serde_json::from_str(body).map_err(unreadable)?;
                let Some(events) = events else { return Ok(Posted::One(body)) };
                if !events.get().starts_with('[') {
                    let fault = Fault::new(&["events"], FaultCode::WrongType, "events must be a list of events");
                    return Err(Problem::invalid("The batch is invalid", vec![fault]));
                }
                events.get()
            }
            _ => return Err(Problem::malformed("the body must be an event, an array of events, or {\"events\": […]}")),
        };
        let events: Vec<&RawValue> = serde_json::from_str(events).map_err(unreadable)?;
        if events.len() > max {
            return Err(Problem::too_large(format!(
                "the batch has {} events; at most {max} are accepted",
                events.len()
            )));
        }
        Ok(Posted::Batch(events))
    }
}
