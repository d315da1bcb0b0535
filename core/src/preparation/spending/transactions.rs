//! The transactions of a user, in order.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{BooleanBuilder, Float64Builder, StringBuilder, TimestampMicrosecondBuilder, UInt32Builder};
use arrow_schema::{DataType, Field, Schema, TimeUnit};

use super::{Period, Transaction, to_f64};
use crate::preparation::table::Rows;

#[derive(Debug)]
pub struct TransactionRow {
    subject: String,
    position: u32,
    transaction: Transaction,
    period: Period,
}

impl TransactionRow {
    /// `position` counts the transactions of the subject, from 0.
    pub fn new(subject: &str, position: u32, transaction: &Transaction, period: Period) -> Self {
        Self { subject: subject.to_owned(), position, transaction: transaction.clone(), period }
    }
}

/// Amounts are float64, as trainers compute with; the exact decimals stay in the events.
#[derive(Debug)]
pub struct TransactionRows {
    subject: StringBuilder,
    position: UInt32Builder,
    occurred_at: TimestampMicrosecondBuilder,
    amount: Float64Builder,
    transaction_type: StringBuilder,
    category: StringBuilder,
    balance_after: Float64Builder,
    currency: StringBuilder,
    time_of_day_known: BooleanBuilder,
    plausible_time: BooleanBuilder,
    period: StringBuilder,
    rows: usize,
}

impl Default for TransactionRows {
    fn default() -> Self {
        Self {
            subject: StringBuilder::new(),
            position: UInt32Builder::new(),
            occurred_at: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            amount: Float64Builder::new(),
            transaction_type: StringBuilder::new(),
            category: StringBuilder::new(),
            balance_after: Float64Builder::new(),
            currency: StringBuilder::new(),
            time_of_day_known: BooleanBuilder::new(),
            plausible_time: BooleanBuilder::new(),
            period: StringBuilder::new(),
            rows: 0,
        }
    }
}

impl Rows for TransactionRows {
    const TABLE: &'static str = "transactions";
    type Row = TransactionRow;

    fn schema() -> Schema {
        Schema::new(vec![
            Field::new("subject", DataType::Utf8, false),
            Field::new("position", DataType::UInt32, false),
            Field::new("occurred_at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false),
            Field::new("amount", DataType::Float64, false),
            Field::new("transaction_type", DataType::Utf8, false),
            Field::new("category", DataType::Utf8, false),
            Field::new("balance_after", DataType::Float64, true),
            Field::new("currency", DataType::Utf8, true),
            Field::new("time_of_day_known", DataType::Boolean, false),
            Field::new("plausible_time", DataType::Boolean, false),
            Field::new("period", DataType::Utf8, false),
        ])
    }

    fn push(&mut self, row: TransactionRow) {
        let TransactionRow { subject, position, transaction, period } = row;
        self.subject.append_value(subject);
        self.position.append_value(position);
        self.occurred_at.append_value(transaction.occurred_at.timestamp_micros());
        self.amount.append_value(to_f64(transaction.amount));
        self.transaction_type.append_value(if transaction.credit { "credit" } else { "debit" });
        self.category.append_value(transaction.category.name());
        self.balance_after.append_option(transaction.balance_after.map(to_f64));
        self.currency.append_option(transaction.currency);
        self.time_of_day_known.append_value(!transaction.day_precision);
        self.plausible_time.append_value(transaction.plausible_time);
        self.period.append_value(period.name());
        self.rows += 1;
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn take(&mut self) -> Vec<ArrayRef> {
        self.rows = 0;
        vec![
            Arc::new(self.subject.finish()),
            Arc::new(self.position.finish()),
            Arc::new(self.occurred_at.finish()),
            Arc::new(self.amount.finish()),
            Arc::new(self.transaction_type.finish()),
            Arc::new(self.category.finish()),
            Arc::new(self.balance_after.finish()),
            Arc::new(self.currency.finish()),
            Arc::new(self.time_of_day_known.finish()),
            Arc::new(self.plausible_time.finish()),
            Arc::new(self.period.finish()),
        ]
    }
}
