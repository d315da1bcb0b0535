//! No event happens after it was taken in (plus the clock skew that is allowed).

use super::Report;
use crate::event::StoredEvent;
use crate::quality::Rules;

pub fn not_after_ingestion(rules: &Rules, records: &[StoredEvent], report: &mut Report<'_>) {
    for stored in records {
        let holds = !stored.is_after_intake(rules.clock_skew());
        report.check(&stored.event, "occurred_at", "not_after_ingestion", holds);
    }
}
