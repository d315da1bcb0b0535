//! Bulk files: an object under `incoming/`, of any compression, encoding and form that
//! the decoder reads, is ingested in two passes, each of which resumes where it was
//! interrupted.
//!
//! The [survey](survey) reads the file without storing any event. It finds which
//! contents repeat, so that events without an id get their numbers, and whether there is
//! anything to read; of a compressed file it writes plain, redacted [parts](parts). The
//! [ingestion](ingestion) then stores the events, from a byte offset of the file or of
//! a part. Everything that a pass needs is in one [`Checkpoint`](checkpoint::Checkpoint);
//! how far it is stands in a result file beside the object.
//!
//! The object is deleted once every record of it is stored or held in full in quarantine.

mod checkpoint;
mod ingestion;
mod parts;
mod progress;
mod reader;
mod repeats;
mod survey;

use std::collections::BTreeSet;

use anyhow::Result;
use chrono::Utc;

use self::checkpoint::{Checkpoint, Checkpoints, Phase, readable};
pub use self::parts::Parts;
pub use self::progress::{Progress, Status};
use super::ingest::{IngestError, Unanswered};
use crate::dataset::settings::Settings;
use crate::event::decode::DecodeLimits;
use crate::store::{Clients, Content, Objects};

/// Where files are put.
pub const INCOMING: &str = "incoming/";
/// Where their parts and checkpoints lie.
const PARTS: &str = "incoming/.parts/";
const RESULT: &str = ".result.json";
/// The longest record that is held in full in quarantine, at least.
const RECORD_BYTES: usize = 4 * 1024 * 1024;
/// The largest text of a file: a compressed one that holds more is no export.
const TEXT_BYTES: u64 = 256 << 30;

/// Whether an object is a file to ingest, and not a result or a part.
pub fn is_incoming(key: &str) -> bool {
    key.starts_with(INCOMING) && !key.starts_with(PARTS) && !key.ends_with(RESULT) && !key.ends_with('/')
}

#[derive(Debug)]
pub struct IncomingFiles {
    objects: Objects,
    parts: Parts,
    checkpoints: Checkpoints,
    road: Unanswered,
    settings: Settings,
    limits: DecodeLimits,
}

impl IncomingFiles {
    pub fn new(road: Unanswered, clients: &Clients, settings: &Settings) -> Self {
        let record_bytes = RECORD_BYTES.max(settings.limits.event_bytes * 2);
        Self {
            objects: Objects::new(clients),
            parts: Parts::new(clients),
            checkpoints: Checkpoints::new(clients),
            road,
            settings: settings.clone(),
            limits: DecodeLimits { record_bytes, decompressed_bytes: TEXT_BYTES },
        }
    }

    /// Files that are not ingested to their end, or should be deleted by now. Parts whose
    /// file is gone are deleted.
    ///
    /// # Errors
    /// Errors of the store.
    pub async fn unfinished(&self) -> Result<Vec<String>> {
        let keys = self.objects.list(INCOMING).await?;
        self.delete_orphans(&keys).await?;
        let mut unfinished = Vec::new();
        for key in keys.iter().filter(|key| is_incoming(key)) {
            let known = keys.binary_search(&format!("{key}{RESULT}")).is_ok();
            let progress = if known { self.progress(key).await? } else { None };
            let done = match progress {
                Some(Progress { status: Status::InProgress, .. }) | None => false,
                Some(Progress { status: Status::Complete, .. }) if !self.settings.keep_incoming => false,
                // Unless other content has taken the place of what was read.
                Some(Progress { tag, .. }) => {
                    self.objects.get_part(key, 0, 1).await?.is_none_or(|part| part.content.tag == tag)
                }
            };
            if !done {
                unfinished.push(key.clone());
            }
        }
        Ok(unfinished)
    }

    /// The result of a file; `None` where there is none that can be read.
    ///
    /// # Errors
    /// Errors of the store.
    pub async fn progress(&self, key: &str) -> Result<Option<Progress>> {
        let Some(bytes) = self.checkpoints.read(&format!("{key}{RESULT}")).await? else { return Ok(None) };
        Ok(readable(serde_json::from_slice(&bytes).map_err(Into::into)))
    }

