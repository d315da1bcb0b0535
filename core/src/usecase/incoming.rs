//! Bulk files: an object under `incoming/`, NDJSON, plain or gzipped, is taken in
//! step by step. How far it has come stands in a result file beside it, so that
//! whoever finds it unfinished goes on from there. When all of it is taken in, and
//! the result says so, the object is deleted: nothing that it holds is redacted.

mod reader;

use std::collections::BTreeMap;
use std::ops::Range;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use self::reader::Reader;
use super::ingest::{Arrival, Incoming, IngestError, Outcome, Requests, Unanswered, parse};
use crate::dataset::settings::Settings;
use crate::event::ndjson::Line;
use crate::event::{Fault, FaultCode};
use crate::store::{Clients, Objects, Origin};

/// Where files are put.
pub const INCOMING: &str = "incoming/";
const RESULT: &str = ".result.json";
/// Batches between two notes of progress.
const NOTED_EVERY: u32 = 20;

/// How far a file has come: the content of its result file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    pub object: String,
    pub status: Status,
    /// Tells one content of the object from another.
    pub tag: String,
    /// Lines that are dealt with, blank ones included.
    pub lines: u64,
    pub events: u64,
    pub accepted: u64,
    /// Also events that an interrupted step had taken in before.
    pub duplicates: u64,
    /// In quarantine, each with its reasons.
    pub rejected: u64,
    /// Rejected events by their first fault.
    pub reasons: BTreeMap<String, u64>,
    pub started_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// Why it broke off.
    pub problem: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    InProgress,
    Complete,
    /// The file cannot be read to its end; what came before is taken in.
    Broken,
}

/// Whether an object is a file to take in, and not a result.
pub fn is_incoming(key: &str) -> bool {
    key.starts_with(INCOMING) && !key.ends_with(RESULT) && !key.ends_with('/')
}

/// Whether a file of this name is compressed.
fn is_gzip(key: &str) -> bool {
    key.ends_with(".gz")
}

#[derive(Debug)]
pub struct IncomingFiles {
    objects: Objects,
    road: Unanswered,
    batch_events: usize,
    line_bytes: usize,
    keep: bool,
}

impl IncomingFiles {
    pub fn new(road: Unanswered, clients: &Clients, settings: &Settings) -> Self {
        Self {
            objects: Objects::new(clients),
            road,
            batch_events: settings.batch_events,
            // Room for blanks that a line may have between its members.
            line_bytes: settings.limits.event_bytes * 2,
            keep: settings.keep_incoming,
        }
    }

