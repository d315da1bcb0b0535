//! Judging the quality of a dataset's records.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::overview::Observe;
use crate::dataset::Dataset;
use crate::dataset::settings::Settings;
use crate::quality::{QualityState, Rules};
use crate::store::{AssessmentRecord, Assessments, Bus, Clients, EventScan, Fact, Hold};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Somebody who wants an answer now.
    Request,
    /// A fact on the bus: it keeps the minimum interval, and waits while held.
    Automatic,
}

#[derive(Clone, Debug)]
pub enum Assessed {
    New(AssessmentRecord),
    /// The records are those of this assessment.
    Cached(AssessmentRecord),
    /// An automatic assessment that is not due; the sweep asks again.
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

#[derive(Clone, Debug)]
pub struct Assess {
    observe: Observe,
    assessments: Assessments,
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
        let last = overview.assessment;
        if trigger == Trigger::Automatic {
            let rested = last.as_ref().is_none_or(|last| last.assessed_at + self.settings.min_interval <= now);
            if self.hold.is_active(now).await? || !(rested || overview.assessment_current) {
                return Ok(Assessed::NotDue);
            }
        }
        if let Some(last) = last.filter(|_| overview.assessment_current) {
            self.announce(dataset, trigger).await?;
            return Ok(Assessed::Cached(last));
        }

        let rules = Rules::new(dataset, &self.settings);
        let rules_hash = rules.hash(&self.settings.weights);
        let states = self
            .scan
            .fold(dataset, None, || QualityState::new(rules), |state, mut user| state.observe_user(&mut user.events))
            .await?;
        let merged = states.into_iter().reduce(|mut merged, state| {
            merged.merge(state);
            merged
        });
        let judgement =
            merged.and_then(|state| state.finish(&self.settings.weights)).ok_or(AssessError::NoRecords(dataset))?;
        let assessment = AssessmentRecord {
            id: Uuid::now_v7(),
            dataset,
            assessed_at: now,
            epoch: overview.head.epoch,
            rules_hash,
            passed: judgement.metrics.overall_score >= self.settings.quality_gate,
            judgement,
        };
        self.assessments.add(&assessment).await?;
        self.announce(dataset, trigger).await?;
        Ok(Assessed::New(assessment))
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
