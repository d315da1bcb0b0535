//! Writing one batch, whatever gets in the way.

use std::collections::{BTreeSet, HashMap};

use chrono::Utc;
use serde_json::Value;
use uuid::Uuid;

use super::known::Changing;
use super::names::CountedNames;
use super::plan::{self, Candidate};
use super::{Ingest, IngestError, Outcome, Seen, difference, refused};
use crate::event::{Fault, FaultCode, StoredEvent};
use crate::store::{Batch, COUNTER_SHARDS, Failure, Refusal, ShardId, backoff};
use crate::telemetry::{Cause, Signal};
use crate::usecase::initialize;

/// How often a batch is tried against contention before the sender is asked to come back.
const ATTEMPTS: u32 = 12;
/// How often a batch is repeated whose fate is unknown, beyond the SDK's own repetitions.
const REPETITIONS: u32 = 3;

impl Ingest {
    /// Writes one batch, leaving out what turns out to be stored already.
    pub(super) async fn write(&self, mut candidates: Vec<Candidate>) -> Result<Vec<(usize, Outcome)>, IngestError> {
        let mut outcomes = Vec::with_capacity(candidates.len());
        // Users who may be erased: a condition said so.
        let mut suspects = BTreeSet::new();
        let mut attempts = 0;
        while !candidates.is_empty() {
            let shard = ShardId::pick(rand::random());
            let Seen { epochs, segments, unknown_types } = self.shard(shard).await?;
            let changing = Changing::by(&candidates);
            let _turns = self.turns.take(self.memory.unsettled(&changing)).await;
            let known = self.memory.of(changing, &suspects, &self.log).await?;
            if candidates.iter().any(|candidate| known.erased.contains(&candidate.stored.event.user)) {
                let (refused, kept): (Vec<_>, Vec<_>) =
                    candidates.into_iter().partition(|candidate| known.erased.contains(&candidate.stored.event.user));
                candidates = kept;
                outcomes.extend(refused.into_iter().map(refuse_erased));
                continue;
            }
            let names = plan::Names { segments: &segments, unknown_types };
            let batch = plan::batch(&candidates, shard, epochs, &known, &self.settings.sufficiency, names);
            let refusals = self.append(&batch).await?;
            if refusals.is_empty() {
                self.memory.remember(&batch);
                if let Some(seen) = &mut self.cached_shards()[shard.index()] {
                    seen.segments.learn(batch.addition.segments.keys());
                    seen.unknown_types.learn(batch.addition.unknown_types.keys());
                }
                outcomes.extend(candidates.into_iter().map(Candidate::accepted));
                return Ok(outcomes);
            }

            let mut duplicates = HashMap::new();
            let mut cause = None;
            for refusal in refusals {
                match refusal {
                    Refusal::Duplicate(index, first) => {
                        duplicates.insert(index, first);
                    }
                    Refusal::EpochMoved => self.cached_shards()[shard.index()] = None,
                    Refusal::HistoryMoved(user) => {
                        self.memory.forget(user);
                        suspects.insert(user);
                    }
                    Refusal::MembershipMoved(user) => self.memory.forget(user),
                    Refusal::Contention => cause = cause.or(Some(Cause::Contention)),
                    // A transaction that meets both waits for capacity.
                    Refusal::Throttled => cause = Some(Cause::Throttled),
                }
            }
            if duplicates.is_empty() {
                attempts += 1;
                if attempts == ATTEMPTS {
                    return Err(IngestError::Throttled);
                }
            }
            if let Some(cause) = cause {
                Signal::Retried(cause).emit();
                tokio::time::sleep(backoff(attempts)).await;
            }
            candidates = without(candidates, duplicates, &mut outcomes);
        }
        Ok(outcomes)
    }

    /// Appends a batch. Where nobody knows whether it was written, the very same
    /// transaction is repeated under the same token, which writes it once.
    async fn append(&self, batch: &Batch<'_>) -> Result<Vec<Refusal>, IngestError> {
        let token = Uuid::new_v4();
        let mut repetitions = 0;
        loop {
            let error = match self.log.append(batch, token).await {
                Ok(refusals) => return Ok(refusals),
                Err(error) => error,
            };
            let cause = match Failure::of(&error) {
                Failure::Permanent => return Err(error.into()),
                _ if repetitions == REPETITIONS => return Err(error.into()),
                Failure::Throttled => Cause::Throttled,
                Failure::Unavailable => Cause::Unavailable,
            };
            repetitions += 1;
            Signal::Retried(cause).emit();
            tokio::time::sleep(backoff(repetitions + 3)).await;
        }
    }

    /// The events have their outcome already: that it could not be counted is said, not answered.
    pub(super) async fn count_refused(&self, outcomes: &[Outcome]) {
        let refused = refused::by_reason(outcomes);
        if refused.is_empty() {
            return;
        }
        if let Err(error) = self.counters.count_refused(ShardId::pick(rand::random()), &refused).await {
            tracing::warn!(error = format!("{error:#}"), "refused events were not counted");
        }
    }

    /// A shard; a store that was never used is initialized.
    async fn shard(&self, shard: ShardId) -> Result<Seen, IngestError> {
        if let Some(seen) = &self.cached_shards()[shard.index()] {
            return Ok(seen.clone());
        }
        let state = match self.counters.read(shard).await? {
            Some(state) => state,
            None => {
                initialize::initialize(&self.counters, &self.heads, Utc::now()).await?;
                self.counters.read(shard).await?.ok_or_else(|| anyhow::anyhow!("a counter shard cannot be made"))?
            }
        };
        let seen = Seen {
            epochs: state.epochs,
            segments: CountedNames::segments(state.segments.into_keys()),
            unknown_types: CountedNames::unknown_types(state.unknown_types.into_keys()),
        };
        self.cached_shards()[shard.index()] = Some(seen.clone());
        Ok(seen)
    }

    fn cached_shards(&self) -> std::sync::MutexGuard<'_, [Option<Seen>; COUNTER_SHARDS as usize]> {
        // A cache that a panic left behind is still a cache.
        self.shards.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The candidates that are not stored yet; the others get their answers.
fn without(
    candidates: Vec<Candidate>,
    mut duplicates: HashMap<usize, Option<Box<StoredEvent>>>,
    outcomes: &mut Vec<(usize, Outcome)>,
) -> Vec<Candidate> {
    let mut left = Vec::with_capacity(candidates.len() - duplicates.len());
    for (index, candidate) in candidates.into_iter().enumerate() {
        match duplicates.remove(&index) {
            None => left.push(candidate),
            Some(first) => {
                let Candidate { place, stored, .. } = candidate;
                let differences = first.map(|first| difference::between(&first, &stored)).unwrap_or_default();
                outcomes.push((place, Outcome::Duplicate { id: stored.event.id, differences }));
            }
        }
    }
    left
}

fn refuse_erased(candidate: Candidate) -> (usize, Outcome) {
    let message = "the data of this user are erased, and no more are taken";
    let errors = vec![Fault::new(&["user_id"], FaultCode::Erased, message)];
    let id = Some(Value::String(candidate.stored.event.id.to_string()));
    (candidate.place, Outcome::Rejected { id, errors })
}
