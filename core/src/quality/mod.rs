//! How good the records of a dataset are.
//!
//! A metric is a mergeable state: it observes each record, and the [`Trace`]s of
//! all records of a user together; states of other records are merged into it, and
//! what it says follows from the state alone. The order of records and users does
//! not matter. Each metric has a file, and a line in [`registry`]; what it checks
//! is declared with the event types ([`crate::event::schema`]).
//!
//! States hold counts, sketches and examples, of bounded size; only [`anomaly`]
//! keeps values, 8 bytes a numeric value, because 3-sigma needs a second look.

mod anomaly;
mod categories;
mod completeness;
mod consistency;
mod content;
pub mod drift;
mod duplicate;
mod judgement;
mod population;
mod profile;
mod record;
mod registry;
mod rules;
mod sentinel;
mod sketch;
mod tally;
#[cfg(test)]
mod tests;
mod validity;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use judgement::{Contribution, Dimension, FieldReport, Judgement, Loss, Metrics};
pub use population::Report as PopulationReport;
pub use profile::{Bar, Quantiles, TopValue};
pub use record::{Example, Record, Trace};
pub use rules::Rules;
pub use sketch::Sketch;

use self::judgement::Draft;
use self::registry::States;
use crate::dataset::settings::Weights;
use crate::event::StoredEvent;

/// What all metrics know of the records seen so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QualityState {
    rules: Rules,
    records: u64,
    states: States,
}

/// A sufficient statistic of some records.
trait Metric: Default + Serialize + DeserializeOwned {
    /// One record, in any order.
    fn observe(&mut self, rules: &Rules, record: &Record<'_>);

    /// The traces of all records of one user, ordered by time, then event id. Each
    /// user comes once over all states that are merged.
    fn observe_user(&mut self, _rules: &Rules, _traces: &[Trace]) {}

    /// Takes in the state of other records: commutative and associative.
    fn merge(&mut self, rules: &Rules, other: Self);

    /// Writes what it has to say.
    fn report(&self, rules: &Rules, draft: &mut Draft);
}

impl QualityState {
    pub fn new(rules: Rules) -> Self {
        Self { rules, records: 0, states: States::default() }
    }

    /// Observes all records of one user, in any order; they are left in order of
    /// time. Each user must be observed once over all states that are merged.
    pub fn observe_user(&mut self, records: &mut [StoredEvent]) {
        records.sort_by_key(|stored| (stored.event.occurred_at, stored.event.id));
        let mut traces = Vec::with_capacity(records.len());
        for record in records.iter().filter_map(Record::of) {
            self.observe(&record);
            traces.push(record.trace());
        }
        self.observe_traces(&mut traces);
    }

    /// Observes one record by itself. Its [`Record::trace`] must be observed with the
    /// others of its user: here, or by a state that this one is merged with.
    pub fn observe(&mut self, record: &Record<'_>) {
        self.records += 1;
        self.states.observe(&self.rules, record);
    }

    /// Observes the traces of all records of one user, in any order.
    pub fn observe_traces(&mut self, traces: &mut [Trace]) {
        traces.sort_unstable_by_key(Trace::order);
        self.states.observe_user(&self.rules, traces);
    }

    /// Takes in what another state of the same rules has seen of other records.
    pub fn merge(&mut self, other: Self) {
        self.records += other.records;
        self.states.merge(&self.rules, other.states);
    }

    /// Records observed.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// The records that fail a rule, as far as the sample of the rules reaches, in
    /// order of their event ids. The rule is named as by [`Contribution::key`];
    /// `None` where no such rule fails.
    pub fn failing(&self, rule: &str) -> Option<Vec<Example>> {
        let mut draft = Draft::default();
        self.states.report(&self.rules, &mut draft);
        draft.failing(rule)
    }

    /// The judgement; `None` where there are no records: nothing is not good, and not bad.
    pub fn finish(&self, weights: &Weights) -> Option<Judgement> {
        (self.records > 0).then(|| {
            let mut draft = Draft::default();
            self.states.report(&self.rules, &mut draft);
            draft.judge(self.records, weights)
        })
    }
}
