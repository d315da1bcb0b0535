//! Bodies of the other functions' routes, field by field. That they are what is
//! really answered, the wire tests check.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use learning_core::dataset::{Dataset, Epoch, Version};
use learning_core::event::Fault;
use schemars::JsonSchema;
use serde_json::Value;
use uuid::Uuid;

#[derive(JsonSchema)]
pub struct EventResults {
    pub accepted: u64,
    pub duplicates: u64,
    pub rejected: u64,
    /// One an event, in their order.
    pub results: Vec<EventResult>,
}

#[derive(JsonSchema)]
pub struct EventResult {
    /// As it was sent; `null` where an event that was refused had none.
    pub event_id: Value,
    pub status: EventStatus,
    /// The datasets that it feeds.
    pub datasets: Vec<Dataset>,
    /// What is odd about it: it is stored all the same, and lowers the quality.
    pub warnings: Vec<Fault>,
    /// Why it was refused.
    pub errors: Vec<Fault>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum EventStatus {
    Accepted,
    Duplicate,
    Rejected,
}

#[derive(JsonSchema)]
pub struct Replayed {
    pub accepted: u64,
    /// Stored already: they have left the quarantine too.
    pub duplicates: u64,
    /// They stay in quarantine, with the reasons of today.
    pub rejected: u64,
    /// What to send as `cursor` for the next stretch; `null` at the end.
    pub next: Option<String>,
}

#[derive(JsonSchema)]
pub struct DatasetInBody {
    pub dataset_id: Uuid,
}

#[derive(JsonSchema)]
#[schemars(extend(
    "if" = {"properties": {"force": {"const": true}}, "required": ["force"]},
    "then" = {"properties": {"reason": {"type": "string", "pattern": r"\S"}}, "required": ["reason"]}
))]
pub struct PrepareData {
    pub dataset_id: Uuid,
    /// Whether a dataset that is not ready is prepared all the same; `reason` is then required.
    #[schemars(default)]
    pub force: bool,
    /// Why; it is recorded.
    pub reason: Option<String>,
}

/// Shares and scores are between 0 and 1.
#[derive(JsonSchema)]
pub struct QualityMetrics {
    pub completeness: f64,
    pub consistency: f64,
    pub validity: f64,
    pub overall_score: f64,
    pub anomaly_count: u64,
    pub duplicate_count: u64,
    pub missing_values_count: u64,
}

