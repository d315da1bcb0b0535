//! POST events: one, a batch, or NDJSON. A body is taken in piece by piece, so
//! that only some of its events are in memory as values at a time.

use chrono::{DateTime, Utc};
use function_edge::{Caller, Problem, Reply, Request};
use learning_core::event::identity::Occurrences;
use learning_core::event::privacy::Redactor;
use learning_core::event::{EventSource, Fault, FaultCode, Provenance, UserId};
use learning_core::usecase::{Incoming, IngestError, Outcome, Senders, Terms, parse};

use crate::State;
use crate::body::{Body, Format, Posted};
use crate::idempotency;
use crate::summary::Summary;

/// Bytes of text whose events are in memory at once.
const CHUNK_BYTES: usize = 1024 * 1024;

pub async fn post_events(state: &State, request: &Request) -> Result<Reply, Problem> {
    let body = Body::of(request, &state.settings)?;
    let mut intake = Intake::new(state, request);
    match body.format {
        Format::Ndjson => {
            idempotency::claim(state, request, || body.digest()).await?;
            intake.records(&body).await?;
        }
        Format::Json => {
            let text = body.text()?;
            let posted = Posted::read(&text, state.settings.batch_events)?;
            idempotency::claim(state, request, || body.digest()).await?;
            match posted {
                Posted::One(event) => {
                    let outcomes = intake.take(vec![parse(event.as_bytes())]).await?;
                    if let [Outcome::Rejected { errors, .. }] = outcomes.as_slice() {
                        return Err(refusal(errors.clone()));
                    }
                    intake.list(outcomes)?;
                }
                Posted::Batch(events) => {
                    let mut chunk = Chunk::default();
                    for event in events {
                        intake.push(&mut chunk, event.get().len(), parse(event.get().as_bytes())).await?;
                    }
                    intake.flush(&mut chunk).await?;
                }
            }
        }
    }
    Reply::json(202, &intake.summary)
}

/// Why events could not be taken in, for the caller.
pub fn problem_of(error: IngestError) -> Problem {
    match error {
        IngestError::Throttled => Problem::throttled(error.to_string()),
        IngestError::Unavailable(ref source) => {
            tracing::warn!(error = format!("{source:#}"), "events could not be stored");
            Problem::unavailable(error.to_string())
        }
        IngestError::Store(error) => Problem::from(error),
    }
}

/// A single rejected event is a problem of the request.
fn refusal(errors: Vec<Fault>) -> Problem {
    if errors.iter().any(|fault| fault.code == FaultCode::NotAllowed) {
        return Problem::forbidden("the token is for another user's events");
    }
    Problem::invalid("The event is invalid", errors)
}

/// Where the events of a request come from: the client of its token, or a file, where a
/// service says that it replays one.
fn provenance(request: &Request, redactor: &Redactor) -> Provenance {
    let is_replay = request.header("learning-source").is_some_and(|source| source == EventSource::Replay.name());
    if is_replay && matches!(request.caller, Caller::Service) {
        return Provenance::new(EventSource::Replay, request.header("learning-sender").unwrap_or_default(), redactor);
    }
    Provenance::new(EventSource::Http, request.client.as_deref().unwrap_or_default(), redactor)
}

/// Taking in one request.
struct Intake<'a> {
    state: &'a State,
    now: DateTime<Utc>,
    only: Option<UserId>,
    provenance: Provenance,
    /// How often each content came in this request without an id.
    occurrences: Occurrences,
    summary: Summary,
}

#[derive(Default)]
struct Chunk {
    events: Vec<Incoming>,
    bytes: usize,
}

impl<'a> Intake<'a> {
    fn new(state: &'a State, request: &Request) -> Self {
        let only = request.caller.only();
        let provenance = provenance(request, &state.settings.privacy);
        let (occurrences, summary) = (Occurrences::default(), Summary::default());
        Self { state, now: Utc::now(), only, provenance, occurrences, summary }
    }

    async fn take(&mut self, events: Vec<Incoming>) -> Result<Vec<Outcome>, Problem> {
        let terms = Terms { now: self.now, only: self.only, senders: Senders::One(self.provenance.clone()) };
        self.state.ingest.ingest(events, &terms, &mut self.occurrences).await.map_err(problem_of)
    }

    fn list(&mut self, outcomes: Vec<Outcome>) -> Result<(), Problem> {
        self.summary.add(outcomes).map_err(|error| Problem::internal(&error.into()))
    }

    async fn push(&mut self, chunk: &mut Chunk, bytes: usize, event: Incoming) -> Result<(), Problem> {
        chunk.bytes += bytes;
        chunk.events.push(event);
        if chunk.bytes >= CHUNK_BYTES || chunk.events.len() >= self.state.settings.batch_events {
            self.flush(chunk).await?;
        }
        Ok(())
    }

    async fn flush(&mut self, chunk: &mut Chunk) -> Result<(), Problem> {
        let Chunk { events, .. } = std::mem::take(chunk);
        if !events.is_empty() {
            let outcomes = self.take(events).await?;
            self.list(outcomes)?;
        }
        Ok(())
    }

    /// Lines, or whatever else the body holds records in.
    async fn records(&mut self, body: &Body<'_>) -> Result<(), Problem> {
        let mut chunk = Chunk::default();
        for record in body.records() {
            let record = record?;
            self.push(&mut chunk, record.text.len(), record.json()).await?;
        }
        self.flush(&mut chunk).await
    }
}
