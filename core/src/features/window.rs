//! The sliding fold: what the 30 days before a moment hold.

use std::collections::VecDeque;

use chrono::{DateTime, Datelike, Duration, Timelike, Utc, Weekday};

use super::fixed::Fixed;
use super::sorted::Sorted;
use super::tally::Tally;
use super::transaction::Transaction;
use crate::event::category::Category;

/// Days of the window, and dates of the daily totals.
pub const WINDOW_DAYS: i64 = 30;
const SPAN_DAYS: i64 = 7;
pub const SPANS: usize = 4;
const CATEGORIES: usize = Category::ALL.len();

/// The transactions of (as_of − 30 days, as_of], in sums and orders that are kept
/// up as transactions enter and leave. Moving on costs what enters and leaves, not
/// what the history holds.
#[derive(Debug)]
pub struct Window<'a> {
    /// Of one user, in order; those of no plausible time are passed over.
    history: &'a [Transaction],
    /// The first that has not entered.
    next: usize,
    /// The first that has not left.
    oldest: usize,
    pub(super) as_of: DateTime<Utc>,
    pub(super) held: Held,
    /// Ends of the seven-day spans: `history[edges[k]]` is the first in span k or a newer one.
    edges: [usize; SPANS],
    pub(super) spans: [Span; SPANS],
    /// Of the last that had one, however long ago.
    pub(super) balance: Fixed,
    latest: Option<DateTime<Utc>>,
}

#[derive(Debug, Default)]
pub(super) struct Held {
    pub transactions: usize,
    pub debits: usize,
    pub debit_sum: Fixed,
    pub credit_sum: Fixed,
    pub by_category: [Fixed; CATEGORIES],
    pub debits_by_category: [usize; CATEGORIES],
    pub weekend_sum: Fixed,
    /// Of debits with a time of day, as are the next three.
    pub timed_sum: Fixed,
    pub morning_sum: Fixed,
    pub evening_sum: Fixed,
    pub timed: VecDeque<DateTime<Utc>>,
    /// Of those, how many follow the one before within less than an hour.
    pub hasty: usize,
    pub debit_amounts: Sorted,
    pub balances: Sorted,
    pub balance_sum: Fixed,
    pub merchants: Tally,
    pub cities: Tally,
    /// Debit sums of dates with debits, by days since the Common Era, in order.
    pub daily: VecDeque<(i32, Fixed)>,
}

/// Seven days before the moment, or before the newer span.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    pub transactions: usize,
    /// Credits less debits.
    pub net: Fixed,
}

impl<'a> Window<'a> {
    /// `history`: all transactions of one user, ordered by [`Transaction::order`].
    pub fn new(history: &'a [Transaction]) -> Self {
        debug_assert!(history.is_sorted_by_key(Transaction::order));
        Self {
            history,
            next: 0,
            oldest: 0,
            as_of: DateTime::<Utc>::MIN_UTC,
            held: Held::default(),
            edges: [0; SPANS],
            spans: [Span::default(); SPANS],
            balance: Fixed::ZERO,
            latest: None,
        }
    }

    /// Moves on to a moment that is not before the last one.
    pub fn advance(&mut self, as_of: DateTime<Utc>) {
        debug_assert!(self.as_of <= as_of, "a window moves forward");
        self.as_of = as_of;
        while let Some(transaction) = self.history.get(self.next).filter(|next| next.occurred_at <= as_of) {
            self.next += 1;
            if transaction.plausible_time {
                self.held.enter(transaction);
                self.spans[0].add(transaction);
                self.balance = transaction.balance_after.map_or(self.balance, Fixed::from);
                self.latest = Some(transaction.occurred_at);
            }
        }
        for span in 0..SPANS {
            let end = as_of - Duration::days(SPAN_DAYS * (span as i64 + 1));
            while let Some(transaction) = self.leaving(self.edges[span], end) {
                self.edges[span] += 1;
                if transaction.plausible_time {
                    self.spans[span].remove(transaction);
                    if let Some(older) = self.spans.get_mut(span + 1) {
                        older.add(transaction);
                    }
                }
            }
        }
        let end = as_of - Duration::days(WINDOW_DAYS);
        while let Some(transaction) = self.leaving(self.oldest, end) {
            self.oldest += 1;
            if transaction.plausible_time {
                self.held.leave(transaction);
            }
        }
        let first_day = as_of.date_naive().num_days_from_ce() - (WINDOW_DAYS as i32 - 1);
        while self.held.daily.front().is_some_and(|(day, _)| *day < first_day) {
            self.held.daily.pop_front();
        }
    }

