//! A user has one value of a field: a record violates it where most of the user's
//! records name another one.

use std::collections::BTreeMap;

use super::{Checker, Noted, key};
use crate::dataset::rules::Adjusted;
use crate::quality::record::{Record, Trace};

pub struct OneValue {
    pub field: usize,
}

impl Checker for OneValue {
    fn words(&self) -> usize {
        1
    }

    fn note(&self, record: &Record<'_>, words: &mut [u64]) {
        let reading = &record.fields[self.field];
        // 64 bits are plenty among the few values of one user.
        words[0] = if reading.is_populated() { (key(&reading.cell) as u64).max(1) } else { 0 };
    }

    fn check(&self, noted: &[Noted<'_>], _: Option<&Adjusted>, tell: &mut dyn FnMut(&Trace, bool)) {
        let named = || noted.iter().filter(|noted| noted.words[0] != 0);
        let mut counts = BTreeMap::<u64, u64>::new();
        for Noted { words, .. } in named() {
            *counts.entry(words[0]).or_default() += 1;
        }
        // Of equally frequent ones, any: the count of the others is the same.
        let usual = counts.iter().max_by_key(|(_, count)| **count).map(|(value, _)| *value);
        for Noted { trace, words } in named() {
            tell(trace, Some(words[0]) == usual);
        }
    }
}
