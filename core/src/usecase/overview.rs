//! Everything that readiness depends on, read together.

use std::collections::BTreeMap;

use anyhow::Result;
use chrono::{DateTime, Utc};

use crate::dataset::activity::Observation;
use crate::dataset::forecast::{Arrived, WINDOW_DAYS};
use crate::dataset::lifecycle::{Head, State};
use crate::dataset::readiness::{self, Readiness, Situation};
use crate::dataset::settings::Settings;
use crate::dataset::totals::Totals;
use crate::dataset::{Counts, Dataset, PerDataset};
use crate::quality::Rules;
use crate::quality::drift::{Drift, Size};
use crate::store::{Activity, AssessmentRecord, Assessments, Clients, CounterShard, Counters, Heads};

/// Days of activity that are read: the window of a forecast, and what lies just before it.
const DAYS: i32 = WINDOW_DAYS as i32 + 7;

/// A dataset as it stands.
#[derive(Clone, Debug)]
pub struct Overview {
    /// When it was read.
    pub at: DateTime<Utc>,
    pub head: Head,
    /// What no version has closed yet.
    pub open: Counts,
    /// Records over all epochs.
    pub records: u64,
    /// Of those, the ones of each declared class.
    pub classes: Vec<(&'static str, u64)>,
    pub newest_arrival: Option<DateTime<Utc>>,
    /// Earlier observations of what had been counted; empty where no forecast is asked for.
    pub arrived: Vec<Arrived>,
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
        let judgement = self.assessment.as_ref().map(|assessment| &assessment.judgement);
        let population = judgement.and_then(|judgement| judgement.population.as_ref());
        Situation {
            dataset: head.dataset,
            now: self.at,
            state: head.state,
            open: self.open,
            closed_counting: head.closed.counting,
            arrived: self.arrived.clone(),
            newest_arrival: self.newest_arrival,
            classes: self.classes.clone(),
            quality: self.quality_score(),
            quality_current: self.assessment_current || asked_for,
            users: population.map(|population| population.users),
            largest_user_share: population.map(|population| population.largest_user_share),
            drift: judgement.and_then(|judgement| judgement.drift.as_ref()).map(severe),
        }
    }

    pub fn readiness(&self, settings: &Settings) -> Readiness {
        readiness::evaluate(&self.situation(), settings)
    }
}

/// What all counter shards hold together.
#[derive(Clone, Debug, Default)]
pub struct Collected {
    /// Accepted events by kind.
    pub totals: Totals,
    /// Users with at least one transaction whose time can be believed.
    pub users: u64,
    /// Users by the segment that they are in; names that nobody is in are left out.
    pub segments: BTreeMap<String, u64>,
    /// Events of unknown types, by name; beyond some 16 names, `other`.
    pub unknown_types: BTreeMap<String, u64>,
    /// Events that were not taken in, by reason.
    pub refused: BTreeMap<String, u64>,
    newest: PerDataset<Option<DateTime<Utc>>>,
}

impl Collected {
    fn of(shards: &[CounterShard]) -> Self {
        let mut all = Collected::default();
        let mut segments = BTreeMap::<&str, i64>::new();
        for shard in shards {
            all.totals.merge(shard.totals.clone());
            all.users += shard.users;
            for (name, users) in &shard.segments {
                *segments.entry(name).or_default() += users;
            }
            for (name, events) in shard.unknown_types.iter().filter(|(_, events)| **events > 0) {
                *all.unknown_types.entry(name.clone()).or_default() += events;
            }
            for (reason, events) in &shard.refused {
                *all.refused.entry(reason.clone()).or_default() += events;
            }
            for dataset in Dataset::all() {
                all.newest[dataset] = all.newest[dataset].max(shard.newest[dataset]);
            }
        }
        let present = segments.into_iter().filter_map(|(name, users)| Some((name, u64::try_from(users).ok()?)));
        all.segments = present.filter(|(_, users)| *users > 0).map(|(name, users)| (name.to_owned(), users)).collect();
        all
    }
}

