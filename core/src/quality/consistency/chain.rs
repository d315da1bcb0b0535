//! Balances chain: the balance is the one before, plus what came in or minus what
//! went out, within a cent or what the operator tolerates.

use rust_decimal::Decimal;

use super::{Checker, Noted};
use crate::dataset::rules::Adjusted;
use crate::quality::record::{Record, Trace};

const CENT: Decimal = Decimal::from_parts(1, 0, 0, false, 2);

pub struct Chain {
    pub balance: usize,
    pub amount: usize,
    pub direction: usize,
    pub up: &'static str,
    pub down: &'static str,
}

impl Checker for Chain {
    fn words(&self) -> usize {
        4
    }

    fn note(&self, record: &Record<'_>, words: &mut [u64]) {
        let number = |place: usize| record.fields[place].number;
        let change = match record.fields[self.direction].cell.text() {
            Some(direction) if direction == self.up => number(self.amount),
            Some(direction) if direction == self.down => number(self.amount).map(|amount| -amount),
            _ => None,
        };
        words[..2].copy_from_slice(&pack(number(self.balance)));
        words[2..].copy_from_slice(&pack(change));
    }

    /// Checked where a record and the one before it both tell their balance.
    fn check(&self, noted: &[Noted<'_>], adjusted: Option<&Adjusted>, tell: &mut dyn FnMut(&Trace, bool)) {
        let tolerance = adjusted.and_then(|adjusted| adjusted.tolerance).unwrap_or(CENT);
        let mut before: Option<Decimal> = None;
        for Noted { trace, words } in noted {
            let after = unpack(&words[..2]);
            if let (Some(before), Some(after), Some(change)) = (before, after, unpack(&words[2..])) {
                // A sum beyond what a decimal holds does not chain.
                let holds = before
                    .checked_add(change)
                    .and_then(|expected| expected.checked_sub(after))
                    .is_some_and(|difference| difference.abs() <= tolerance);
                tell(trace, holds);
            }
            before = after;
        }
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
