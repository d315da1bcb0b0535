//! The events of one thing follow one another: it is opened once, goes on, and
//! ends once, and nothing comes after that. Each event that comes before the opening
//! or after an end is out of order, and so is each further opening.

use std::collections::HashMap;

use super::{Checker, Noted, key, split};
use crate::dataset::rules::Adjusted;
use crate::quality::record::{Record, Trace};

pub struct Order {
    pub id: usize,
    pub step: usize,
    pub opens: &'static [&'static str],
    pub continues: &'static [&'static str],
    pub ends: &'static [&'static str],
}

const OPENS: u64 = 1;
const CONTINUES: u64 = 2;
const ENDS: u64 = 3;

impl Checker for Order {
    fn words(&self) -> usize {
        3
    }

    fn note(&self, record: &Record<'_>, words: &mut [u64]) {
        let id = &record.fields[self.id];
        let step = record.fields[self.step].cell.text().unwrap_or_default();
        words[..2].copy_from_slice(&split(if id.is_populated() { key(&id.cell) } else { 0 }));
        words[2] = match step {
            step if self.opens.contains(&step) => OPENS,
            step if self.continues.contains(&step) => CONTINUES,
            step if self.ends.contains(&step) => ENDS,
            _ => 0,
        };
    }

    fn check(&self, noted: &[Noted<'_>], _: Option<&Adjusted>, tell: &mut dyn FnMut(&Trace, bool)) {
        let mut things = HashMap::<&[u64], Vec<_>>::new();
        for Noted { trace, words } in noted.iter().filter(|noted| noted.words[..2] != [0, 0] && noted.words[2] != 0) {
            things.entry(&words[..2]).or_default().push((words[2], *trace));
        }
        for mut steps in things.into_values() {
            // Nobody knows which of two at the same instant came first: they are taken as they should come.
            steps.sort_by_key(|(step, trace)| (trace.occurred_at, *step));
            let opening = steps.iter().position(|(step, _)| *step == OPENS);
            let mut ended = false;
            for (place, (step, trace)) in steps.into_iter().enumerate() {
                let holds = match opening {
                    // What came too early is in the wrong, and not the opening that it came before.
                    Some(opening) if step == OPENS => place == opening,
                    Some(opening) => place > opening && !ended,
                    // Of what was never opened, the first record answers for that.
                    None => place > 0 && !ended,
                };
                tell(trace, holds);
                ended |= step == ENDS;
            }
        }
    }
}
