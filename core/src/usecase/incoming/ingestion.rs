//! The second pass over a file: its events are stored, its rejected records go to quarantine.

use std::ops::Range;

use anyhow::Context;
use chrono::Utc;

use super::IncomingFiles;
use super::checkpoint::Checkpoint;
use super::parts::PartRecord;
use super::progress::{Progress, Status};
use super::reader::{Batch, End, Reader};
use crate::event::decode::DecodeLimits;
use crate::store::Origin;
use crate::usecase::ingest::{Arrival, Earlier, IngestError, parse};

/// Batches between two checkpoints.
const BATCHES: u32 = 20;
/// Bytes in a part for one byte of a record, which is a JSON string there, at most.
const ESCAPED: usize = 6;

/// A record with its text.
struct Item {
    line: u64,
    text: String,
    earlier: Option<Earlier>,
}

impl IncomingFiles {
    /// Stores on until the end of the file or of the time.
    pub(super) async fn ingest(
        &self,
        checkpoint: &mut Checkpoint,
        may_go_on: &(impl Fn() -> bool + Send + Sync),
    ) -> Result<(), IngestError> {
        let mut batches = 0u32;
        while checkpoint.progress.status == Status::InProgress {
            let Some(mut reader) = self.reader(checkpoint) else {
                end(checkpoint, None);
                break;
            };
            loop {
                let batch = reader.next(self.settings.batch_events).await?;
                checkpoint.progress.bytes_read += std::mem::take(&mut reader.bytes_read);
                let ended = self.ingest_batch(checkpoint, batch).await?;
                checkpoint.position = reader.position();
                batches += 1;
                let is_over = ended.is_some();
                if let Some(ended) = ended {
                    self.end_of_reader(checkpoint, ended).await?;
                }
                // Nothing but blanks so far: there is no position to resume at.
                if checkpoint.position.is_none() && !is_over {
                    continue;
                }
                if checkpoint.progress.status != Status::InProgress || !may_go_on() {
                    return Ok(());
                }
                if batches.is_multiple_of(BATCHES) {
                    self.save(checkpoint).await?;
                }
                if is_over {
                    break;
                }
            }
        }
        Ok(())
    }

    /// A reader of the file, or of the next part of a compressed one; `None` after the last.
    fn reader(&self, checkpoint: &Checkpoint) -> Option<Reader<'_>> {
        let Progress { object, tag, .. } = &checkpoint.progress;
        let objects = &self.objects;
        if !checkpoint.survey.is_compressed {
            return Some(Reader::new(objects, object, Some(tag), checkpoint.position, self.limits));
        }
        let key = checkpoint.parts.get(checkpoint.part)?.key(object, tag);
        let limits = DecodeLimits { record_bytes: self.limits.record_bytes * ESCAPED, ..self.limits };
        Some(Reader::new(objects, &key, None, checkpoint.position, limits))
    }

    async fn end_of_reader(&self, checkpoint: &mut Checkpoint, ended: End) -> Result<(), IngestError> {
        checkpoint.position = None;
        match (ended, checkpoint.survey.is_compressed) {
            (End::Whole, true) => checkpoint.part += 1,
            (End::Whole, false) => end(checkpoint, None),
            (End::Broken(problem), false) => end(checkpoint, Some(problem)),
            // Another invocation is done, and has deleted the parts; else they are written again.
            (End::Broken(_), true) => {
                if self.save(checkpoint).await?.status == Status::InProgress {
                    let Progress { object, tag, .. } = &checkpoint.progress;
                    *checkpoint = Checkpoint::new(Progress::new(object, tag, Utc::now()), None);
                    return Err(anyhow::anyhow!("a part of a file is gone: the file is surveyed again").into());
                }
            }
        }
        Ok(())
    }

    /// Stores the events of a batch; answers whether it was the last one, and why.
    async fn ingest_batch(&self, checkpoint: &mut Checkpoint, batch: Batch) -> Result<Option<End>, IngestError> {
        let mut items = Vec::with_capacity(batch.records.len());
        let mut unread = Vec::new();
        let last_line = batch.records.last().map(|record| record.line);
        for record in batch.records {
            if checkpoint.survey.is_compressed {
                let PartRecord { line, text, earlier } =
                    serde_json::from_slice(&record.text).context("a record of a part cannot be read")?;
                items.push(Item { line, text, earlier });
                continue;
            }
            match record.text() {
                Ok(text) => items.push(Item { line: record.line, text: text.to_owned(), earlier: None }),
                Err(fault) => unread.push(fault.message),
            }
        }
        let source = checkpoint.progress.object.clone();
        let origin = |item: &Item| Origin { road: "file".to_owned(), source: source.clone(), line: item.line };
        let arrival = |item: &Item| Arrival {
            incoming: parse(item.text.as_bytes()),
            origin: origin(item),
            body: item.text.clone(),
            request: 0,
            earlier: item.earlier.clone(),
        };
        let arrivals = |range: Range<usize>| items[range].iter().map(arrival).collect();
        let panicked = |index: usize| (origin(&items[index]), items[index].text.clone());
        let requests = &mut checkpoint.requests;
        let outcomes = self.road.ingest_each(items.len(), arrivals, panicked, Utc::now(), requests).await?;
        let progress = &mut checkpoint.progress;
        outcomes.iter().for_each(|outcome| progress.count(outcome));
        unread.iter().for_each(|why| progress.count_unread(why));
        let line = if checkpoint.survey.is_compressed { items.last().map(|item| item.line) } else { last_line };
        progress.lines = line.unwrap_or(progress.lines);
        Ok(batch.end)
    }
}

/// Ends the work on a file.
fn end(checkpoint: &mut Checkpoint, problem: Option<String>) {
    let Checkpoint { progress, survey, .. } = checkpoint;
    if let Some(problem) = problem.or_else(|| survey.problem.clone()) {
        // What stops the reading comes before what is wrong with single records.
        progress.problem = Some(problem);
    }
    if survey.is_compressed && survey.unread > 0 {
        progress.events += survey.unread;
        progress.unread += survey.unread;
        if progress.problem.is_none() {
            progress.problem.clone_from(&survey.unread_reason);
        }
    }
    progress.status = if progress.problem.is_none() { Status::Complete } else { Status::Broken };
}
