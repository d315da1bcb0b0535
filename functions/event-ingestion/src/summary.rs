//! What the sender of events is told.

use learning_core::dataset::Dataset;
use learning_core::event::Fault;
use learning_core::usecase::Outcome;
use serde::Serialize;
use serde_json::Value;

/// Results that one answer lists; a Lambda's answer may have 6 MB.
const MOST_RESULTS: usize = 10_000;

#[derive(Debug, Default, Serialize)]
pub struct Summary {
    accepted: usize,
    duplicates: usize,
    rejected: usize,
    /// One an event, in the order of the request. Of a request with more events
    /// than are listed, the first.
    results: Vec<EventResult>,
    /// Events whose results are not listed.
    #[serde(skip_serializing_if = "is_zero")]
    not_listed: usize,
}

// Serde passes a reference.
fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[derive(Debug, Serialize)]
struct EventResult {
    event_id: Value,
    status: &'static str,
    datasets: Vec<Dataset>,
    warnings: Vec<Fault>,
    errors: Vec<Fault>,
    /// Of a duplicate: the fields in which it is not what is stored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    differences: Vec<String>,
}

impl Summary {
    pub fn add(&mut self, outcomes: Vec<Outcome>) {
        for outcome in outcomes {
            match outcome {
                Outcome::Accepted { .. } => self.accepted += 1,
                Outcome::Duplicate { .. } => self.duplicates += 1,
                Outcome::Rejected { .. } => self.rejected += 1,
            }
            // What was rejected is listed as long as it can be: the sender must act on it.
            let room = if matches!(outcome, Outcome::Rejected { .. }) { 2 * MOST_RESULTS } else { MOST_RESULTS };
            if self.results.len() < room {
                self.results.push(EventResult::of(outcome));
            } else {
                self.not_listed += 1;
            }
        }
    }
}

impl EventResult {
    fn of(outcome: Outcome) -> Self {
        let blank = Self {
            event_id: Value::Null,
            status: "",
            datasets: vec![],
            warnings: vec![],
            errors: vec![],
            differences: vec![],
        };
        match outcome {
            Outcome::Accepted { id, datasets, warnings } => {
                Self { event_id: Value::String(id.to_string()), status: "accepted", datasets, warnings, ..blank }
            }
            Outcome::Duplicate { id, differences } => {
                Self { event_id: Value::String(id.to_string()), status: "duplicate", differences, ..blank }
            }
            Outcome::Rejected { id, errors } => {
                Self { event_id: id.unwrap_or(Value::Null), status: "rejected", errors, ..blank }
            }
        }
    }
}
