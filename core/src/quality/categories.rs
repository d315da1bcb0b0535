//! Categories that no name of the mapping table is: trained on as `other`. They are
//! valid and lower no score, but where they are many, a model learns little from them.

use serde::{Deserialize, Serialize};

use super::judgement::Draft;
use super::record::Record;
use super::tally::ByField;
use super::{Metric, Rules};
use crate::event::category::Category;

/// The field that holds a category, of whichever event type.
const FIELD: &str = "category";

/// Size: two counts by field.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Categories {
    fields: ByField<Counts>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Counts {
    populated: u64,
    unmapped: u64,
}

impl Metric for Categories {
    fn observe(&mut self, _rules: &Rules, record: &Record<'_>) {
        let Some(field) = record.schema.place(FIELD) else { return };
        let reading = &record.fields[field];
        if reading.is_populated() {
            let counts = self.fields.of(record.place, field);
            counts.populated += 1;
            counts.unmapped += u64::from(reading.cell.text().and_then(Category::from_name).is_none());
        }
    }

    fn merge(&mut self, _rules: &Rules, other: Self) {
        self.fields.merge(other.fields, |counts, other| {
            counts.populated += other.populated;
            counts.unmapped += other.unmapped;
        });
    }

    fn report(&self, _rules: &Rules, draft: &mut Draft) {
        for (name, counts) in self.fields.iter() {
            let report = draft.field(name);
            report.unmapped = Some(counts.unmapped);
            report.unmapped_share = Some(counts.unmapped as f64 / counts.populated as f64);
        }
    }
}
