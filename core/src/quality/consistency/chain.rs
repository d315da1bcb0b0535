//! Balances chain: the balance is the one before, plus what came in or minus what
//! went out, within a cent or what the operator tolerates.
//!
//! Records of one instant may come in any order that chains, and so may all records
//! of a date on which the time of one is not known; [`crate::features::chain`] finds
//! the order. A repeated record is counted as a duplicate, and is no break here.

use std::collections::HashSet;

use rust_decimal::Decimal;

use super::{Checker, Noted};
use crate::dataset::rules::Adjusted;
use crate::features::chain::{self, Step};
use crate::quality::record::{Record, Trace};

const CENT: Decimal = Decimal::from_parts(1, 0, 0, false, 2);

pub struct Chain {
    pub balance: usize,
    pub amount: usize,
    pub direction: usize,
    pub up: &'static str,
    pub down: &'static str,
    pub precision: usize,
    /// The precision of a record of which only the date is known.
    pub day: &'static str,
}

impl Checker for Chain {
    fn words(&self) -> usize {
        5
    }

    fn note(&self, record: &Record<'_>, words: &mut [u64]) {
        let number = |place: usize| record.fields[place].number;
        let change = match record.fields[self.direction].cell.text() {
            Some(direction) if direction == self.up => number(self.amount),
            Some(direction) if direction == self.down => number(self.amount).map(|amount| -amount),
            _ => None,
        };
        words[..2].copy_from_slice(&pack(number(self.balance)));
        words[2..4].copy_from_slice(&pack(change));
        let is_date_only = record.fields[self.precision].trimmed() == Some(self.day);
        words[4] = Date { day: record.local_day(), is_all_that_is_known: is_date_only }.pack();
    }

    /// Checked where a record and the one before it both tell their balance.
    fn check(&self, noted: &[Noted<'_>], adjusted: Option<&Adjusted>, tell: &mut dyn FnMut(&Trace, bool)) {
        let tolerance = adjusted.and_then(|adjusted| adjusted.tolerance).unwrap_or(CENT);
        let dates = || noted.iter().map(|noted| Date::unpack(noted.words[4]));
        let without_times: HashSet<i32> =
            dates().filter(|date| date.is_all_that_is_known).map(|date| date.day).collect();
        let is_unordered = |one: &Noted<'_>, next: &Noted<'_>| {
            let (day, next_day) = (Date::unpack(one.words[4]).day, Date::unpack(next.words[4]).day);
            one.trace.occurred_at == next.trace.occurred_at || (day == next_day && without_times.contains(&day))
        };
        let mut before: Option<Decimal> = None;
        for together in noted.chunk_by(is_unordered) {
            for (trace, step) in ordered(before, together, tolerance) {
                if let (Some(before), Some(_), Some(_)) = (before, step.after, step.change) {
                    tell(trace, step.follows(before, tolerance));
                }
                before = step.after;
            }
        }
    }
}

/// The records of one instant or date, each content once, in an order that chains if
/// there is one.
fn ordered<'a>(before: Option<Decimal>, noted: &[Noted<'a>], tolerance: Decimal) -> Vec<(&'a Trace, Step)> {
    let step = |noted: &Noted<'a>| {
        (noted.trace, Step { change: unpack(&noted.words[2..4]), after: unpack(&noted.words[..2]) })
    };
    if let [one] = noted {
        return vec![step(one)];
    }
    let mut seen = HashSet::new();
    let once = noted.iter().filter(|noted| seen.insert(noted.trace.content));
    let (traces, steps): (Vec<_>, Vec<_>) = once.map(step).unzip();
    chain::order(before, &steps, tolerance).into_iter().map(|at| (traces[at], steps[at])).collect()
}

/// The local date of a record.
struct Date {
    /// Days since 1970-01-01.
    day: i32,
    is_all_that_is_known: bool,
}

impl Date {
    fn pack(&self) -> u64 {
        u64::from(self.day.cast_unsigned()) << 1 | u64::from(self.is_all_that_is_known)
    }

    fn unpack(word: u64) -> Self {
        Self { day: ((word >> 1) as u32).cast_signed(), is_all_that_is_known: word & 1 == 1 }
    }
}

/// The unused bits of a decimal tell that there is none.
const NONE: [u64; 2] = [u64::MAX; 2];

fn pack(number: Option<Decimal>) -> [u64; 2] {
    number.map_or(NONE, |number| {
        let bits = u128::from_le_bytes(number.serialize());
        [bits as u64, (bits >> 64) as u64]
    })
}

fn unpack(words: &[u64]) -> Option<Decimal> {
    (words != NONE).then(|| Decimal::deserialize((u128::from(words[0]) | u128::from(words[1]) << 64).to_le_bytes()))
}
