//! Validity: valid fields ÷ fields, over required fields and optional ones that
//! are populated. An empty required field is not valid. The time of the event is
//! a field as well: it is valid from 1970 on.

use chrono::DateTime;
use serde::{Deserialize, Serialize};

use super::tally::{ByField, Checks};
use super::{Metric, Rules};
use crate::event::schema::{Population, schema};
use crate::event::{FaultCode, StoredEvent};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Validity {
    pub fields: ByField<Checks>,
}

impl Metric for Validity {
    fn observe(&mut self, _rules: &Rules, records: &[StoredEvent]) {
        for StoredEvent { event, .. } in records {
            let time = self.fields.of(event, "occurred_at");
            time.checks += 1;
            if event.occurred_at < DateTime::UNIX_EPOCH {
                time.violate(FaultCode::ImplausibleTime.as_str(), event.id);
            }
            let Some(schema) = schema(&event.event_type) else { continue };
            for field in schema.fields {
                let value = event.data.get(field.name);
                let fault = match value.filter(|_| Population::of(value) == Population::Populated) {
                    Some(value) => field.kind.check(value).err(),
                    None if field.required => Some(FaultCode::Missing),
                    None => continue,
                };
                let checks = self.fields.of(event, field.name);
                checks.checks += 1;
                if let Some(fault) = fault {
                    checks.violate(fault.as_str(), event.id);
                }
            }
        }
    }

    fn merge(&mut self, other: Self) {
        self.fields.merge(other.fields, Checks::merge);
    }
}
