//! Consistency: 1 − inconsistencies ÷ checks, over rules between fields and
//! between the records of a user. Two rules hold for every type: a field keeps one
//! JSON type, and no event happens after its intake. The others are declared with
//! the event type, or with the one dataset in which they hold ([`crate::event::rule`]);
//! each kind of them is a file here.

mod carries;
mod chain;
mod one_value;
mod order;
mod same_content;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::judgement::{Dimension, Draft};
use super::record::{Record, Trace, WORDS, rules_of};
use super::tally::{ByField, Checks, Violations};
use super::{Metric, Rules};
use crate::dataset::Dataset;
use crate::dataset::rules::Adjusted;
use crate::dataset::spec::rules_for;
use crate::event::cell::Cell;
use crate::event::rule::{Demands, NOT_AFTER_INGESTION, ONE_TYPE, Rule};
use crate::event::schema::EventSchema;

/// Size: a count by field and rule, and by field and JSON type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Consistency {
    ruled: ByField<Checks>,
    /// Populated values by JSON type, in the order of [`json_type`]: which is the
    /// type of a field is only known when all records have been seen.
    types: ByField<[Violations; 5]>,
}

/// One kind of rule between records, for one rule.
trait Checker: Send + Sync {
    /// How many words it notes of a record.
    fn words(&self) -> usize;
    /// Notes what it needs to know of a record later.
    fn note(&self, record: &Record<'_>, words: &mut [u64]);
    /// Tells of the records of one user, in order of time, whether each holds;
    /// those that cannot be checked are left out. An operator may have adjusted what
    /// the field that it reports on must be.
    fn check(&self, noted: &[Noted<'_>], adjusted: Option<&Adjusted>, tell: &mut dyn FnMut(&Trace, bool));
}

/// What was noted of a record.
struct Noted<'a> {
    trace: &'a Trace,
    words: &'a [u64],
}

/// A declared rule, ready to be checked.
pub struct Compiled {
    rule: &'static Rule,
    /// The only dataset in which it holds; `None` for all.
    only: Option<Dataset>,
    /// The place of the field that violations are reported on.
    field: usize,
    /// Where its words begin.
    at: usize,
    checker: Box<dyn Checker>,
}

impl Compiled {
    /// The rules for events of a type, in whichever dataset.
    ///
    /// # Panics
    /// On a declaration that names a field which does not exist, or notes too much.
    pub fn all(schema: &'static EventSchema) -> Vec<Self> {
        let place = |field: &str| {
            schema
                .place(field)
                .unwrap_or_else(|| panic!("a rule of {} names {field}, which it has not", schema.event_type))
        };
        let mut at = 0;
        let compile = |(only, rule): (Option<Dataset>, &'static Rule)| {
            let field = place(rule.field);
            let checker: Box<dyn Checker> = match rule.demands {
                Demands::Chain { amount, direction, up, down, precision, day } => Box::new(chain::Chain {
                    balance: field,
                    amount: place(amount),
                    direction: place(direction),
                    up,
                    down,
                    precision: place(precision),
                    day,
                }),
                Demands::OneValue => Box::new(one_value::OneValue { field }),
                Demands::SameContent => Box::new(same_content::SameContent { field }),
                Demands::Order { id, opens, continues, ends } => {
                    Box::new(order::Order { id: place(id), step: field, opens, continues, ends })
                }
                Demands::Carries { id, interactions, one_of } => Box::new(carries::Carries {
                    id: place(id),
                    interaction: place("interaction_type"),
                    words: schema.interactions().unwrap_or(interactions),
                    interactions,
                    one_of: one_of.iter().map(|field| place(field)).collect(),
                }),
            };
            let compiled = Self { rule, only, field, at, checker };
            at += compiled.checker.words();
            assert!(at <= WORDS, "the rules of {} note more than {WORDS} words", schema.event_type);
            compiled
        };
        rules_for(schema).map(compile).collect()
    }

    /// Whether it is checked by these rules, on the type at `place`.
    fn holds_in(&self, rules: &Rules, place: usize) -> bool {
        self.only.is_none_or(|dataset| dataset == rules.dataset) && rules.applies(place, self.field, self.rule.name)
    }

    pub fn note(&self, record: &Record<'_>, words: &mut [u64; WORDS]) {
        self.checker.note(record, &mut words[self.at..self.at + self.checker.words()]);
    }
}

impl Metric for Consistency {
    fn observe(&mut self, rules: &Rules, record: &Record<'_>) {
        let time = record.schema.fields.len();
        if rules.applies(record.place, time, NOT_AFTER_INGESTION) {
            let checks = self.ruled.of(record.place, time);
            checks.checks += 1;
            if rules.times().is_too_late(record.occurred_at, record.ingested_at) {
                checks.violate(&rules.sample, NOT_AFTER_INGESTION, record.example());
            }
        }
        for (place, reading) in record.fields.iter().enumerate() {
            if let (true, Some(json_type)) = (reading.is_populated(), json_type(&reading.cell)) {
                self.types.of(record.place, place)[json_type].add(&rules.sample, record.example());
            }
        }
    }

    fn observe_user(&mut self, rules: &Rules, traces: &[Trace]) {
        let mut places: Vec<u8> = traces.iter().map(|trace| trace.place).collect();
        places.sort_unstable();
        places.dedup();
        let mut noted = Vec::with_capacity(traces.len());
        for place in places.into_iter().map(usize::from) {
            for rule in rules_of(place).iter().filter(|rule| rule.holds_in(rules, place)) {
                noted.clear();
                let own = traces.iter().filter(|trace| usize::from(trace.place) == place);
                let words = rule.at..rule.at + rule.checker.words();
                noted.extend(own.map(|trace| Noted { trace, words: &trace.words[words.clone()] }));
                let checks = self.ruled.of(place, rule.field);
                rule.checker.check(&noted, rules.adjusted(place, rule.field), &mut |trace, holds| {
                    checks.checks += 1;
                    if !holds {
                        checks.violate(&rules.sample, rule.rule.name, trace.example());
                    }
                });
            }
        }
    }

    fn merge(&mut self, rules: &Rules, other: Self) {
        self.ruled.merge(other.ruled, |checks, other| checks.merge(&rules.sample, other));
        self.types.merge(other.types, |types, other| {
            for (seen, other) in types.iter_mut().zip(other) {
                seen.merge(&rules.sample, other);
            }
        });
    }

    fn report(&self, rules: &Rules, draft: &mut Draft) {
        let mut fields = self.ruled.clone();
        for (name, types) in self.types.iter().filter(|(name, _)| rules.applies(name.place, name.field, ONE_TYPE)) {
            fields.of(name.place, name.field).merge(&rules.sample, of_other_types(rules, types));
        }
        draft.dimension(Dimension::Consistency, fields);
    }
}

/// A value violates `one_type` where most values of its field are of another type;
/// of equally frequent types, the first is the field's.
fn of_other_types(rules: &Rules, types: &[Violations; 5]) -> Checks {
    let checks = types.iter().map(|seen| seen.count).sum();
    let most = types.iter().map(|seen| seen.count).max().unwrap_or_default();
    let usual = types.iter().position(|seen| seen.count == most);
    let mut others = Violations::default();
    for (_, seen) in types.iter().enumerate().filter(|(place, _)| Some(*place) != usual) {
        others.merge(&rules.sample, seen.clone());
    }
    let violations =
        if others.count > 0 { BTreeMap::from([(Cow::Borrowed(ONE_TYPE), others)]) } else { BTreeMap::new() };
    Checks { checks, violations }
}

fn json_type(cell: &Cell<'_>) -> Option<usize> {
    match cell {
        Cell::Absent | Cell::Null => None,
        Cell::Number(_) => Some(0),
        Cell::Text(_) => Some(1),
        Cell::Bool(_) => Some(2),
        Cell::Nested(value) => Some(if value.is_object() { 3 } else { 4 }),
    }
}

/// A value as two words: equal for equal values. 0 where there is none.
fn key(cell: &Cell<'_>) -> u128 {
    let hash = |kind: u64, text: &str| xxhash_rust::xxh3::xxh3_128_with_seed(text.as_bytes(), kind).max(1);
    match cell {
        Cell::Absent | Cell::Null => 0,
        Cell::Bool(flag) => hash(0, if *flag { "t" } else { "f" }),
        Cell::Number(number) => hash(1, &crate::event::number::canonical(number)),
        Cell::Text(text) => hash(2, text),
        Cell::Nested(value) => hash(3, &value.to_string()),
    }
}

fn split(key: u128) -> [u64; 2] {
    [key as u64, (key >> 64) as u64]
}
