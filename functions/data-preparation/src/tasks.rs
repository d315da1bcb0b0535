//! The tasks of the state machine that prepares what is too large for one Lambda:
//! plan, a map over segments, commit. Each may be repeated.

use chrono::Utc;
use function_edge::Error;
use learning_core::dataset::Dataset;
use learning_core::usecase::{Plan, Request};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::State;

/// The input of a task; `plan` gives the inputs of the others.
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
            let parts: Vec<Value> = (0..plan.segments)
                .map(|segment| json!({"task": "segment", "plan": plan, "segment": segment}))
                .collect();
            Ok(json!({"due": true, "segments": parts, "commit": {"task": "commit", "plan": plan}}))
        }
        Task::Segment { plan, segment } => Ok(json!({"events": state.prepare.segment(&plan, segment).await?})),
        Task::Commit { plan } => {
            let version = state.prepare.commit(&plan, Utc::now()).await?;
            Ok(json!({"version": version.version, "rows": version.rows, "digest": version.digest}))
        }
    }
}
