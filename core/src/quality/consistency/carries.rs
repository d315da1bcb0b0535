//! Where something was answered, what was answered is known: among the records of
//! one id, at least one holds a valid value of the fields that are asked for.

use std::collections::HashSet;

use super::{Checker, Noted, key, split};
use crate::quality::record::{Record, Trace};

pub struct Carries {
    pub id: usize,
    pub interaction: usize,
    pub interactions: &'static [&'static str],
    pub one_of: Vec<usize>,
}

const ASKED: u64 = 1;
const HELD: u64 = 2;

impl Checker for Carries {
    fn words(&self) -> usize {
        3
    }

    fn note(&self, record: &Record<'_>, words: &mut [u64]) {
        let id = &record.fields[self.id];
        words[..2].copy_from_slice(&split(if id.is_populated() { key(&id.cell) } else { 0 }));
        let interaction = record.fields[self.interaction].cell.text();
        let asked = interaction.is_some_and(|interaction| self.interactions.contains(&interaction));
        let held = self.one_of.iter().any(|place| {
            let reading = &record.fields[*place];
            reading.is_populated() && record.schema.fields[*place].kind.check_cell(&reading.cell).is_ok()
        });
        words[2] = if asked { ASKED } else { 0 } | if held { HELD } else { 0 };
    }

    fn check(&self, noted: &[Noted<'_>], tell: &mut dyn FnMut(&Trace, bool)) {
        let holding: HashSet<&[u64]> =
            noted.iter().filter(|noted| noted.words[2] & HELD != 0).map(|noted| &noted.words[..2]).collect();
        for Noted { trace, words } in noted.iter().filter(|noted| noted.words[2] & ASKED != 0) {
            // A record without an id answers for itself alone.
            let held = words[2] & HELD != 0 || (words[..2] != [0, 0] && holding.contains(&words[..2]));
            tell(trace, held);
        }
    }
}
