//! Completeness: populated required fields ÷ required fields. What is not
//! populated is counted by its kind: absent, null, empty, blank, NaN.

use serde::{Deserialize, Serialize};

use super::judgement::{Dimension, Draft};
use super::record::Record;
use super::tally::{ByField, Checks};
use super::{Metric, Rules};
use crate::event::schema::Population;

/// Size: a count by field and kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Completeness {
    fields: ByField<Checks>,
}

impl Metric for Completeness {
    fn observe(&mut self, rules: &Rules, record: &Record<'_>) {
        for (place, reading) in record.fields.iter().enumerate() {
            if rules.requires(record, place) {
                let checks = self.fields.of(record.place, place);
                checks.checks += 1;
                if let Some(kind) = kind(reading.population) {
                    checks.violate(&rules.sample, kind, record.example());
                }
            }
        }
    }

    fn merge(&mut self, rules: &Rules, other: Self) {
        self.fields.merge(other.fields, |checks, other| checks.merge(&rules.sample, other));
    }

    fn report(&self, _rules: &Rules, draft: &mut Draft) {
        for (name, checks) in self.fields.iter() {
            draft.missing_values_count += checks.violated();
            draft.field(name).missing =
                checks.violations.iter().map(|(kind, seen)| (kind.to_string(), seen.count)).collect();
        }
        draft.dimension(Dimension::Completeness, self.fields.clone());
    }
}

/// The rule that a way of holding nothing violates.
fn kind(population: Population) -> Option<&'static str> {
    match population {
        Population::Populated => None,
        Population::Absent => Some("absent"),
        Population::Null => Some("null"),
        Population::Empty => Some("empty"),
        Population::Blank => Some("blank"),
        Population::NaN => Some("nan"),
    }
}
