//! The spending dataset: `data/` is a gap-free daily calendar per user, for
//! forecasters; `transactions/` are the transactions in order, for sequence models.
//!
//! A user's calendar runs from their first to their last day with a transaction:
//! of days after that nobody knows whether nothing was spent or nothing was sent.
//! Transactions whose time cannot be believed are kept in `transactions/`, but
//! are in no calendar. Free text, places, and ids of events and users are left out.

use arrow_schema::{DataType, TimeUnit};
use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::{DatasetRows, Out, Reads, nullable, required, time};
use crate::event::category::Category;
use crate::event::number::nearest_float;
use crate::features::{CategoryGiven, Transaction};
use crate::preparation::column::Cells;
use crate::preparation::table::Table;
use crate::preparation::user::User;
use crate::preparation::{HORIZON_DAYS, PreparationError};

const CALENDAR: usize = 0;
const TRANSACTIONS: usize = 1;

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

/// A user's UTC days from the first to the last with a transaction at a believable time, as
/// the columns of `data/`. It is kept from user to user, for its memory.
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
    fn fill(&mut self, transactions: &[Transaction], history: LastOfHistory) {
        let believable = || transactions.iter().filter(|transaction| transaction.plausible_time);
        let day_of = |transaction: &Transaction| transaction.occurred_at.date_naive();
        let (first, last) = (believable().next().map(day_of), believable().next_back().map(day_of));
        let days = first.into_iter().flat_map(|first| first.iter_days());
        refill(&mut self.dates, days.take_while(|date| Some(*date) <= last));
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

        // They are in order of time, as the days are.
        let (mut coming, mut place) = (believable().peekable(), 0);
        while let Some(date) = coming.peek().map(|transaction| day_of(transaction)) {
            while self.dates[place] < date {
                place += 1;
            }
            self.observed[place] = true;
            // Decimals are summed exactly, and become binary once, at the end.
            let mut sums = [Decimal::ZERO; Category::ALL.len()];
            while let Some(transaction) = coming.next_if(|transaction| day_of(transaction) == date) {
                if !transaction.credit {
                    let sum = &mut sums[transaction.category as usize];
                    *sum = sum.saturating_add(transaction.amount);
                }
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

    fn add_user(&mut self, user: &User, out: &mut Out<'_>) -> Result<(), PreparationError> {
        let history = LastOfHistory::before(out.cut());
        let subject = user.subject.to_string();
        self.users += u64::from(!user.transactions.is_empty());
        self.calendar.fill(&user.transactions, history);
        let days = self.calendar.dates.len();
        self.days += days as u64;
        self.observed_days += self.calendar.observed.iter().filter(|observed| **observed).count() as u64;
        out.rows(CALENDAR, days, &self.calendar.columns(&subject))?;
        for (position, transaction) in (0u32..).zip(&user.transactions) {
            self.count(transaction);
            out.row(TRANSACTIONS)?
                .put(subject.as_str())
                .put(position)
                .put(transaction.occurred_at)
                .put(nearest_float(transaction.amount))
                .put(if transaction.credit { "credit" } else { "debit" })
                .put(transaction.category.name())
                .put(transaction.balance_after.map(nearest_float))
                .put(transaction.currency.as_deref())
                .put(transaction.time_of_day_known)
                .put(transaction.plausible_time)
                .put(history.period(transaction.occurred_at.date_naive()));
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
        });
        statistics.as_object().cloned().unwrap_or_default()
    }
}

impl SpendingRows {
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
