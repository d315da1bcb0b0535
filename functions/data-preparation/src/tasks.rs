//! The tasks of the state machine that prepares what is too large for one Lambda:
//! plan, a map over segments, commit; and what is done when one of them fails.
//! Each may be repeated.

use chrono::Utc;
use function_edge::Error;
use learning_core::dataset::Dataset;
use learning_core::usecase::{Plan, Request};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::State;

/// Of a failure, this many characters are noted.
const MOST_NOTED: usize = 500;

/// The input of a task; `plan` gives what the inputs of segments and commit hold.
#[derive(Debug, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case", deny_unknown_fields)]
enum Task {
    Plan {
        dataset: Dataset,
        segments: u32,
        /// Why it is prepared although it is not ready.
        reason: Option<String>,
    },
    Segment {
        plan: Plan,
        segment: u32,
    },
    Commit {
        plan: Plan,
    },
    Fail {
        dataset: Dataset,
        failure: Failure,
    },
}

/// An error as a state machine catches it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Failure {
    error: String,
    #[serde(default)]
    cause: String,
}

impl Failure {
    /// In a sentence. The cause of a function's error is JSON, and holds the message.
    fn sentence(&self) -> String {
        let told: Option<Value> = serde_json::from_str(&self.cause).ok();
        let message = told.as_ref().and_then(|told| told["errorMessage"].as_str()).unwrap_or(&self.cause);
        format!("{}: {message}", self.error).chars().take(MOST_NOTED).collect()
    }
}

/// # Errors
/// An input that is none of a task; whatever the task says. The state machine
/// repeats a task that fails.
pub async fn run(state: &State, input: &Value) -> Result<Value, Error> {
    match Task::deserialize(input)? {
        Task::Plan { dataset, segments, reason } => {
            let request = match reason {
                Some(reason) => Request::Forced { reason },
                None => Request::Ready,
            };
            let Some(plan) = state.prepare.plan(dataset, &request, segments, Utc::now()).await? else {
                return Ok(json!({"due": false}));
            };
            // The numbers alone: a state's output is limited to 256 KiB.
            let segments: Vec<u32> = (0..plan.segments).collect();
            Ok(json!({"due": true, "segments": segments, "plan": plan}))
        }
        Task::Segment { plan, segment } => Ok(json!({"events": state.prepare.segment(&plan, segment).await?})),
        Task::Commit { plan } => {
            let version = state.prepare.commit(&plan, Utc::now()).await?;
            Ok(json!({"version": version.version, "rows": version.rows, "digest": version.digest}))
        }
        Task::Fail { dataset, failure } => {
            let noted = state.prepare.fail(dataset, &failure.sentence(), Utc::now()).await?;
            Ok(json!({"noted": noted}))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_in_a_sentence() {
        let sentence = |failure: Value| serde_json::from_value::<Failure>(failure).unwrap().sentence();
        let of_a_function = json!({"Error": "Error", "Cause": "{\"errorMessage\":\"no report\",\"errorType\":\"e\"}"});
        assert_eq!(sentence(of_a_function), "Error: no report");
        assert_eq!(sentence(json!({"Error": "States.Timeout"})), "States.Timeout: ");
        assert_eq!(sentence(json!({"Error": "E", "Cause": "ä".repeat(1_000)})).chars().count(), MOST_NOTED);
    }
}
