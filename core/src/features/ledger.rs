//! The ledger of one user: the transactions in order, each with the interval in
//! which it counts and the currency that it counts in.

use super::chain::{self, Step};
use super::correction::{self, Cause, End, Void};
use super::currency::Currency;
use super::transaction::Transaction;
use rust_decimal::Decimal;

/// What is within a cent of a balance is that balance.
const TOLERANCE: Decimal = Decimal::from_parts(1, 0, 0, false, 2);

/// All transactions of a user. Of most users none is corrected and all are in one
/// currency: for these it holds nothing beside them.
#[derive(Clone, Debug, PartialEq)]
pub struct Ledger {
    /// In order of time; those of one instant in the order in which their balances
    /// chain, where there is one, else by event id.
    transactions: Vec<Transaction>,
    /// In order of time, then index.
    ends: Vec<End>,
    /// Until when each counts, in microseconds since 1970; empty where none ends.
    until: Vec<i64>,
    /// The currency of each, by its place among the currencies; empty where there is one.
    currency_of: Vec<u32>,
    currencies: Vec<Option<Currency>>,
}

/// How many transactions of a ledger do not count in the end, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Corrections {
    pub repeated: u64,
    pub replaced: u64,
    pub voided: u64,
}

impl Ledger {
    /// Of one user's transactions and voids, in any order.
    pub fn new(mut transactions: Vec<Transaction>, voids: &[Void]) -> Self {
        if !transactions.is_sorted_by_key(Transaction::order) {
            transactions.sort_unstable_by_key(Transaction::order);
        }
        let mut until = Vec::new();
        let mut causes = Vec::new();
        for End { at, index, cause } in correction::ends(&transactions, voids) {
            if until.is_empty() {
                until = vec![i64::MAX; transactions.len()];
                causes = vec![Cause::Repeated; transactions.len()];
            }
            (until[index], causes[index]) = (at, cause);
        }
        arrange(&mut transactions, &mut until, &mut causes);
        let mut ends: Vec<End> = until
            .iter()
            .enumerate()
            .filter(|(_, at)| **at < i64::MAX)
            .map(|(index, at)| End { at: *at, index, cause: causes[index] })
            .collect();
        ends.sort_unstable();
        let (currencies, currency_of) = currencies(&transactions);
        Self { transactions, ends, until, currency_of, currencies }
    }

    pub fn transactions(&self) -> &[Transaction] {
        &self.transactions
    }

    pub(super) fn ends(&self) -> &[End] {
        &self.ends
    }

    /// Whether a transaction counts as of a moment, in microseconds since 1970, that
    /// is not before its own.
    pub(super) fn counts_at(&self, index: usize, micros: i64) -> bool {
        self.until.get(index).is_none_or(|until| *until > micros)
    }

    /// Whether a transaction counts in the end.
    pub fn counts(&self, index: usize) -> bool {
        self.until.get(index).is_none_or(|until| *until == i64::MAX)
    }

    /// The place of a transaction's currency among [`Ledger::currencies`].
    pub(super) fn currency_of(&self, index: usize) -> usize {
        self.currency_of.get(index).map_or(0, |place| *place as usize)
    }

    /// The currencies in which the user has transactions, in order of name. `None`
    /// stands for one that nobody names; it comes alone.
    pub(super) fn currencies(&self) -> &[Option<Currency>] {
        &self.currencies
    }

    /// The transactions that count in the end, in order.
    pub fn remaining(&self) -> impl DoubleEndedIterator<Item = &Transaction> + Clone {
        self.transactions.iter().enumerate().filter(|(index, _)| self.counts(*index)).map(|(_, one)| one)
    }

    /// The currency in which most of the transactions that count in the end are; of
    /// equally many, the first by name.
    pub fn main_currency(&self) -> Option<Currency> {
        self.currencies.get(self.main_place()).copied().flatten()
    }

    fn main_place(&self) -> usize {
        if self.currency_of.is_empty() {
            return 0;
        }
        let mut counts = vec![0usize; self.currencies.len()];
        for (index, transaction) in self.transactions.iter().enumerate() {
            counts[self.currency_of(index)] += usize::from(transaction.plausible_time && self.counts(index));
        }
        first_greatest(counts)
    }

