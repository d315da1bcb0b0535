//! The spending dataset: `data/` is a gap-free daily calendar per user, for
//! forecasters; `transactions/` are the transactions in order, for sequence models.
//!
//! A user's calendar runs from their first to their last day with a transaction:
//! of days after that nobody knows whether nothing was spent or nothing was sent.
//! Days are the sender's local ones. Both tables hold what counts in the end: a
//! transaction that was repeated, replaced or voided is in neither. The calendar is in
//! the user's main currency alone, because amounts of several are never added.
//! Transactions whose time is not plausible are kept in `transactions/`, but are in no
//! calendar. Free text, places, and ids of events and users are left out.

use std::collections::BTreeMap;

use arrow_schema::{DataType, TimeUnit};
use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::{DatasetRows, Out, Reads, nullable, required, time};
use crate::event::category::Category;
use crate::event::number::nearest_float;
use crate::features::{CategoryGiven, Corrections, Ledger, Transaction, date_of};
use crate::preparation::column::Cells;
use crate::preparation::table::Table;
use crate::preparation::user::User;
use crate::preparation::{HORIZON_DAYS, PreparationError};

const CALENDAR: usize = 0;
const TRANSACTIONS: usize = 1;
/// The currency of users whose senders name none.
const UNNAMED: &str = "not named";

/// The last day of history: the horizon is the last [`HORIZON_DAYS`] days up to the
/// version's cut. Without a cut, everything is history.
#[derive(Clone, Copy, Debug)]
struct LastOfHistory(Option<NaiveDate>);

impl LastOfHistory {
    fn before(cut: Option<DateTime<Utc>>) -> Self {
        Self(cut.and_then(|cut| cut.date_naive().checked_sub_days(Days::new(u64::from(HORIZON_DAYS)))))
    }

    /// The part of the series that a forecast is made from, or measured on.
    fn period(self, day: NaiveDate) -> &'static str {
        if self.0.is_some_and(|last| day > last) { "horizon" } else { "history" }
    }
}

/// A user's local days from the first to the last with a transaction at a plausible time,
/// as the columns of `data/`. It is kept from user to user, for its memory.
#[derive(Debug, Default)]
struct Calendar {
    dates: Vec<NaiveDate>,
    /// What was spent on the day, and of that in each category.
    totals: Vec<f64>,
    debits: [Vec<f64>; Category::ALL.len()],
    /// Whether there was any transaction.
    observed: Vec<bool>,
    weekdays: Vec<i8>,
    months: Vec<i8>,
    days: Vec<i8>,
    periods: Vec<&'static str>,
}

impl Calendar {
    /// `transactions`: those in one currency that count in the end.
    fn fill<'t>(&mut self, transactions: impl Iterator<Item = &'t Transaction>, history: LastOfHistory) {
        let plausible = transactions.filter(|transaction| transaction.plausible_time);
        let mut by_day: Vec<_> = plausible.map(|transaction| (transaction.local_time().day, transaction)).collect();
        // Nearly always they are in order already: only a sender who travels west has days in another.
        if !by_day.is_sorted_by_key(|(day, _)| *day) {
            by_day.sort_by_key(|(day, _)| *day);
        }
        let (first, last) = (by_day.first().map(|(day, _)| *day), by_day.last().map(|(day, _)| *day));
        let days = first.zip(last).into_iter().flat_map(|(first, last)| first..=last);
        refill(&mut self.dates, days.map(date_of));
        let dates = || self.dates.iter();
        // Monday is 0.
        refill(&mut self.weekdays, dates().map(|date| small(date.weekday().num_days_from_monday())));
        refill(&mut self.months, dates().map(|date| small(date.month())));
        refill(&mut self.days, dates().map(|date| small(date.day())));
        refill(&mut self.periods, dates().map(|date| history.period(*date)));
        refill(&mut self.observed, dates().map(|_| false));
        refill(&mut self.totals, dates().map(|_| 0.0));
        for debits in &mut self.debits {
            refill(debits, self.dates.iter().map(|_| 0.0));
        }
        for of_day in by_day.chunk_by(|(one, _), (next, _)| one == next) {
            let place = usize::try_from(of_day[0].0 - first.unwrap_or_default()).unwrap_or_default();
            self.observed[place] = true;
            // Decimals are summed exactly, and become binary once, at the end.
            let mut sums = [Decimal::ZERO; Category::ALL.len()];
            for (_, transaction) in of_day.iter().filter(|(_, transaction)| !transaction.credit) {
                let sum = &mut sums[transaction.category as usize];
                *sum = sum.saturating_add(transaction.amount);
            }
            let spent = || sums.iter().enumerate().filter(|(_, sum)| !sum.is_zero());
            for (category, sum) in spent() {
                self.debits[category][place] = nearest_float(*sum);
            }
            self.totals[place] = nearest_float(spent().fold(Decimal::ZERO, |all, (_, sum)| all.saturating_add(*sum)));
        }
    }

    /// In the order of the declaration.
    fn columns<'a>(&'a self, subject: &'a str) -> Vec<Cells<'a>> {
        let mut columns = vec![Cells::Same(subject), Cells::Day(&self.dates), Cells::Float64(&self.totals)];
        columns.extend(self.debits.iter().map(|debits| Cells::Float64(debits)));
        columns.extend([
            Cells::Bool(&self.observed),
            Cells::Int8(&self.weekdays),
            Cells::Int8(&self.months),
            Cells::Int8(&self.days),
            Cells::Texts(&self.periods),
        ]);
        columns
    }
}

