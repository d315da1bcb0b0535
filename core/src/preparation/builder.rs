//! From users to files, in bounded memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tempfile::TempDir;

use super::certificate::Checks;
use super::rows::{self, Out, Reads};
use super::runs::{Merge, Run, write_run};
use super::split::Split;
use super::table::{TableFiles, measure};
use super::user::User;
use super::{HORIZON_DAYS, PreparationError, Prepared, TableProfile};
use crate::dataset::Dataset;
use crate::dataset::settings::{PseudonymKey, Settings};
use crate::event::{StoredEvent, TimeBounds, UserId};

/// Events of a split that one file is made of: some 64 to 256 MB of Parquet.
const EVENTS_IN_A_FILE: u64 = 4_000_000;

/// What is known of users without looking at them again; sums and maxima.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tallies {
    /// Latest believable time.
    pub cut: Option<DateTime<Utc>>,
    /// In the order of [`Split::ALL`].
    pub events_by_split: [u64; 3],
}

impl Tallies {
    fn add(&mut self, user: &User) {
        self.cut = self.cut.max(user.latest());
        self.events_by_split[user.split as usize] += user.events();
    }

    pub fn merge(&mut self, other: &Tallies) {
        self.cut = self.cut.max(other.cut);
        for (sum, other) in self.events_by_split.iter_mut().zip(other.events_by_split) {
            *sum += other;
        }
    }

    /// Files of each split: a power of two, so that leading bits decide.
    fn parts(&self, events_in_a_file: u64) -> [u32; 3] {
        self.events_by_split.map(|events| {
            let wanted = events.div_ceil(events_in_a_file).max(1).next_power_of_two();
            u32::try_from(wanted).unwrap_or(1 << 16).min(1 << 16)
        })
    }
}

/// A sorted run on disk, made by another task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRun {
    pub tallies: Tallies,
    pub bytes: u64,
    pub sha256: String,
}

/// Gathers users and writes their rows.
pub struct Builder {
    dataset: Dataset,
    key: PseudonymKey,
    settings: Settings,
    reads: Reads,
    memory: usize,
    events_in_a_file: u64,
    held: Vec<User>,
    held_bytes: usize,
    /// Made when it is first needed; shared by builders that were merged.
    scratch: Vec<Arc<TempDir>>,
    runs: Vec<PathBuf>,
    /// Whether a user may come in parts.
    joins: bool,
    tallies: Tallies,
    /// The first thing that went wrong while users came in.
    failed: Option<PreparationError>,
}

impl Builder {
    /// # Errors
    /// Where this build knows no rows of the dataset.
    pub fn new(dataset: Dataset, settings: &Settings, key: &PseudonymKey) -> Result<Self, PreparationError> {
        let rows = rows::of(dataset, settings, key).ok_or(PreparationError::NoRows(dataset))?;
        Ok(Self::empty(dataset, settings, key, rows.reads()))
    }

    fn empty(dataset: Dataset, settings: &Settings, key: &PseudonymKey, reads: Reads) -> Self {
        Self {
            dataset,
            key: key.clone(),
            settings: settings.clone(),
            reads,
            memory: settings.preparation_bytes,
            events_in_a_file: EVENTS_IN_A_FILE,
            held: Vec::new(),
            held_bytes: 0,
            scratch: Vec::new(),
            runs: Vec::new(),
            joins: false,
            tallies: Tallies::default(),
            failed: None,
        }
    }

    /// An empty builder of the same kind: for another part of the users.
    #[must_use]
    pub fn sibling(&self) -> Self {
        Self {
            memory: self.memory,
            events_in_a_file: self.events_in_a_file,
            ..Self::empty(self.dataset, &self.settings, &self.key, self.reads)
        }
    }

    /// Holds at most about `bytes` of users before it spills them to scratch files.
    #[must_use]
    pub fn with_memory(mut self, bytes: usize) -> Self {
        self.memory = bytes;
        self
    }

    /// Makes a file of about as many events of a split.
    #[must_use]
    pub fn with_events_in_a_file(mut self, events: u64) -> Self {
        self.events_in_a_file = events.max(1);
        self
    }

    /// Takes users in parts, and joins them.
    pub(super) fn joining(mut self) -> Self {
        self.joins = true;
        self
    }

    /// Takes all events of one user, in any order. Each user must come once. What
    /// goes wrong is kept, and answered by [`Builder::write`].
    pub fn add_user(&mut self, user: UserId, events: &[StoredEvent]) {
        let read = User::read(&self.key, user, events, self.times(), self.reads);
        if let Some(user) = self.keep_failure(read) {
            self.hold(user);
            if self.held_bytes > self.memory {
                self.spill_held();
            }
        }
    }

    /// A user of whom nothing has been read yet.
    pub(super) fn user(&self, user: UserId) -> User {
        User::new(&self.key, user)
    }

    /// The first failure is what [`Builder::write`] answers; after it, nothing is taken in.
    pub(super) fn keep_failure<T>(&mut self, result: Result<T, impl Into<PreparationError>>) -> Option<T> {
        match result {
            Ok(done) if self.failed.is_none() => Some(done),
            Ok(_) => None,
            Err(error) => {
                self.failed.get_or_insert_with(|| error.into());
                None
            }
        }
    }

    pub(super) fn hold(&mut self, user: User) {
        self.tallies.add(&user);
        self.held_bytes += user.weight();
        self.held.push(user);
    }

    pub(super) fn spill_held(&mut self) {
        let spilled = self.spill();
        self.keep_failure(spilled);
    }

    pub(super) fn memory(&self) -> usize {
        self.memory
    }

