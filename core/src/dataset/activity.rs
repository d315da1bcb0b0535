//! What had come in by when: one observation a day, from which rates are told.
//!
//! An observation is a reading of the counters, not a count of its own, so it
//! costs ingestion nothing; one that is missed only makes a rate coarser.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::Dataset;
use super::forecast::Arrived;

/// The last observation of a day (UTC).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    pub at: DateTime<Utc>,
    /// Units that count, over all epochs, by dataset. A dataset that has since
    /// been taken out of the declarations is still in it.
    pub counting: BTreeMap<String, u64>,
    /// Accepted events by kind.
    pub accepted: BTreeMap<String, u64>,
    /// Events that were not taken in, by reason; `duplicate` is one.
    pub refused: BTreeMap<String, u64>,
}

impl Observation {
    pub fn day(&self) -> NaiveDate {
        self.at.date_naive()
    }

    /// What had been counted for a dataset; `None` where it was not yet declared.
    pub fn arrived(&self, dataset: Dataset) -> Option<Arrived> {
        let counting = *self.counting.get(dataset.name())?;
        Some(Arrived { at: self.at, counting })
    }
}