fn refill<T>(column: &mut Vec<T>, values: impl Iterator<Item = T>) {
    column.clear();
    column.extend(values);
}

#[derive(Debug, Default)]
pub struct SpendingRows {
    calendar: Calendar,
    users: u64,
    transactions: u64,
    days: u64,
    observed_days: u64,
    implausible_times: u64,
    unmapped_categories: u64,
    missing_categories: u64,
    repeated: u64,
    replaced: u64,
    voided: u64,
    /// Users with a calendar, by its currency; without a name where no sender tells it.
    currencies: BTreeMap<String, u64>,
    /// Transactions in another currency than the user's main one: in no calendar.
    other_currencies: u64,
}

impl DatasetRows for SpendingRows {
    fn reads(&self) -> Reads {
        &[]
    }

    fn tables(&self) -> Vec<Table> {
        // `unique_id`, `ds` and `y` are named as forecasting libraries expect them.
        let mut calendar = vec![
            required("unique_id", DataType::Utf8),
            required("ds", DataType::Timestamp(TimeUnit::Microsecond, None)),
            required("y", DataType::Float64),
        ];
        calendar.extend(Category::ALL.map(|category| required(category.name(), DataType::Float64)));
        calendar.extend([
            required("observed", DataType::Boolean),
            required("weekday", DataType::Int8),
            required("month", DataType::Int8),
            required("day", DataType::Int8),
            required("period", DataType::Utf8),
        ]);
        // Amounts are float64, as trainers compute with; the exact decimals stay in the events.
        let transactions = vec![
            required("subject", DataType::Utf8),
            // Counts the transactions of the subject, from 0.
            required("position", DataType::UInt32),
            required("occurred_at", time()),
            // The date on the sender's calendar; UTC's where the offset is not known.
            required("local_day", DataType::Timestamp(TimeUnit::Microsecond, None)),
            required("amount", DataType::Float64),
            required("transaction_type", DataType::Utf8),
            required("category", DataType::Utf8),
            nullable("balance_after", DataType::Float64),
            nullable("currency", DataType::Utf8),
            required("time_of_day_known", DataType::Boolean),
            required("plausible_time", DataType::Boolean),
            required("period", DataType::Utf8),
        ];
        vec![
            Table { name: "data", fields: calendar, sorted_by: ["unique_id", "ds"] },
            Table { name: "transactions", fields: transactions, sorted_by: ["subject", "position"] },
        ]
    }

    fn target(&self) -> &'static str {
        "y"
    }

    fn add_user(&mut self, user: &User, ledger: &Ledger, out: &mut Out<'_>) -> Result<(), PreparationError> {
        let history = LastOfHistory::before(out.cut());
        let subject = user.subject.to_string();
        self.count_user(ledger);
        self.calendar.fill(ledger.remaining_in_main_currency(), history);
        let days = self.calendar.dates.len();
        self.days += days as u64;
        self.observed_days += self.calendar.observed.iter().filter(|observed| **observed).count() as u64;
        out.rows(CALENDAR, days, &self.calendar.columns(&subject))?;
        for (position, transaction) in (0u32..).zip(ledger.remaining()) {
            self.count(transaction);
            let local_day = transaction.local_time().date();
            let currency = transaction.currency.map(|currency| currency.name());
            out.row(TRANSACTIONS)?
                .put(subject.as_str())
                .put(position)
                .put(transaction.occurred_at)
                .put(local_day)
                .put(nearest_float(transaction.amount))
                .put(if transaction.credit { "credit" } else { "debit" })
                .put(transaction.category.name())
                .put(transaction.balance_after.map(nearest_float))
                .put(currency.as_deref())
                .put(transaction.time_of_day_known)
                .put(transaction.plausible_time)
                .put(history.period(local_day));
        }
        Ok(())
    }

    fn statistics(&self) -> Map<String, Value> {
        let statistics = json!({
            "user_count": self.users,
            "transaction_count": self.transactions,
            "day_count": self.days,
            "observed_day_count": self.observed_days,
            "implausible_time_count": self.implausible_times,
            "unmapped_category_count": self.unmapped_categories,
            "missing_category_count": self.missing_categories,
            // Transactions that are in no table, because another counts in their place, or none.
            "repeated_transaction_count": self.repeated,
            "replaced_transaction_count": self.replaced,
            "voided_transaction_count": self.voided,
            // A calendar adds amounts of one currency only.
            "calendar_currencies": self.currencies,
            "other_currency_transaction_count": self.other_currencies,
        });
        statistics.as_object().cloned().unwrap_or_default()
    }
}

impl SpendingRows {
    fn count_user(&mut self, ledger: &Ledger) {
        let Corrections { repeated, replaced, voided } = ledger.corrections();
        self.repeated += repeated;
        self.replaced += replaced;
        self.voided += voided;
        let remaining = ledger.remaining().count();
        if remaining == 0 {
            return;
        }
        self.users += 1;
        self.other_currencies += (remaining - ledger.remaining_in_main_currency().count()) as u64;
        let currency = ledger.main_currency().map(|currency| currency.name());
        *self.currencies.entry(currency.unwrap_or_else(|| UNNAMED.to_owned())).or_default() += 1;
    }

    fn count(&mut self, transaction: &Transaction) {
        self.transactions += 1;
        self.implausible_times += u64::from(!transaction.plausible_time);
        self.unmapped_categories += u64::from(transaction.category_given == CategoryGiven::Unmapped);
        self.missing_categories += u64::from(transaction.category_given == CategoryGiven::Missing);
    }
}

/// A part of a date: at most 31.
fn small(part: u32) -> i8 {
    part as i8
}
