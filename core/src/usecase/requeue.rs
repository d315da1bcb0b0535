//! Replaying the quarantine: what has become acceptable is taken in, the rest stays.

use anyhow::Result;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::ingest::{Ids, Incoming, Ingest, IngestError, Outcome, Terms, parse};
use crate::store::{Clients, Quarantine, Quarantined};

/// Events that are sent again at once.
const BATCH: usize = 200;

/// What became of the quarantine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Requeued {
    pub accepted: u64,
    /// Stored already: they leave the quarantine too.
    pub duplicates: u64,
    /// They stay, with the reasons of today.
    pub rejected: u64,
}

#[derive(Clone, Debug)]
pub struct Requeue(Quarantine);

impl Requeue {
    pub fn new(clients: &Clients) -> Self {
        Self(Quarantine::new(clients))
    }

    /// Sends everything in quarantine again. A second time changes nothing.
    ///
    /// # Errors
    /// Whatever the store says; what was taken in by then stays so.
    pub async fn replay(&self, ingest: &Ingest, now: DateTime<Utc>) -> Result<Requeued, IngestError> {
        let mut requeued = Requeued::default();
        for batch in self.0.list().await?.chunks(BATCH) {
            let events = batch.iter().map(|one| with_id(one, parse(one.body.as_bytes()))).collect();
            let outcomes = ingest.ingest(events, &Terms { now, only: None, ids: Ids::Random }).await?;
            let (mut done, mut staying) = (Vec::new(), Vec::new());
            for (one, outcome) in batch.iter().zip(outcomes) {
                match outcome {
                    Outcome::Accepted { .. } => {
                        requeued.accepted += 1;
                        done.push(one.clone());
                    }
                    Outcome::Duplicate { .. } => {
                        requeued.duplicates += 1;
                        done.push(one.clone());
                    }
                    Outcome::Rejected { errors, .. } => {
                        requeued.rejected += 1;
                        if errors != one.errors {
                            staying.push(Quarantined { errors, ..one.clone() });
                        }
                    }
                }
            }
            // Let go only of what is stored.
            self.0.put(staying).await?;
            self.0.release(&done).await?;
        }
        Ok(requeued)
    }
}

/// An event that came without an id has the same one in every replay.
fn with_id(one: &Quarantined, incoming: Incoming) -> Incoming {
    incoming.map(|mut json| {
        Ids::assign(&mut json, &one.key(), 0);
        json
    })
}
