//! Validity: valid fields ÷ fields, over required fields and optional ones that
//! are populated. An empty required field is not valid. The time of the event is
//! a field as well: it is valid from the configured floor on. (An event ahead of its
//! ingestion fails a rule of consistency.)

use serde::{Deserialize, Serialize};

use super::judgement::{Dimension, Draft};
use super::record::Record;
use super::tally::{ByField, Checks};
use super::{Metric, Rules};
use crate::event::FaultCode;

/// Size: a count by field and fault.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Validity {
    fields: ByField<Checks>,
}

impl Metric for Validity {
    fn observe(&mut self, rules: &Rules, record: &Record<'_>) {
        let time = self.fields.of(record.place, record.schema.fields.len());
        time.checks += 1;
        if rules.times().is_too_early(record.occurred_at) {
            time.violate(&rules.sample, FaultCode::ImplausibleTime.as_str(), record.example());
        }
        for (place, reading) in record.fields.iter().enumerate() {
            let fault = if reading.is_populated() {
                rules.fault(record, place)
            } else if rules.requires(record, place) {
                Some(FaultCode::Missing)
            } else {
                continue;
            };
            let checks = self.fields.of(record.place, place);
            checks.checks += 1;
            if let Some(fault) = fault {
                checks.violate(&rules.sample, fault.as_str(), record.example());
            }
        }
    }

    fn merge(&mut self, rules: &Rules, other: Self) {
        self.fields.merge(other.fields, |checks, other| checks.merge(&rules.sample, other));
    }

    fn report(&self, _rules: &Rules, draft: &mut Draft) {
        for (name, checks) in self.fields.iter() {
            let report = draft.field(name);
            report.invalid = checks.violations.iter().map(|(fault, seen)| (fault.to_string(), seen.count)).collect();
            let missing = report.invalid.remove(FaultCode::Missing.as_str()).unwrap_or_default();
            report.populated = checks.checks - missing;
            let valid = report.populated - report.invalid.values().sum::<u64>();
            report.valid_share = (report.populated > 0).then(|| valid as f64 / report.populated as f64);
        }
        draft.dimension(Dimension::Validity, self.fields.clone());
    }
}
