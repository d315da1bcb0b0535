//! How far a file is: the content of its result file.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::event::Fault;
use crate::usecase::ingest::Outcome;

/// Names of fields, and reasons, that a result lists. Senders may invent any number.
const MAX_NAMES: usize = 100;
const OTHERS: &str = "others";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    pub object: String,
    pub status: Status,
    /// Tells one content of the object from another.
    pub tag: String,
    /// The line of the last record that was dealt with.
    pub lines: u64,
    /// Records that were dealt with.
    pub events: u64,
    pub accepted: u64,
    /// Also events that an interrupted batch had stored before.
    pub duplicates: u64,
    /// Duplicates that are not the same as what is stored.
    #[serde(default)]
    pub different: u64,
    /// In how many duplicates each field differs.
    #[serde(default)]
    pub differences: BTreeMap<String, u64>,
    /// In quarantine, in full, each with its reasons.
    pub rejected: u64,
    /// Rejected events by their first fault.
    pub reasons: BTreeMap<String, u64>,
    /// Records that are neither stored nor in quarantine, as they cannot be decoded or are
    /// too long to be held in full.
    #[serde(default)]
    pub unread: u64,
    /// Events without an id, of contents that seem to repeat, beyond the number of repeated
    /// contents that one file can have: those that do repeat are counted as duplicates.
    #[serde(default)]
    pub repeats_not_counted: u64,
    /// Invocations that worked on the file, and bytes that they read of it and its parts.
    #[serde(default)]
    pub calls: u64,
    #[serde(default)]
    pub bytes_read: u64,
    pub started_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// Why the file stays.
    pub problem: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    InProgress,
    /// Every record is stored, or in quarantine in full. The file is deleted.
    Complete,
    /// Some of the file was ingested; some cannot be read. The file stays.
    Broken,
    /// The file holds nothing that can be read. It stays, and nothing of it is in quarantine.
    Unreadable,
}

impl Progress {
    pub(super) fn new(object: &str, tag: &str, now: DateTime<Utc>) -> Self {
        Self {
            object: object.to_owned(),
            status: Status::InProgress,
            tag: tag.to_owned(),
            lines: 0,
            events: 0,
            accepted: 0,
            duplicates: 0,
            different: 0,
            differences: BTreeMap::new(),
            rejected: 0,
            reasons: BTreeMap::new(),
            unread: 0,
            repeats_not_counted: 0,
            calls: 0,
            bytes_read: 0,
            started_at: now,
            updated_at: now,
            problem: None,
        }
    }

    /// Counts what became of one record.
    pub(super) fn count(&mut self, outcome: &Outcome) {
        self.events += 1;
        match outcome {
            Outcome::Accepted { .. } => self.accepted += 1,
            Outcome::Duplicate { differences, .. } => {
                self.duplicates += 1;
                self.different += u64::from(!differences.is_empty());
                for field in differences {
                    add(&mut self.differences, field);
                }
            }
            Outcome::Rejected { errors, .. } => {
                self.rejected += 1;
                add(&mut self.reasons, &errors.first().map_or_else(String::new, Fault::reason));
            }
        }
    }

    /// Counts a record that is neither stored nor in quarantine; the first one says why.
    pub(super) fn count_unread(&mut self, why: &str) {
        self.events += 1;
        self.unread += 1;
        if self.problem.is_none() {
            self.problem = Some(why.to_owned());
        }
    }
}

fn add(counts: &mut BTreeMap<String, u64>, name: &str) {
    let name = if counts.contains_key(name) || counts.len() < MAX_NAMES { name } else { OTHERS };
    *counts.entry(name.to_owned()).or_default() += 1;
}
