//! The gap-free daily calendar of a user.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{BooleanBuilder, Float64Builder, Int8Builder, StringBuilder, TimestampMicrosecondBuilder};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use chrono::{Datelike, NaiveDate, NaiveTime};
use rust_decimal::Decimal;

use super::{Period, UserTransactions, to_f64};
use crate::event::category::Category;
use crate::preparation::table::Rows;

/// What a user spent on one UTC day.
#[derive(Clone, Debug)]
pub struct Day {
    pub date: NaiveDate,
    /// Whether there was any transaction.
    pub observed: bool,
    debits: [Decimal; Category::ALL.len()],
}

/// Every day from the user's first to their last with a transaction at a
/// believable time, in order.
pub fn calendar(user: &UserTransactions) -> impl Iterator<Item = Day> {
    let mut debits = BTreeMap::<NaiveDate, [Decimal; Category::ALL.len()]>::new();
    for transaction in user.transactions.iter().filter(|transaction| transaction.plausible_time) {
        let day = debits.entry(transaction.occurred_at.date_naive()).or_default();
        if !transaction.credit {
            let sum = &mut day[transaction.category as usize];
            *sum = sum.saturating_add(transaction.amount);
        }
    }
    let first = debits.first_key_value().map(|(date, _)| *date);
    let last = debits.last_key_value().map(|(date, _)| *date);
    let days = first.into_iter().flat_map(|first| first.iter_days()).take_while(move |date| Some(*date) <= last);
    days.map(move |date| {
        let spent = debits.get(&date);
        Day { date, observed: spent.is_some(), debits: spent.copied().unwrap_or_default() }
    })
}

impl Day {
    pub fn row(&self, subject: &str, period: Period) -> CalendarRow {
        let total = self.debits.iter().fold(Decimal::ZERO, |sum, debit| sum.saturating_add(*debit));
        CalendarRow {
            unique_id: subject.to_owned(),
            date: self.date,
            y: to_f64(total),
            by_category: self.debits.map(to_f64),
            observed: self.observed,
            period,
        }
    }
}

#[derive(Debug)]
pub struct CalendarRow {
    unique_id: String,
    date: NaiveDate,
    y: f64,
    by_category: [f64; Category::ALL.len()],
    observed: bool,
    period: Period,
}

/// `unique_id`, `ds` and `y` are named as forecasting libraries expect them.
#[derive(Debug, Default)]
pub struct CalendarRows {
    unique_id: StringBuilder,
    ds: TimestampMicrosecondBuilder,
    y: Float64Builder,
    by_category: [Float64Builder; Category::ALL.len()],
    observed: BooleanBuilder,
    weekday: Int8Builder,
    month: Int8Builder,
    day: Int8Builder,
    period: StringBuilder,
    rows: usize,
}

impl Rows for CalendarRows {
    const TABLE: &'static str = "data";
    type Row = CalendarRow;

    fn schema() -> Schema {
        let required = |name: &str, data_type| Field::new(name, data_type, false);
        let mut fields = vec![
            required("unique_id", DataType::Utf8),
            // Midnight, without a zone: what pandas and the forecasting libraries call a date.
            required("ds", DataType::Timestamp(TimeUnit::Microsecond, None)),
            required("y", DataType::Float64),
        ];
        fields.extend(Category::ALL.map(|category| required(category.name(), DataType::Float64)));
        fields.extend([
            required("observed", DataType::Boolean),
            // Monday is 0.
            required("weekday", DataType::Int8),
            required("month", DataType::Int8),
            required("day", DataType::Int8),
            required("period", DataType::Utf8),
        ]);
        Schema::new(fields)
    }

    fn push(&mut self, row: CalendarRow) {
        self.unique_id.append_value(&row.unique_id);
        self.ds.append_value(row.date.and_time(NaiveTime::MIN).and_utc().timestamp_micros());
        self.y.append_value(row.y);
        for (column, debit) in self.by_category.iter_mut().zip(row.by_category) {
            column.append_value(debit);
        }
        self.observed.append_value(row.observed);
        self.weekday.append_value(small(row.date.weekday().num_days_from_monday()));
        self.month.append_value(small(row.date.month()));
        self.day.append_value(small(row.date.day()));
        self.period.append_value(row.period.name());
        self.rows += 1;
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn take(&mut self) -> Vec<ArrayRef> {
        self.rows = 0;
        let mut columns: Vec<ArrayRef> =
            vec![Arc::new(self.unique_id.finish()), Arc::new(self.ds.finish()), Arc::new(self.y.finish())];
        for column in &mut self.by_category {
            columns.push(Arc::new(column.finish()));
        }
        columns.push(Arc::new(self.observed.finish()));
        columns.push(Arc::new(self.weekday.finish()));
        columns.push(Arc::new(self.month.finish()));
        columns.push(Arc::new(self.day.finish()));
        columns.push(Arc::new(self.period.finish()));
        columns
    }
}

/// A part of a date: at most 31.
fn small(part: u32) -> i8 {
    part as i8
}
