//! Completeness: populated required fields ÷ required fields. What is not
//! populated is counted by its kind: absent, null, empty, blank, NaN.

use serde::{Deserialize, Serialize};

use super::tally::{ByField, Checks};
use super::{Metric, Rules};
use crate::event::StoredEvent;
use crate::event::schema::{Population, schema};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Completeness {
    pub fields: ByField<Checks>,
}

impl Metric for Completeness {
    fn observe(&mut self, _rules: &Rules, records: &[StoredEvent]) {
        for StoredEvent { event, .. } in records {
            let Some(schema) = schema(&event.event_type) else { continue };
            for field in schema.fields.iter().filter(|field| field.required) {
                let checks = self.fields.of(event, field.name);
                checks.checks += 1;
                if let Some(kind) = kind(Population::of(event.data.get(field.name))) {
                    checks.violate(kind, event.id);
                }
            }
        }
    }

    fn merge(&mut self, other: Self) {
        self.fields.merge(other.fields, Checks::merge);
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
