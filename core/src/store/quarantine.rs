//! What could not be accepted, kept with the reason: nothing that arrives is
//! dropped silently.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use futures::stream::{self, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Clients, Objects};
use crate::event::identity::ContentDigest;
use crate::event::privacy::Redactor;
use crate::event::{EventSource, Fault, FaultCode, Provenance, UserId};
use crate::telemetry::Signal;

/// Under which everything in quarantine lies.
pub const QUARANTINE: &str = "quarantine/";
const CONCURRENT: usize = 16;

/// Where something came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin {
    /// The road, e.g. `replay` or `queue`.
    pub road: String,
    /// The file, queue or stream.
    pub source: String,
    /// The line of a file, from 1.
    pub line: u64,
}

impl Origin {
    /// The provenance of an event from here. A file's sender is the prefix that it lies
    /// under, below `incoming/`.
    pub fn provenance(&self, redactor: &Redactor) -> Provenance {
        let source = EventSource::from_name(&self.road);
        let sender = match source {
            EventSource::File => {
                let prefix = self.source.rsplit_once('/').map_or("", |(prefix, _)| prefix);
                prefix.strip_prefix("incoming").unwrap_or(prefix).trim_matches('/')
            }
            _ => &self.source,
        };
        Provenance::new(source, sender, redactor)
    }
}

/// Something that was turned away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    pub origin: Origin,
    /// At least one.
    pub errors: Vec<Fault>,
    /// As it came, but redacted.
    pub body: String,
    /// How many equal records without an id came before it in its file or request: what
    /// its id depends on beside its content.
    #[serde(default)]
    pub occurrence: u64,
    /// The key under which it lies; `None` for what is not in quarantine yet.
    #[serde(skip)]
    pub stored_at: Option<String>,
}

impl Quarantined {
    /// Redacts `body`, which may be JSON or not, and the name of the source.
    pub fn new(origin: Origin, errors: Vec<Fault>, body: &str, redactor: &Redactor) -> Self {
        let origin = Origin { source: redactor.redact_text(&origin.source).0, ..origin };
        Self { origin, errors, body: redactor.redact_record(body).0, occurrence: 0, stored_at: None }
    }

    /// The same record, which so many equal ones without an id precede.
    pub fn with_occurrence(self, occurrence: u64) -> Self {
        Self { occurrence, ..self }
    }

    /// What equal records without an id are counted by.
    pub fn content(&self) -> ContentDigest {
        ContentDigest::of_record(&self.body)
    }

    /// Whether it is, or may be, about a user.
    pub fn mentions(&self, user: UserId) -> bool {
        let body = self.body.to_ascii_lowercase();
        body.contains(&user.to_string()) || body.contains(&user.0.simple().to_string())
    }

    /// The same record from the same source has the same key, however often it comes, and
    /// wherever in its file it stands. What lies in quarantine keeps its key.
    pub fn key(&self) -> String {
        if let Some(key) = &self.stored_at {
            return key.clone();
        }
        let Origin { road, source, .. } = &self.origin;
        let mut hash = Sha256::new();
        for part in [source, &self.occurrence.to_string(), &self.body] {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        format!("{QUARANTINE}{road}/{}.json", &hex::encode(hash.finalize())[..32])
    }
}

#[derive(Clone, Debug)]
pub struct Quarantine(Objects);

impl Quarantine {
    pub fn new(clients: &Clients) -> Self {
        Self(Objects::new(clients))
    }

    /// # Errors
    /// Whatever the service says.
    pub async fn keep(&self, quarantined: Vec<Quarantined>) -> Result<()> {
        for (road, reason, events) in counted(&quarantined) {
            Signal::Quarantined { road, reason, events }.emit();
        }
        self.put(quarantined).await
    }

    /// Writes what is in quarantine already, with other errors.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn put(&self, quarantined: Vec<Quarantined>) -> Result<()> {
        stream::iter(quarantined)
            .map(|one| async move { self.0.put(&one.key(), serde_json::to_vec(&one)?, "application/json").await })
            .buffer_unordered(CONCURRENT)
            .try_collect()
            .await
    }

    /// Everything in quarantine, ordered by origin. What is released meanwhile may
    /// be missing.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn list(&self) -> Result<Vec<Quarantined>> {
        let keys = self.0.list(QUARANTINE).await?;
        let mut all = self.read(keys).await?;
        all.sort_by(|a, b| a.origin.cmp(&b.origin));
        Ok(all)
    }

    /// The first keys after `after`, in order: at most `most`, and never more than a thousand.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn keys(&self, after: Option<&str>, most: usize) -> Result<Vec<String>> {
        self.0.list_after(QUARANTINE, after, most).await
    }

    /// What lies under these keys, in their order; what is released meanwhile is left out.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn read(&self, keys: Vec<String>) -> Result<Vec<Quarantined>> {
        stream::iter(keys)
            .map(|key| async move {
                let Some(bytes) = self.0.get(&key).await? else { return anyhow::Ok(None) };
                let read: Quarantined =
                    serde_json::from_slice(&bytes).with_context(|| format!("{key} cannot be read"))?;
                Ok(Some(Quarantined { stored_at: Some(key), ..read }))
            })
            .buffered(CONCURRENT)
            .try_filter_map(|one| async move { Ok(one) })
            .try_collect()
            .await
    }

    /// Lets go of what was taken in, or must not be kept.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn release(&self, quarantined: &[Quarantined]) -> Result<()> {
        let keys: Vec<String> = quarantined.iter().map(Quarantined::key).collect();
        stream::iter(keys)
            .map(|key| async move { self.0.delete(&key).await })
            .buffer_unordered(CONCURRENT)
            .try_collect()
            .await
    }
}

/// How many there are, by road and first reason.
fn counted(quarantined: &[Quarantined]) -> Vec<(&str, FaultCode, u64)> {
    let mut counts = BTreeMap::<_, u64>::new();
    for one in quarantined {
        if let Some(first) = one.errors.first() {
            *counts.entry((one.origin.road.as_str(), first.code)).or_default() += 1;
        }
    }
    counts.into_iter().map(|((road, reason), count)| (road, reason, count)).collect()
}
