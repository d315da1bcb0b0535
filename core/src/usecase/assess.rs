//! Judging the quality of a dataset's records.

use anyhow::Context;
use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;

use super::overview::{Observe, Overview};
use crate::dataset::Dataset;
use crate::dataset::settings::Settings;
use crate::event::envelope::json_bytes;
use crate::event::{EventId, StoredEvent};
use crate::quality::drift::{self, Drift};
use crate::quality::{Judgement, QualityState, Rules};
use crate::store::{
    AssessmentRecord, AssessmentRequest, Assessments, Bus, Clients, EventScan, Fact, Hold, Objects, Versions,
};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Somebody who wants an answer now.
    Request,
    /// A fact on the bus: it keeps the minimum interval, and waits while held.
    Automatic,
    /// A fact on the bus that somebody waits for an assessment which takes a while.
    Later,
}

#[derive(Clone, Debug)]
pub enum Assessed {
    New(AssessmentRecord),
    /// The records are those of this assessment.
    Cached(AssessmentRecord),
    /// There are many records: the assessment will be made under this id.
    Accepted(AssessmentRequest),
    /// An automatic assessment that is not due; the sweep asks again. Or nobody waits
    /// for one any more.
    NotDue,
}

#[derive(Debug, thiserror::Error)]
pub enum AssessError {
    #[error("{0} is not initialized")]
    NotInitialized(Dataset),
    #[error("{0} has no records yet: there is nothing to assess")]
    NoRecords(Dataset),
    #[error(transparent)]
    Store(#[from] anyhow::Error),
}

/// A page of the records that fail a rule.
#[derive(Clone, Debug)]
pub struct Failing {
    pub events: Vec<StoredEvent>,
    /// After which event the next page begins; `None` at the end.
    pub next: Option<EventId>,
    /// Whether the records are those that were assessed.
    pub current: bool,
}

/// How long a request is waited for before another one takes its place.
const PATIENCE: Duration = Duration::minutes(15);
/// Bytes of records in one answer: what a synchronous Lambda may send, less what escaping adds.
const PAGE_BYTES: usize = 4 * 1024 * 1024;
/// What a record weighs beside its data.
const ENVELOPE_BYTES: usize = 300;

#[derive(Clone, Debug)]
pub struct Assess {
    observe: Observe,
    assessments: Assessments,
    versions: Versions,
    objects: Objects,
    scan: EventScan,
    hold: Hold,
    bus: Bus,
    settings: Settings,
}

impl Assess {
    pub fn new(clients: &Clients, settings: &Settings) -> Self {
        Self {
            observe: Observe::new(clients, settings),
            assessments: Assessments::new(clients),
            versions: Versions::new(clients),
            objects: Objects::new(clients),
            scan: EventScan::new(clients, settings.scan_segments),
            hold: Hold::new(clients),
            bus: Bus::new(clients),
            settings: settings.clone(),
        }
    }

    /// Assesses all records of a dataset, unless that was done already. The
    /// assessment is kept before it is announced.
    ///
    /// # Errors
    /// See [`AssessError`].
    pub async fn assess(
        &self,
        dataset: Dataset,
        trigger: Trigger,
        now: DateTime<Utc>,
    ) -> Result<Assessed, AssessError> {
        let overview = self.observe.one(dataset).await?.ok_or(AssessError::NotInitialized(dataset))?;
        if trigger == Trigger::Automatic {
            let rested = overview.assessment.as_ref().map(|last| last.assessed_at + self.settings.min_interval);
            let due = rested.is_none_or(|rested| rested <= now) || overview.assessment_current;
            if !due || self.hold.is_active(now).await? {
                return Ok(Assessed::NotDue);
            }
        }
        if trigger == Trigger::Later {
            return self.answer_request(overview, now).await;
        }
        if let Some(last) = overview.assessment.clone().filter(|_| overview.assessment_current) {
            self.announce(dataset, trigger).await?;
            return Ok(Assessed::Cached(last));
        }
        if trigger == Trigger::Request && overview.records > self.settings.assess_at_once {
            return Ok(Assessed::Accepted(self.request(dataset, now).await?));
        }
        let assessment = self.make(&overview, Uuid::now_v7(), now).await?;
        self.announce(dataset, trigger).await?;
        Ok(Assessed::New(assessment))
    }

    /// Promises an assessment. One that is promised already is not promised twice,
    /// but announced again, since the first telling may be lost.
    async fn request(&self, dataset: Dataset, now: DateTime<Utc>) -> anyhow::Result<AssessmentRequest> {
        let open = self.assessments.open_request(dataset).await?;
        let request = match open.filter(|request| request.requested_at + PATIENCE > now) {
            Some(request) => request,
            None => {
                let request = AssessmentRequest { id: Uuid::now_v7(), dataset, requested_at: now, failed: None };
                self.assessments.request(&request).await?;
                request
            }
        };
        self.bus.publish(&Fact::AssessmentRequested(dataset)).await?;
        Ok(request)
    }

