//! How many users the records are of, and how many are of one.

use serde::{Deserialize, Serialize};

use super::{Metric, Rules};
use crate::event::StoredEvent;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Users {
    pub count: u64,
    /// Records of the user who has most.
    pub largest: u64,
}

impl Metric for Users {
    fn observe(&mut self, _: &Rules, records: &[StoredEvent]) {
        self.merge(Users { count: u64::from(!records.is_empty()), largest: records.len() as u64 });
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.largest = self.largest.max(other.largest);
    }
}
