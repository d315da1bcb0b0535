//! Reading the records of an object from any position, in bounded memory.

use anyhow::Result;

use crate::event::decode::{DecodeLimits, Decoder, Position, Record};
use crate::store::Objects;

/// Bytes that are fetched first, so that little is read in vain; then twice as many each time.
const FIRST_FETCH: u64 = 256 * 1024;
const MAX_FETCH: u64 = 4 * 1024 * 1024;
/// Bytes that are decoded between two looks at the clock: compressed ones may become
/// some thousand times as many.
const STEP: usize = 64 * 1024;
/// Bytes of records that a batch may have.
const BATCH_BYTES: usize = 1024 * 1024;

pub struct Reader<'a> {
    objects: &'a Objects,
    key: String,
    /// The content that is read; a part has no other.
    tag: Option<String>,
    /// Where the next fetch begins, and how many bytes it asks for.
    offset: u64,
    fetch: u64,
    chunk: Vec<u8>,
    used: usize,
    at_end: bool,
    decoder: Decoder,
    pub bytes_read: u64,
}

/// Some records, and whether and why they are the last.
#[derive(Debug, Default)]
pub struct Batch {
    pub records: Vec<Record>,
    pub end: Option<End>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum End {
    Whole,
    /// The object cannot be read further.
    Broken(String),
}

impl<'a> Reader<'a> {
    /// A reader of an object from a position on, of its begin if there is none.
    pub fn new(
        objects: &'a Objects,
        key: &str,
        tag: Option<&str>,
        position: Option<Position>,
        limits: DecodeLimits,
    ) -> Self {
        Self {
            objects,
            key: key.to_owned(),
            tag: tag.map(str::to_owned),
            offset: position.map_or(0, |position| position.offset),
            fetch: FIRST_FETCH,
            chunk: Vec::new(),
            used: 0,
            at_end: false,
            decoder: position.map_or_else(|| Decoder::new(limits), |position| Decoder::resume(position, limits)),
            bytes_read: 0,
        }
    }

    /// Where the next record begins; `None` before the first.
    pub fn position(&self) -> Option<Position> {
        self.decoder.position()
    }

    pub fn is_compressed(&self) -> bool {
        self.decoder.is_compressed()
    }

    /// Up to `max` records: fewer, even none, where reading them takes long.
    ///
    /// # Errors
    /// Errors of the store.
    pub async fn next(&mut self, max: usize) -> Result<Batch> {
        let mut batch = Batch::default();
        let mut bytes = 0;
        for _ in 0..BATCH_BYTES / STEP {
            if self.used == self.chunk.len()
                && !self.at_end
                && let Some(problem) = self.fetch().await?
            {
                batch.end = Some(End::Broken(problem));
                return Ok(batch);
            }
            let step = (self.chunk.len() - self.used).min(STEP);
            let slice = &self.chunk[self.used..self.used + step];
            let last = self.at_end && self.used + step == self.chunk.len();
            let mut rest = slice;
            while batch.records.len() < max && bytes < BATCH_BYTES {
                match self.decoder.next(&mut rest, last) {
                    Ok(Some(record)) => {
                        bytes += record.text.len();
                        batch.records.push(record);
                    }
                    Ok(None) => {
                        if last {
                            batch.end = Some(End::Whole);
                        }
                        break;
                    }
                    Err(error) => {
                        batch.end = Some(End::Broken(error.to_string()));
                        break;
                    }
                }
            }
            self.used += step - rest.len();
            if batch.end.is_some() || batch.records.len() >= max || bytes >= BATCH_BYTES {
                break;
            }
        }
        Ok(batch)
    }

    /// Fetches the next bytes; says why there are none, if not because of the end.
    async fn fetch(&mut self) -> Result<Option<String>> {
        let Some(part) = self.objects.get_part(&self.key, self.offset, self.fetch).await? else {
            return Ok(Some("the object was deleted meanwhile".to_owned()));
        };
        let is_end = part.bytes.is_empty();
        if !is_end && self.tag.as_ref().is_some_and(|tag| *tag != part.content.tag) {
            return Ok(Some("the object was replaced meanwhile".to_owned()));
        }
        self.offset += part.bytes.len() as u64;
        self.bytes_read += part.bytes.len() as u64;
        self.at_end = is_end || part.object_bytes.is_some_and(|bytes| self.offset >= bytes);
        self.chunk = part.bytes;
        self.used = 0;
        self.fetch = (self.fetch * 2).min(MAX_FETCH);
        Ok(None)
    }
}
