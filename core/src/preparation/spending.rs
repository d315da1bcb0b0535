//! The spending dataset: `data/` is a gap-free daily calendar per user, for
//! forecasters; `transactions/` are the transactions in order, for sequence models.
//!
//! A user's calendar runs from their first to their last day with a transaction:
//! of days after that nobody knows whether nothing was spent or nothing was sent.
//! Transactions whose time cannot be believed are kept in `transactions/`, but
//! are in no calendar. Free text, places, and ids of events and users are left out.

mod calendar;
mod transactions;

use std::path::Path;

use chrono::{DateTime, Days, Duration, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use self::calendar::{CalendarRows, calendar};
use self::transactions::{TransactionRow, TransactionRows};
use super::pseudonym::{Subject, subject};
use super::split::Split;
use super::table::{TableWriter, table_schema};
use super::{HORIZON_DAYS, PreparationError, Prepared};
use crate::dataset::settings::PseudonymKey;
use crate::event::category::Category;
use crate::event::schema::decimal;
use crate::event::{EventId, StoredEvent, UserId};

/// One transaction, as far as its rows need it.
#[derive(Clone, Debug)]
struct Transaction {
    occurred_at: DateTime<Utc>,
    id: EventId,
    amount: Decimal,
    credit: bool,
    category: Category,
    balance_after: Option<Decimal>,
    currency: Option<Box<str>>,
    /// The time of day means nothing.
    day_precision: bool,
    plausible_time: bool,
}

#[derive(Debug)]
struct UserTransactions {
    subject: Subject,
    split: Split,
    /// In order of time, then event id.
    transactions: Vec<Transaction>,
}

/// Part of the series that a forecast is made from, or measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Period {
    History,
    Horizon,
}

impl Period {
    fn name(self) -> &'static str {
        match self {
            Period::History => "history",
            Period::Horizon => "horizon",
        }
    }
}

/// The horizon: the last [`HORIZON_DAYS`] days up to the version's cut, which is the
/// latest time of its input. Without a cut, everything is history.
#[derive(Clone, Copy, Debug)]
struct Horizon(Option<NaiveDate>);

impl Horizon {
    fn before(cut: Option<DateTime<Utc>>) -> Self {
        Self(cut.and_then(|cut| cut.date_naive().checked_sub_days(Days::new(u64::from(HORIZON_DAYS)))))
    }

    fn period(self, day: NaiveDate) -> Period {
        if self.0.is_some_and(|last_of_history| day > last_of_history) { Period::Horizon } else { Period::History }
    }
}