/// An assessment that is done.
#[derive(JsonSchema)]
pub struct Assessed {
    pub dataset_id: Uuid,
    pub dataset: Dataset,
    pub quality_metrics: QualityMetrics,
    pub assessment_timestamp: DateTime<Utc>,
    pub assessment_id: Uuid,
    pub record_count: u64,
    /// Whether it was made before, of the same records.
    pub cached: bool,
    pub passed: bool,
    pub state: Done,
    /// What lowered the score, the heaviest first. The losses add up to 1 − overall score.
    pub explanation: Vec<Contribution>,
    /// The same losses, by dimension and field.
    pub losses: Vec<Value>,
    pub duplicate_examples: Vec<Uuid>,
    /// The profile of each field, as `type.field`.
    pub fields: BTreeMap<String, BTreeMap<String, Value>>,
    /// Values that stand for the absence of one, by their path in `data`.
    pub sentinels: BTreeMap<String, BTreeMap<String, u64>>,
    /// Whose records these are, and of when.
    pub population: Option<BTreeMap<String, Value>>,
    /// How often each class comes, by `type.field`.
    pub classes: BTreeMap<String, BTreeMap<String, u64>>,
    /// How the records differ from those of the last version.
    pub drift: Option<Drift>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum Done {
    Done,
}

#[derive(JsonSchema)]
pub struct Drift {
    /// The version that is compared with.
    pub baseline: String,
    pub fields: BTreeMap<String, FieldDrift>,
}

#[derive(JsonSchema)]
pub struct FieldDrift {
    /// The population stability index.
    pub psi: f64,
    /// The part of it that chance alone would give.
    pub by_chance: f64,
    pub size: DriftSize,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum DriftSize {
    None,
    Moderate,
    Major,
}

#[derive(JsonSchema)]
pub struct Contribution {
    /// Names it where its failing records are asked for.
    pub key: String,
    pub dimension: String,
    pub field: String,
    pub rule: String,
    pub violations: u64,
    pub checks: u64,
    /// Its part of 1 − overall score.
    pub loss: f64,
    pub score_if_fixed: f64,
    /// Ids of events that show it.
    pub examples: Vec<Uuid>,
}

/// An assessment that is promised, or will not come.
#[derive(JsonSchema)]
pub struct PromisedAssessment {
    pub dataset_id: Uuid,
    pub assessment_id: Uuid,
    pub requested_at: DateTime<Utc>,
    pub state: Promised,
    /// Why it will not come.
    pub reason: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum Promised {
    Pending,
    Failed,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
pub enum AnyAssessment {
    Done(Box<Assessed>),
    Promised(PromisedAssessment),
}

#[derive(JsonSchema)]
pub struct FailingRecords {
    pub assessment_id: Uuid,
    pub rule: String,
    pub records: Vec<FailingRecord>,
    pub next: Option<Uuid>,
    /// Whether the records are still those that were assessed.
    pub current: bool,
}

#[derive(JsonSchema)]
pub struct FailingRecord {
    pub event_id: Uuid,
    pub user_id: Uuid,
    pub event_type: String,
    pub occurred_at: DateTime<Utc>,
    pub ingested_at: DateTime<Utc>,
    pub schema_version: u32,
    pub data: BTreeMap<String, Value>,
    /// Members of the envelope that nobody knows.
    pub extra: BTreeMap<String, Value>,
}

#[derive(JsonSchema)]
pub struct QualityHistory {
    pub dataset_id: Uuid,
    pub quality_metrics: Vec<QualityEntry>,
    pub metrics_count: u64,
    /// What to send as `cursor` for the entries before these; `null` at the end.
    pub next: Option<String>,
}

#[derive(JsonSchema)]
pub struct QualityEntry {
    pub id: Uuid,
    pub training_dataset_id: Uuid,
    pub completeness_score: f64,
    pub consistency_score: f64,
    pub validity_score: f64,
    pub overall_score: f64,
    pub anomaly_count: u64,
    pub duplicate_count: u64,
    pub missing_values_count: u64,
    pub assessment_date: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
}

#[derive(JsonSchema)]
pub struct PreparedAnswer {
    pub success: bool,
    pub dataset_type: Dataset,
    pub version: Version,
    /// Whether it was made by this request.
    pub created: bool,
    /// What was new in it and counts.
    pub data_count: u64,
    pub state: String,
    /// `s3://…`
    pub manifest: String,
    pub digest: String,
    /// Statistics of the dataset.
    pub prepared_data: Value,
}

#[derive(JsonSchema)]
pub struct Versions {
    pub dataset_id: Uuid,
    pub versions: Vec<VersionWithReports>,
    pub count: u64,
    /// What to send as `cursor` for the versions before these; `null` at the end.
    pub next: Option<String>,
}

#[derive(JsonSchema)]
pub struct VersionWithReports {
    #[serde(flatten)]
    pub summary: VersionSummary,
    /// What trainers reported of it.
    pub trained: Vec<TrainerReport>,
}

#[derive(JsonSchema)]
pub struct VersionSummary {
    pub dataset_id: Uuid,
    pub dataset_type: Dataset,
    pub version: Version,
    /// The epoch that it closed.
    pub epoch: Epoch,
    pub created_at: DateTime<Utc>,
    /// What was new in it and counts.
    pub data_count: u64,
    pub new_events: u64,
    /// Everything that it was made of.
    pub input_events: u64,
    pub rows: u64,
    pub quality_score: Option<f64>,
    pub digest: String,
    /// `s3://…`
    pub manifest: String,
    /// Why it was made although the dataset was not ready.
    pub forced: Option<String>,
}

#[derive(JsonSchema)]
pub struct VersionDetails {
    #[serde(flatten)]
    pub version: VersionWithReports,
    pub links: Links,
    /// The manifest.
    pub content: Value,
}

#[derive(JsonSchema)]
pub struct Links {
    pub files: Vec<Value>,
    pub expire_at: DateTime<Utc>,
}

#[derive(JsonSchema)]
pub struct VersionDiff {
    pub dataset_id: Uuid,
    pub from: Version,
    pub to: Version,
    pub changes: Value,
    pub drift: Value,
    pub target: Value,
}

#[derive(JsonSchema)]
pub struct TrainedReport {
    #[schemars(length(min = 1, max = 256), regex(pattern = r"\S"))]
    pub model_id: String,
    #[schemars(length(min = 1, max = 256), regex(pattern = r"\S"))]
    pub model_version: String,
    #[schemars(default)]
    pub metrics: BTreeMap<String, Value>,
    /// RFC 3339; now, if it is left out.
    #[schemars(extend("pattern" = r"^(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$"))]
    pub trained_at: Option<DateTime<Utc>>,
}

#[derive(JsonSchema)]
pub struct TrainerReport {
    pub model_id: String,
    pub model_version: String,
    pub metrics: BTreeMap<String, Value>,
    pub trained_at: DateTime<Utc>,
    pub reported_at: DateTime<Utc>,
    /// Of the version that was trained on.
    pub digest: String,
}

#[derive(JsonSchema)]
pub struct Trained {
    #[serde(flatten)]
    pub report: TrainerReport,
    pub dataset_id: Uuid,
    pub dataset_type: Dataset,
    pub version: Version,
}

#[derive(JsonSchema)]
pub struct Features {
    pub user_id: Uuid,
    pub as_of: DateTime<Utc>,
    pub known_at: Option<DateTime<Utc>>,
    /// Identifies the definitions.
    pub feature_set: String,
    /// Transactions that count.
    pub transaction_count: u64,
    /// In the order that models rely on.
    pub names: Vec<String>,
    pub values: Vec<f64>,
    pub features: BTreeMap<String, f64>,
}
