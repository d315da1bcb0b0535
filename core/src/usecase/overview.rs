//! Everything that readiness depends on, read together.

use anyhow::Result;

use crate::dataset::lifecycle::{Head, State};
use crate::dataset::readiness::{self, Readiness, Situation};
use crate::dataset::settings::Settings;
use crate::dataset::totals::Totals;
use crate::dataset::{Counts, Dataset};
use crate::quality::Rules;
use crate::store::{AssessmentRecord, Assessments, Clients, CounterShard, Counters, Heads};

/// A dataset as it stands.
#[derive(Clone, Debug)]
pub struct Overview {
    pub head: Head,
    /// What no version has closed yet.
    pub open: Counts,
    /// Records over all epochs.
    pub records: u64,
    pub assessment: Option<AssessmentRecord>,
    /// Whether that assessment is of the records as they are now.
    pub assessment_current: bool,
}

impl Overview {
    pub fn quality_score(&self) -> Option<f64> {
        self.assessment.as_ref().map(|assessment| assessment.judgement.metrics.overall_score)
    }

    pub fn situation(&self) -> Situation {
        let head = &self.head;
        let asked_for = head.state == State::Assessing
            && self.assessment.as_ref().is_some_and(|assessment| assessment.assessed_at >= head.state_since);
        Situation {
            dataset: head.dataset,
            state: head.state,
            open: self.open,
            quality: self.quality_score(),
            quality_current: self.assessment_current || asked_for,
        }
    }

    pub fn readiness(&self, settings: &Settings) -> Readiness {
        readiness::evaluate(&self.situation(), settings)
    }
}

/// Reads overviews.
#[derive(Clone, Debug)]
pub struct Observe {
    heads: Heads,
    counters: Counters,
    assessments: Assessments,
    settings: Settings,
}

impl Observe {
    pub fn new(clients: &Clients, settings: &Settings) -> Self {
        Self {
            heads: Heads::new(clients),
            counters: Counters::new(clients),
            assessments: Assessments::new(clients),
            settings: settings.clone(),
        }
    }

    /// One dataset; `None` before it is initialized.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn one(&self, dataset: Dataset) -> Result<Option<Overview>> {
        self.with_shards(dataset, &self.counters.read_all().await?).await
    }

    /// The datasets that are initialized.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn all(&self) -> Result<Vec<Overview>> {
        let shards = self.counters.read_all().await?;
        let overviews = Dataset::all().map(|dataset| self.with_shards(dataset, &shards));
        Ok(futures::future::try_join_all(overviews).await?.into_iter().flatten().collect())
    }

    async fn with_shards(&self, dataset: Dataset, shards: &[CounterShard]) -> Result<Option<Overview>> {
        let (head, assessment) = tokio::try_join!(self.heads.read(dataset), self.assessments.newest(dataset))?;
        Ok(head.map(|head| self.overview(head, shards, assessment)))
    }

    fn overview(&self, head: Head, shards: &[CounterShard], assessment: Option<AssessmentRecord>) -> Overview {
        let dataset = head.dataset;
        let mut totals = Totals::default();
        for shard in shards {
            totals.merge(shard.totals.clone());
        }
        let records = totals.records(dataset);
        let rules = Rules::new(dataset, &self.settings).hash(&self.settings.weights);
        // But for erasures, records only ever grow in number: the same number means the same records.
        let assessment_current = assessment.as_ref().is_some_and(|assessment| {
            assessment.judgement.record_count == records
                && assessment.rules_hash == rules
                && head.last_erasure.is_none_or(|erased| assessment.assessed_at > erased)
        });
        let open = shards.iter().map(|shard| shard.not_closed(dataset, head.epoch)).sum();
        Overview { head, open, records, assessment, assessment_current }
    }
}
