//! What a window holds of the transactions in one currency.

use std::collections::VecDeque;

use chrono::{DateTime, Duration, Utc};

use super::fixed::Fixed;
use super::local::LocalTime;
use super::sorted::Sorted;
use super::tally::Tally;
use super::transaction::Transaction;
use crate::event::category::Category;

const CATEGORIES: usize = Category::ALL.len();

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
    /// In order.
    pub timed: VecDeque<DateTime<Utc>>,
    /// Of those, how many follow the one before within less than an hour.
    pub hasty: usize,
    pub debit_amounts: Sorted,
    pub balances: Sorted,
    pub balance_sum: Fixed,
    pub merchants: Tally,
    pub cities: Tally,
    /// The local dates with debits, in order.
    pub daily: VecDeque<Day>,
}

/// The debits of a local date.
#[derive(Clone, Copy, Debug)]
pub(super) struct Day {
    /// Since 1970-01-01.
    pub day: i32,
    debits: usize,
    pub sum: Fixed,
}

impl Held {
    pub fn enter(&mut self, transaction: &Transaction) {
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
        let local = transaction.local_time();
        self.debits += 1;
        self.debits_by_category[transaction.category as usize] += 1;
        self.debit_amounts.add(amount);
        self.add_to_sums(transaction, local, |sum| *sum = sum.plus(amount));
        if transaction.time_of_day_known {
            let last = self.timed.back().copied();
            self.hasty += usize::from(last.is_some_and(|last| is_hasty(last, transaction.occurred_at)));
            self.timed.push_back(transaction.occurred_at);
        }
        transaction.merchant.inspect(|merchant| self.merchants.add(merchant.get()));
        transaction.city.inspect(|city| self.cities.add(city.get()));
        self.add_to_day(local.day, amount);
    }

    /// Takes out a transaction that entered: the oldest, or one that no longer counts.
    pub fn leave(&mut self, transaction: &Transaction) {
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
        let local = transaction.local_time();
        self.debits -= 1;
        self.debits_by_category[transaction.category as usize] -= 1;
        self.debit_amounts.remove(amount);
        self.add_to_sums(transaction, local, |sum| *sum = sum.minus(amount));
        if transaction.time_of_day_known {
            self.remove_time(transaction.occurred_at);
        }
        transaction.merchant.inspect(|merchant| self.merchants.remove(merchant.get()));
        transaction.city.inspect(|city| self.cities.remove(city.get()));
        self.take_from_day(local.day, amount);
    }

    /// Applies a change to every sum that a debit is part of.
    fn add_to_sums(&mut self, debit: &Transaction, local: LocalTime, change: impl Fn(&mut Fixed)) {
        change(&mut self.debit_sum);
        change(&mut self.by_category[debit.category as usize]);
        if local.is_weekend() {
            change(&mut self.weekend_sum);
        }
        if debit.time_of_day_known {
            change(&mut self.timed_sum);
            match local.hour {
                0..12 => change(&mut self.morning_sum),
                18.. => change(&mut self.evening_sum),
                _ => {}
            }
        }
    }

    fn remove_time(&mut self, time: DateTime<Utc>) {
        // The first one, unless it is a correction that takes the transaction out.
        let place = match self.timed.front() {
            Some(first) if *first == time => 0,
            _ => self.timed.partition_point(|other| *other < time),
        };
        if self.timed.remove(place) != Some(time) {
            return;
        }
        let before = place.checked_sub(1).and_then(|place| self.timed.get(place)).copied();
        let after = self.timed.get(place).copied();
        let hasty = |earlier: Option<_>, later: Option<_>| {
            usize::from(earlier.zip(later).is_some_and(|(earlier, later)| is_hasty(earlier, later)))
        };
        self.hasty += hasty(before, after);
        self.hasty -= hasty(before, Some(time)) + hasty(Some(time), after);
    }

    fn add_to_day(&mut self, day: i32, amount: Fixed) {
        // The last date, or the one after it, unless the sender travels west.
        let place = match self.daily.back() {
            Some(last) if last.day >= day => self.daily.partition_point(|other| other.day < day),
            _ => self.daily.len(),
        };
        match self.daily.get_mut(place).filter(|found| found.day == day) {
            Some(found) => {
                found.debits += 1;
                found.sum = found.sum.plus(amount);
            }
            None => self.daily.insert(place, Day { day, debits: 1, sum: amount }),
        }
    }

    fn take_from_day(&mut self, day: i32, amount: Fixed) {
        let place = match self.daily.front() {
            Some(first) if first.day == day => 0,
            _ => self.daily.partition_point(|other| other.day < day),
        };
        let Some(found) = self.daily.get_mut(place).filter(|found| found.day == day) else { return };
        found.debits -= 1;
        found.sum = found.sum.minus(amount);
        if found.debits == 0 {
            self.daily.remove(place);
        }
    }
}

fn is_hasty(earlier: DateTime<Utc>, later: DateTime<Utc>) -> bool {
    later - earlier < Duration::hours(1)
}
