//! The same `transaction_id` never stands for different content. Other business
//! ids name things that are reported more than once: a recommendation, a goal.

use std::collections::HashMap;

use super::Report;
use crate::event::{EventType, StoredEvent};
use crate::quality::{Rules, content};

/// Each transaction is checked against the first one of its id.
pub fn same_content(_rules: &Rules, records: &[StoredEvent], report: &mut Report<'_>) {
    const FIELD: &str = "transaction_id";
    let mut first = HashMap::<String, String>::with_capacity(records.len());
    for StoredEvent { event, .. } in records {
        let Some(id) = event.data.get(FIELD).filter(|_| event.event_type == EventType::TransactionCreation) else {
            continue;
        };
        let content = content(event);
        let expected = first.entry(id.to_string()).or_insert_with(|| content.clone());
        let holds = *expected == content;
        report.check(event, FIELD, "same_id_same_content", holds);
    }
}
