//! What trainers get, and what they report back.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::dataset::{Dataset, Version};
use crate::preparation::{Difference, Drift, Manifest, PreparedFile, Shift, TableProfile, difference};
use crate::store::{Clients, Heads, Objects, Saved, TrainedReport, TrainedReports, VersionRecord, Versions};

/// How long a link to a file is good for.
pub const LINK_LASTS: Duration = Duration::from_secs(3_600);
/// Reports on one version that are shown.
const REPORTS: usize = 100;
/// Bytes of two versions' `data/` that are compared at once: what a Lambda's disk holds.
const DIFF_BYTES: u64 = 400 << 20;

/// A version with everything that a trainer asks for.
#[derive(Clone, Debug)]
pub struct VersionDetails {
    pub record: VersionRecord,
    pub manifest: Manifest,
    /// A link to each object of the version, by its path in it.
    pub links: Vec<(String, String)>,
    pub trained: Vec<TrainedReport>,
}

/// What a trainer says.
#[derive(Clone, Debug, PartialEq)]
pub struct Training {
    pub model_id: String,
    pub model_version: String,
    pub metrics: Map<String, Value>,
    pub trained_at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub enum Reported {
    New(TrainedReport),
    /// This model was reported on this version before; the first report stands.
    Before(TrainedReport),
}

#[derive(Clone, Debug)]
pub struct VersionDiff {
    pub from: Version,
    pub to: Version,
    pub rows: Difference,
    pub drift: Vec<Drift>,
    pub target: Option<Shift>,
}

#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    #[error("{dataset} has no version {}", .version.0)]
    NoVersion { dataset: Dataset, version: Version },
    #[error("{dataset} is not initialized")]
    NotInitialized { dataset: Dataset },
    #[error(
        "the two versions have {bytes} bytes to compare; at most {DIFF_BYTES} are compared here: load both and compare them where there is room"
    )]
    TooLarge { bytes: u64 },
    #[error(transparent)]
    Store(#[from] anyhow::Error),
}

#[derive(Clone, Debug)]
pub struct Handover {
    versions: Versions,
    trained: TrainedReports,
    heads: Heads,
    objects: Objects,
}

impl Handover {
    pub fn new(clients: &Clients) -> Self {
        Self {
            versions: Versions::new(clients),
            trained: TrainedReports::new(clients),
            heads: Heads::new(clients),
            objects: Objects::new(clients),
        }
    }