    pub(super) fn reads(&self) -> Reads {
        self.reads
    }

    pub(super) fn times(&self) -> TimeBounds {
        self.settings.limits.times
    }

    fn spill(&mut self) -> Result<(), PreparationError> {
        let folder = match self.scratch.first() {
            Some(folder) => Arc::clone(folder),
            None => {
                let made = tempfile::tempdir();
                let folder = made.map_err(|source| PreparationError::File { path: std::env::temp_dir(), source })?;
                let folder = Arc::new(folder);
                self.scratch.push(Arc::clone(&folder));
                folder
            }
        };
        let path = folder.path().join(format!("{}.run", self.runs.len()));
        let run = Run::in_memory(std::mem::take(&mut self.held));
        write_run(&path, Merge::of(vec![run], self.joins)?)?;
        self.held_bytes = 0;
        self.runs.push(path);
        Ok(())
    }

    /// Takes in what another builder has gathered of other users.
    pub fn merge(&mut self, other: Self) {
        self.failed = self.failed.take().or(other.failed);
        self.joins |= other.joins;
        self.tallies.merge(&other.tallies);
        self.held.extend(other.held);
        self.held_bytes += other.held_bytes;
        self.scratch.extend(other.scratch);
        self.runs.extend(other.runs);
    }

    /// Takes in a run that another task wrote with [`Builder::into_run`].
    ///
    /// # Errors
    /// Where the file is not the one that was described.
    pub fn add_run(&mut self, path: PathBuf, run: &SegmentRun) -> Result<(), PreparationError> {
        let failed = |source| PreparationError::File { path: path.clone(), source };
        let (bytes, sha256) = measure(&path).map_err(failed)?;
        if (bytes, &sha256) != (run.bytes, &run.sha256) {
            return Err(failed(std::io::Error::other("the run is not the one that its task described")));
        }
        self.tallies.merge(&run.tallies);
        self.runs.push(path);
        Ok(())
    }

    /// Writes everything gathered as one sorted run, for another task to merge.
    ///
    /// # Errors
    /// See [`PreparationError`].
    pub fn into_run(mut self, path: &Path) -> Result<SegmentRun, PreparationError> {
        let tallies = self.tallies.clone();
        write_run(path, self.users()?)?;
        let measured = measure(path);
        let (bytes, sha256) = measured.map_err(|source| PreparationError::File { path: path.to_owned(), source })?;
        Ok(SegmentRun { tallies, bytes, sha256 })
    }

    fn users(&mut self) -> Result<Merge, PreparationError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let mut runs = self.runs.iter().map(|path| Run::open(path)).collect::<Result<Vec<_>, _>>()?;
        runs.push(Run::in_memory(std::mem::take(&mut self.held)));
        Merge::of(runs, self.joins)
    }

    /// Writes all tables below `folder`.
    ///
    /// # Errors
    /// See [`PreparationError`]; what was written by then is to be thrown away.
    pub fn write(mut self, folder: &Path) -> Result<Prepared, PreparationError> {
        let users = self.users()?;
        let rows = rows::of(self.dataset, &self.settings, &self.key);
        let mut rows = rows.ok_or(PreparationError::NoRows(self.dataset))?;
        let declared = rows.tables();
        let schemas: Vec<_> = declared.iter().map(super::table::Table::schema).collect();
        let parts = self.tallies.parts(self.events_in_a_file);
        let mut tables = Vec::with_capacity(declared.len());
        for table in declared {
            tables.push(TableFiles::create(table, folder, parts)?);
        }
        let mut checks = Checks::default();
        for user in users {
            let mut user = user?;
            let ledger = user.take_ledger();
            checks.begin(user.subject, user.split)?;
            let mut out = Out {
                tables: &mut tables,
                subject: user.subject,
                split: user.split,
                cut: self.tallies.cut,
                checks: &mut checks,
            };
            rows.add_user(&user, &ledger, &mut out)?;
        }
        let mut files = Vec::new();
        let mut profiles = Vec::new();
        for table in tables {
            let (written, columns) = table.finish()?;
            profiles.push(TableProfile { table: written[0].table.clone(), columns });
            files.extend(written);
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let in_time = schemas[0].columns.iter().any(|column| column.name == "period").then_some("period");
        let mut statistics = rows.statistics();
        statistics.insert("cut".to_owned(), json!(self.tallies.cut));
        if in_time.is_some() {
            statistics.insert("horizon_days".to_owned(), json!(HORIZON_DAYS));
        }
        statistics.insert("splits".to_owned(), split_counts(&files, &checks));
        let target = rows.target().to_owned();
        Ok(Prepared { files, tables: schemas, target, statistics, profiles, certificate: checks.certificate(in_time) })
    }

    pub fn dataset(&self) -> Dataset {
        self.dataset
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("dataset", &self.dataset)
            .field("tallies", &self.tallies)
            .finish_non_exhaustive()
    }
}

/// Users and rows of each table, by split.
fn split_counts(files: &[super::PreparedFile], checks: &Checks) -> serde_json::Value {
    let mut splits = serde_json::Map::new();
    for split in Split::ALL {
        let mut counts = serde_json::Map::new();
        counts.insert("users".to_owned(), checks.subjects(split).into());
        for file in files.iter().filter(|file| file.split == split) {
            let rows = counts.get(&file.table).and_then(serde_json::Value::as_u64).unwrap_or_default();
            counts.insert(file.table.clone(), (rows + file.rows).into());
        }
        splits.insert(split.name().to_owned(), counts.into());
    }
    splits.into()
}
