//! The body of a request: what it holds, decompressed within bounds.

use std::borrow::Cow;
use std::io::{ErrorKind, Read};

use flate2::read::MultiGzDecoder;
use function_edge::{Problem, Request};
use learning_core::dataset::settings::Settings;
use learning_core::event::{Fault, FaultCode};
use learning_core::store::BodyDigest;
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

/// Bytes that are decompressed at once.
const PIECE: usize = 16 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Ndjson,
}

/// A body within its limits, still compressed where it came so.
#[derive(Debug)]
pub struct Body<'a> {
    pub format: Format,
    bytes: &'a [u8],
    gzip: bool,
    most: usize,
}

impl<'a> Body<'a> {
    /// # Errors
    /// 413, 415, and 400 for what cannot be decompressed: before any event is taken in.
    pub fn of(request: &'a Request, settings: &Settings) -> Result<Self, Problem> {
        let content_type = request.content_type()?;
        let format = if content_type.eq_ignore_ascii_case("application/json") {
            Format::Json
        } else if ["application/x-ndjson", "application/ndjson"]
            .iter()
            .any(|name| content_type.eq_ignore_ascii_case(name))
        {
            Format::Ndjson
        } else {
            let problem = "send application/json or application/x-ndjson";
            return Err(Problem::unsupported_media_type(format!("{content_type} is not taken; {problem}")));
        };
        let gzip = match request.header("content-encoding").map(str::trim) {
            None | Some("" | "identity") => false,
            Some("gzip" | "x-gzip") => true,
            Some(_) => {
                return Err(Problem::unsupported_media_type("the content encoding is not taken; send gzip or none"));
            }
        };
        let body = Self { format, bytes: request.body(settings.body_bytes)?, gzip, most: settings.decompressed_bytes };
        body.for_each_piece(|_| {})?;
        Ok(body)
    }

    /// Everything.
    ///
    /// # Errors
    /// See [`Body::of`].
    pub fn all(&self) -> Result<Cow<'a, [u8]>, Problem> {
        if !self.gzip {
            return Ok(Cow::Borrowed(self.bytes));
        }
        let mut all = Vec::new();
        self.for_each_piece(|piece| all.extend_from_slice(piece))?;
        Ok(Cow::Owned(all))
    }

    /// The SHA-256 of what it holds, decompressed: a body may be compressed in many ways.
    ///
    /// # Errors
    /// See [`Body::of`].
    pub fn digest(&self) -> Result<BodyDigest, Problem> {
        let mut hash = Sha256::new();
        self.for_each_piece(|piece| hash.update(piece))?;
        Ok(hash.finalize().into())
    }

    /// What reads the body piece by piece.
    pub fn reader(&self) -> Box<dyn Read + Send + 'a> {
        if self.gzip { Box::new(MultiGzDecoder::new(self.bytes)) } else { Box::new(self.bytes) }
    }

    fn for_each_piece(&self, mut take: impl FnMut(&[u8])) -> Result<(), Problem> {
        let mut reader = self.reader();
        let mut piece = vec![0; PIECE];
        let mut total = 0;
        loop {
            let read = next_piece(&mut reader, &mut piece)?;
            if read == 0 {
                return Ok(());
            }
            total += read;
            if total > self.most {
                let detail = format!("the body has more than {} bytes when it is decompressed", self.most);
                return Err(Problem::too_large(detail + "; put larger files under incoming/ in the bucket"));
            }
            take(&piece[..read]);
        }
    }
}

/// The next bytes of a body; 0 at its end.
///
/// # Errors
/// 400 for what cannot be decompressed.
pub fn next_piece(reader: &mut impl Read, piece: &mut [u8]) -> Result<usize, Problem> {
    loop {
        match reader.read(piece) {
            Ok(read) => return Ok(read),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Problem::malformed(format!("the body cannot be decompressed: {error}"))),
        }
    }
}

/// The events of a JSON body: one, or a batch under `events`; each still text.
#[derive(Debug)]
pub enum Posted<'a> {
    One(&'a [u8]),
    Batch(Vec<&'a RawValue>),
}

impl<'a> Posted<'a> {
    /// # Errors
    /// 400 for what is no JSON object, 413 for too many events, 422 for `events` that are no list.
    pub fn read(body: &'a [u8], most: usize) -> Result<Self, Problem> {
        #[derive(Deserialize)]
        struct Probe<'a> {
            #[serde(borrow)]
            events: Option<&'a RawValue>,
        }
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err(Problem::malformed("the body must be an event, or {\"events\": […]}"));
        }
        let unreadable = |error: serde_json::Error| {
            // Not the parser's words: they may quote the body.
            Problem::malformed(format!("the body is no JSON: see line {} column {}", error.line(), error.column()))
        };
        let Probe { events } = serde_json::from_slice(body).map_err(unreadable)?;
        let Some(events) = events else { return Ok(Posted::One(body)) };
        if !events.get().starts_with('[') {
            let fault = Fault::new(&["events"], FaultCode::WrongType, "events must be a list of events");
            return Err(Problem::invalid("The batch is invalid", vec![fault]));
        }
        let events: Vec<&RawValue> = serde_json::from_str(events.get()).map_err(unreadable)?;
        if events.len() > most {
            return Err(Problem::too_large(format!("the batch has {} events; at most {most} are taken", events.len())));
        }
        Ok(Posted::Batch(events))
    }
}
