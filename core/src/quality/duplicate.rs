//! Duplicates: records whose content has been seen before. The user is part of
//! the content, so the set of what was seen lives for one user at a time: exact,
//! and bounded by the largest user.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::tally::Violations;
use super::{Metric, Rules, content};
use crate::event::StoredEvent;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Duplicates {
    /// Every record of a content but the first.
    pub repeated: Violations,
}

impl Metric for Duplicates {
    fn observe(&mut self, _rules: &Rules, records: &[StoredEvent]) {
        let mut seen = HashSet::with_capacity(records.len());
        for StoredEvent { event, .. } in records {
            if !seen.insert(content(event)) {
                self.repeated.add(event.id);
            }
        }
    }

    fn merge(&mut self, other: Self) {
        self.repeated.merge(other.repeated);
    }
}
