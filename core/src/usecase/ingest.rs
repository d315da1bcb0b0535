//! Taking events in: each once, counted in the transaction that stores it. All
//! roads end here.

mod alone;
mod difference;
mod differing;
mod known;
mod names;
mod plan;
mod refused;
mod turns;
mod unanswered;
mod write;

use std::collections::HashMap;
use std::sync::Mutex;

use chrono::{DateTime, Utc};
use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::Value;

pub use self::alone::{Failed, caught};
pub use self::differing::Differing;
use self::known::Memory;
use self::names::CountedNames;
use self::plan::Candidate;
use self::turns::Turns;
pub use self::unanswered::{Arrival, Earlier, Requests, Unanswered};
use crate::dataset::settings::Settings;
use crate::dataset::{Dataset, Epoch, PerDataset};
use crate::event::decode::Json;
pub use crate::event::decode::parse;
use crate::event::envelope::{self, Admitted, Intake};
use crate::event::identity::{ContentDigest, Occurrences};
use crate::event::privacy::Redactions;
use crate::event::{EventId, Fault, FaultCode, Provenance, StoredEvent, UserId};
use crate::store::{COUNTER_SHARDS, Clients, Counters, EventLog, Failure, Heads};
use crate::telemetry::Signal;

/// Transactions of one request that are under way at once.
const CONCURRENT_BATCHES: usize = 4;

/// One event as it came: JSON, or what is wrong with its text.
pub type Incoming = Result<Json, Fault>;

/// On what terms events are ingested.
#[derive(Clone, Debug)]
pub struct Terms {
    pub now: DateTime<Utc>,
    /// The only user of whom the sender may report; `None` for any.
    pub only: Option<UserId>,
    pub senders: Senders,
}

/// Where the events of one call came from.
#[derive(Clone, Debug)]
pub enum Senders {
    /// All of them from one sender.
    One(Provenance),
    /// One per event, in their order.
    Each(Vec<Provenance>),
}

impl Default for Senders {
    fn default() -> Self {
        Senders::One(Provenance::default())
    }
}

impl Senders {
    /// The provenance of the event at `index`; unknown beyond the last.
    fn of(&self, index: usize) -> Provenance {
        match self {
            Senders::One(provenance) => provenance.clone(),
            Senders::Each(each) => each.get(index).cloned().unwrap_or_default(),
        }
    }
}

/// What the caller knows of the events of a batch beside their text. Events are
/// named by their position in the batch.
pub trait BatchContext: Send {
    /// The id of an event that came without one.
    fn event_id(&mut self, position: usize, content: ContentDigest) -> EventId;

    /// Adds what an earlier reading of the event found.
    fn amend(&self, _position: usize, _admitted: &mut Admitted) {}
}

/// The events of one request or file.
impl BatchContext for Occurrences {
    fn event_id(&mut self, _position: usize, content: ContentDigest) -> EventId {
        self.next_id(content)
    }
}

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
        /// The fields in which this one is not the same, e.g. `data.amount`.
        differences: Vec<String>,
    },
    Rejected {
        /// As it was sent.
        id: Option<Value>,
        errors: Vec<Fault>,
    },
}

/// Why events could not be taken in. Nothing is lost: sent again, what was taken
/// by then is a duplicate.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// Retries did not help: ask less often.
    #[error("too many writers at once: send the request again")]
    Throttled,
    #[error("the store does not answer: send the request again")]
    Unavailable(#[source] anyhow::Error),
    #[error(transparent)]
    Store(anyhow::Error),
}

impl From<anyhow::Error> for IngestError {
    fn from(error: anyhow::Error) -> Self {
        match Failure::of(&error) {
            Failure::Throttled => IngestError::Throttled,
            Failure::Unavailable => IngestError::Unavailable(error),
            Failure::Permanent => IngestError::Store(error),
        }
    }
}

#[derive(Debug)]
pub struct Ingest {
    log: EventLog,
    counters: Counters,
    heads: Heads,
    settings: Settings,
    /// Each counter shard as last seen; its condition tells when the epochs are stale.
    shards: Mutex<[Option<Seen>; COUNTER_SHARDS as usize]>,
    memory: Memory,
    turns: Turns,
}

/// What a batch needs to know of its counter shard.
#[derive(Clone, Debug)]
struct Seen {
    epochs: PerDataset<Epoch>,
    segments: CountedNames,
    unknown_types: CountedNames,
}

impl Ingest {
    pub fn new(clients: &Clients, settings: &Settings) -> Self {
        Self {
            log: EventLog::new(clients),
            counters: Counters::new(clients),
            heads: Heads::new(clients),
            settings: settings.clone(),
            shards: Mutex::new([const { None }; COUNTER_SHARDS as usize]),
            memory: Memory::default(),
            turns: Turns::default(),
        }
    }

