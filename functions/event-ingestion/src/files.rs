//! Objects under `incoming/`: ingested within the time of an invocation, and on in
//! the next.

use std::time::{SystemTime, UNIX_EPOCH};

use function_edge::Error;
use learning_core::store::Fact;
use learning_core::usecase::{Status, is_incoming};

use crate::State;

/// What is left for the last batch, and for saying how far it came.
const MARGIN_MS: u128 = 20_000;

/// Ingests a file as far as the time allows.
///
/// # Errors
/// What the store says: the trigger is repeated, and goes on from the last note.
pub async fn ingest(state: &State, key: &str, deadline: u64) -> Result<(), Error> {
    if !is_incoming(key) {
        return Ok(());
    }
    let Some(progress) = state.files.process(key, within(deadline)).await? else {
        // Deleted since: there is nothing to lose.
        tracing::warn!("an object that was announced is not there");
        return Ok(());
    };
    if progress.status == Status::InProgress
        && let Err(error) = state.bus.publish(&Fact::FilePartlyIngested { object: key.to_owned() }).await
    {
        tracing::warn!(
            error = format!("{error:#}"),
            "that a file is unfinished was not announced; the schedule finds it"
        );
    }
    Ok(())
}

/// Whether there is time for another batch. `deadline` is in milliseconds since 1970; 0 for none.
pub fn within(deadline: u64) -> impl Fn() -> bool {
    move || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        deadline == 0 || now + MARGIN_MS < u128::from(deadline)
    }
}
