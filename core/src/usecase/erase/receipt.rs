//! The receipt of an erasure. Two functions write to it, each to objects of its
//! own: the erasing of what is stored, and the replacing of each dataset's versions.

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::dataset::{Dataset, Version};
use crate::event::UserId;
use crate::store::{Clients, Objects, PutOutcome, TrainedReport};

const PREFIX: &str = "erasures/";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The tombstone stands; nothing new is taken in.
    Requested,
    /// Events, history and quarantine are erased; versions are being replaced.
    ReplacingVersions,
    Complete,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    pub erasure_id: Uuid,
    pub user_id: UserId,
    pub status: Status,
    pub requested_at: DateTime<Utc>,
    /// When what is stored was erased.
    pub erased_at: Option<DateTime<Utc>>,
    /// Events that were deleted.
    pub events: u64,
    /// Quarantined originals that were deleted.
    pub quarantined: u64,
    /// Datasets whose versions held something of the user.
    pub affected: Vec<Dataset>,
    /// What became of their versions, once it is done.
    pub versions: Vec<ErasedVersions>,
    /// Where data of the user may still be, as this program does not touch it.
    pub not_covered: Vec<String>,
}

/// What became of a dataset's versions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErasedVersions {
    pub dataset: Dataset,
    /// Their files are deleted.
    pub withdrawn: Vec<Version>,
    /// What takes their place; `None` where nothing is left.
    pub successor: Option<Version>,
    /// Models that were trained on them, by the trainers' reports.
    pub models: Vec<TrainedReport>,
    pub replaced_at: DateTime<Utc>,
}

impl Receipt {
    pub(super) fn new(erasure_id: Uuid, user_id: UserId, now: DateTime<Utc>) -> Self {
        Self {
            erasure_id,
            user_id,
            status: Status::Requested,
            requested_at: now,
            erased_at: None,
            events: 0,
            quarantined: 0,
            affected: Vec::new(),
            versions: Vec::new(),
            not_covered: vec![
                "files under incoming/ that are broken, not taken in yet, or kept by LEARNING_KEEP_INCOMING".to_owned(),
                "copies of versions that trainers have made, and models that were trained on them".to_owned(),
                "backups of the tables".to_owned(),
            ],
        }
    }
}

#[derive(Clone, Debug)]
pub struct Receipts(Objects);

impl Receipts {
    pub fn new(clients: &Clients) -> Self {
        Self(Objects::new(clients))
    }

    /// # Errors
    /// Whatever the store says.
    pub async fn read(&self, erasure: Uuid) -> Result<Option<Receipt>> {
        let Some(bytes) = self.0.get(&key(erasure)).await? else { return Ok(None) };
        let mut receipt: Receipt = serde_json::from_slice(&bytes).context("a receipt cannot be read")?;
        for dataset in receipt.affected.clone() {
            if let Some(bytes) = self.0.get(&part_key(erasure, dataset)).await? {
                receipt.versions.push(serde_json::from_slice(&bytes).context("a part of a receipt cannot be read")?);
            }
        }
        receipt.status = match receipt.erased_at {
            None => Status::Requested,
            Some(_) if receipt.versions.len() < receipt.affected.len() => Status::ReplacingVersions,
            Some(_) => Status::Complete,
        };
        Ok(Some(receipt))
    }

    /// All receipts, oldest id first.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn all(&self) -> Result<Vec<Receipt>> {
        let mut receipts = Vec::new();
        for name in self.0.list(PREFIX).await? {
            let id = name.strip_prefix(PREFIX).and_then(|name| name.strip_suffix(".json"));
            if let Some(id) = id.and_then(|id| Uuid::parse_str(id).ok()) {
                receipts.extend(self.read(id).await?);
            }
        }
        Ok(receipts)
    }

    /// Opens a receipt, or answers the one that somebody opened meanwhile.
    pub(super) async fn open(&self, receipt: Receipt) -> Result<Receipt> {
        let body = serde_json::to_vec_pretty(&receipt)?;
        match self.0.put_new(&key(receipt.erasure_id), body, "application/json").await? {
            PutOutcome::Created => Ok(receipt),
            PutOutcome::Exists => self.read(receipt.erasure_id).await?.context("the receipt came and went"),
        }
    }

    pub(super) async fn save(&self, receipt: &Receipt) -> Result<()> {
        // The parts are kept apart.
        let receipt = Receipt { versions: Vec::new(), ..receipt.clone() };
        self.0.put(&key(receipt.erasure_id), serde_json::to_vec_pretty(&receipt)?, "application/json").await
    }

    /// The affected datasets whose versions are not replaced yet.
    pub(super) async fn pending(&self, receipt: &Receipt) -> Result<Vec<Dataset>> {
        let receipt = self.read(receipt.erasure_id).await?.context("the receipt came and went")?;
        let is_done = |dataset: &Dataset| receipt.versions.iter().any(|part| part.dataset == *dataset);
        Ok(receipt.affected.iter().copied().filter(|dataset| !is_done(dataset)).collect())
    }

    /// Notes on a receipt that a dataset's versions are replaced.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn note(&self, erasure: Uuid, versions: &ErasedVersions) -> Result<()> {
        let body = serde_json::to_vec_pretty(versions)?;
        // The first note stands.
        let _ = self.0.put_new(&part_key(erasure, versions.dataset), body, "application/json").await?;
        Ok(())
    }

    /// The receipts that wait for a dataset's versions to be replaced.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn waiting_for(&self, dataset: Dataset) -> Result<Vec<Receipt>> {
        let waits = |receipt: &Receipt| {
            receipt.affected.contains(&dataset) && !receipt.versions.iter().any(|part| part.dataset == dataset)
        };
        Ok(self.all().await?.into_iter().filter(waits).collect())
    }
}

fn key(erasure: Uuid) -> String {
    format!("{PREFIX}{erasure}.json")
}

fn part_key(erasure: Uuid, dataset: Dataset) -> String {
    format!("{PREFIX}{erasure}/{dataset}.json")
}
