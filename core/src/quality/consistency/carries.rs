//! Where something was answered, what was answered is known: among the records of
//! one id, at least one holds a valid value of the fields that are asked for.

use std::collections::HashSet;

use super::{Checker, Noted, key, split};
use crate::dataset::rules::Adjusted;
use crate::quality::record::{Record, Trace};

pub struct Carries {
    pub id: usize,
    pub interaction: usize,
    /// All that the interaction may be.
    pub words: &'static [&'static str],
    /// Those that ask, unless an operator says otherwise.
    pub interactions: &'static [&'static str],
    pub one_of: Vec<usize>,
}

/// The lowest bit of what is noted; the others hold the place of the interaction, from 1.
const HELD: u64 = 1;

impl Checker for Carries {
    fn words(&self) -> usize {
        3
    }

    fn note(&self, record: &Record<'_>, words: &mut [u64]) {
        let id = &record.fields[self.id];
        words[..2].copy_from_slice(&split(if id.is_populated() { key(&id.cell) } else { 0 }));
        let interaction = record.fields[self.interaction].cell.text();
        let known = interaction.and_then(|interaction| self.words.iter().position(|word| *word == interaction));
        let held = self.one_of.iter().any(|place| {
            let reading = &record.fields[*place];
            reading.is_populated() && record.schema.fields[*place].kind.check_cell(&reading.cell).is_ok()
        });
        words[2] = known.map_or(0, |place| (place as u64 + 1) << 1) | if held { HELD } else { 0 };
    }

    fn check(&self, noted: &[Noted<'_>], adjusted: Option<&Adjusted>, tell: &mut dyn FnMut(&Trace, bool)) {
        let chosen = adjusted.and_then(|adjusted| adjusted.interactions.as_ref());
        let asks = |word: &str| match chosen {
            Some(chosen) => chosen.iter().any(|chosen| chosen == word),
            None => self.interactions.contains(&word),
        };
        let asking: Vec<bool> = [false].into_iter().chain(self.words.iter().map(|word| asks(word))).collect();
        let holding: HashSet<&[u64]> =
            noted.iter().filter(|noted| noted.words[2] & HELD != 0).map(|noted| &noted.words[..2]).collect();
        for Noted { trace, words } in noted.iter().filter(|noted| asking[(noted.words[2] >> 1) as usize]) {
            // A record without an id answers for itself alone.
            let held = words[2] & HELD != 0 || (words[..2] != [0, 0] && holding.contains(&words[..2]));
            tell(trace, held);
        }
    }
}
