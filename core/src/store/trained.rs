//! What trainers report: which model came of which version.

use anyhow::Result;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::Clients;
use super::records::{Records, Saved, item};
use super::tables::OWNER;
use crate::dataset::{Dataset, Version};

const PREFIX: &str = "trained#";

/// A trainer's report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainedReport {
    pub dataset: Dataset,
    pub version: Version,
    /// Of the version's manifest: the lineage of the model, down to the bytes.
    pub digest: String,
    pub model_id: String,
    pub model_version: String,
    pub metrics: Map<String, Value>,
    pub trained_at: DateTime<Utc>,
    pub reported_at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub struct TrainedReports(Records);

impl TrainedReports {
    pub fn new(clients: &Clients) -> Self {
        Self(Records::new(clients))
    }

    /// Records a report, once for each version and model: the first one stands.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn add(&self, report: &TrainedReport) -> Result<Saved> {
        let item = item(report.dataset, &key(report), report)?;
        self.0.put(item, &format!("attribute_not_exists({OWNER})"), &[]).await
    }

    /// The report on the same version and model as this one.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn like(&self, report: &TrainedReport) -> Result<Option<TrainedReport>> {
        self.0.get(report.dataset, &key(report)).await
    }

    /// Up to `limit` reports on a version.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn of_version(&self, dataset: Dataset, version: Version, limit: usize) -> Result<Vec<TrainedReport>> {
        Ok(self.0.newest(dataset, &format!("{PREFIX}{version}#"), limit, None).await?.items)
    }
}

/// Names of models are hashed: they may be of any length and hold any character.
fn key(report: &TrainedReport) -> String {
    let model = Sha256::digest(format!("{}\n{}", report.model_id, report.model_version));
    format!("{PREFIX}{}#{}", report.version, hex::encode(model))
}
