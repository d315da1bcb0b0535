//! event-ingestion: takes events in over HTTP.

use chrono::Utc;
use function_edge::{Answer, Error, LambdaEvent, Problem, RawValue, Reply, Request, Route, Trigger};
use learning_core::dataset::Dataset;
use learning_core::dataset::settings::Settings;
use learning_core::event::{Fault, FaultCode};
use learning_core::store::Clients;
use learning_core::usecase::{Ingest, IngestError, Outcome};
use serde::Serialize;
use serde_json::Value;

#[derive(Debug)]
pub struct State {
    ingest: Ingest,
    batch_events: usize,
}

impl State {
    pub fn new(clients: &Clients, settings: &Settings) -> Self {
        Self { ingest: Ingest::new(clients, settings), batch_events: settings.batch_events }
    }
}

/// # Errors
/// For triggers that this function does not know.
pub async fn handle(state: &State, event: LambdaEvent<Box<RawValue>>) -> Result<Answer, Error> {
    let id = &event.context.request_id;
    Trigger::dispatch(&event.payload, id, |request| respond(state, request), async |other| Err(other.unexpected()))
        .await
}

async fn respond(state: &State, request: Box<Request>) -> Result<Reply, Problem> {
    match request.route {
        Route::PostEvents => post_events(state, &request).await,
        other => Err(Problem::not_found(format!("event-ingestion does not answer {}", other.path()))),
    }
}

/// The events of a request: one, or a batch under `events`.
struct Posted {
    events: Vec<Value>,
    batch: bool,
}

impl Posted {
    fn of(body: Value, most: usize) -> Result<Self, Problem> {
        let Value::Object(mut object) = body else {
            return Err(Problem::malformed("the body must be an event, or {\"events\": […]}"));
        };
        match object.remove("events") {
            None => Ok(Self { events: vec![Value::Object(object)], batch: false }),
            Some(Value::Array(events)) if events.len() > most => {
                Err(Problem::too_large(format!("the batch has {} events; at most {most} are taken", events.len())))
            }
            Some(Value::Array(events)) => Ok(Self { events, batch: true }),
            Some(_) => {
                let fault = Fault::new(&["events"], FaultCode::WrongType, "events must be a list of events");
                Err(Problem::invalid("The batch is invalid", vec![fault]))
            }
        }
    }
}

async fn post_events(state: &State, request: &Request) -> Result<Reply, Problem> {
    let posted = Posted::of(request.json()?, state.batch_events)?;
    let outcomes = state.ingest.ingest(&posted.events, Utc::now()).await.map_err(|error| match error {
        IngestError::Busy(busy) => Problem::busy(busy.to_string()),
        IngestError::Store(error) => Problem::internal(&error),
    })?;
    match outcomes.as_slice() {
        [Outcome::Rejected { errors, .. }] if !posted.batch => {
            Err(Problem::invalid("The event is invalid", errors.clone()))
        }
        _ => Reply::json(202, &Summary::of(outcomes)),
    }
}

#[derive(Serialize)]
struct Summary {
    accepted: usize,
    duplicates: usize,
    rejected: usize,
    /// One an event, in the order of the request.
    results: Vec<EventResult>,
}

#[derive(Serialize)]
struct EventResult {
    event_id: Value,
    status: &'static str,
    datasets: Vec<Dataset>,
    warnings: Vec<Fault>,
    errors: Vec<Fault>,
}

impl Summary {
    fn of(outcomes: Vec<Outcome>) -> Self {
        let results: Vec<EventResult> = outcomes.into_iter().map(EventResult::of).collect();
        let count = |status| results.iter().filter(|result| result.status == status).count();
        Self { accepted: count("accepted"), duplicates: count("duplicate"), rejected: count("rejected"), results }
    }
}

impl EventResult {
    fn of(outcome: Outcome) -> Self {
        let blank = Self { event_id: Value::Null, status: "", datasets: vec![], warnings: vec![], errors: vec![] };
        match outcome {
            Outcome::Accepted { id, datasets, warnings } => {
                Self { event_id: Value::String(id.to_string()), status: "accepted", datasets, warnings, ..blank }
            }
            Outcome::Duplicate { id } => Self { event_id: Value::String(id.to_string()), status: "duplicate", ..blank },
            Outcome::Rejected { id, errors } => {
                Self { event_id: id.unwrap_or(Value::Null), status: "rejected", errors, ..blank }
            }
        }
    }
}