    /// Files that are not taken in to their end, or should be gone since.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn unfinished(&self) -> Result<Vec<String>> {
        let keys = self.objects.list(INCOMING).await?;
        let mut unfinished = Vec::new();
        for key in keys.iter().filter(|key| is_incoming(key)) {
            let known = keys.binary_search(&format!("{key}{RESULT}")).is_ok();
            let progress = if known { self.progress(key).await? } else { None };
            let done = match progress.map(|progress| progress.status) {
                Some(Status::Complete) => self.keep,
                Some(Status::Broken) => true,
                Some(Status::InProgress) | None => false,
            };
            if !done {
                unfinished.push(key.clone());
            }
        }
        Ok(unfinished)
    }

    /// # Errors
    /// Whatever the store says.
    pub async fn progress(&self, key: &str) -> Result<Option<Progress>> {
        let Some(bytes) = self.objects.get(&format!("{key}{RESULT}")).await? else { return Ok(None) };
        serde_json::from_slice(&bytes).with_context(|| format!("{key}{RESULT} cannot be read"))
    }

    /// Takes a file in, until its end or until `may_go_on` says no; then it is deleted,
    /// unless it shall stay. What was taken in before is told again; `None` where
    /// there is no such object, and was none.
    ///
    /// # Errors
    /// Whatever the store says; progress is kept as of the last note.
    pub async fn take(&self, key: &str, may_go_on: impl Fn() -> bool + Send) -> Result<Option<Progress>, IngestError> {
        let now = Utc::now();
        let Some(mut reader) = Reader::open(&self.objects, key, is_gzip(key), self.line_bytes).await? else {
            // A trigger that is repeated finds the result alone.
            let progress = self.progress(key).await?;
            return Ok(progress.filter(|progress| progress.status != Status::InProgress));
        };
        let tag = &reader.content().tag;
        let mut progress = match self.progress(key).await? {
            Some(progress) if progress.tag == *tag => progress,
            _ => Progress::new(key, tag, now),
        };
        if progress.status != Status::InProgress {
            self.let_go(&progress, &reader).await?;
            return Ok(Some(progress));
        }
        reader.skip_lines(progress.lines);
        let mut requests = Requests::default();
        for batches in 1u32.. {
            let lines = match reader.next(self.batch_events).await? {
                Ok(lines) => lines,
                Err(problem) => {
                    progress.status = Status::Broken;
                    progress.problem = Some(problem);
                    break;
                }
            };
            if lines.is_empty() {
                progress.status = Status::Complete;
                break;
            }
            self.step(&mut progress, lines, &mut requests).await?;
            if !may_go_on() {
                break;
            }
            if batches.is_multiple_of(NOTED_EVERY) {
                self.note(&mut progress).await?;
                if progress.status == Status::Complete {
                    break;
                }
            }
        }
        self.note(&mut progress).await?;
        self.let_go(&progress, &reader).await?;
        tracing::info!(object = key, status = ?progress.status, lines = progress.lines, "a file was taken in");
        Ok(Some(progress))
    }

    /// Deletes what was taken in to its end, once the result is durable. What is
    /// broken stays: somebody has to look at it.
    async fn let_go(&self, progress: &Progress, reader: &Reader<'_>) -> Result<()> {
        if progress.status == Status::Complete && !self.keep {
            self.objects.delete_content(&progress.object, reader.content()).await?;
        }
        Ok(())
    }

    async fn step(
        &self,
        progress: &mut Progress,
        lines: Vec<Line>,
        requests: &mut Requests,
    ) -> Result<(), IngestError> {
        let object = progress.object.clone();
        let origin = |line: &Line| Origin { road: "file".to_owned(), source: object.clone(), line: line.number };
        let body = |line: &Line| String::from_utf8_lossy(&line.text).into_owned();
        let arrival =
            |line: &Line| Arrival { incoming: event_of(line), origin: origin(line), body: body(line), request: 0 };
        let arrivals = |places: Range<usize>| lines[places].iter().map(arrival).collect();
        let unread = |place: usize| (origin(&lines[place]), body(&lines[place]));
        for outcome in self.road.ingest_each(lines.len(), arrivals, unread, Utc::now(), requests).await? {
            match outcome {
                Outcome::Accepted { .. } => progress.accepted += 1,
                Outcome::Duplicate { .. } => progress.duplicates += 1,
                Outcome::Rejected { errors, .. } => {
                    progress.rejected += 1;
                    let reason = errors.first().map_or_else(String::new, Fault::reason);
                    *progress.reasons.entry(reason).or_default() += 1;
                }
            }
        }
        progress.events += lines.len() as u64;
        progress.lines = lines.last().map_or(progress.lines, |line| line.number);
        Ok(())
    }

    /// Writes how far it is. A trigger may come twice at a time: where another
    /// invocation is done, and has let the file go, its result stands.
    async fn note(&self, progress: &mut Progress) -> Result<()> {
        if let Some(done) = self.progress(&progress.object).await?
            && (done.status, &done.tag) == (Status::Complete, &progress.tag)
        {
            *progress = done;
            return Ok(());
        }
        progress.updated_at = Utc::now();
        let key = format!("{}{RESULT}", progress.object);
        self.objects.put(&key, serde_json::to_vec_pretty(progress)?, "application/json").await
    }
}

fn event_of(line: &Line) -> Incoming {
    if line.too_long {
        let message = format!("the line has more than {} bytes", line.text.len());
        return Err(Fault::new(&[], FaultCode::TooLarge, message));
    }
    parse(&line.text)
}

impl Progress {
    fn new(object: &str, tag: &str, now: DateTime<Utc>) -> Self {
        Self {
            object: object.to_owned(),
            status: Status::InProgress,
            tag: tag.to_owned(),
            lines: 0,
            events: 0,
            accepted: 0,
            duplicates: 0,
            rejected: 0,
            reasons: BTreeMap::new(),
            started_at: now,
            updated_at: now,
            problem: None,
        }
    }
}
