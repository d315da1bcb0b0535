//! The same id never stands for different content.

use std::collections::HashMap;

use super::{Checker, Noted, key, split};
use crate::dataset::rules::Adjusted;
use crate::quality::record::{Record, Trace};

pub struct SameContent {
    pub field: usize,
}

impl Checker for SameContent {
    fn words(&self) -> usize {
        2
    }

    fn note(&self, record: &Record<'_>, words: &mut [u64]) {
        let reading = &record.fields[self.field];
        words.copy_from_slice(&split(if reading.is_populated() { key(&reading.cell) } else { 0 }));
    }

    /// Each record is checked against the first one of its id.
    fn check(&self, noted: &[Noted<'_>], _: Option<&Adjusted>, tell: &mut dyn FnMut(&Trace, bool)) {
        let mut first = HashMap::with_capacity(noted.len());
        for Noted { trace, words } in noted.iter().filter(|noted| noted.words != [0, 0]) {
            let expected = first.entry(*words).or_insert(trace.content);
            tell(trace, *expected == trace.content);
        }
    }
}
