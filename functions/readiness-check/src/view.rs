//! The datasets as the API shows them.

use chrono::{DateTime, Utc};
use learning_core::dataset::lifecycle::{Change, State};
use learning_core::dataset::readiness::Readiness;
use learning_core::dataset::settings::Settings;
use learning_core::dataset::{Dataset, Epoch, Version};
use learning_core::usecase::{Health, Overview, health};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

#[derive(Serialize, JsonSchema)]
pub struct Status {
    pub status: Health,
    pub total_datasets: usize,
    pub ready_for_training: usize,
    pub datasets: Vec<StatusOfDataset>,
    /// When a dataset last changed, or took a record in.
    pub last_updated: Option<DateTime<Utc>>,
}

#[derive(Serialize, JsonSchema)]
pub struct StatusOfDataset {
    pub id: Uuid,
    #[serde(rename = "type")]
    pub dataset_type: Dataset,
    /// What has come in since the last version and counts towards the threshold.
    pub data_count: u64,
    pub threshold: u64,
    pub ready: bool,
    /// Between 0 and 1; `null` before the first assessment.
    pub quality_score: Option<f64>,
    pub state: State,
    pub last_version: Option<Version>,
}

impl Status {
    pub fn new(overviews: &[Overview], settings: &Settings, now: DateTime<Utc>) -> Self {
        let of_dataset = |overview: &Overview| StatusOfDataset {
            id: overview.head.dataset.id(),
            dataset_type: overview.head.dataset,
            data_count: overview.open.counting,
            threshold: settings.threshold(overview.head.dataset),
            ready: overview.readiness(settings).ready,
            quality_score: overview.quality_score(),
            state: overview.head.state,
            last_version: overview.head.last_version,
        };
        let datasets: Vec<_> = overviews.iter().map(of_dataset).collect();
        Self {
            status: health(overviews, settings, now),
            total_datasets: datasets.len(),
            ready_for_training: datasets.iter().filter(|dataset| dataset.ready).count(),
            datasets,
            last_updated: overviews.iter().map(last_updated).max(),
        }
    }
}

fn last_updated(overview: &Overview) -> DateTime<Utc> {
    overview.newest_arrival.map_or(overview.head.updated_at, |newest| newest.max(overview.head.updated_at))
}

#[derive(Serialize, JsonSchema)]
pub struct Datasets {
    pub total_count: usize,
    pub ready_for_training: usize,
    pub datasets: Vec<DatasetView>,
    /// How many were missing and have been created: in the answer to an initialization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<usize>,
}

impl Datasets {
    pub fn new(overviews: &[Overview], settings: &Settings) -> Self {
        let datasets: Vec<_> = overviews.iter().map(|overview| DatasetView::new(overview, settings)).collect();
        Self {
            total_count: datasets.len(),
            ready_for_training: datasets.iter().filter(|dataset| dataset.is_ready_for_training).count(),
            datasets,
            created: None,
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct ReadyDatasets {
    pub count: usize,
    pub ready_datasets: Vec<DatasetView>,
}

impl ReadyDatasets {
    pub fn new(overviews: &[Overview], settings: &Settings) -> Self {
        let mut ready_datasets = Datasets::new(overviews, settings).datasets;
        ready_datasets.retain(|dataset| dataset.is_ready_for_training);
        Self { count: ready_datasets.len(), ready_datasets }
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Dataset")]
pub struct DatasetView {
    pub id: Uuid,
    pub dataset_type: Dataset,
    /// What has come in since the last version and counts towards the threshold.
    pub data_count: u64,
    /// What is counted, to finish the sentence "500 new …".
    pub counted_unit: &'static str,
    pub threshold: u64,
    pub threshold_reached: bool,
    /// Records over all epochs: what an assessment judges.
    pub record_count: u64,
    pub is_ready_for_training: bool,
    /// Between 0 and 1; `null` before the first assessment.
    pub data_quality_score: Option<f64>,
    /// Whether that score is of the records as they are now.
    pub quality_current: bool,
    pub state: State,
    pub state_since: DateTime<Utc>,
    pub epoch: Epoch,
    pub last_version: Option<Version>,
    /// When a trainer last reported that it has trained.
    pub last_training_date: Option<DateTime<Utc>>,
    /// Whether it is prepared as soon as it is ready.
    pub prepares_automatically: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub readiness: Readiness,
}

impl DatasetView {
    pub fn new(overview: &Overview, settings: &Settings) -> Self {
        let head = &overview.head;
        let readiness = overview.readiness(settings);
        let threshold = settings.threshold(head.dataset);
        Self {
            id: head.dataset.id(),
            dataset_type: head.dataset,
            data_count: overview.open.counting,
            counted_unit: head.dataset.spec().counted_unit,
            threshold,
            threshold_reached: overview.open.counting >= threshold,
            record_count: overview.records,
            is_ready_for_training: readiness.ready,
            data_quality_score: overview.quality_score(),
            quality_current: overview.assessment_current,
            state: head.state,
            state_since: head.state_since,
            epoch: head.epoch,
            last_version: head.last_version,
            last_training_date: head.last_training_date,
            prepares_automatically: settings.auto_prepares(head.dataset) && head.dataset.spec().preparable,
            created_at: head.created_at,
            updated_at: head.updated_at,
            readiness,
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct Timeline {
    pub dataset_id: Uuid,
    /// Newest first.
    pub changes: Vec<Change>,
    /// What to send as `cursor` for the changes before these; `null` at the end.
    pub next: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub struct Alive {
    pub status: Health,
    pub version: &'static str,
}
