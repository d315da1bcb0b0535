//! The Lambda function: see the library for what it does.

use std::sync::Arc;

use event_ingestion::{State, handle};
use function_edge::{Error, run, start};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let start = start().await?;
    if start.settings.privacy.key().is_none() {
        return Err("no redaction key is set: set LEARNING_REDACTION_KEY (make one with `openssl rand -hex 32`)".into());
    }
    let state = Arc::new(State::new(&start.clients, &start.settings));
    run(move |event| {
        let state = Arc::clone(&state);
        async move { handle(&state, event).await }
    })
    .await
}
