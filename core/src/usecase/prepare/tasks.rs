//! Preparing in parts: plan, segments, commit. Each is a task of its own, for a
//! Step Functions map to run; each may be repeated, and a task that crashed is
//! simply run again.
//!
//! A segment leaves a sorted run and a report of it under `scratch/`; the report
//! is written last and names the run by its checksum. The commit merges the runs:
//! the bytes are those that one process would have written.

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::build::{Input, take};
use super::{Begun, Prepare, PrepareError, Prepared, Request, under_way};
use crate::dataset::{Dataset, Epoch, Version};
use crate::preparation::SegmentRun;
use crate::quality::QualityState;
use crate::store::{EventScan, VersionRecord};

/// DynamoDB takes a million; this many keep the runs of a commit manageable.
pub const MOST_SEGMENTS: u32 = 1_000;
/// How long the parts of a preparation may take together before somebody else may
/// take it over.
const LEASE: Duration = Duration::hours(6);
const RUN: &str = "application/octet-stream";
const JSON: &str = "application/json";

/// What is to be prepared, and in how many parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub dataset: Dataset,
    pub version: Version,
    pub epoch: Epoch,
    pub segments: u32,
    /// Events of all segments together.
    pub events: u64,
}

/// What a segment has left.
#[derive(Serialize, Deserialize)]
struct SegmentReport {
    run: SegmentRun,
    quality: QualityState,
    events: u64,
}

impl Plan {
    fn key(&self, segment: u32, kind: &str) -> String {
        format!("{}{segment:05}-of-{:05}.{kind}", self.prefix(), self.segments)
    }

    fn prefix(&self) -> String {
        format!("scratch/{}/{}/", self.dataset, self.version)
    }
}

impl Prepare {
    /// Closes the epoch and says what the segments are. Called again for a
    /// preparation that has begun, it answers the same plan. `None` where nothing is due.
    ///
    /// # Errors
    /// See [`PrepareError`].
    pub async fn plan(
        &self,
        dataset: Dataset,
        request: &Request,
        segments: u32,
        now: DateTime<Utc>,
    ) -> Result<Option<Plan>, PrepareError> {
        if !(1..=MOST_SEGMENTS).contains(&segments) {
            return Err(anyhow::anyhow!("a preparation has 1 to {MOST_SEGMENTS} segments, not {segments}").into());
        }
        if self.settings.pseudonym_key.is_none() {
            return Err(PrepareError::NoKey);
        }
        let overview = self.observe.one(dataset).await?.ok_or(PrepareError::NotInitialized(dataset))?;
        let mut head = match &overview.head.preparation {
            Some(preparation) if preparation.is_swept(now) => return Err(under_way(&overview.head)),
            Some(_) => overview.head,
            None => match self.begin(overview, request, now).await? {
                Begun::Preparation(head) => head,
                Begun::Settled(Prepared::New(_) | Prepared::Current(_) | Prepared::NotDue) => return Ok(None),
            },
        };
        let (mut preparation, counts) = self.close(&mut head, now).await?;
        preparation.counts = Some(counts);
        preparation.lease(now + LEASE);
        let plan = Plan {
            dataset,
            version: preparation.version,
            epoch: preparation.epoch,
            segments,
            events: head.stored().events,
        };
        head.preparation = Some(preparation);
        self.save(&mut head, now).await?;
        Ok(Some(plan))
    }

    /// Reads one segment and leaves its run for the commit; answers its events.
    ///
    /// # Errors
    /// Whatever the store and the file system say.
    pub async fn segment(&self, plan: &Plan, segment: u32) -> Result<u64> {
        if segment >= plan.segments {
            bail!("there is no segment {segment} of {}", plan.segments);
        }
        let mut input = Input::empty(plan.dataset, &self.settings, self.build.key()?)?;
        let scan = EventScan::new(&self.clients, plan.segments);
        scan.inputs_of_segment(segment, plan.dataset, Some(plan.epoch), |user| take(&mut input, user)).await?;

        let scratch = tempfile::tempdir().context("could not make a scratch folder")?;
        let path = scratch.path().join("run");
        let Input { builder, quality, events } = input;
        let (run, path) = tokio::task::spawn_blocking(move || builder.into_run(&path).map(|run| (run, path))).await??;
        self.objects.put_file(&plan.key(segment, "run"), &path, RUN).await?;
        let report = serde_json::to_vec(&SegmentReport { run, quality, events })?;
        self.objects.put(&plan.key(segment, "json"), report, JSON).await?;
        Ok(events)
    }

    /// Merges the runs of all segments into the version. Called again once the
    /// version is there, it answers that version.
    ///
    /// # Errors
    /// A segment that is missing, or that read something else than was counted.
    pub async fn commit(&self, plan: &Plan, now: DateTime<Utc>) -> Result<VersionRecord> {
        let dataset = plan.dataset;
        let head = self.heads.read(dataset).await?.with_context(|| format!("{dataset} is not initialized"))?;
        let Some(preparation) = head.preparation.clone().filter(|begun| begun.version == plan.version) else {
            let done = self.versions.read(dataset, plan.version).await?;
            return done.with_context(|| format!("{} of {dataset} is not being prepared", plan.version));
        };
        let counts = preparation.counts.context("the epoch is not closed: plan first")?;
        if preparation.is_swept(now) {
            bail!("what {dataset} {} left is being swept: plan again later", plan.version);
        }
        // Held until the version is written: the runs are in it.
        let scratch = tempfile::tempdir().context("could not make a scratch folder")?;
        let mut input = Input::empty(dataset, &self.settings, self.build.key()?)?;
        for segment in 0..plan.segments {
            let key = plan.key(segment, "json");
            let report = self.objects.get(&key).await?;
            let report = report.with_context(|| format!("segment {segment} has left no report: run it again"))?;
            let report: SegmentReport =
                serde_json::from_slice(&report).with_context(|| format!("{key} cannot be read"))?;
            let path = scratch.path().join(format!("{segment}.run"));
            if !self.objects.get_file(&plan.key(segment, "run"), &path).await? {
                bail!("the run of segment {segment} is missing: run it again");
            }
            input.builder.add_run(path, &report.run)?;
            input.quality.merge(report.quality);
            input.events += report.events;
        }
        if input.events != head.stored().events {
            bail!(
                "{dataset} has {} events up to epoch {}, but the segments read {}: run them again",
                head.stored().events,
                preparation.epoch,
                input.events
            );
        }
        self.clear_outdated(&head, &preparation).await?;
        let put = self.build.put(input, &head, &preparation, counts, now).await?;
        let record = self.commit_files(head, put, now).await?;
        self.objects.delete_all(&plan.prefix()).await?;
        Ok(record)
    }

    /// Notes in the timeline what a preparation in parts has failed of, and lets go
    /// of it: planned again, it goes on at once. `false` where nothing was being prepared.
    ///
    /// # Errors
    /// See [`PrepareError`].
    pub async fn fail(&self, dataset: Dataset, failure: &str, now: DateTime<Utc>) -> Result<bool, PrepareError> {
        tracing::error!(%dataset, failure, "a preparation in parts has failed");
        self.let_go(dataset, Some(failure), now).await
    }
}