    /// Makes the assessment that was promised last.
    async fn answer_request(&self, overview: Overview, now: DateTime<Utc>) -> Result<Assessed, AssessError> {
        let dataset = overview.head.dataset;
        let Some(request) = self.assessments.open_request(dataset).await? else { return Ok(Assessed::NotDue) };
        match self.make(&overview, request.id, now).await {
            Ok(assessment) => {
                self.announce(dataset, Trigger::Later).await?;
                Ok(Assessed::New(assessment))
            }
            Err(error @ (AssessError::NoRecords(_) | AssessError::NotInitialized(_))) => {
                self.assessments.request(&AssessmentRequest { failed: Some(error.to_string()), ..request }).await?;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    /// Reads and judges all records.
    async fn make(&self, overview: &Overview, id: Uuid, now: DateTime<Utc>) -> Result<AssessmentRecord, AssessError> {
        let dataset = overview.head.dataset;
        let rules = Rules::new(dataset, &self.settings);
        let state = self.scan(rules).await?;
        let judgement = state.and_then(|state| state.finish(&self.settings.weights));
        let mut judgement = judgement.ok_or(AssessError::NoRecords(dataset))?;
        judgement.drift = self.drift(overview, &judgement).await?;
        let assessment = AssessmentRecord {
            id,
            dataset,
            assessed_at: now,
            epoch: overview.head.epoch,
            rules_hash: rules.hash(&self.settings.weights),
            passed: judgement.metrics.overall_score >= self.settings.quality_gate,
            judgement,
        };
        self.assessments.add(&assessment).await?;
        Ok(assessment)
    }

    async fn scan(&self, rules: Rules) -> anyhow::Result<Option<QualityState>> {
        let new = || QualityState::new(rules);
        let states = self.scan.fold(rules.dataset, None, new, |state, mut user| state.observe_user(&mut user.events));
        Ok(states.await?.into_iter().reduce(|mut merged, state| {
            merged.merge(state);
            merged
        }))
    }

    /// How the records differ from those of the last version, whose judgement lies
    /// beside its manifest. A judgement that cannot be read is nothing to fail for.
    async fn drift(&self, overview: &Overview, judgement: &Judgement) -> anyhow::Result<Option<Drift>> {
        let dataset = overview.head.dataset;
        let Some(version) = overview.head.last_version else { return Ok(None) };
        let Some(record) = self.versions.read(dataset, version).await? else { return Ok(None) };
        let key = record.manifest.replace("manifest.json", "quality.json");
        let Some(bytes) = self.objects.get(&key).await? else { return Ok(None) };
        match serde_json::from_slice::<Judgement>(&bytes).with_context(|| format!("{key} is no judgement")) {
            Ok(earlier) => Ok(Some(drift::between(version.to_string(), &earlier, judgement))),
            Err(error) => {
                tracing::warn!(%dataset, error = format!("{error:#}"), "drift cannot be told");
                Ok(None)
            }
        }
    }

    /// Up to `limit` of the records that fail a rule now, in order of their event ids,
    /// and no more than an answer has room for; `None` where none does. All records are read for every page.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn failing(
        &self,
        assessment: &AssessmentRecord,
        rule: &str,
        limit: usize,
        after: Option<EventId>,
    ) -> anyhow::Result<Option<Failing>> {
        let rules = Rules::new(assessment.dataset, &self.settings);
        let Some(state) = self.scan(rules.listing(limit, after)).await? else { return Ok(None) };
        let Some(examples) = state.failing(rule) else { return Ok(None) };
        let mut next = examples.last().filter(|_| examples.len() == limit).map(|last| last.event);
        let keys = examples.iter().map(|example| (example.user, example.event)).collect();
        let mut events = self.scan.get(keys).await?;
        let fit = fitting(&events);
        if fit < events.len() {
            events.truncate(fit);
            next = events.last().map(|last| last.event.id);
        }
        let current = state.records() == assessment.judgement.record_count
            && rules.hash(&self.settings.weights) == assessment.rules_hash;
        Ok(Some(Failing { events, next, current }))
    }

    /// The assessment is durable by now: when a request has its answer, a bus that
    /// is down must not take it away, and the sweep tells what was not told.
    async fn announce(&self, dataset: Dataset, trigger: Trigger) -> anyhow::Result<()> {
        match (self.bus.publish(&Fact::QualityAssessed(dataset)).await, trigger) {
            (Err(error), Trigger::Request) => {
                tracing::warn!(%dataset, error = format!("{error:#}"), "an assessment was not announced");
                Ok(())
            }
            (outcome, _) => outcome,
        }
    }
}

/// How many of the first events fit into an answer: one at least.
fn fitting(events: &[StoredEvent]) -> usize {
    let mut bytes = 0;
    let fits = |stored: &&StoredEvent| {
        let members = stored.event.data.iter().chain(&stored.event.extra);
        bytes += ENVELOPE_BYTES + members.map(|(key, value)| key.len() + 4 + json_bytes(value)).sum::<usize>();
        bytes <= PAGE_BYTES
    };
    events.iter().take_while(fits).count().max(1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::event::{Event, EventType, UserId};

    #[test]
    fn an_answer_holds_what_fits_and_one_record_at_least() {
        let event = |bytes: usize| {
            let event = Event {
                id: EventId(Uuid::nil()),
                user: UserId(Uuid::nil()),
                event_type: EventType::TransactionCreation,
                occurred_at: DateTime::UNIX_EPOCH,
                utc_offset_minutes: None,
                schema_version: 1,
                data: json!({"note": "x".repeat(bytes)}).as_object().cloned().unwrap(),
                extra: Default::default(),
            };
            StoredEvent::new(event, DateTime::UNIX_EPOCH)
        };
        assert_eq!(fitting(&vec![event(100); 1_000]), 1_000);
        assert_eq!(fitting(&vec![event(64 * 1024); 100]), 63);
        assert_eq!(fitting(&[event(PAGE_BYTES), event(1)]), 1);
    }
}
