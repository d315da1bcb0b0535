//! Roads on which nobody waits for an answer: queues, streams, the bus, files.
//! What is rejected there goes to quarantine, with the reasons.

use std::ops::Range;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::alone::alone;
use super::{Ids, Incoming, Ingest, IngestError, Outcome, Senders, Terms};
use crate::dataset::settings::Settings;
use crate::event::privacy::Redactor;
use crate::event::{Fault, FaultCode};
use crate::store::{Clients, Origin, Quarantine, Quarantined};

/// An event that came by such a road.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub incoming: Incoming,
    pub origin: Origin,
    /// As it came, for the quarantine.
    pub body: String,
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

    /// Takes events in; what is rejected is in quarantine when this returns.
    /// Events should have ids that a repetition has too: see [`Ids::assign`].
    ///
    /// # Errors
    /// When the store fails or is too busy: the road has to bring them again.
    pub async fn take(&self, arrivals: Vec<Arrival>, now: DateTime<Utc>) -> Result<Vec<Outcome>, IngestError> {
        let mut origins = Vec::with_capacity(arrivals.len());
        let mut events = Vec::with_capacity(arrivals.len());
        for Arrival { incoming, origin, body } in arrivals {
            origins.push((origin, body));
            events.push(incoming);
        }
        let senders = Senders::Each(origins.iter().map(|(origin, _)| origin.provenance(&self.redactor)).collect());
        let outcomes = self.ingest.ingest(events, &Terms { now, only: None, ids: Ids::Random, senders }).await?;
        let mut quarantined = Vec::new();
        for ((origin, body), outcome) in origins.into_iter().zip(&outcomes) {
            if let Outcome::Rejected { errors, .. } = outcome {
                quarantined.push(Quarantined::new(origin, errors.clone(), &body, &self.redactor));
            }
        }
        self.quarantine.keep(quarantined).await?;
        Ok(outcomes)
    }

    /// Takes in what `arrivals` makes of so many records, for roads that stand still at
    /// a record that fails: one that panics goes to quarantine, as `unread` tells of
    /// it, and the others are taken in.
    ///
    /// # Errors
    /// As [`Unanswered::take`].
    pub async fn take_each(
        &self,
        records: usize,
        arrivals: impl Fn(Range<usize>) -> Vec<Arrival>,
        unread: impl Fn(usize) -> (Origin, String),
        now: DateTime<Utc>,
    ) -> Result<Vec<Outcome>, IngestError> {
        let arrivals = &arrivals;
        let taken = alone(records, |places| async move { self.take(arrivals(places), now).await }).await?;
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
