//! Cutting a request into transactions, and making each.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Mutex;

use anyhow::Result;

use super::Outcome;
use crate::dataset::history::{History, Sufficiency};
use crate::dataset::totals::EventKind;
use crate::dataset::{Dataset, Epoch, PerDataset};
use crate::event::envelope::json_bytes;
use crate::event::{EventType, Fault, FaultCode, StoredEvent, UserId};
use crate::store::{Addition, Batch, EventLog, HistoryEntry, ShardId};

/// DynamoDB's limit on a transaction, less the counter shard.
const ITEMS: usize = 99;
/// DynamoDB's limit is 4 MB; attribute names, counters and histories want some of it.
const BYTES: usize = 3_500_000;
/// What an event's item weighs beside its data.
const ENVELOPE_BYTES: usize = 500;
/// Users whose histories are remembered; about 100 bytes each.
const REMEMBERED: usize = 50_000;

/// An event that was admitted, and waits to be stored.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its place in the request.
    pub place: usize,
    pub stored: StoredEvent,
    pub warnings: Vec<Fault>,
}

impl Candidate {
    pub fn accepted(self) -> (usize, Outcome) {
        let event = &self.stored.event;
        let datasets = Dataset::fed_by(event).collect();
        (self.place, Outcome::Accepted { id: event.id, datasets, warnings: self.warnings })
    }

    /// Whether the event belongs to its user's history: a transaction whose time can be believed.
    fn in_history(&self) -> bool {
        self.stored.event.event_type == EventType::TransactionCreation
            && !self.warnings.iter().any(|fault| fault.code == FaultCode::ImplausibleTime)
    }

    fn bytes(&self) -> usize {
        let data: usize = self.stored.event.data.iter().map(|(key, value)| key.len() + 4 + json_bytes(value)).sum();
        ENVELOPE_BYTES + data
    }
}

/// Cuts candidates into batches that fit a transaction each. Events of one user
/// stay together, so that few batches compete for the user's history.
pub fn batches(mut candidates: Vec<Candidate>, histories: &Histories) -> Vec<Vec<Candidate>> {
    candidates.sort_by_key(|candidate| (candidate.stored.event.user, candidate.place));
    let mut batches = Vec::new();
    let mut batch = Vec::new();
    let mut users = BTreeSet::new();
    let mut bytes = 0;
    for candidate in candidates {
        let user = candidate.stored.event.user;
        let new_history = candidate.in_history() && !users.contains(&user) && !histories.is_sufficient(user);
        let items = batch.len() + users.len() + 1 + usize::from(new_history);
        let weight = candidate.bytes();
        if !batch.is_empty() && (items > ITEMS || bytes + weight > BYTES) {
            batches.push(std::mem::take(&mut batch));
            users.clear();
            bytes = 0;
        }
        if candidate.in_history() && !histories.is_sufficient(user) {
            users.insert(user);
        }
        bytes += weight;
        batch.push(candidate);
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

/// The transaction that stores `candidates`: what it counts follows from what it stores.
pub fn batch<'a>(
    candidates: &'a [Candidate],
    shard: ShardId,
    epochs: PerDataset<Epoch>,
    known: &HashMap<UserId, Option<HistoryEntry>>,
    rule: &Sufficiency,
) -> Batch<'a> {
    let mut addition = Addition::default();
    for Candidate { stored, .. } in candidates {
        addition.totals.add(EventKind::of(&stored.event), 1);
        for dataset in Dataset::all().filter(|dataset| dataset.role(&stored.event).is_some()) {
            addition.counts[dataset].events += 1;
            addition.counts[dataset].counting += u64::from(dataset.counts(&stored.event));
        }
    }
    let mut histories = Vec::new();
    for (user, times) in times(candidates) {
        let kept = known.get(&user).copied().flatten();
        if kept.is_some_and(|entry| entry.history.sufficient_since.is_some()) {
            continue;
        }
        let Some(new) = History::of(times) else { continue };
        let mut history = kept.map_or(new, |entry| entry.history.merge(new));
        if history.suffices(rule) {
            history.sufficient_since = Some(epochs[Dataset::SEGMENTATION]);
            addition.counts[Dataset::SEGMENTATION].counting += 1;
        }
        histories.push((user, HistoryEntry { history, revision: kept.map_or(0, |entry| entry.revision) + 1 }));
    }
    Batch { events: candidates.iter().map(|candidate| &candidate.stored).collect(), shard, epochs, addition, histories }
}

fn times(candidates: &[Candidate]) -> BTreeMap<UserId, Vec<chrono::DateTime<chrono::Utc>>> {
    let mut times = BTreeMap::<_, Vec<_>>::new();
    for candidate in candidates.iter().filter(|candidate| candidate.in_history()) {
        times.entry(candidate.stored.event.user).or_default().push(candidate.stored.event.occurred_at);
    }
    times
}

/// Histories as last seen by this process. Those that are sufficient never
/// change; of the others, the condition on their revision tells when they are stale.
#[derive(Debug, Default)]
pub struct Histories(Mutex<HashMap<UserId, HistoryEntry>>);

impl Histories {
    fn is_sufficient(&self, user: UserId) -> bool {
        self.seen().get(&user).is_some_and(|entry| entry.history.sufficient_since.is_some())
    }

    /// The users whose histories `candidates` may change.
    pub fn extended_by(&self, candidates: &[Candidate]) -> BTreeSet<UserId> {
        let users = candidates.iter().filter(|candidate| candidate.in_history());
        users.map(|candidate| candidate.stored.event.user).filter(|user| !self.is_sufficient(*user)).collect()
    }

    /// The histories that `candidates` extend, read where they were not seen yet.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn of(&self, candidates: &[Candidate], log: &EventLog) -> Result<HashMap<UserId, Option<HistoryEntry>>> {
        let users: BTreeSet<UserId> = candidates
            .iter()
            .filter(|candidate| candidate.in_history())
            .map(|candidate| candidate.stored.event.user)
            .collect();
        let mut known: HashMap<UserId, Option<HistoryEntry>> = {
            let seen = self.seen();
            users.iter().filter_map(|user| Some((*user, Some(*seen.get(user)?)))).collect()
        };
        let unseen: Vec<UserId> = users.into_iter().filter(|user| !known.contains_key(user)).collect();
        if !unseen.is_empty() {
            let read = log.histories(&unseen).await?;
            known.extend(unseen.into_iter().map(|user| (user, read.get(&user).copied())));
        }
        Ok(known)
    }

    pub fn remember(&self, written: &[(UserId, HistoryEntry)]) {
        let mut seen = self.seen();
        if seen.len() + written.len() > REMEMBERED {
            seen.clear();
        }
        seen.extend(written.iter().copied());
    }

    pub fn forget(&self, user: UserId) {
        self.seen().remove(&user);
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, HashMap<UserId, HistoryEntry>> {
        // A cache that a panic left behind is still a cache.
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
