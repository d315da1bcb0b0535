//! Duplicates: records whose content has been seen before. Exact in bounded
//! memory: user and time are part of the content, so what is the same stands side
//! by side among the traces of a user, and nothing needs to be remembered longer
//! than one moment of one user. Content is compared by its digest.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::judgement::Draft;
use super::record::{Record, Trace};
use super::tally::Violations;
use super::{Metric, Rules};

/// Size: one count.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Duplicates {
    /// Every record of a content but the first.
    repeated: Violations,
}

impl Metric for Duplicates {
    fn observe(&mut self, _rules: &Rules, _record: &Record<'_>) {}

    fn observe_user(&mut self, rules: &Rules, traces: &[Trace]) {
        for moment in traces.chunk_by(|one, next| one.occurred_at == next.occurred_at).filter(|all| all.len() > 1) {
            let mut seen = BTreeSet::new();
            for trace in moment.iter().filter(|trace| !seen.insert((trace.place, trace.content))) {
                self.repeated.add(&rules.sample, trace.example());
            }
        }
    }

    fn merge(&mut self, rules: &Rules, other: Self) {
        self.repeated.merge(&rules.sample, other.repeated);
    }

    fn report(&self, _rules: &Rules, draft: &mut Draft) {
        draft.duplicates = self.repeated.clone();
    }
}
