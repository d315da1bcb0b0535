//! How good the records of a dataset are.
//!
//! A metric is a mergeable state: it observes the records of one user at a time,
//! states of other users are merged into it, and what it says follows from the
//! state alone. The order of users and of their records does not matter. Each
//! metric has a file; [`QualityState`] is the registry.
//!
//! A state holds counts by field and rule; only [`anomaly`] keeps values, 8 bytes
//! a numeric value, because 3-sigma needs a second look at them.

mod anomaly;
mod canonical;
mod completeness;
mod consistency;
mod duplicate;
mod judgement;
mod tally;
#[cfg(test)]
mod tests;
mod users;
mod validity;

use chrono::Duration;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use judgement::{Contribution, Dimension, FieldReport, Judgement, Metrics};
pub use users::Users;

use self::anomaly::Anomalies;
use self::completeness::Completeness;
use self::consistency::Consistency;
use self::duplicate::Duplicates;
use self::validity::Validity;
use crate::dataset::Dataset;
use crate::dataset::settings::{Settings, Weights};
use crate::event::schema;
use crate::event::{Event, StoredEvent, format_time};

/// Raised whenever the same records would be judged otherwise than before.
const ENGINE: u32 = 1;

/// What a judgement depends on beside the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    pub dataset: Dataset,
    clock_skew_seconds: i64,
}

impl Rules {
    pub fn new(dataset: Dataset, settings: &Settings) -> Self {
        Self { dataset, clock_skew_seconds: settings.limits.clock_skew.num_seconds() }
    }

    /// Identifies the rules and the weights: hexadecimal SHA-256 over everything
    /// that decides a score.
    pub fn hash(&self, weights: &Weights) -> String {
        let mut hash = Sha256::new();
        hash.update(format!("{ENGINE} {self:?} {weights:?}"));
        for event_type in self.dataset.record_types() {
            hash.update(format!("{event_type} {:?}", schema::of_name(event_type)));
        }
        hex::encode(hash.finalize())
    }

    fn clock_skew(&self) -> Duration {
        Duration::seconds(self.clock_skew_seconds)
    }
}

/// What all metrics know of the records seen so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QualityState {
    rules: Rules,
    records: u64,
    completeness: Completeness,
    validity: Validity,
    consistency: Consistency,
    anomalies: Anomalies,
    duplicates: Duplicates,
    users: Users,
}

/// A sufficient statistic of the records of some users.
trait Metric {
    /// The records of one user, ordered by time, then event id. Each user is
    /// observed once over all states that are merged.
    fn observe(&mut self, rules: &Rules, records: &[StoredEvent]);

    /// Takes in the state of other users: commutative and associative.
    fn merge(&mut self, other: Self);
}

impl QualityState {
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            records: 0,
            completeness: Completeness::default(),
            validity: Validity::default(),
            consistency: Consistency::default(),
            anomalies: Anomalies::default(),
            duplicates: Duplicates::default(),
            users: Users::default(),
        }
    }

    /// Observes all records of one user, in any order; they are left in order of
    /// time. Each user must be observed once over all states that are merged.
    pub fn observe_user(&mut self, records: &mut [StoredEvent]) {
        records.sort_by_key(|stored| (stored.event.occurred_at, stored.event.id));
        self.records += records.len() as u64;
        self.completeness.observe(&self.rules, records);
        self.validity.observe(&self.rules, records);
        self.consistency.observe(&self.rules, records);
        self.anomalies.observe(&self.rules, records);
        self.duplicates.observe(&self.rules, records);
        self.users.observe(&self.rules, records);
    }

    /// Takes in what another state of the same rules has seen of other users.
    pub fn merge(&mut self, other: Self) {
        self.records += other.records;
        self.completeness.merge(other.completeness);
        self.validity.merge(other.validity);
        self.consistency.merge(other.consistency);
        self.anomalies.merge(other.anomalies);
        self.duplicates.merge(other.duplicates);
        self.users.merge(other.users);
    }

    /// Records observed.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// The judgement; `None` where there are no records: nothing is not good, and not bad.
    pub fn finish(&self, weights: &Weights) -> Option<Judgement> {
        (self.records > 0).then(|| judgement::judge(self, weights))
    }
}

/// What makes two records the same but for their ids and the time of intake:
/// type, time and data. The user is not in it: records are compared within a user.
fn content(event: &Event) -> String {
    let mut content = format!("{} {} ", event.event_type.name(), format_time(event.occurred_at));
    canonical::write_object(&event.data, &["transaction_id"], &mut content);
    content
}
