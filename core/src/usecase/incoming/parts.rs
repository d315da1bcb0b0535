//! The parts of a compressed file: plain, redacted NDJSON, from any byte of which the
//! ingestion can go on.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::PARTS;
use crate::event::UserId;
use crate::store::{Clients, Objects};
use crate::usecase::ingest::Earlier;

const EXTENSION: &str = ".ndjson";
/// Bytes of a part.
const PART_BYTES: usize = 8 * 1024 * 1024;

/// The records of a file from `first` (counted from 0) on. Its key says both numbers, so
/// that two invocations never write different contents to one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub first: u64,
    pub records: u64,
}

impl Part {
    pub fn key(&self, object: &str, tag: &str) -> String {
        format!("{}{:012}-{}{EXTENSION}", folder(object, tag), self.first, self.records)
    }
}

/// A record of a part, and what the survey found when it read the original.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartRecord {
    /// The line of the file in which it begins.
    pub line: u64,
    /// Redacted.
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<Earlier>,
}

/// A part that is being written.
#[derive(Debug, Default)]
pub struct PartWriter {
    first: u64,
    records: u64,
    bytes: Vec<u8>,
}

impl PartWriter {
    pub fn new(first: u64) -> Self {
        Self { first, ..Self::default() }
    }

    pub fn push(&mut self, record: &PartRecord) -> Result<()> {
        serde_json::to_writer(&mut self.bytes, record)?;
        self.bytes.push(b'\n');
        Ok(())
    }

    /// Counts a record of the file, whether it is in the part or cannot be read.
    pub fn count(&mut self) {
        self.records += 1;
    }

    pub fn is_full(&self) -> bool {
        self.bytes.len() >= PART_BYTES
    }

    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    pub fn finish(&mut self) -> (Part, Vec<u8>) {
        let part = Part { first: self.first, records: self.records };
        let bytes = std::mem::take(&mut self.bytes);
        *self = Self::new(part.first + part.records);
        (part, bytes)
    }
}

/// The parts of all files.
#[derive(Clone, Debug)]
pub struct Parts(Objects);

impl Parts {
    pub fn new(clients: &Clients) -> Self {
        Self(Objects::new(clients))
    }

    pub(super) async fn write(&self, object: &str, tag: &str, part: Part, bytes: Vec<u8>) -> Result<()> {
        self.0.put(&part.key(object, tag), bytes, "application/x-ndjson").await
    }

    /// Blanks the records that mention a user, in all parts. Nothing moves: the ingestion
    /// goes on at its byte.
    ///
    /// # Errors
    /// Errors of the store.
    pub async fn erase(&self, user: UserId) -> Result<()> {
        for key in self.0.list(PARTS).await? {
            if !key.ends_with(EXTENSION) {
                continue;
            }
            let Some(mut bytes) = self.0.get(&key).await? else { continue };
            if blank(&mut bytes, user) {
                self.0.put(&key, bytes, "application/x-ndjson").await?;
            }
        }
        Ok(())
    }
}

/// Overwrites the lines that mention a user with blanks; says whether there are any.
fn blank(bytes: &mut [u8], user: UserId) -> bool {
    let names = [user.to_string(), user.0.simple().to_string()];
    let mut found = false;
    for line in bytes.split_mut(|byte| *byte == b'\n') {
        let text = line.to_ascii_lowercase();
        if names.iter().any(|name| memchr::memmem::find(&text, name.as_bytes()).is_some()) {
            line.fill(b' ');
            found = true;
        }
    }
    found
}

/// The folder of what is kept for the work on one content of an object.
pub fn folder(object: &str, tag: &str) -> String {
    let mut hash = Sha256::new();
    for part in [object, tag] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    format!("{PARTS}{}/", &hex::encode(hash.finalize())[..32])
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_erasure_blanks_the_lines_of_a_user_and_moves_none() {
        let [one, other] = [1, 2].map(|n| UserId(Uuid::from_u128(n)));
        let upper = one.to_string().to_uppercase();
        let text = format!("a {one}\nb {other}\nc {upper}\nd {}\n", one.0.simple());
        let mut bytes = text.clone().into_bytes();
        assert!(blank(&mut bytes, one));
        assert_eq!(bytes.len(), text.len());
        let left: Vec<_> = std::str::from_utf8(&bytes).unwrap().lines().map(str::trim).collect();
        assert_eq!(left, ["", &format!("b {other}"), "", ""]);
        assert!(!blank(&mut bytes, one));
    }

    #[test]
    fn a_part_is_named_by_its_records() {
        let mut writer = PartWriter::new(7);
        writer.count();
        writer.count();
        let (part, _) = writer.finish();
        assert_eq!(part, Part { first: 7, records: 2 });
        assert!(part.key("incoming/a.gz", "t").starts_with(PARTS));
        assert!(writer.is_empty());
        writer.count();
        assert_eq!(writer.finish().0, Part { first: 9, records: 1 });
    }
}