    /// The transactions in the main currency that count in the end, in order.
    pub fn remaining_in_main_currency(&self) -> impl DoubleEndedIterator<Item = &Transaction> + Clone {
        let main = self.main_place();
        let own = move |index: usize| self.counts(index) && self.currency_of(index) == main;
        self.transactions.iter().enumerate().filter(move |(index, _)| own(*index)).map(|(_, one)| one)
    }

    pub fn corrections(&self) -> Corrections {
        let mut corrections = Corrections::default();
        for end in &self.ends {
            match end.cause {
                Cause::Repeated => corrections.repeated += 1,
                Cause::Replaced => corrections.replaced += 1,
                Cause::Voided => corrections.voided += 1,
            }
        }
        corrections
    }
}

/// The place of the first of the greatest counts.
pub(super) fn first_greatest(counts: impl IntoIterator<Item = usize>) -> usize {
    let mut greatest = (0, 0);
    for (place, count) in counts.into_iter().enumerate() {
        if count > greatest.1 {
            greatest = (place, count);
        }
    }
    greatest.0
}

/// Puts the transactions of each instant in the order in which their balances chain.
/// Only those that count at that instant take part.
fn arrange(transactions: &mut [Transaction], until: &mut [i64], causes: &mut [Cause]) {
    let mut start = 0;
    let mut before = None;
    while start < transactions.len() {
        let at = transactions[start].occurred_at;
        let length = transactions[start..].iter().take_while(|other| other.occurred_at == at).count();
        let instant = start..start + length;
        if length > 1 {
            let steps: Vec<Step> = instant.clone().map(|index| step(transactions, until, index)).collect();
            if steps.iter().filter(|step| step.after.is_some()).count() > 1 {
                let order = chain::order(before, &steps, TOLERANCE);
                permute(&mut transactions[instant.clone()], &order);
                if !until.is_empty() {
                    permute(&mut until[instant.clone()], &order);
                    permute(&mut causes[instant.clone()], &order);
                }
            }
        }
        before = instant.rev().find_map(|index| step(transactions, until, index).after).or(before);
        start += length;
    }
}

/// A transaction that counts at its own time, as its balances tell of it.
fn step(transactions: &[Transaction], until: &[i64], index: usize) -> Step {
    let transaction = &transactions[index];
    let own_time = transaction.occurred_at.timestamp_micros();
    if !transaction.plausible_time || until.get(index).is_some_and(|until| *until <= own_time) {
        return Step::default();
    }
    let change = if transaction.credit { transaction.amount } else { -transaction.amount };
    Step { change: Some(change), after: transaction.balance_after }
}

fn permute<T: Clone>(items: &mut [T], order: &[usize]) {
    let arranged: Vec<T> = order.iter().map(|index| items[*index].clone()).collect();
    items.clone_from_slice(&arranged);
}

/// The currencies in order of name, and the place of each transaction's. A
/// transaction that names none is in that of the one before it that does; those
/// before the first that does, in that one's.
fn currencies(transactions: &[Transaction]) -> (Vec<Option<Currency>>, Vec<u32>) {
    let named = || transactions.iter().filter(|transaction| transaction.currency.is_some());
    let first = named().find(|transaction| transaction.plausible_time).or_else(|| named().next());
    let Some(first) = first.and_then(|first| first.currency) else { return (vec![None], Vec::new()) };
    if named().all(|other| other.currency == Some(first)) {
        return (vec![Some(first)], Vec::new());
    }
    let mut names: Vec<Currency> = transactions.iter().filter_map(|transaction| transaction.currency).collect();
    names.sort_unstable();
    names.dedup();
    let mut latest = first;
    let places = transactions.iter().map(|transaction| {
        let own = transaction.currency.unwrap_or(latest);
        if transaction.plausible_time {
            latest = own;
        }
        names.partition_point(|name| *name < own) as u32
    });
    let places = places.collect();
    (names.into_iter().map(Some).collect(), places)
}
