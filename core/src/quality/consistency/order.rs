//! The events of one thing follow one another: it is opened once, goes on, and
//! ends once, and nothing comes after that.

use std::collections::HashMap;

use super::{Checker, Noted, key, split};
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

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Open,
    Ended,
}

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

    fn check(&self, noted: &[Noted<'_>], tell: &mut dyn FnMut(&Trace, bool)) {
        let mut stages = HashMap::new();
        for Noted { trace, words } in noted.iter().filter(|noted| noted.words[..2] != [0, 0]) {
            let stage = stages.get(&words[..2]).copied();
            let (holds, next) = match words[2] {
                OPENS => (stage.is_none(), Stage::Open),
                CONTINUES => (stage == Some(Stage::Open), Stage::Open),
                ENDS => (stage == Some(Stage::Open), Stage::Ended),
                _ => continue,
            };
            tell(trace, holds);
            // What is out of order does not put the events that are in order in the wrong.
            if holds || stage.is_none() {
                stages.insert(&words[..2], next);
            }
        }
    }
}
