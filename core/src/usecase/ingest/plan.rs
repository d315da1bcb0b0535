//! Cutting a request into transactions, and making each.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Outcome;
use super::known::Known;
use super::names::CountedNames;
use crate::dataset::history::{History, Sufficiency};
use crate::dataset::membership::Membership;
use crate::dataset::totals::EventKind;
use crate::dataset::{Dataset, Epoch, PerDataset};
use crate::event::envelope::json_bytes;
use crate::event::privacy::Redactions;
use crate::event::{EventType, Fault, FaultCode, StoredEvent, UserId};
use crate::store::{Addition, Batch, Entry, HistoryEntry, MembershipEntry, ShardId};

/// DynamoDB's limit on a transaction, less the counter shard.
const ITEMS: usize = 99;
/// DynamoDB's limit is 4 MB; attribute names, counters and histories want some of it.
const BYTES: usize = 3_500_000;
/// What an event's item weighs beside its data.
const ENVELOPE_BYTES: usize = 500;

/// An event that was admitted, and waits to be stored.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its place in the request.
    pub place: usize,
    pub stored: StoredEvent,
    pub warnings: Vec<Fault>,
    pub redactions: Redactions,
}

impl Candidate {
    pub fn accepted(self) -> (usize, Outcome) {
        let event = &self.stored.event;
        let datasets = Dataset::fed_by(event).collect();
        (self.place, Outcome::Accepted { id: event.id, datasets, warnings: self.warnings })
    }

    /// Whether the event belongs to its user's history: a transaction whose time can be believed.
    pub fn in_history(&self) -> bool {
        self.stored.event.event_type == EventType::TransactionCreation && self.has_plausible_time()
    }

    /// Where the event puts its user, if it does: an update whose time can be believed.
    pub fn membership(&self) -> Option<Membership> {
        Membership::of(&self.stored.event).filter(|_| self.has_plausible_time())
    }

    fn has_plausible_time(&self) -> bool {
        !self.warnings.iter().any(|fault| fault.code == FaultCode::ImplausibleTime)
    }

    fn bytes(&self) -> usize {
        let event = &self.stored.event;
        let members = event.data.iter().chain(&event.extra);
        ENVELOPE_BYTES + members.map(|(key, value)| key.len() + 4 + json_bytes(value)).sum::<usize>()
    }
}

