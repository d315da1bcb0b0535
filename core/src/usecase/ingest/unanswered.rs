//! Roads on which nobody waits for an answer: queues, streams, the bus, files.
//! What is rejected there goes to quarantine, with the reasons.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Mutex;

use super::alone::alone;
use super::{BatchContext, Incoming, Ingest, IngestError, Outcome, Senders, Terms};
use crate::dataset::settings::Settings;
use crate::event::envelope::Admitted;
use crate::event::identity::{ContentDigest, Occurrences};
use crate::event::privacy::{Redactions, Redactor};
use crate::event::{EventId, Fault, FaultCode};
use crate::store::{Clients, Origin, Quarantine, Quarantined};

/// An event that came by such a road.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub incoming: Incoming,
    pub origin: Origin,
    /// As it came, for the quarantine.
    pub body: String,
    /// The number of its request within the batch, e.g. of its message: events of equal
    /// content and without an id are different ones only within one request.
    pub request: usize,
    /// What was found when it was read before it was redacted.
    pub earlier: Option<Earlier>,
}

/// What was found by reading an event before its text was redacted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Earlier {
    pub warnings: Vec<Fault>,
    pub redactions: Redactions,
}

/// How often each content came, per request of a batch. A file is one request of many batches.
#[derive(Clone, Debug, Default)]
pub struct Requests(HashMap<usize, Occurrences>);

impl Requests {
    /// A single request: number 0.
    pub fn one(occurrences: Occurrences) -> Self {
        Self(HashMap::from([(0, occurrences)]))
    }

    /// The counts of a request.
    pub fn of(&mut self, request: usize) -> &mut Occurrences {
        self.0.entry(request).or_default()
    }

    /// The contents that a request counted.
    pub fn counts(&self, request: usize) -> impl Iterator<Item = (ContentDigest, u64)> + '_ {
        self.0.get(&request).into_iter().flat_map(Occurrences::counts)
    }

    fn commit(&mut self) {
        self.0.values_mut().for_each(Occurrences::commit);
    }

    fn roll_back(&mut self) {
        self.0.values_mut().for_each(Occurrences::roll_back);
    }
}

/// What is known of the arrivals of a batch.
struct ArrivalContext<'a> {
    /// The request of each, and what an earlier reading found.
    requests: Vec<usize>,
    earlier: Vec<Option<Earlier>>,
    occurrences: &'a mut Requests,
}

impl ArrivalContext<'_> {
    /// Counts a rejected record among the equal ones of its request, where no id tells them apart.
    fn counted(&mut self, position: usize, record: Quarantined, id: Option<&Value>) -> Quarantined {
        match id {
            None | Some(Value::Null) => {
                let occurrence = self.occurrences.of(self.requests[position]).next(record.content());
                record.with_occurrence(occurrence)
            }
            Some(_) => record,
        }
    }
}

impl BatchContext for ArrivalContext<'_> {
    fn event_id(&mut self, position: usize, content: ContentDigest) -> EventId {
        self.occurrences.of(self.requests[position]).next_id(content)
    }

    fn amend(&self, position: usize, admitted: &mut Admitted) {
        if let Some(earlier) = &self.earlier[position] {
            admitted.warnings.clone_from(&earlier.warnings);
            admitted.redactions = earlier.redactions;
        }
    }
}

#[derive(Clone, Debug)]
pub struct Unanswered {
    ingest: Arc<Ingest>,
    quarantine: Quarantine,
    redactor: Redactor,
}

impl Unanswered {
    pub fn new(ingest: Arc<Ingest>, clients: &Clients, settings: &Settings) -> Self {
        Self { ingest, quarantine: Quarantine::new(clients), redactor: settings.privacy.clone() }
    }

    /// Ingests events of one or several requests; what is rejected is in quarantine
    /// when this returns.
    ///
    /// # Errors
    /// When the store fails or is too busy: the source has to send them again.
    pub async fn ingest(&self, arrivals: Vec<Arrival>, now: DateTime<Utc>) -> Result<Vec<Outcome>, IngestError> {
        self.ingest_counted(arrivals, now, &mut Requests::default()).await
    }

    async fn ingest_counted(
        &self,
        arrivals: Vec<Arrival>,
        now: DateTime<Utc>,
        occurrences: &mut Requests,
    ) -> Result<Vec<Outcome>, IngestError> {
        let requests: Vec<usize> = arrivals.iter().map(|arrival| arrival.request).collect();
        let mut origins = Vec::with_capacity(arrivals.len());
        let mut events = Vec::with_capacity(arrivals.len());
        let mut before = Vec::with_capacity(arrivals.len());
        for Arrival { incoming, origin, body, earlier, .. } in arrivals {
            origins.push((origin, body));
            events.push(incoming);
            before.push(earlier);
        }
        let senders = Senders::Each(origins.iter().map(|(origin, _)| origin.provenance(&self.redactor)).collect());
        let mut context = ArrivalContext { requests, earlier: before, occurrences };
        let outcomes = self.ingest.ingest(events, &Terms { now, only: None, senders }, &mut context).await?;
        let mut quarantined = Vec::new();
        for (position, ((origin, body), outcome)) in origins.into_iter().zip(&outcomes).enumerate() {
            if let Outcome::Rejected { id, errors } = outcome {
                let record = Quarantined::new(origin, errors.clone(), &body, &self.redactor);
                quarantined.push(context.counted(position, record, id.as_ref()));
            }
        }
        self.quarantine.keep(quarantined).await?;
        Ok(outcomes)
    }

    /// Ingests what `arrivals` makes of so many records, for sources that stop at a record
    /// that fails: one that panics goes to quarantine, as `unread` describes it, and the
    /// others are ingested. `occurrences` counts on from the batches before.
    ///
    /// # Errors
    /// As [`Unanswered::ingest`]. `occurrences` are then as they were.
    pub async fn ingest_each(
        &self,
        records: usize,
        arrivals: impl Fn(Range<usize>) -> Vec<Arrival>,
        unread: impl Fn(usize) -> (Origin, String),
        now: DateTime<Utc>,
        occurrences: &mut Requests,
    ) -> Result<Vec<Outcome>, IngestError> {
        let arrivals = &arrivals;
        let counted = Mutex::new(occurrences);
        let counted = &counted;
        let ingested = alone(records, |positions| async move {
            let mut occurrences = counted.lock().await;
            // What an attempt counted that panicked.
            occurrences.roll_back();
            let outcomes = self.ingest_counted(arrivals(positions), now, &mut occurrences).await?;
            occurrences.commit();
            Ok::<_, IngestError>(outcomes)
        })
        .await;
        counted.lock().await.roll_back();
        let taken = ingested?;
        let (mut outcomes, mut quarantined) = (Vec::with_capacity(taken.len()), Vec::new());
        for one in taken {
            outcomes.push(one.unwrap_or_else(|place| {
                let errors = vec![Fault::new(&[], FaultCode::Unforeseen, "it made the program fail")];
                let (origin, body) = unread(place);
                quarantined.push(Quarantined::new(origin, errors.clone(), &body, &self.redactor));
                Outcome::Rejected { id: None, errors }
            }));
        }
        self.quarantine.keep(quarantined).await?;
        Ok(outcomes)
    }
}
