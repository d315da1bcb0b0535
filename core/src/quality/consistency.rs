//! Consistency: 1 − inconsistencies ÷ checks, over rules between fields and
//! between the records of a user. Each rule is a function; [`RULES`] lists them.

mod balance;
mod currency;
mod goal;
mod identity;
mod time;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::tally::{ByField, Checks, Violations};
use super::{Metric, Rules};
use crate::event::schema::{Population, schema};
use crate::event::{Event, EventId, StoredEvent};

/// A rule over the records of one user, in order of time: it tells every check
/// that it makes.
type Rule = fn(&Rules, &[StoredEvent], &mut Report<'_>);

const RULES: &[Rule] = &[time::not_after_ingestion, balance::chain, currency::one, identity::same_content, goal::order];

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Consistency {
    /// Checks of [`RULES`].
    ruled: ByField<Checks>,
    /// Populated values by JSON type: which is the type of a field is only known
    /// when all records have been seen.
    types: ByField<BTreeMap<String, Violations>>,
}

/// Where rules tell what they have checked.
struct Report<'a>(&'a mut ByField<Checks>);

impl Report<'_> {
    fn check(&mut self, event: &Event, field: &str, rule: &str, holds: bool) {
        let checks = self.0.of(event, field);
        checks.checks += 1;
        if !holds {
            checks.violate(rule, event.id);
        }
    }
}

impl Metric for Consistency {
    fn observe(&mut self, rules: &Rules, records: &[StoredEvent]) {
        for rule in RULES {
            rule(rules, records, &mut Report(&mut self.ruled));
        }
        for StoredEvent { event, .. } in records {
            let Some(schema) = schema(&event.event_type) else { continue };
            for field in schema.fields {
                let value = event.data.get(field.name);
                if let Some(value) = value.filter(|_| Population::of(value) == Population::Populated) {
                    count(self.types.of(event, field.name), json_type(value), event.id);
                }
            }
        }
    }

    fn merge(&mut self, other: Self) {
        self.ruled.merge(other.ruled, Checks::merge);
        self.types.merge(other.types, |types, other| {
            for (name, seen) in other {
                types.entry(name).or_default().merge(seen);
            }
        });
    }
}

impl Consistency {
    /// All checks by field, those of the types included: a value violates
    /// `one_type` where most values of its field are of another type.
    pub fn fields(&self) -> ByField<Checks> {
        let mut fields = self.ruled.clone();
        fields.merge(self.types.clone().map(of_other_types), Checks::merge);
        fields
    }
}

fn of_other_types(types: BTreeMap<String, Violations>) -> Checks {
    let checks = types.values().map(|seen| seen.count).sum();
    // Of equally frequent types, the first by name is the field's.
    let most = types.values().map(|seen| seen.count).max().unwrap_or_default();
    let usual = types.iter().find(|(_, seen)| seen.count == most).map(|(name, _)| name.clone());
    let mut others = Violations::default();
    for (_, seen) in types.into_iter().filter(|(name, _)| Some(name) != usual.as_ref()) {
        others.merge(seen);
    }
    let violations = if others.count > 0 { BTreeMap::from([("one_type".to_owned(), others)]) } else { BTreeMap::new() };
    Checks { checks, violations }
}

fn count(types: &mut BTreeMap<String, Violations>, name: &str, example: EventId) {
    match types.get_mut(name) {
        Some(seen) => seen.add(example),
        None => types.entry(name.to_owned()).or_default().add(example),
    }
}

fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