/// Cuts candidates into batches that fit a transaction each. Events of one user
/// stay together, so that few batches compete for the user's history. Every user
/// is an item of the transaction: a history, or a check that there is no tombstone;
/// whose segment may change is another.
pub fn batches(mut candidates: Vec<Candidate>) -> Vec<Vec<Candidate>> {
    candidates.sort_by_key(|candidate| (candidate.stored.event.user, candidate.place));
    let mut batches = Vec::new();
    let mut batch = Vec::new();
    let (mut users, mut moving) = (BTreeSet::new(), BTreeSet::new());
    let mut bytes = 0;
    for candidate in candidates {
        let user = candidate.stored.event.user;
        let moves = candidate.membership().is_some();
        let more = usize::from(!users.contains(&user)) + usize::from(moves && !moving.contains(&user));
        let items = batch.len() + users.len() + moving.len() + 1 + more;
        let weight = candidate.bytes();
        if !batch.is_empty() && (items > ITEMS || bytes + weight > BYTES) {
            batches.push(std::mem::take(&mut batch));
            users.clear();
            moving.clear();
            bytes = 0;
        }
        users.insert(user);
        if moves {
            moving.insert(user);
        }
        bytes += weight;
        batch.push(candidate);
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

/// The names that a counter shard counts apart.
#[derive(Debug)]
pub struct Names<'a> {
    pub segments: &'a CountedNames,
    pub unknown_types: CountedNames,
}

/// The transaction that stores `candidates`: what it counts follows from what it stores.
pub fn batch<'a>(
    candidates: &'a [Candidate],
    shard: ShardId,
    epochs: PerDataset<Epoch>,
    known: &Known,
    rule: &Sufficiency,
    names: Names<'_>,
) -> Batch<'a> {
    let Names { segments, mut unknown_types } = names;
    let mut addition = Addition::default();
    for candidate in candidates {
        let stored = &candidate.stored;
        addition.totals.add(EventKind::of(&stored.event), 1);
        for dataset in Dataset::all().filter(|dataset| dataset.role(&stored.event).is_some()) {
            addition.counts[dataset].events += 1;
            addition.counts[dataset].counting +=
                u64::from(dataset.counts(&stored.event) && candidate.has_plausible_time());
        }
        for dataset in Dataset::fed_by(&stored.event) {
            addition.newest[dataset] = addition.newest[dataset].max(Some(stored.ingested_at));
        }
    }
    let mut histories = Vec::new();
    for (user, times) in times(candidates) {
        let kept = known.histories.get(&user).copied();
        if kept.is_some_and(|entry| entry.history.sufficient_since.is_some()) {
            continue;
        }
        let Some(new) = History::of(times) else { continue };
        addition.users += u64::from(kept.is_none());
        let mut history = kept.map_or(new, |entry| entry.history.merge(new));
        let mut sufficient_on = None;
        if history.suffices(rule) {
            history.sufficient_since = Some(epochs[Dataset::SEGMENTATION]);
            sufficient_on = Some(shard);
            addition.counts[Dataset::SEGMENTATION].counting += 1;
        }
        let revision = kept.map_or(0, |entry| entry.revision) + 1;
        let counted_on = kept.map_or(Some(shard), |entry| entry.counted_on);
        histories.push((user, HistoryEntry { history, revision, counted_on, sufficient_on }));
    }
    let memberships = memberships(candidates, &known.memberships, segments);
    for (user, entry) in &memberships {
        *addition.segments.entry(entry.membership.name.clone()).or_default() += 1;
        if let Some(left) = known.memberships.get(user) {
            *addition.segments.entry(left.membership.name.clone()).or_default() -= 1;
        }
    }
    let mut bystanders: BTreeSet<UserId> = candidates.iter().map(|candidate| candidate.stored.event.user).collect();
    for (user, _) in &histories {
        bystanders.remove(user);
    }
    let mut events = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let Candidate { stored, redactions, .. } = candidate;
        let event_type = &stored.event.event_type;
        let counted_as = event_type.is_unknown().then(|| unknown_types.count(event_type.name()).to_owned());
        if let Some(name) = &counted_as {
            *addition.unknown_types.entry(name.clone()).or_default() += 1;
        }
        let has_plausible_time = candidate.has_plausible_time();
        events.push(Entry { stored, redactions: *redactions, counted_as, has_plausible_time });
    }
    Batch { events, shard, epochs, addition, histories, bystanders: bystanders.into_iter().collect(), memberships }
}

/// The users who are in another segment by `candidates`, or in theirs since later.
fn memberships(
    candidates: &[Candidate],
    known: &HashMap<UserId, MembershipEntry>,
    segments: &CountedNames,
) -> Vec<(UserId, MembershipEntry)> {
    let mut latest = BTreeMap::<UserId, Membership>::new();
    for candidate in candidates {
        if let Some(new) = candidate.membership() {
            let user = candidate.stored.event.user;
            let held = latest.remove(&user);
            latest.insert(user, held.map_or(new.clone(), |held| held.latest(new)));
        }
    }
    let changed = latest.into_iter().filter_map(|(user, mut membership)| {
        let kept = known.get(&user);
        if kept.is_some_and(|kept| !membership.happened_after(&kept.membership)) {
            return None;
        }
        // What it is counted under is remembered: it is what the next one takes off.
        membership.name = segments.counted(&membership.name).to_owned();
        Some((user, MembershipEntry { membership, revision: kept.map_or(0, |kept| kept.revision) + 1 }))
    });
    changed.collect()
}

fn times(candidates: &[Candidate]) -> BTreeMap<UserId, Vec<chrono::DateTime<chrono::Utc>>> {
    let mut times = BTreeMap::<_, Vec<_>>::new();
    for candidate in candidates.iter().filter(|candidate| candidate.in_history()) {
        times.entry(candidate.stored.event.user).or_default().push(candidate.stored.event.occurred_at);
    }
    times
}
