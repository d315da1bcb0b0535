//! Replaying the quarantine: what has become acceptable is taken in, the rest stays.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::ingest::{BatchContext, Differing, Ingest, IngestError, Outcome, Senders, Terms, parse};
use crate::dataset::settings::Settings;
use crate::event::EventId;
use crate::event::identity::ContentDigest;
use crate::event::privacy::Redactor;
use crate::store::{Clients, Quarantine, Quarantined};

/// Events that are read and sent again at once. An original may have a megabyte.
const BATCH: usize = 100;

/// What became of a stretch of the quarantine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Requeued {
    pub accepted: u64,
    /// Stored already: they leave the quarantine too.
    pub duplicates: u64,
    /// Of the duplicates, those whose content is not that of the stored event.
    #[serde(skip_serializing_if = "Differing::is_none")]
    pub differing: Differing,
    /// They stay, with the reasons of today.
    pub rejected: u64,
    /// The key after which the next stretch begins; `None` at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Requeue {
    quarantine: Quarantine,
    redactor: Redactor,
}

impl Requeue {
    pub fn new(clients: &Clients, settings: &Settings) -> Self {
        Self { quarantine: Quarantine::new(clients), redactor: settings.privacy.clone() }
    }

    /// Sends a stretch of the quarantine again: in the order of the keys, from after
    /// `after` on, until `most` (at least one) are sent or `may_go_on` says no (it is asked between
    /// batches, so that every call gets on). What stays is not met twice by who goes on
    /// from `next`. A second time changes nothing.
    ///
    /// # Errors
    /// Whatever the store says; what was taken in by then stays so.
    pub async fn replay(
        &self,
        ingest: &Ingest,
        after: Option<&str>,
        most: usize,
        may_go_on: impl Fn() -> bool,
        now: DateTime<Utc>,
    ) -> Result<Requeued, IngestError> {
        let mut requeued = Requeued { next: after.map(str::to_owned), ..Requeued::default() };
        let mut left = most;
        loop {
            let size = left.min(BATCH);
            // One more tells whether this is the end.
            let mut keys = self.quarantine.keys(requeued.next.as_deref(), size + 1).await?;
            let is_end = keys.len() <= size;
            keys.truncate(size);
            let next = keys.last().filter(|_| !is_end).cloned();
            self.send(ingest, &self.quarantine.read(keys).await?, now, &mut requeued).await?;
            requeued.next = next;
            left -= size;
            if is_end || left == 0 || !may_go_on() {
                return Ok(requeued);
            }
        }
    }

    async fn send(
        &self,
        ingest: &Ingest,
        batch: &[Quarantined],
        now: DateTime<Utc>,
        requeued: &mut Requeued,
    ) -> Result<(), IngestError> {
        if batch.is_empty() {
            return Ok(());
        }
        let events = batch.iter().map(|one| parse(one.body.as_bytes())).collect();
        let senders = Senders::Each(batch.iter().map(|one| one.origin.provenance(&self.redactor)).collect());
        let terms = Terms { now, only: None, senders };
        let outcomes = ingest.ingest(events, &terms, &mut Originals(batch)).await?;
        let (mut done, mut staying) = (Vec::new(), Vec::new());
        for (one, outcome) in batch.iter().zip(outcomes) {
            match outcome {
                Outcome::Accepted { .. } => {
                    requeued.accepted += 1;
                    done.push(one.clone());
                }
                Outcome::Duplicate { differences, .. } => {
                    requeued.duplicates += 1;
                    requeued.differing.add(&differences);
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
        self.quarantine.put(staying).await?;
        self.quarantine.release(&done).await?;
        Ok(())
    }
}

/// Quarantined originals that are sent again. An event that came without an id gets
/// the one that it would have got when it came.
struct Originals<'a>(&'a [Quarantined]);

impl BatchContext for Originals<'_> {
    fn event_id(&mut self, position: usize, content: ContentDigest) -> EventId {
        content.event_id(self.0[position].occurrence)
    }
}