    /// Ingests a file until its end or until `may_go_on` says no; in each call at least one
    /// batch. A complete one is deleted, unless it shall stay. `None` where there is no such
    /// object, and was none.
    ///
    /// # Errors
    /// Errors of the store; the next call resumes at the last checkpoint.
    pub async fn process(
        &self,
        key: &str,
        may_go_on: impl Fn() -> bool + Send + Sync,
    ) -> Result<Option<Progress>, IngestError> {
        let earlier = self.progress(key).await?;
        let Some(part) = self.objects.get_part(key, 0, 1).await? else {
            // A trigger that is repeated finds the result alone.
            return Ok(earlier.filter(|progress| progress.status != Status::InProgress));
        };
        let content = part.content;
        match earlier {
            Some(done) if done.tag == content.tag && done.status != Status::InProgress => {
                self.finish(&done, &content).await?;
                return Ok(Some(done));
            }
            Some(other) if other.tag != content.tag => self.checkpoints.delete(key, &other.tag).await?,
            // Whoever deletes the result wants the file read again.
            None => self.checkpoints.forget(key, &content.tag).await?,
            _ => {}
        }
        let mut checkpoint = match self.checkpoints.load(key, &content.tag).await? {
            Some(checkpoint) => checkpoint,
            None => Checkpoint::new(Progress::new(key, &content.tag, Utc::now()), part.object_bytes),
        };
        checkpoint.progress.calls += 1;
        self.save(&mut checkpoint).await?;
        let worked = self.work(&mut checkpoint, &may_go_on).await;
        let progress = self.save(&mut checkpoint).await?;
        worked?;
        self.finish(&progress, &content).await?;
        let shown = self.settings.privacy.redact_text(key).0;
        tracing::info!(object = shown, status = ?progress.status, lines = progress.lines, "a file was ingested so far");
        Ok(Some(progress))
    }

    async fn work(
        &self,
        checkpoint: &mut Checkpoint,
        may_go_on: &(impl Fn() -> bool + Send + Sync),
    ) -> Result<(), IngestError> {
        if checkpoint.phase == Phase::Survey && checkpoint.progress.status == Status::InProgress {
            self.survey(checkpoint, may_go_on).await?;
        }
        if checkpoint.phase == Phase::Ingestion && checkpoint.progress.status == Status::InProgress {
            self.ingest(checkpoint, may_go_on).await?;
        }
        Ok(())
    }

    /// Writes the checkpoint and the result. A trigger may come twice at a time: the first
    /// end that is reached stands, and its result is never overwritten for good.
    async fn save(&self, checkpoint: &mut Checkpoint) -> Result<Progress> {
        checkpoint.progress.updated_at = Utc::now();
        let is_end = checkpoint.progress.status != Status::InProgress;
        let mut done = self.checkpoints.end(&checkpoint.progress).await?;
        if done.is_none() && is_end {
            done = Some(self.checkpoints.write_end(&checkpoint.progress).await?);
        }
        if done.is_none() {
            self.checkpoints.save(checkpoint).await?;
            self.write_result(&checkpoint.progress).await?;
            // Another invocation may have ended between the look and the writing.
            done = self.checkpoints.end(&checkpoint.progress).await?;
        }
        if let Some(done) = done {
            self.write_result(&done).await?;
            checkpoint.progress = done;
        }
        Ok(checkpoint.progress.clone())
    }

    async fn write_result(&self, progress: &Progress) -> Result<()> {
        let key = format!("{}{RESULT}", progress.object);
        self.objects.put(&key, serde_json::to_vec_pretty(progress)?, "application/json").await
    }

    /// Deletes what is no longer needed, once the result is durable: the parts of a file
    /// that is done, and the file itself where all of it is stored or in quarantine.
    async fn finish(&self, progress: &Progress, content: &Content) -> Result<()> {
        if progress.status == Status::InProgress {
            return Ok(());
        }
        self.checkpoints.delete(&progress.object, &progress.tag).await?;
        if progress.status == Status::Complete && !self.settings.keep_incoming {
            self.objects.delete_content(&progress.object, content).await?;
        }
        Ok(())
    }

    /// Deletes what is kept of files that are gone. `keys` are all keys below `incoming/`, in order.
    async fn delete_orphans(&self, keys: &[String]) -> Result<()> {
        let folders: BTreeSet<&str> = keys
            .iter()
            .filter(|key| key.starts_with(PARTS))
            .filter_map(|key| Some(&key[..=PARTS.len() + key[PARTS.len()..].find('/')?]))
            .collect();
        for folder in folders {
            let Some(progress) = self.checkpoints.progress_in(folder).await? else {
                self.objects.delete_all(folder).await?;
                continue;
            };
            if keys.binary_search(&progress.object).is_ok() {
                continue;
            }
            // The end of the work stands, whatever was written after it.
            let result = self.progress(&progress.object).await?;
            if progress.status != Status::InProgress
                && result.is_some_and(|result| result.tag == progress.tag && result.status == Status::InProgress)
            {
                self.write_result(&progress).await?;
            }
            self.objects.delete_all(folder).await?;
        }
        Ok(())
    }
}