/// Reads overviews.
#[derive(Clone, Debug)]
pub struct Observe {
    heads: Heads,
    counters: Counters,
    assessments: Assessments,
    activity: Activity,
    settings: Settings,
}

impl Observe {
    pub fn new(clients: &Clients, settings: &Settings) -> Self {
        Self {
            heads: Heads::new(clients),
            counters: Counters::new(clients),
            assessments: Assessments::new(clients),
            activity: Activity::new(clients),
            settings: settings.clone(),
        }
    }

    /// One dataset; `None` before it is initialized.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn one(&self, dataset: Dataset) -> Result<Option<Overview>> {
        let overview = self.without_forecast(dataset, Utc::now()).await?;
        let Some(mut overview) = overview else { return Ok(None) };
        overview.arrived = arrived(dataset, &self.activity().await?);
        Ok(Some(overview))
    }

    /// The datasets that are initialized.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn all(&self) -> Result<Vec<Overview>> {
        self.all_at(Utc::now()).await
    }

    /// The datasets that are initialized, as judged at `now`.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn all_at(&self, now: DateTime<Utc>) -> Result<Vec<Overview>> {
        let (mut overviews, activity) = tokio::try_join!(self.all_without_forecast(now), self.activity())?;
        for overview in &mut overviews {
            overview.arrived = arrived(overview.head.dataset, &activity);
        }
        Ok(overviews)
    }

    /// The datasets that are initialized, with all that their gates depend on.
    pub(super) async fn all_without_forecast(&self, now: DateTime<Utc>) -> Result<Vec<Overview>> {
        let shards = self.counters.read_all().await?;
        let read = Dataset::all().map(|dataset| self.with_shards(dataset, &shards, now));
        Ok(futures::future::try_join_all(read).await?.into_iter().flatten().collect())
    }

    /// One dataset with all that its gates depend on; `None` before it is initialized.
    pub(super) async fn without_forecast(&self, dataset: Dataset, now: DateTime<Utc>) -> Result<Option<Overview>> {
        self.with_shards(dataset, &self.counters.read_all().await?, now).await
    }

    /// What has been collected over all datasets, from the totals that ingestion keeps.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn collected(&self) -> Result<Collected> {
        Ok(Collected::of(&self.counters.read_all().await?))
    }

    /// The last observations of what had come in, one a day, newest first.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn activity(&self) -> Result<Vec<Observation>> {
        self.activity.recent(DAYS).await
    }

    async fn with_shards(
        &self,
        dataset: Dataset,
        shards: &[CounterShard],
        now: DateTime<Utc>,
    ) -> Result<Option<Overview>> {
        let (head, assessment) = tokio::try_join!(self.heads.read(dataset), self.assessments.newest(dataset))?;
        Ok(head.map(|head| self.overview(head, shards, assessment, now)))
    }

    fn overview(
        &self,
        head: Head,
        shards: &[CounterShard],
        assessment: Option<AssessmentRecord>,
        now: DateTime<Utc>,
    ) -> Overview {
        let dataset = head.dataset;
        let collected = Collected::of(shards);
        let records = collected.totals.records(dataset);
        let rules = Rules::new(dataset, &self.settings).hash(&self.settings.weights);
        // But for erasures, records only ever grow in number: the same number means the same records.
        let assessment_current = assessment.as_ref().is_some_and(|assessment| {
            assessment.judgement.record_count == records
                && assessment.rules_hash == rules
                && head.last_erasure.is_none_or(|erased| assessment.assessed_at > erased)
        });
        Overview {
            at: now,
            open: shards.iter().map(|shard| shard.not_closed(dataset, head.epoch)).sum(),
            head,
            records,
            classes: collected.totals.classes(dataset),
            newest_arrival: collected.newest[dataset],
            arrived: Vec::new(),
            assessment,
            assessment_current,
        }
    }
}

/// Fields that have drifted as far as a drift can be judged.
fn severe(drift: &Drift) -> u64 {
    drift.fields.values().filter(|field| field.size == Size::Major).count() as u64
}

fn arrived(dataset: Dataset, activity: &[Observation]) -> Vec<Arrived> {
    activity.iter().filter_map(|observation| observation.arrived(dataset)).collect()
}
