//! event-ingestion: takes events in by every road, replays what was turned away, and erases users.
//!
//! A road each: [`http`], [`queue`] (SQS), [`stream`] (a foreign DynamoDB table),
//! [`bus`] (EventBridge), [`files`] (objects under `incoming/`). Behind all of
//! them is one use case.

mod body;
mod bus;
mod erasure;
mod files;
mod http;
mod idempotency;
mod quarantine;
mod queue;
mod source;
mod stream;
mod summary;

use std::sync::Arc;

use chrono::Utc;
use function_edge::{Answer, Callers, Error, LambdaEvent, Problem, RawValue, Reply, Request, Route, Trigger};
use learning_core::dataset::settings::Settings;
use learning_core::store::{Bus, Clients, IdempotencyKeys};
use learning_core::usecase::{Erase, IncomingFiles, Ingest, Requeue, Unanswered};
use serde_json::{Value, json};

use self::source::Source;

#[derive(Debug)]
pub struct State {
    callers: Callers,
    ingest: Arc<Ingest>,
    road: Unanswered,
    files: IncomingFiles,
    requeue: Requeue,
    erase: Erase,
    idempotency_keys: IdempotencyKeys,
    bus: Bus,
    settings: Settings,
}

impl State {
    pub fn new(clients: &Clients, settings: &Settings) -> Self {
        let ingest = Arc::new(Ingest::new(clients, settings));
        let road = Unanswered::new(Arc::clone(&ingest), clients, settings);
        Self {
            callers: Callers::new(settings),
            files: IncomingFiles::new(road.clone(), clients, settings),
            ingest,
            road,
            requeue: Requeue::new(clients, settings),
            erase: Erase::new(clients),
            idempotency_keys: IdempotencyKeys::new(clients),
            bus: Bus::new(clients),
            settings: settings.clone(),
        }
    }
}

/// # Errors
/// For triggers that this function does not know, and what shall be brought again.
pub async fn handle(state: &State, event: LambdaEvent<Box<RawValue>>) -> Result<Answer, Error> {
    let id = &event.context.request_id;
    if Trigger::is_http(&event.payload) {
        let react = async |other: Trigger| Err(other.unexpected());
        return Trigger::dispatch(&event.payload, id, &state.callers, |request| respond(state, request), react).await;
    }
    // The future is large: it goes on the heap once per invocation.
    let note = Box::pin(react(state, Source::read(&event.payload)?, event.context.deadline)).await?;
    Ok(Answer::Json(note))
}

async fn respond(state: &State, request: Box<Request>) -> Result<Reply, Problem> {
    match request.route {
        Route::PostEvents => http::post_events(state, &request).await,
        Route::EraseUser => erasure::erase(state, &request).await,
        Route::Erasure => erasure::receipt(state, &request).await,
        Route::ReplayQuarantine => quarantine::replay(state, &request).await,
        other => Err(Problem::not_found(format!("event-ingestion does not answer {}", other.path()))),
    }
}

/// `deadline` is in milliseconds since 1970; 0 for none.
async fn react(state: &State, source: Source, deadline: u64) -> Result<Value, Error> {
    match source {
        Source::Queue(records) => Ok(queue::take(&state.road, records).await),
        Source::Stream(records) => stream::take(&state.road, &state.settings.mappings, records).await,
        Source::Bus(event) => bus::take(&state.road, event).await,
        Source::Objects(keys) => {
            for key in &keys {
                files::ingest(state, key, deadline).await?;
            }
            Ok(json!({"objects": keys.len()}))
        }
        Source::PartlyIngested(key) => {
            files::ingest(state, &key, deadline).await?;
            Ok(json!({"objects": 1}))
        }
        Source::Schedule => {
            let unfinished = state.files.unfinished().await?;
            for key in &unfinished {
                files::ingest(state, key, deadline).await?;
            }
            let erasures = state.erase.unfinished().await?;
            for erasure in &erasures {
                state.erase.carry_out(*erasure, Utc::now()).await?;
            }
            Ok(json!({"objects": unfinished.len(), "erasures": erasures.len()}))
        }
        Source::ErasureRequested(erasure) => {
            let receipt = state.erase.carry_out(erasure, Utc::now()).await?;
            Ok(json!({"erasure": erasure, "status": receipt.status}))
        }
        Source::ReplayQuarantine { after } => {
            let may_go_on = files::within(deadline);
            let after = after.as_deref();
            let requeued = state.requeue.replay(&state.ingest, after, usize::MAX, may_go_on, Utc::now()).await?;
            Ok(serde_json::to_value(requeued)?)
        }
    }
}