    /// Up to `limit` versions, newest first, of those before `before`; and whether
    /// there are more.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn versions(
        &self,
        dataset: Dataset,
        limit: usize,
        before: Option<Version>,
    ) -> Result<(Vec<VersionRecord>, bool)> {
        let page = self.versions.page_before(dataset, limit, before).await?;
        Ok((page.items, page.next.is_some()))
    }

    /// The reports on a version.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn reports(&self, dataset: Dataset, version: Version) -> Result<Vec<TrainedReport>> {
        self.trained.of_version(dataset, version, REPORTS).await
    }

    /// One version, with links that need no credentials.
    ///
    /// # Errors
    /// See [`HandoverError`].
    pub async fn version(&self, dataset: Dataset, version: Version) -> Result<VersionDetails, HandoverError> {
        let (record, manifest) = self.read(dataset, version).await?;
        let prefix = record.manifest.trim_end_matches("manifest.json").to_owned();
        let mut links = Vec::new();
        for key in self.objects.list(&prefix).await? {
            let path = key.strip_prefix(&prefix).unwrap_or(&key).to_owned();
            links.push((path, self.objects.link(&key, LINK_LASTS).await?));
        }
        let trained = self.trained.of_version(dataset, version, REPORTS).await?;
        Ok(VersionDetails { record, manifest, links, trained })
    }

    async fn read(&self, dataset: Dataset, version: Version) -> Result<(VersionRecord, Manifest), HandoverError> {
        let record = self.versions.read(dataset, version).await?;
        let record = record.ok_or(HandoverError::NoVersion { dataset, version })?;
        let manifest = self.objects.get(&record.manifest).await?;
        // Erasure takes the objects of superseded versions away, and leaves their records.
        let manifest = manifest.ok_or(HandoverError::NoVersion { dataset, version })?;
        let manifest =
            serde_json::from_slice(&manifest).with_context(|| format!("{} cannot be read", record.manifest))?;
        Ok((record, manifest))
    }

    /// Records that a model was trained on a version, and when the dataset was last
    /// trained on.
    ///
    /// # Errors
    /// See [`HandoverError`].
    pub async fn trained(
        &self,
        dataset: Dataset,
        version: Version,
        training: Training,
        now: DateTime<Utc>,
    ) -> Result<Reported, HandoverError> {
        let record = self.versions.read(dataset, version).await?;
        let record = record.ok_or(HandoverError::NoVersion { dataset, version })?;
        let report = TrainedReport {
            dataset,
            version,
            digest: record.digest,
            model_id: training.model_id,
            model_version: training.model_version,
            metrics: training.metrics,
            trained_at: training.trained_at,
            reported_at: now,
        };
        let reported = match self.trained.add(&report).await? {
            Saved::Yes => Reported::New(report),
            Saved::Conflict => {
                let first = self.trained.like(&report).await?;
                Reported::Before(first.context("a report came and went")?)
            }
        };
        // Also when it was reported before: the first time may have ended between the two writes.
        let trained_at = match &reported {
            Reported::New(report) | Reported::Before(report) => report.trained_at,
        };
        self.set_last_training(dataset, trained_at, now).await?;
        Ok(reported)
    }

    /// Only ever moves forward, whatever the order of the reports.
    async fn set_last_training(
        &self,
        dataset: Dataset,
        trained_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), HandoverError> {
        let mut head = self.heads.read(dataset).await?.ok_or(HandoverError::NotInitialized { dataset })?;
        let noted = self.heads.change(&mut head, now, |head| {
            let is_newer = head.last_training_date < Some(trained_at);
            if is_newer {
                head.last_training_date = Some(trained_at);
            }
            Ok::<_, HandoverError>(is_newer)
        });
        match noted.await? {
            Some(Saved::Yes) | None => Ok(()),
            Some(Saved::Conflict) => {
                Err(anyhow::anyhow!("{dataset} changes faster than a report can be noted on it: send it again").into())
            }
        }
    }

    /// What changed from one version to another.
    ///
    /// # Errors
    /// See [`HandoverError`].
    pub async fn diff(&self, dataset: Dataset, from: Version, to: Version) -> Result<VersionDiff, HandoverError> {
        let ((old, before), (new, after)) = tokio::try_join!(self.read(dataset, from), self.read(dataset, to))?;
        let data = |manifest: &Manifest| -> Vec<PreparedFile> {
            manifest.files.iter().filter(|file| file.table == "data").cloned().collect()
        };
        let (old_files, new_files) = (data(&before), data(&after));
        let bytes = old_files.iter().chain(&new_files).map(|file| file.bytes).sum();
        if bytes > DIFF_BYTES {
            return Err(HandoverError::TooLarge { bytes });
        }
        let scratch = tempfile::tempdir().context("could not make a scratch folder")?;
        let (old_folder, new_folder) = (scratch.path().join("old"), scratch.path().join("new"));
        self.fetch(&old, &old_files, &old_folder).await?;
        self.fetch(&new, &new_files, &new_folder).await?;
        let (drift_before, drift_after) = tokio::try_join!(self.profiles(&old), self.profiles(&new))?;
        let rows = tokio::task::spawn_blocking(move || {
            // Held until the files have been read.
            let _scratch = scratch;
            difference((&old_folder, &old_files), (&new_folder, &new_files))
        });
        Ok(VersionDiff {
            from,
            to,
            rows: rows.await.context("the comparison was cut short")?.context("the versions cannot be compared")?,
            drift: Drift::of(&drift_before, &drift_after),
            target: Shift::of(&after.target, &drift_before, &drift_after),
        })
    }

    async fn fetch(&self, version: &VersionRecord, files: &[PreparedFile], folder: &Path) -> Result<()> {
        for file in files {
            let key = version.manifest.replace("manifest.json", &file.path);
            let path = folder.join(&file.path);
            // Splits without rows have a folder of their own.
            path.parent().map_or(Ok(()), std::fs::create_dir_all).context("could not make a scratch folder")?;
            if !self.objects.get_file(&key, &path).await? {
                bail!("{key} is missing");
            }
        }
        Ok(())
    }

    async fn profiles(&self, version: &VersionRecord) -> Result<Vec<TableProfile>> {
        let key = version.manifest.replace("manifest.json", "statistics.json");
        let bytes = self.objects.get(&key).await?.with_context(|| format!("{key} is missing"))?;
        let mut statistics: Value = serde_json::from_slice(&bytes).with_context(|| format!("{key} cannot be read"))?;
        serde_json::from_value(statistics["tables"].take()).with_context(|| format!("{key} cannot be read"))
    }
}
