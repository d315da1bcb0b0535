//! Taking events in: each once, counted in the transaction that stores it.

mod plan;
mod turns;

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::Value;

use self::plan::{Candidate, Histories};
use self::turns::Turns;
use super::initialize;
use crate::dataset::settings::Settings;
use crate::dataset::{Dataset, Epoch, PerDataset};
use crate::event::envelope::{self, Intake};
use crate::event::{EventId, Fault, StoredEvent, UserId};
use crate::store::{COUNTER_SHARDS, Clients, Counters, EventLog, Heads, Refusal, ShardId};

/// Transactions of one request that are under way at once.
const CONCURRENT_BATCHES: usize = 4;
/// How often a batch is tried against contention before the sender is asked to come back.
const ATTEMPTS: u32 = 12;

/// What became of one event.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Accepted {
        id: EventId,
        datasets: Vec<Dataset>,
        warnings: Vec<Fault>,
    },
    /// An event of this user and id is stored already; the first one stands.
    Duplicate {
        id: EventId,
    },
    Rejected {
        /// As it was sent.
        id: Option<Value>,
        errors: Vec<Fault>,
    },
}

/// The store is too busy to take the batch now. Nothing of it is lost: sent
/// again, what was taken is a duplicate.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("too many writers at once: send the request again")]
pub struct Busy;

#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error(transparent)]
    Store(#[from] anyhow::Error),
}

#[derive(Debug)]
pub struct Ingest {
    log: EventLog,
    counters: Counters,
    heads: Heads,
    settings: Settings,
    /// The epochs of each counter shard as last seen; the shard's condition tells when they are stale.
    epochs: Mutex<[Option<PerDataset<Epoch>>; COUNTER_SHARDS as usize]>,
    histories: Histories,
    turns: Turns,
}

impl Ingest {
    pub fn new(clients: &Clients, settings: &Settings) -> Self {
        Self {
            log: EventLog::new(clients),
            counters: Counters::new(clients),
            heads: Heads::new(clients),
            settings: settings.clone(),
            epochs: Mutex::new([const { None }; COUNTER_SHARDS as usize]),
            histories: Histories::default(),
            turns: Turns::default(),
        }
    }

    /// Takes events in; one outcome an event, in their order.
    ///
    /// # Errors
    /// When the store fails or is too busy. Some events may have been taken in by
    /// then; sent again, they are duplicates.
    pub async fn ingest(&self, events: &[Value], now: DateTime<Utc>) -> Result<Vec<Outcome>, IngestError> {
        let intake = Intake { now, limits: self.settings.limits, new_id: uuid::Uuid::new_v4 };
        let mut outcomes: Vec<Option<Outcome>> = Vec::with_capacity(events.len());
        let mut seen: HashSet<(UserId, EventId)> = HashSet::with_capacity(events.len());
        let mut candidates = Vec::with_capacity(events.len());
        for (place, json) in events.iter().enumerate() {
            outcomes.push(match envelope::read(json, &intake) {
                Err(errors) => Some(Outcome::Rejected { id: json.get("event_id").cloned(), errors }),
                Ok(admitted) if !seen.insert((admitted.event.user, admitted.event.id)) => {
                    Some(Outcome::Duplicate { id: admitted.event.id })
                }
                Ok(admitted) => {
                    let stored = StoredEvent { event: admitted.event, ingested_at: now };
                    candidates.push(Candidate { place, stored, warnings: admitted.warnings });
                    None
                }
            });
        }

        let batches = plan::batches(candidates, &self.histories);
        let mut written = stream::iter(batches).map(|batch| self.write(batch)).buffer_unordered(CONCURRENT_BATCHES);
        while let Some(batch) = written.try_next().await? {
            for (place, outcome) in batch {
                outcomes[place] = Some(outcome);
            }
        }
        Ok(outcomes.into_iter().flatten().collect())
    }

    /// Writes one batch, leaving out what turns out to be stored already.
    async fn write(&self, mut candidates: Vec<Candidate>) -> Result<Vec<(usize, Outcome)>, IngestError> {
        let mut outcomes = Vec::with_capacity(candidates.len());
        let mut attempts = 0;
        while !candidates.is_empty() {
            let shard = ShardId::pick(rand::random());
            let epochs = self.epochs(shard).await?;
            let _turns = self.turns.take(self.histories.extended_by(&candidates)).await;
            let histories = self.histories.of(&candidates, &self.log).await?;
            let batch = plan::batch(&candidates, shard, epochs, &histories, &self.settings.sufficiency);
            let refusals = self.log.append(&batch).await?;
            if refusals.is_empty() {
                self.histories.remember(&batch.histories);
                outcomes.extend(candidates.into_iter().map(Candidate::accepted));
                return Ok(outcomes);
            }

            let mut duplicates = HashSet::new();
            let mut contended = false;
            for refusal in refusals {
                match refusal {
                    Refusal::Duplicate(index) => {
                        duplicates.insert(index);
                    }
                    Refusal::EpochMoved => self.forget_epochs(shard),
                    Refusal::HistoryMoved(user) => self.histories.forget(user),
                    Refusal::Contention => contended = true,
                }
            }
            if duplicates.is_empty() {
                attempts += 1;
                if attempts == ATTEMPTS {
                    return Err(Busy.into());
                }
            }
            if contended {
                tokio::time::sleep(backoff(attempts)).await;
            }
            let mut index = 0;
            candidates.retain(|candidate| {
                let duplicate = duplicates.contains(&index);
                index += 1;
                if duplicate {
                    outcomes.push((candidate.place, Outcome::Duplicate { id: candidate.stored.event.id }));
                }
                !duplicate
            });
        }
        Ok(outcomes)
    }

    /// The epochs of a shard; a store that was never used is initialized.
    async fn epochs(&self, shard: ShardId) -> Result<PerDataset<Epoch>, IngestError> {
        if let Some(epochs) = &self.cached_epochs()[shard.index()] {
            return Ok(epochs.clone());
        }
        let state = match self.counters.read(shard).await? {
            Some(state) => state,
            None => {
                initialize::initialize(&self.counters, &self.heads, Utc::now()).await?;
                self.counters.read(shard).await?.ok_or_else(|| anyhow::anyhow!("a counter shard cannot be made"))?
            }
        };
        self.cached_epochs()[shard.index()] = Some(state.epochs.clone());
        Ok(state.epochs)
    }

    fn forget_epochs(&self, shard: ShardId) {
        self.cached_epochs()[shard.index()] = None;
    }

    fn cached_epochs(&self) -> std::sync::MutexGuard<'_, [Option<PerDataset<Epoch>>; COUNTER_SHARDS as usize]> {
        // A cache that a panic left behind is still a cache.
        self.epochs.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Full jitter up to 10 ms × 2^attempts, at most 1 s.
fn backoff(attempts: u32) -> Duration {
    let ceiling = 10u64.saturating_mul(1 << attempts.min(7)).min(1_000);
    Duration::from_millis(rand::random_range(0..=ceiling))
}