    fn leaving(&self, place: usize, end: DateTime<Utc>) -> Option<&'a Transaction> {
        self.history[..self.next].get(place).filter(|transaction| transaction.occurred_at <= end)
    }

    /// The time of the newest transaction that has entered: what certifies that
    /// nothing later than the moment did.
    pub fn latest(&self) -> Option<DateTime<Utc>> {
        self.latest
    }
}

impl Span {
    fn add(&mut self, transaction: &Transaction) {
        self.transactions += 1;
        self.net = self.net.plus(signed(transaction));
    }

    fn remove(&mut self, transaction: &Transaction) {
        self.transactions -= 1;
        self.net = self.net.minus(signed(transaction));
    }
}

fn signed(transaction: &Transaction) -> Fixed {
    let amount = Fixed::from(transaction.amount);
    if transaction.credit { amount } else { Fixed::ZERO.minus(amount) }
}

impl Held {
    fn enter(&mut self, transaction: &Transaction) {
        self.transactions += 1;
        if let Some(balance) = transaction.balance_after.map(Fixed::from) {
            self.balances.add(balance);
            self.balance_sum = self.balance_sum.plus(balance);
        }
        let amount = Fixed::from(transaction.amount);
        if transaction.credit {
            self.credit_sum = self.credit_sum.plus(amount);
            return;
        }
        self.debits += 1;
        self.debits_by_category[transaction.category as usize] += 1;
        self.debit_amounts.add(amount);
        self.add_to_sums(transaction, |sum| *sum = sum.plus(amount));
        if transaction.time_of_day_known {
            let last = self.timed.back().copied();
            self.hasty += usize::from(last.is_some_and(|last| is_hasty(last, transaction.occurred_at)));
            self.timed.push_back(transaction.occurred_at);
        }
        transaction.merchant.inspect(|merchant| self.merchants.add(*merchant));
        transaction.city.inspect(|city| self.cities.add(*city));
        let day = transaction.occurred_at.date_naive().num_days_from_ce();
        match self.daily.back_mut().filter(|(last, _)| *last == day) {
            Some((_, sum)) => *sum = sum.plus(amount),
            None => self.daily.push_back((day, amount)),
        }
    }

    /// The daily totals are not touched: their dates have passed before.
    fn leave(&mut self, transaction: &Transaction) {
        self.transactions -= 1;
        if let Some(balance) = transaction.balance_after.map(Fixed::from) {
            self.balances.remove(balance);
            self.balance_sum = self.balance_sum.minus(balance);
        }
        let amount = Fixed::from(transaction.amount);
        if transaction.credit {
            self.credit_sum = self.credit_sum.minus(amount);
            return;
        }
        self.debits -= 1;
        self.debits_by_category[transaction.category as usize] -= 1;
        self.debit_amounts.remove(amount);
        self.add_to_sums(transaction, |sum| *sum = sum.minus(amount));
        if transaction.time_of_day_known {
            let first = self.timed.pop_front();
            let next = self.timed.front();
            self.hasty -= usize::from(first.zip(next).is_some_and(|(first, next)| is_hasty(first, *next)));
        }
        transaction.merchant.inspect(|merchant| self.merchants.remove(*merchant));
        transaction.city.inspect(|city| self.cities.remove(*city));
    }

    /// Applies a change to every sum that a debit is part of.
    fn add_to_sums(&mut self, debit: &Transaction, change: impl Fn(&mut Fixed)) {
        change(&mut self.debit_sum);
        change(&mut self.by_category[debit.category as usize]);
        if matches!(debit.occurred_at.weekday(), Weekday::Sat | Weekday::Sun) {
            change(&mut self.weekend_sum);
        }
        if debit.time_of_day_known {
            change(&mut self.timed_sum);
            match debit.occurred_at.hour() {
                0..12 => change(&mut self.morning_sum),
                18.. => change(&mut self.evening_sum),
                _ => {}
            }
        }
    }
}

fn is_hasty(earlier: DateTime<Utc>, later: DateTime<Utc>) -> bool {
    later - earlier < Duration::hours(1)
}
