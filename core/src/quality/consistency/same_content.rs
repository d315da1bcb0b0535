//! The same id never stands for different content.

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
        let mut of_id: Vec<_> = noted.iter().filter(|noted| noted.words != [0, 0]).collect();
        // Those of an id keep their order.
        of_id.sort_by_key(|noted| (noted.words[0], noted.words[1]));
        for same in of_id.chunk_by(|one, next| one.words == next.words) {
            same.iter().for_each(|noted| tell(noted.trace, noted.trace.content == same[0].trace.content));
        }
    }
}
