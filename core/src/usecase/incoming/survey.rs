//! The first pass over a file: it stores no event.

use chrono::Utc;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::IncomingFiles;
use super::checkpoint::{Checkpoint, Phase};
use super::parts::{PartRecord, PartWriter};
use super::progress::Status;
use super::reader::{End, Reader};
use crate::event::decode::Record;
use crate::event::envelope::{self, Intake};
use crate::event::identity::ContentDigest;
use crate::usecase::ingest::{Earlier, IngestError};

/// Batches between two checkpoints.
const BATCHES: u32 = 400;
/// Batches of records that an earlier call read already, between two looks at the clock.
const SKIPPED_BATCHES: u32 = 200;
/// Calls in a row that get no further, before the rest of a file is given up.
const MAX_STALLED: u32 = 3;

/// What the survey learns of one record.
struct Surveyed {
    is_object: bool,
    /// The content by which it is counted, where it has no id.
    content: Option<ContentDigest>,
    /// What an event was before it was redacted.
    earlier: Option<Earlier>,
}

#[derive(Deserialize)]
struct Probe {
    event_id: Option<IgnoredAny>,
}

impl IncomingFiles {
    /// Reads on until the end of the file or of the time; at the end, the ingestion may begin.
    ///
    /// A compressed file cannot be read from its middle: it is decompressed from its begin,
    /// and records that have been read before are only counted.
    pub(super) async fn survey(
        &self,
        checkpoint: &mut Checkpoint,
        may_go_on: &(impl Fn() -> bool + Send + Sync),
    ) -> Result<(), IngestError> {
        let object = checkpoint.progress.object.clone();
        let tag = checkpoint.progress.tag.clone();
        let mut reader = Reader::new(&self.objects, &object, Some(&tag), checkpoint.position, self.limits);
        let mut skip = if checkpoint.position.is_none() { checkpoint.survey.records } else { 0 };
        let mut writer = PartWriter::new(checkpoint.survey.records);
        let mut end = None;
        for batches in 1u32.. {
            let mut batch = reader.next(self.settings.batch_events).await?;
            let skipped = skip.min(batch.records.len() as u64);
            batch.records.drain(..skipped as usize);
            skip -= skipped;
            checkpoint.survey.is_compressed |= reader.is_compressed();
            for record in &batch.records {
                self.survey_record(checkpoint, record, &mut writer)?;
            }
            end = batch.end;
            if writer.is_full() {
                self.seal(checkpoint, &mut writer).await?;
            }
            if end.is_some() {
                break;
            }
            // Blanks at the begin have no position to resume at either.
            if skip > 0 || (batch.records.is_empty() && (reader.is_compressed() || reader.position().is_none())) {
                if batches.is_multiple_of(SKIPPED_BATCHES) && !may_go_on() {
                    checkpoint.survey.stalled += 1;
                    break;
                }
                continue;
            }
            checkpoint.survey.stalled = 0;
            if !may_go_on() {
                break;
            }
            if batches.is_multiple_of(BATCHES) && !reader.is_compressed() {
                checkpoint.position = reader.position();
                self.save(checkpoint).await?;
                if checkpoint.progress.status != Status::InProgress {
                    return Ok(());
                }
            }
        }
        checkpoint.progress.bytes_read += reader.bytes_read;
        if checkpoint.survey.is_compressed {
            self.seal(checkpoint, &mut writer).await?;
        } else {
            checkpoint.position = reader.position();
        }
        match end {
            Some(End::Whole) => conclude(checkpoint, None),
            Some(End::Broken(problem)) => conclude(checkpoint, Some(problem)),
            None if checkpoint.survey.stalled >= MAX_STALLED => {
                let records = checkpoint.survey.records;
                let problem = format!(
                    "decompressing the file up to record {records} takes as long as one invocation may last: \
                     what comes after it is not ingested; send it as several smaller files"
                );
                conclude(checkpoint, Some(problem));
            }
            None => {}
        }
        Ok(())
    }

    async fn seal(&self, checkpoint: &mut Checkpoint, writer: &mut PartWriter) -> Result<(), IngestError> {
        if writer.is_empty() || !checkpoint.survey.is_compressed {
            return Ok(());
        }
        let (part, bytes) = writer.finish();
        let progress = &checkpoint.progress;
        self.parts.write(&progress.object, &progress.tag, part, bytes).await?;
        checkpoint.parts.push(part);
        Ok(())
    }

    fn survey_record(
        &self,
        checkpoint: &mut Checkpoint,
        record: &Record,
        writer: &mut PartWriter,
    ) -> Result<(), IngestError> {
        let survey = &mut checkpoint.survey;
        survey.records += 1;
        writer.count();
        let text = match record.text() {
            Ok(text) => text,
            Err(fault) => {
                survey.unread += 1;
                survey.unread_reason.get_or_insert(fault.message);
                return Ok(());
            }
        };
        let surveyed = self.read(text, survey.is_compressed);
        survey.objects += u64::from(surveyed.is_object);
        if let Some(content) = surveyed.content {
            checkpoint.repeats.note(content);
        }
        if survey.is_compressed {
            let (text, _) = self.settings.privacy.redact_record(text);
            writer.push(&PartRecord { line: record.line, text, earlier: surveyed.earlier })?;
        }
        Ok(())
    }

    /// Reads a record as far as it is needed: whole where it has no id, or where only its
    /// redacted text is kept.
    fn read(&self, text: &str, is_kept: bool) -> Surveyed {
        let probe = serde_json::from_str::<Probe>(text).ok();
        let has_id = probe.as_ref().is_some_and(|probe| probe.event_id.is_some());
        // An object with a key twice is one that the probe does not read.
        let is_json = probe.is_some() || serde_json::from_str::<IgnoredAny>(text).is_ok();
        let is_object = text.starts_with('{') && is_json;
        if has_id && !is_kept {
            return Surveyed { is_object, content: None, earlier: None };
        }
        let intake = Intake { now: Utc::now(), limits: self.settings.limits, privacy: self.settings.privacy.clone() };
        let json = serde_json::from_str::<Value>(text).ok();
        let mut content = None;
        let admitted = json.and_then(|json| {
            let new_id = |digest: ContentDigest| {
                content = Some(digest);
                digest.event_id(0)
            };
            envelope::read(json, &intake, new_id).ok()
        });
        if admitted.is_none() && !has_id {
            content = Some(ContentDigest::of_record(&self.settings.privacy.redact_record(text).0));
        }
        let earlier = admitted
            .map(|admitted| Earlier { warnings: admitted.warnings, redactions: admitted.redactions })
            .filter(|earlier| !earlier.redactions.is_none());
        Surveyed { is_object, content, earlier }
    }
}

/// Ends the survey. A file that holds no event at all is not ingested, and nothing of it
/// goes to quarantine.
fn conclude(checkpoint: &mut Checkpoint, problem: Option<String>) {
    checkpoint.survey.problem = problem;
    let survey = &checkpoint.survey;
    if survey.objects > 0 {
        checkpoint.begin_ingestion();
        return;
    }
    let reason = survey.problem.clone().or_else(|| survey.unread_reason.clone()).unwrap_or_else(|| {
        if survey.records == 0 {
            "the file is empty: nothing in it to ingest".to_owned()
        } else {
            let records = survey.records;
            format!("none of the {records} records is a JSON object: send one event per line, or one array of events")
        }
    });
    let progress = &mut checkpoint.progress;
    progress.events = survey.records;
    progress.unread = survey.records;
    progress.status = Status::Unreadable;
    progress.problem = Some(reason);
    checkpoint.phase = Phase::Ingestion;
}
