//! Whose records these are, and of when: users, the share of the largest of them,
//! and how fresh the records are. In no score.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::judgement::Draft;
use super::record::{Record, Trace};
use super::{Metric, Rules};

/// Size: some numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Population {
    users: u64,
    records: u64,
    /// The records of the users that have most, the largest first.
    largest: Vec<u64>,
    oldest: Option<DateTime<Utc>>,
    newest: Option<DateTime<Utc>>,
}

const LARGEST: usize = 10;

/// What is told of it. When records were taken in is not: a version of the same
/// records would be another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub users: u64,
    /// Share of all records that the user with most records has, and the ten with most.
    pub largest_user_share: f64,
    pub ten_largest_users_share: f64,
    /// Of the records that happened before they were taken in, the times of the
    /// first and of the last.
    pub oldest: Option<DateTime<Utc>>,
    pub newest: Option<DateTime<Utc>>,
}

impl Metric for Population {
    fn observe(&mut self, rules: &Rules, record: &Record<'_>) {
        // A time that cannot be makes nothing fresh.
        if rules.times().is_plausible(record.occurred_at, record.ingested_at) {
            self.span(Some(record.occurred_at), Some(record.occurred_at));
        }
    }

    fn observe_user(&mut self, _rules: &Rules, traces: &[Trace]) {
        if !traces.is_empty() {
            self.users += 1;
            self.records += traces.len() as u64;
            self.rank(traces.len() as u64);
        }
    }

    fn merge(&mut self, _rules: &Rules, other: Self) {
        self.users += other.users;
        self.records += other.records;
        other.largest.into_iter().for_each(|records| self.rank(records));
        self.span(other.oldest, other.newest);
    }

    fn report(&self, _rules: &Rules, draft: &mut Draft) {
        let share = |records: u64| records as f64 / self.records.max(1) as f64;
        draft.population = Some(Report {
            users: self.users,
            largest_user_share: share(self.largest.first().copied().unwrap_or_default()),
            ten_largest_users_share: share(self.largest.iter().sum()),
            oldest: self.oldest,
            newest: self.newest,
        });
    }
}

impl Population {
    fn rank(&mut self, records: u64) {
        let place = self.largest.partition_point(|other| *other >= records);
        if place < LARGEST {
            self.largest.insert(place, records);
            self.largest.truncate(LARGEST);
        }
    }

    fn span(&mut self, oldest: Option<DateTime<Utc>>, newest: Option<DateTime<Utc>>) {
        // `None` is less than every time.
        self.oldest = match (self.oldest, oldest) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        self.newest = self.newest.max(newest);
    }
}
