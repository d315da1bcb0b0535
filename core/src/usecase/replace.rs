//! Replacing the versions that hold rows of erased users: a successor without
//! them, then the old versions' files go.

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};

use super::erase::{ErasedVersions, Receipt, Receipts};
use super::prepare::{Prepare, PrepareError};
use crate::dataset::settings::Settings;
use crate::dataset::{Counts, Dataset, Version};
use crate::store::{Clients, Heads, Objects, Saved, TrainedReports, VersionRecord, Versions, Withdrawal};

/// Models that are listed of a version.
const MOST_MODELS: usize = 1_000;
const REASON: &str = "data of users were erased";

#[derive(Clone, Debug)]
pub struct Replace {
    prepare: Prepare,
    heads: Heads,
    versions: Versions,
    objects: Objects,
    receipts: Receipts,
    trained: TrainedReports,
}

impl Replace {
    pub fn new(clients: &Clients, settings: &Settings) -> Self {
        Self {
            prepare: Prepare::new(clients, settings),
            heads: Heads::new(clients),
            versions: Versions::new(clients),
            objects: Objects::new(clients),
            receipts: Receipts::new(clients),
            trained: TrainedReports::new(clients),
        }
    }

    /// Replaces what has to be replaced of a dataset's versions, and answers which are
    /// withdrawn; `None` where nothing has to be. Repeated, it goes on where it was.
    ///
    /// # Errors
    /// See [`PrepareError`].
    pub async fn replace(&self, dataset: Dataset, now: DateTime<Utc>) -> Result<Option<Vec<Version>>, PrepareError> {
        // Before the head: whoever waits by then is served by what the head says.
        let waiting = self.receipts.waiting_for(dataset).await?;
        let head = self.heads.read(dataset).await?.ok_or(PrepareError::NotInitialized(dataset))?;
        let Some(from) = head.erased_from else {
            // Another replacement covered these.
            self.note(&waiting, dataset, head.last_version, now).await?;
            return Ok(None);
        };
        let affected: Vec<VersionRecord> = self.all(dataset).await?.into_iter().filter(|v| v.epoch >= from).collect();
        let stale = |version: &&VersionRecord| version.withdrawn.is_none() && version.erased < head.erased.events;
        let old: Vec<&VersionRecord> = affected.iter().filter(stale).collect();
        let successor = match affected.iter().max_by_key(|version| version.version) {
            // A version that was prepared since the erasure is the successor.
            Some(newest) if newest.withdrawn.is_none() && !stale(&newest) => Some(newest.version),
            _ if head.stored().events == 0 || old.is_empty() => None,
            _ => Some(self.prepare.prepare_again(dataset, REASON, now).await?.version),
        };
        // After the requests, whatever the clock says: receipts go by that.
        let withdrawn_at = waiting.iter().map(|receipt| receipt.requested_at).fold(now, Ord::max);
        for version in &old {
            self.withdraw(version, successor, withdrawn_at).await?;
        }
        self.note(&waiting, dataset, successor, now).await?;
        self.settle(dataset, head.erased, now).await?;
        Ok(Some(old.iter().map(|version| version.version).collect()))
    }

    /// Notes on receipts what became of a dataset's versions. What was withdrawn is read from
    /// the versions: it may have been by another replacement, or by one that crashed.
    async fn note(
        &self,
        waiting: &[Receipt],
        dataset: Dataset,
        successor: Option<Version>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        if waiting.is_empty() {
            return Ok(());
        }
        let versions = self.all(dataset).await?;
        let stands =
            |number: &Version| versions.iter().any(|version| version.version == *number && version.withdrawn.is_none());
        let successor = successor.filter(stands);
        for receipt in waiting {
            let (mut withdrawn, mut models) = (Vec::new(), Vec::new());
            for version in versions.iter().filter(|version| version.is_withdrawn_since(receipt.requested_at)) {
                withdrawn.push(version.version);
                models.extend(self.trained.of_version(dataset, version.version, MOST_MODELS).await?);
            }
            let part = ErasedVersions { dataset, withdrawn, successor, models, replaced_at: now };
            self.receipts.note(receipt.erasure_id, &part).await?;
        }
        Ok(())
    }

    /// Nothing is left to replace, unless more was erased meanwhile.
    async fn settle(&self, dataset: Dataset, erased: Counts, now: DateTime<Utc>) -> Result<()> {
        let mut head = self.heads.read(dataset).await?.context("the head came and went")?;
        if head.erased == erased {
            head.erased_from = None;
            if self.heads.save(&mut head, now).await? == Saved::Conflict {
                tracing::info!(%dataset, "the head has changed meanwhile: its versions are looked at again");
            }
        }
        Ok(())
    }

    async fn all(&self, dataset: Dataset) -> Result<Vec<VersionRecord>> {
        let mut all = Vec::new();
        let mut from = None;
        loop {
            let page = self.versions.page(dataset, 100, from.as_deref()).await?;
            all.extend(page.items);
            from = page.next;
            if from.is_none() {
                return Ok(all);
            }
        }
    }

    /// The manifest goes first: without it, the version is not there.
    async fn withdraw(&self, version: &VersionRecord, by: Option<Version>, now: DateTime<Utc>) -> Result<()> {
        self.objects.delete(&version.manifest).await?;
        let prefix = version.manifest.trim_end_matches("manifest.json");
        self.objects.delete_all(prefix).await?;
        if by.is_none() {
            self.objects.delete(&format!("prepared/{}/latest.json", version.dataset)).await?;
        }
        let withdrawn = Some(Withdrawal { at: now, successor: by, reason: REASON.to_owned() });
        self.versions.replace(&VersionRecord { withdrawn, ..version.clone() }).await
    }
}
