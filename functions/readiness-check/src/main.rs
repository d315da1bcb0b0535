//! The Lambda function: see the library for what it does.

use std::sync::Arc;

use function_edge::{Error, run, start};
use readiness_check::{State, handle};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let start = start().await?;
    let state = Arc::new(State::new(&start.clients, &start.settings));
    run(move |event| {
        let state = Arc::clone(&state);
        async move { handle(&state, event).await }
    })
    .await
}
