//! Balances chain: `balance_after` is the balance before, plus a credit or minus
//! a debit, within a cent.

use rust_decimal::Decimal;

use super::Report;
use crate::event::schema::decimal;
use crate::event::{Event, EventType, StoredEvent};
use crate::quality::Rules;

const CENT: Decimal = Decimal::from_parts(1, 0, 0, false, 2);

/// Checked where a transaction and the one before it both tell their balance.
pub fn chain(_rules: &Rules, records: &[StoredEvent], report: &mut Report<'_>) {
    let mut before: Option<Decimal> = None;
    for StoredEvent { event, .. } in records {
        if event.event_type != EventType::TransactionCreation {
            continue;
        }
        let after = number(event, "balance_after");
        if let (Some(before), Some(after), Some(change)) = (before, after, change(event)) {
            // A sum beyond what a decimal holds does not chain.
            let holds = before
                .checked_add(change)
                .and_then(|expected| expected.checked_sub(after))
                .is_some_and(|difference| difference.abs() <= CENT);
            report.check(event, "balance_after", "balance_chain", holds);
        }
        before = after;
    }
}

fn number(event: &Event, field: &str) -> Option<Decimal> {
    event.data.get(field).and_then(decimal)
}

fn change(event: &Event) -> Option<Decimal> {
    let amount = number(event, "amount")?;
    match event.data.get("transaction_type")?.as_str()? {
        "credit" => Some(amount),
        "debit" => Some(-amount),
        _ => None,
    }
}
