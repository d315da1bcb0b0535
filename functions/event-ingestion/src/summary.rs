//! What the sender of events is told.

use learning_core::dataset::Dataset;
use learning_core::event::Fault;
use learning_core::usecase::Outcome;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// Results that one answer lists.
const MOST_RESULTS: usize = 10_000;
/// Bytes that they have in it: a Lambda's answer may have 6 MB, and its headers are in them.
const MOST_BYTES: usize = 5 * 1024 * 1024;

#[derive(Debug, Default, Serialize)]
pub struct Summary {
    accepted: usize,
    duplicates: usize,
    rejected: usize,
    /// One an event, in the order of the request. Of a request with more events
    /// than are listed, the first.
    results: Vec<Box<RawValue>>,
    /// Events whose results are not listed.
    #[serde(skip_serializing_if = "is_zero")]
    not_listed: usize,
    #[serde(skip)]
    bytes: usize,
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
    /// # Errors
    /// Should a result have no JSON form.
    pub fn add(&mut self, outcomes: Vec<Outcome>) -> serde_json::Result<()> {
        for outcome in outcomes {
            match outcome {
                Outcome::Accepted { .. } => self.accepted += 1,
                Outcome::Duplicate { .. } => self.duplicates += 1,
                Outcome::Rejected { .. } => self.rejected += 1,
            }
            // What was rejected is listed as long as it can be: the sender must act on it.
            let share = if matches!(outcome, Outcome::Rejected { .. }) { 2 } else { 1 };
            let result = serde_json::value::to_raw_value(&EventResult::of(outcome))?;
            let bytes = self.bytes + bytes_in_answer(result.get());
            if self.results.len() < share * MOST_RESULTS && bytes <= share * MOST_BYTES / 2 {
                self.bytes = bytes;
                self.results.push(result);
            } else {
                self.not_listed += 1;
            }
        }
        Ok(())
    }
}

/// What JSON takes as a string within the JSON that a Lambda answers, with a comma.
fn bytes_in_answer(json: &str) -> usize {
    json.len() + json.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count() + 1
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

#[cfg(test)]
mod tests {
    use learning_core::event::{EventId, FaultCode};

    use super::*;

    fn rejected(message: &str) -> Outcome {
        let fault = Fault::new(&["data", "amount"], FaultCode::WrongType, message.to_owned());
        Outcome::Rejected { id: Some("\"quoted\"".into()), errors: vec![fault; 8] }
    }

    #[test]
    fn however_much_is_rejected_a_lambda_can_answer_it() {
        let mut summary = Summary::default();
        for _ in 0..40 {
            summary.add(vec![rejected(r#"a "number" is \ needed"#); 1_000]).unwrap();
        }
        let body = serde_json::to_string(&summary).unwrap();
        let answered = serde_json::to_string(&body).unwrap().len();
        assert!((5_000_000..6_000_000).contains(&answered), "{answered} bytes");
        assert_eq!(summary.rejected, 40_000);
        assert_eq!(summary.results.len() + summary.not_listed, 40_000);
    }

    #[test]
    fn what_was_rejected_is_listed_where_others_no_longer_are() {
        let mut summary = Summary::default();
        let accepted = || Outcome::Accepted { id: EventId(uuid::Uuid::nil()), datasets: vec![], warnings: vec![] };
        summary.add((0..=MOST_RESULTS).map(|_| accepted()).collect()).unwrap();
        summary.add(vec![rejected("no"), accepted()]).unwrap();
        assert_eq!((summary.results.len(), summary.not_listed), (MOST_RESULTS + 1, 2));
        assert!(summary.results.last().unwrap().get().contains("rejected"));
    }
}
