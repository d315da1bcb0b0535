//! The state of the work on a file, from which any invocation goes on.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::parts::{Part, folder};
use super::progress::Progress;
use super::repeats::Repeats;
use crate::event::decode::Position;
use crate::event::identity::{ContentDigest, Occurrences};
use crate::store::{Clients, Failure, Objects, PutOutcome};
use crate::usecase::ingest::Requests;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Survey,
    Ingestion,
}

/// What the survey found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Survey {
    /// Records that were read.
    pub records: u64,
    /// Those that are JSON objects.
    pub objects: u64,
    /// Records that cannot be read, and the first reason.
    pub unread: u64,
    pub unread_reason: Option<String>,
    /// Why the file cannot be read further.
    pub problem: Option<String>,
    pub is_compressed: bool,
    /// Invocations in a row that did not get beyond the records of those before.
    pub stalled: u32,
}

pub struct Checkpoint {
    pub progress: Progress,
    pub phase: Phase,
    pub survey: Survey,
    /// Where the work goes on: in the file, or in a part.
    pub position: Option<Position>,
    /// The parts of a compressed file, and how many of them are ingested.
    pub parts: Vec<Part>,
    pub part: usize,
    /// In the survey.
    pub repeats: Repeats,
    /// In the ingestion: the counts of repeated contents.
    pub requests: Requests,
}

/// What a checkpoint object begins with, as JSON; the filter's words follow.
#[derive(Serialize, Deserialize)]
struct Head {
    progress: Progress,
    phase: Phase,
    survey: Survey,
    position: Option<Position>,
    parts: Vec<Part>,
    part: usize,
    beyond: u64,
    /// Repeated contents in hexadecimal, with their counts.
    repeated: Vec<(String, u64)>,
}

impl Checkpoint {
    /// The begin of the work on a file of so many bytes.
    pub fn new(progress: Progress, file_bytes: Option<u64>) -> Self {
        Self {
            progress,
            phase: Phase::Survey,
            survey: Survey::default(),
            position: None,
            parts: Vec::new(),
            part: 0,
            repeats: Repeats::new(file_bytes),
            requests: Requests::default(),
        }
    }

    /// Ends the survey: the repeated contents are counted from the file's begin.
    pub fn begin_ingestion(&mut self) {
        let repeats = std::mem::replace(&mut self.repeats, Repeats::new(Some(0)));
        self.progress.repeats_not_counted = repeats.beyond;
        self.requests = Requests::one(Occurrences::among(repeats.repeated.into_iter().map(|content| (content, 0))));
        self.phase = Phase::Ingestion;
        self.position = None;
    }

    fn to_bytes(&self) -> Result<Vec<u8>> {
        let repeated = match self.phase {
            Phase::Survey => self.repeats.repeated.iter().map(|content| (hex::encode(content.0), 0)).collect(),
            Phase::Ingestion => {
                self.requests.counts(0).map(|(content, count)| (hex::encode(content.0), count)).collect()
            }
        };
        let head = Head {
            progress: self.progress.clone(),
            phase: self.phase,
            survey: self.survey.clone(),
            position: self.position,
            parts: self.parts.clone(),
            part: self.part,
            beyond: self.repeats.beyond,
            repeated,
        };
        let head = serde_json::to_vec(&head)?;
        let words = if self.phase == Phase::Survey { self.repeats.words() } else { &[] };
        let mut bytes = Vec::with_capacity(8 + head.len() + words.len() * 8);
        bytes.extend_from_slice(&(head.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&head);
        words.iter().for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
        Ok(bytes)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let (length, rest) = bytes.split_first_chunk::<8>().context("it is too short")?;
        let length = usize::try_from(u64::from_le_bytes(*length))?;
        ensure!(length <= rest.len(), "it is cut off");
        let (head, words) = rest.split_at(length);
        let head: Head = serde_json::from_slice(head)?;
        let words: Vec<u64> = words.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
        let mut repeated = Vec::with_capacity(head.repeated.len());
        for (content, count) in &head.repeated {
            let mut digest = [0; 16];
            hex::decode_to_slice(content, &mut digest)?;
            repeated.push((ContentDigest(digest), *count));
        }
        let (repeats, requests) = match head.phase {
            Phase::Survey => {
                let repeated: HashSet<_> = repeated.into_iter().map(|(content, _)| content).collect();
                (Repeats::restore(words, repeated, head.beyond), Requests::default())
            }
            Phase::Ingestion => (Repeats::new(Some(0)), Requests::one(Occurrences::among(repeated))),
        };
        Ok(Self {
            progress: head.progress,
            phase: head.phase,
            survey: head.survey,
            position: head.position,
            parts: head.parts,
            part: head.part,
            repeats,
            requests,
        })
    }
}

#[derive(Clone, Debug)]
pub struct Checkpoints(Objects);

impl Checkpoints {
    pub fn new(clients: &Clients) -> Self {
        Self(Objects::new(clients))
    }