    /// Ingests events; one outcome per event, in their order. Events that come without
    /// an id get one from `context`.
    ///
    /// # Errors
    /// When the store fails or is too busy. Some events may have been taken in by
    /// then; sent again, they are duplicates.
    pub async fn ingest(
        &self,
        events: Vec<Incoming>,
        terms: &Terms,
        context: &mut dyn BatchContext,
    ) -> Result<Vec<Outcome>, IngestError> {
        let intake = Intake { now: terms.now, limits: self.settings.limits, privacy: self.settings.privacy.clone() };
        let mut sorted = Sorted::with_capacity(events.len());
        for (place, incoming) in events.into_iter().enumerate() {
            sorted.take(place, incoming, terms, &intake, context);
        }
        let Sorted { mut outcomes, candidates, repeated, redactions, .. } = sorted;

        // Of those that an earlier one in the request repeats, the earlier stands.
        let firsts: HashMap<usize, StoredEvent> =
            repeated.iter().map(|(_, first, _)| (*first, candidates[*first].stored.clone())).collect();
        for (place, first, stored) in repeated {
            let differences = difference::between(&firsts[&first], &stored);
            outcomes[place] = Some(Outcome::Duplicate { id: stored.event.id, differences });
        }
        let batches = plan::batches(candidates);
        let mut written = stream::iter(batches).map(|batch| self.write(batch)).buffer_unordered(CONCURRENT_BATCHES);
        while let Some(batch) = written.try_next().await? {
            for (place, outcome) in batch {
                outcomes[place] = Some(outcome);
            }
        }
        let outcomes: Vec<Outcome> = outcomes.into_iter().flatten().collect();
        self.count_refused(&outcomes).await;
        report(&outcomes, redactions);
        Ok(outcomes)
    }
}

/// The events of a request, those that may be stored apart from the others.
struct Sorted {
    outcomes: Vec<Option<Outcome>>,
    candidates: Vec<Candidate>,
    /// Place, the candidate that it repeats, and the event.
    repeated: Vec<(usize, usize, StoredEvent)>,
    seen: HashMap<(UserId, EventId), usize>,
    redactions: Redactions,
}

impl Sorted {
    fn with_capacity(events: usize) -> Self {
        Self {
            outcomes: Vec::with_capacity(events),
            candidates: Vec::with_capacity(events),
            repeated: Vec::new(),
            seen: HashMap::with_capacity(events),
            redactions: Redactions::default(),
        }
    }

    fn take(
        &mut self,
        place: usize,
        incoming: Incoming,
        terms: &Terms,
        intake: &Intake,
        context: &mut dyn BatchContext,
    ) {
        let id = incoming.as_ref().ok().and_then(|json| json.value.get("event_id").cloned());
        let read = incoming
            .map_err(|fault| vec![fault])
            .and_then(|json| {
                let duplicate_keys = json.warnings(&intake.privacy);
                let mut admitted = envelope::read(json.value, intake, |content| context.event_id(place, content))?;
                admitted.warnings.extend(duplicate_keys);
                Ok(admitted)
            })
            .and_then(|mut admitted| {
                context.amend(place, &mut admitted);
                allowed(admitted, terms.only)
            });
        let outcome = match read {
            Err(errors) => Some(Outcome::Rejected { id, errors }),
            Ok(Admitted { event, warnings, redactions }) => {
                let stored = StoredEvent { event, ingested_at: terms.now, provenance: terms.senders.of(place) };
                match self.seen.entry((stored.event.user, stored.event.id)) {
                    std::collections::hash_map::Entry::Occupied(first) => {
                        self.repeated.push((place, *first.get(), stored));
                    }
                    std::collections::hash_map::Entry::Vacant(slot) => {
                        slot.insert(self.candidates.len());
                        self.redactions += redactions;
                        self.candidates.push(Candidate { place, stored, warnings, redactions });
                    }
                }
                None
            }
        };
        self.outcomes.push(outcome);
    }
}

/// An end user's token writes only that user's events.
fn allowed(admitted: Admitted, only: Option<UserId>) -> Result<Admitted, Vec<Fault>> {
    if only.is_none_or(|user| user == admitted.event.user) {
        return Ok(admitted);
    }
    let message = "user_id must be the user of the token: it may write no other user's events";
    Err(vec![Fault::new(&["user_id"], FaultCode::NotAllowed, message)])
}

/// What a request came to, as signals.
fn report(outcomes: &[Outcome], redactions: Redactions) {
    let mut accepted = HashMap::<Option<Dataset>, u64>::new();
    let mut rejected = HashMap::<FaultCode, u64>::new();
    let (mut duplicates, mut different) = (0, 0);
    for outcome in outcomes {
        match outcome {
            Outcome::Accepted { datasets, .. } if datasets.is_empty() => *accepted.entry(None).or_default() += 1,
            Outcome::Accepted { datasets, .. } => {
                for dataset in datasets {
                    *accepted.entry(Some(*dataset)).or_default() += 1;
                }
            }
            Outcome::Duplicate { differences, .. } => {
                duplicates += 1;
                different += u64::from(!differences.is_empty());
            }
            Outcome::Rejected { errors, .. } => {
                if let Some(first) = errors.first() {
                    *rejected.entry(first.code).or_default() += 1;
                }
            }
        }
    }
    for (dataset, events) in accepted {
        Signal::Accepted { dataset, events }.emit();
    }
    for (reason, events) in rejected {
        Signal::Rejected { reason, events }.emit();
    }
    if duplicates > 0 {
        Signal::Duplicate { events: duplicates, different }.emit();
    }
    if !redactions.is_none() {
        Signal::Redacted(redactions).emit();
    }
}
