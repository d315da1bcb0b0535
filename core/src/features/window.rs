//! The sliding fold: what the 30 days before a moment hold.

use chrono::{DateTime, Duration, Utc};

use super::fixed::Fixed;
use super::held::Held;
use super::ledger::{Ledger, first_greatest};
use super::local::LocalTime;
use super::transaction::Transaction;

/// Days of the window, and dates of the daily totals.
pub const WINDOW_DAYS: i64 = 30;
const SPAN_DAYS: i64 = 7;
pub const SPANS: usize = 4;

/// The transactions of (as_of − 30 days, as_of] that count as of the moment, in sums
/// and orders that are kept up as transactions enter, leave and are corrected. Moving
/// on costs what changes, not what the history holds.
#[derive(Debug)]
pub struct Window<'a> {
    /// Of one user; transactions of no plausible time are passed over.
    ledger: &'a Ledger,
    /// The first that has not entered.
    next: usize,
    /// The first that has not left.
    oldest: usize,
    /// The first end of validity that has not been applied.
    next_end: usize,
    /// Ends of the seven-day spans: the transaction `edges[k]` is the first in span k or a newer one.
    edges: [usize; SPANS],
    pub(super) as_of: DateTime<Utc>,
    /// One for each currency of the ledger.
    accounts: Vec<Account>,
    latest: Option<DateTime<Utc>>,
    /// The sender's offset from UTC at the latest transaction, in minutes.
    utc_offset_minutes: i16,
}

/// What is kept of the transactions in one currency.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub held: Held,
    pub spans: [Span; SPANS],
    /// Of the last transaction that had one, however long ago.
    pub balance: Fixed,
    /// Transactions that count, however long ago.
    transactions: usize,
    /// The transactions with a balance, by index: where some may be corrected, the
    /// balance goes back to the one before.
    with_balance: Vec<usize>,
}

/// Seven days before the moment, or before the newer span.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    pub transactions: usize,
    /// Credits less debits.
    pub net: Fixed,
}

impl<'a> Window<'a> {
    pub fn new(ledger: &'a Ledger) -> Self {
        Self {
            ledger,
            next: 0,
            oldest: 0,
            next_end: 0,
            edges: [0; SPANS],
            as_of: DateTime::<Utc>::MIN_UTC,
            accounts: ledger.currencies().iter().map(|_| Account::default()).collect(),
            latest: None,
            utc_offset_minutes: 0,
        }
    }

    /// Moves on to a moment that is not before the last one.
    pub fn advance(&mut self, as_of: DateTime<Utc>) {
        debug_assert!(self.as_of <= as_of, "a window moves forward");
        self.as_of = as_of;
        let micros = as_of.timestamp_micros();
        self.apply_ends(micros);
        self.enter(as_of, micros);
        self.shift_spans(as_of, micros);
        let end = as_of - Duration::days(WINDOW_DAYS);
        while let Some(transaction) = self.leaving(self.oldest, end) {
            if self.counts(self.oldest, micros) {
                self.account(self.oldest).held.leave(transaction);
            }
            self.oldest += 1;
        }
    }

    /// Takes out what has entered and no longer counts.
    fn apply_ends(&mut self, micros: i64) {
        let ledger = self.ledger;
        while let Some(end) = ledger.ends().get(self.next_end).filter(|end| end.at <= micros) {
            self.next_end += 1;
            let (index, transaction) = (end.index, &ledger.transactions()[end.index]);
            if index >= self.next || !transaction.plausible_time {
                continue;
            }
            let span = self.edges.iter().position(|edge| index >= *edge);
            let is_in_window = index >= self.oldest;
            let account = self.account(index);
            account.transactions -= 1;
            if is_in_window {
                account.held.leave(transaction);
            }
            if let Some(span) = span {
                account.spans[span].remove(transaction);
            }
            account.forget_balances(ledger, micros);
        }
    }

    fn enter(&mut self, as_of: DateTime<Utc>, micros: i64) {
        let ledger = self.ledger;
        while let Some(transaction) = ledger.transactions().get(self.next).filter(|next| next.occurred_at <= as_of) {
            let index = self.next;
            self.next += 1;
            if !transaction.plausible_time {
                continue;
            }
            self.latest = Some(transaction.occurred_at);
            self.utc_offset_minutes = transaction.utc_offset_minutes;
            if ledger.counts_at(index, micros) {
                self.account(index).enter(index, transaction, !ledger.ends().is_empty());
            }
        }
    }

    fn shift_spans(&mut self, as_of: DateTime<Utc>, micros: i64) {
        for span in 0..SPANS {
            let end = as_of - Duration::days(SPAN_DAYS * (span as i64 + 1));
            while let Some(transaction) = self.leaving(self.edges[span], end) {
                let index = self.edges[span];
                self.edges[span] += 1;
                if self.counts(index, micros) {
                    let spans = &mut self.account(index).spans;
                    spans[span].remove(transaction);
                    if let Some(older) = spans.get_mut(span + 1) {
                        older.add(transaction);
                    }
                }
            }
        }
    }

    fn leaving(&self, index: usize, end: DateTime<Utc>) -> Option<&'a Transaction> {
        self.ledger.transactions()[..self.next].get(index).filter(|transaction| transaction.occurred_at <= end)
    }

    fn counts(&self, index: usize, micros: i64) -> bool {
        self.ledger.transactions()[index].plausible_time && self.ledger.counts_at(index, micros)
    }

    fn account(&mut self, index: usize) -> &mut Account {
        &mut self.accounts[self.ledger.currency_of(index)]
    }

    /// The account in the user's main currency: that of most transactions up to the
    /// moment, of equally many the first by name.
    pub(super) fn main_account(&self) -> &Account {
        let main = match &self.accounts[..] {
            [_] => 0,
            accounts => first_greatest(accounts.iter().map(|account| account.transactions)),
        };
        &self.accounts[main]
    }

    /// The moment on the sender's clock, by the offset of the latest transaction.
    pub(super) fn local_time(&self) -> LocalTime {
        LocalTime::of(self.as_of, self.utc_offset_minutes)
    }

    /// The time of the newest transaction that has entered: what certifies that
    /// nothing later than the moment did.
    pub fn latest(&self) -> Option<DateTime<Utc>> {
        self.latest
    }

    /// Transactions that count as of the moment, in every currency, however long ago.
    pub fn counted(&self) -> usize {
        self.accounts.iter().map(|account| account.transactions).sum()
    }
}

impl Account {
    fn enter(&mut self, index: usize, transaction: &Transaction, may_end: bool) {
        self.held.enter(transaction);
        self.spans[0].add(transaction);
        self.transactions += 1;
        if let Some(balance) = transaction.balance_after {
            self.balance = Fixed::from(balance);
            if may_end {
                self.with_balance.push(index);
            }
        }
    }

    /// Goes back to the latest balance that still counts.
    fn forget_balances(&mut self, ledger: &Ledger, micros: i64) {
        while let Some(last) = self.with_balance.last() {
            if ledger.counts_at(*last, micros) {
                break;
            }
            self.with_balance.pop();
        }
        let last = self.with_balance.last().and_then(|last| ledger.transactions()[*last].balance_after);
        self.balance = last.map_or(Fixed::ZERO, Fixed::from);
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