    /// # Errors
    /// Errors of the store. A checkpoint that cannot be read is none: the work begins again.
    pub async fn load(&self, object: &str, tag: &str) -> Result<Option<Checkpoint>> {
        let Some(bytes) = self.read(&key(object, tag)).await? else { return Ok(None) };
        Ok(readable(Checkpoint::from_bytes(&bytes)))
    }

    /// # Errors
    /// Errors of the store.
    pub async fn save(&self, checkpoint: &Checkpoint) -> Result<()> {
        let key = key(&checkpoint.progress.object, &checkpoint.progress.tag);
        self.0.put(&key, checkpoint.to_bytes()?, "application/octet-stream").await
    }

    /// The end of the work on a file, once it is reached.
    ///
    /// # Errors
    /// Errors of the store.
    pub async fn end(&self, progress: &Progress) -> Result<Option<Progress>> {
        self.read_end(&folder(&progress.object, &progress.tag)).await
    }

    async fn read_end(&self, folder: &str) -> Result<Option<Progress>> {
        let Some(bytes) = self.read(&format!("{folder}{END}")).await? else { return Ok(None) };
        Ok(readable(serde_json::from_slice(&bytes).map_err(Into::into)))
    }

    /// Writes the end of the work on a file, unless another invocation has reached one
    /// before; answers the one that stands.
    ///
    /// # Errors
    /// Errors of the store.
    pub async fn write_end(&self, progress: &Progress) -> Result<Progress> {
        let folder = folder(&progress.object, &progress.tag);
        let bytes = serde_json::to_vec_pretty(progress)?;
        match self.0.put_new(&format!("{folder}{END}"), bytes, "application/json").await? {
            PutOutcome::Created => Ok(progress.clone()),
            PutOutcome::Exists => Ok(self.read_end(&folder).await?.unwrap_or_else(|| progress.clone())),
        }
    }

    /// Deletes the checkpoint and the parts of a file. The end of the work stays until the
    /// file is gone.
    ///
    /// # Errors
    /// Errors of the store.
    pub async fn delete(&self, object: &str, tag: &str) -> Result<()> {
        for key in self.0.list(&folder(object, tag)).await? {
            if !key.ends_with(END) {
                self.0.delete(&key).await?;
            }
        }
        Ok(())
    }

    /// Deletes all that is kept of the work on a file.
    ///
    /// # Errors
    /// Errors of the store.
    pub async fn forget(&self, object: &str, tag: &str) -> Result<()> {
        self.0.delete_all(&folder(object, tag)).await
    }

    /// How far the work is whose objects are in a folder: its end if it is reached.
    ///
    /// # Errors
    /// Errors of the store.
    pub async fn progress_in(&self, folder: &str) -> Result<Option<Progress>> {
        if let Some(end) = self.read_end(folder).await? {
            return Ok(Some(end));
        }
        let Some(bytes) = self.read(&format!("{folder}{NAME}")).await? else { return Ok(None) };
        Ok(readable(Checkpoint::from_bytes(&bytes)).map(|checkpoint| checkpoint.progress))
    }

    /// The content of an object. One that is there and cannot be read, as after a power
    /// failure, is none.
    pub async fn read(&self, key: &str) -> Result<Option<Vec<u8>>> {
        for attempt in 1.. {
            match self.0.get(key).await {
                // The connection may have broken.
                Err(error) if Failure::of(&error) == Failure::Permanent && attempt < ATTEMPTS => {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) if Failure::of(&error) == Failure::Permanent => return Ok(readable(Err(error))),
                read => return read,
            }
        }
        Ok(None)
    }
}

/// What was read, where it could be.
pub fn readable<T>(read: Result<T>) -> Option<T> {
    read.inspect_err(|error| {
        tracing::warn!(
            error = format!("{error:#}"),
            "the state of a bulk file cannot be read: it is ingested again from its begin"
        );
    })
    .ok()
}

/// How often a read is tried, and the time between.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(100);

const NAME: &str = "checkpoint";
const END: &str = "end.json";

fn key(object: &str, tag: &str) -> String {
    format!("{}{NAME}", folder(object, tag))
}
