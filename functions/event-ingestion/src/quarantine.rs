//! POST: send a stretch of the quarantine again.

use std::time::{Duration, Instant};

use chrono::Utc;
use function_edge::{Problem, Reply, Request, cursor};
use learning_core::store::QUARANTINE;
use serde_json::json;

use crate::State;
use crate::http::problem_of;

/// Events of a stretch unless asked otherwise, and the most that may be asked for.
const DEFAULT_LIMIT: usize = 200;
const MOST: usize = 1_000;
/// No batch is begun later, so that the gateway, which waits for 30 seconds, hears the answer.
const BUDGET: Duration = Duration::from_secs(12);

/// 200 with what became of the stretch, and where the next one begins.
pub async fn replay(state: &State, request: &Request) -> Result<Reply, Problem> {
    if request.caller.only().is_some() {
        return Err(Problem::forbidden(
            "the quarantine holds events of all users; a token of one user does not reach it",
        ));
    }
    let asked = request.page_of(QUARANTINE, DEFAULT_LIMIT, MOST)?;
    let begun = Instant::now();
    let may_go_on = || begun.elapsed() < BUDGET;
    let after = asked.from.as_deref();
    let replayed = state.requeue.replay(&state.ingest, after, asked.limit, may_go_on, Utc::now()).await;
    let requeued = replayed.map_err(problem_of)?;
    let mut answer = json!({
        "accepted": requeued.accepted,
        "duplicates": requeued.duplicates,
        "rejected": requeued.rejected,
        "next": requeued.next.as_deref().map(cursor),
    });
    if !requeued.differing.is_none() {
        answer["differing"] = json!(requeued.differing);
    }
    Reply::json(200, &answer)
}
