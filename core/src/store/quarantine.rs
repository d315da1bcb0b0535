//! What could not be accepted, kept with the reason: nothing that arrives is
//! dropped silently.

use anyhow::{Context, Result};
use futures::stream::{self, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Clients, Objects};
use crate::event::Fault;

const PREFIX: &str = "quarantine/";
const CONCURRENT: usize = 16;

/// Where something came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin {
    /// The road, e.g. `replay`.
    pub road: String,
    /// The file, queue or stream.
    pub source: String,
    /// The line of a file, from 1.
    pub line: u64,
}

/// Something that was turned away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    pub origin: Origin,
    /// At least one.
    pub errors: Vec<Fault>,
    /// As it came.
    pub body: String,
}

impl Quarantined {
    /// The same thing from the same place has the same key, however often it comes.
    fn key(&self) -> String {
        let Origin { road, source, line } = &self.origin;
        let mut hash = Sha256::new();
        for part in [source, &line.to_string(), &self.body] {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        format!("{PREFIX}{road}/{}.json", &hex::encode(hash.finalize())[..32])
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
        stream::iter(quarantined)
            .map(|one| async move { self.0.put(&one.key(), serde_json::to_vec(&one)?, "application/json").await })
            .buffer_unordered(CONCURRENT)
            .try_collect()
            .await
    }

    /// Everything in quarantine, ordered by origin.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn list(&self) -> Result<Vec<Quarantined>> {
        let keys = self.0.list(PREFIX).await?;
        let mut all: Vec<Quarantined> = stream::iter(keys)
            .map(|key| async move {
                let bytes = self.0.get(&key).await?.with_context(|| format!("{key} came and went"))?;
                serde_json::from_slice(&bytes).with_context(|| format!("{key} cannot be read"))
            })
            .buffer_unordered(CONCURRENT)
            .try_collect()
            .await?;
        all.sort_by(|a, b| a.origin.cmp(&b.origin));
        Ok(all)
    }
}
