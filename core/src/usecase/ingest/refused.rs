//! Why events were not taken in, in words that are few.

use std::collections::BTreeMap;

use super::Outcome;
use crate::event::Fault;

const DUPLICATE: &str = "duplicate";
/// The envelope's own fields; what lies below `data` is named by the sender.
const ENVELOPE: [&str; 6] = ["event_id", "user_id", "event_type", "occurred_at", "schema_version", "data"];

/// How many were refused, by reason: `duplicate`, or the first fault of an event
/// as `user_id missing`. Faults below `data` do not name their field, so that the
/// reasons stay few whatever senders invent.
pub fn by_reason(outcomes: &[Outcome]) -> BTreeMap<String, u64> {
    let mut refused = BTreeMap::new();
    for outcome in outcomes {
        let reason = match outcome {
            Outcome::Accepted { .. } => continue,
            Outcome::Duplicate { .. } => DUPLICATE.to_owned(),
            Outcome::Rejected { errors, .. } => errors.first().map_or_else(|| "unknown".to_owned(), reason),
        };
        *refused.entry(reason).or_default() += 1;
    }
    refused
}

fn reason(fault: &Fault) -> String {
    let code = fault.code.as_str();
    match fault.loc.first() {
        Some(field) if ENVELOPE.contains(&field.as_str()) => format!("{field} {code}"),
        _ => format!("event {code}"),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::event::{EventId, FaultCode};

    #[test]
    fn reasons_are_of_a_small_vocabulary() {
        let id = EventId(Uuid::nil());
        let rejected = |loc: &[&str]| Outcome::Rejected {
            id: None,
            errors: vec![Fault::new(loc, FaultCode::Missing, ""), Fault::new(&["data"], FaultCode::TooDeep, "")],
        };
        let outcomes = [
            Outcome::Duplicate { id, differences: vec![] },
            Outcome::Accepted { id, datasets: vec![], warnings: vec![] },
            rejected(&["user_id"]),
            rejected(&["data", "amount"]),
            rejected(&["data", "what", "ever"]),
            rejected(&["whatever"]),
            rejected(&[]),
        ];
        let expected = [("data missing", 2), ("duplicate", 1), ("event missing", 2), ("user_id missing", 1)];
        let expected = expected.map(|(reason, count)| (reason.to_owned(), count));
        assert_eq!(by_reason(&outcomes), BTreeMap::from(expected));
    }
}