/// What the manifest and the API tell of a version of spending.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SpendingStatistics {
    pub user_count: u64,
    pub transaction_count: u64,
    /// Rows of the calendar.
    pub day_count: u64,
    /// Of those, days with a transaction.
    pub observed_day_count: u64,
    /// Transactions before 1970 or after their intake: in no calendar.
    pub implausible_time_count: u64,
    /// Transactions whose category is none that is known: prepared as `other`.
    pub unmapped_category_count: u64,
    /// Transactions without a category: prepared as `other`.
    pub missing_category_count: u64,
    /// The latest time of the input.
    pub cut: Option<DateTime<Utc>>,
    pub horizon_days: u32,
    pub splits: SplitStatistics,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SplitStatistics {
    pub train: SplitCounts,
    pub validation: SplitCounts,
    pub test: SplitCounts,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SplitCounts {
    pub users: u64,
    pub days: u64,
    pub transactions: u64,
}

impl SplitStatistics {
    fn of(&mut self, split: Split) -> &mut SplitCounts {
        match split {
            Split::Train => &mut self.train,
            Split::Validation => &mut self.validation,
            Split::Test => &mut self.test,
        }
    }
}

/// Gathers the transactions of users: about 120 bytes each.
#[derive(Debug)]
pub struct SpendingBuilder {
    key: PseudonymKey,
    clock_skew: Duration,
    users: Vec<UserTransactions>,
    statistics: SpendingStatistics,
    unreadable: Option<&'static str>,
}

impl SpendingBuilder {
    pub fn new(key: &PseudonymKey, clock_skew: Duration) -> Self {
        Self {
            key: key.clone(),
            clock_skew,
            users: Vec::new(),
            statistics: SpendingStatistics { horizon_days: HORIZON_DAYS, ..SpendingStatistics::default() },
            unreadable: None,
        }
    }

    /// Takes all transactions of one user, in any order. Each user must come once.
    pub fn add_user(&mut self, user: UserId, events: &[StoredEvent]) {
        let mut transactions = Vec::with_capacity(events.len());
        for stored in events {
            match self.transaction(stored) {
                Ok(transaction) => transactions.push(transaction),
                Err(field) => self.unreadable = Some(field),
            }
        }
        transactions.sort_unstable_by_key(|transaction| (transaction.occurred_at, transaction.id));
        let believed = transactions.iter().filter(|transaction| transaction.plausible_time);
        let statistics = &mut self.statistics;
        statistics.cut = statistics.cut.max(believed.map(|transaction| transaction.occurred_at).max());
        let split = Split::of(&self.key, user);
        self.users.push(UserTransactions { subject: subject(&self.key, user), split, transactions });
    }

    fn transaction(&mut self, stored: &StoredEvent) -> Result<Transaction, &'static str> {
        let data = &stored.event.data;
        let text = |field: &str| data.get(field).and_then(|value| value.as_str());
        let category = text("category").map(str::trim).filter(|name| !name.is_empty());
        let known = category.and_then(Category::from_name);
        let plausible_time = stored.has_plausible_time(self.clock_skew);
        self.statistics.missing_category_count += u64::from(category.is_none());
        self.statistics.unmapped_category_count += u64::from(category.is_some() && known.is_none());
        self.statistics.implausible_time_count += u64::from(!plausible_time);
        Ok(Transaction {
            occurred_at: stored.event.occurred_at,
            id: stored.event.id,
            amount: data.get("amount").and_then(decimal).ok_or("amount")?,
            credit: match text("transaction_type") {
                Some("credit") => true,
                Some("debit") => false,
                _ => return Err("transaction_type"),
            },
            category: known.unwrap_or(Category::Other),
            balance_after: data.get("balance_after").and_then(decimal),
            currency: text("currency").map(Box::from),
            day_precision: text("time_precision") == Some("day"),
            plausible_time,
        })
    }

    /// Takes in what another builder has gathered of other users.
    pub fn merge(&mut self, other: Self) {
        self.users.extend(other.users);
        self.unreadable = self.unreadable.or(other.unreadable);
        let (statistics, other) = (&mut self.statistics, other.statistics);
        statistics.cut = statistics.cut.max(other.cut);
        statistics.missing_category_count += other.missing_category_count;
        statistics.unmapped_category_count += other.unmapped_category_count;
        statistics.implausible_time_count += other.implausible_time_count;
    }

    /// Writes both tables below `folder`: three files each.
    ///
    /// # Errors
    /// See [`PreparationError`]; what was written by then is to be thrown away.
    pub fn write(mut self, folder: &Path) -> Result<Prepared, PreparationError> {
        if let Some(field) = self.unreadable {
            return Err(PreparationError::Unreadable(field));
        }
        self.users.sort_unstable_by_key(|user| user.subject);
        // The certificate of the split by user rests on this: a user comes once, and has one split.
        if self.users.windows(2).any(|pair| pair[0].subject == pair[1].subject) {
            return Err(PreparationError::OverlappingSegments);
        }
        let horizon = Horizon::before(self.statistics.cut);
        let mut files = Vec::new();
        for split in Split::ALL {
            let mut calendars = TableWriter::<CalendarRows>::create(folder, split)?;
            let mut transactions = TableWriter::<TransactionRows>::create(folder, split)?;
            for user in self.users.iter().filter(|user| user.split == split) {
                let counts = self.statistics.splits.of(split);
                counts.users += 1;
                counts.transactions += user.transactions.len() as u64;
                let subject = user.subject.to_string();
                for day in calendar(user) {
                    counts.days += 1;
                    self.statistics.observed_day_count += u64::from(day.observed);
                    let period = horizon.period(day.date);
                    calendars.push(day.row(&subject, period))?;
                }
                for (position, transaction) in (0u32..).zip(&user.transactions) {
                    let period = horizon.period(transaction.occurred_at.date_naive());
                    transactions.push(TransactionRow::new(&subject, position, transaction, period))?;
                }
            }
            files.push(calendars.finish(folder)?);
            files.push(transactions.finish(folder)?);
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let statistics = &mut self.statistics;
        let splits = &mut statistics.splits;
        let all = Split::ALL.map(|split| splits.of(split).clone());
        statistics.user_count = all.iter().map(|counts| counts.users).sum();
        statistics.day_count = all.iter().map(|counts| counts.days).sum();
        statistics.transaction_count = all.iter().map(|counts| counts.transactions).sum();
        let tables = vec![table_schema::<CalendarRows>(), table_schema::<TransactionRows>()];
        Ok(Prepared { files, tables, statistics: self.statistics })
    }
}

/// Decimals are summed exactly, and become binary once, at the end.
fn to_f64(decimal: Decimal) -> f64 {
    // Every decimal has a nearest float; the type allows for an error that does not occur.
    f64::try_from(decimal).unwrap_or(f64::NAN)
}
