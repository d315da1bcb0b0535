//! readiness-check: tells how the datasets stand, and moves them along whenever
//! something has changed.

mod view;

use chrono::Utc;
use function_edge::{Answer, Error, LambdaEvent, Problem, RawValue, Reply, Request, Route, Trigger};
use learning_core::dataset::Dataset;
use learning_core::dataset::settings::Settings;
use learning_core::store::{COUNTER_PREFIX, Clients, Counters, Heads};
use learning_core::usecase::{Announce, Evaluate, Observe, initialize};
use serde_json::{Value, json};

#[derive(Debug)]
pub struct State {
    observe: Observe,
    evaluate: Evaluate,
    counters: Counters,
    heads: Heads,
    settings: Settings,
}

impl State {
    pub fn new(clients: &Clients, settings: &Settings) -> Self {
        Self {
            observe: Observe::new(clients, settings),
            evaluate: Evaluate::new(clients, settings),
            counters: Counters::new(clients),
            heads: Heads::new(clients),
            settings: settings.clone(),
        }
    }
}

/// # Errors
/// When the store or the bus fails on a trigger other than HTTP.
pub async fn handle(state: &State, event: LambdaEvent<Box<RawValue>>) -> Result<Answer, Error> {
    let id = &event.context.request_id;
    Trigger::dispatch(&event.payload, id, |request| respond(state, request), |trigger| react(state, trigger)).await
}

async fn respond(state: &State, request: Box<Request>) -> Result<Reply, Problem> {
    match request.route {
        Route::Status => Reply::json(200, &view::status(&state.observe.all().await?, &state.settings, Utc::now())),
        Route::Datasets => Reply::json(200, &view::datasets(&state.observe.all().await?, &state.settings)),
        Route::Dataset => {
            let dataset = request.dataset()?;
            let overview = state.observe.one(dataset).await?;
            let overview = overview
                .ok_or_else(|| Problem::not_found(format!("{dataset} is not initialized: POST …/initialize first")))?;
            Reply::json(200, &view::dataset(&overview, &state.settings))
        }
        Route::ReadyDatasets => Reply::json(200, &view::ready_datasets(&state.observe.all().await?, &state.settings)),
        Route::Initialize => {
            let created = initialize(&state.counters, &state.heads, Utc::now()).await?;
            let mut answer = view::datasets(&state.observe.all().await?, &state.settings);
            answer["created"] = json!(created);
            Reply::json(if created > 0 { 201 } else { 200 }, &answer)
        }
        Route::Health => Reply::json(200, &json!({"status": "healthy", "version": env!("CARGO_PKG_VERSION")})),
        other => Err(Problem::not_found(format!("readiness-check does not answer {}", other.path()))),
    }
}

async fn react(state: &State, trigger: Trigger) -> Result<Value, Error> {
    match trigger {
        Trigger::Changes(keys) if keys.iter().any(|key| key.starts_with(COUNTER_PREFIX)) => {
            evaluate(state, Dataset::all(), Announce::Changes).await
        }
        Trigger::Changes(_) => Ok(json!({"nothing": "no counter has changed"})),
        Trigger::Schedule => evaluate(state, Dataset::all(), Announce::Standing).await,
        Trigger::Fact { dataset, .. } => evaluate(state, [dataset], Announce::Changes).await,
        Trigger::Http(_) => Err(trigger.unexpected()),
    }
}

async fn evaluate(
    state: &State,
    datasets: impl IntoIterator<Item = Dataset>,
    announce: Announce,
) -> Result<Value, Error> {
    let mut states = serde_json::Map::new();
    for dataset in datasets {
        let standing = state.evaluate.evaluate(dataset, announce, Utc::now()).await?;
        states.insert(dataset.name().to_owned(), json!(standing));
    }
    Ok(Value::Object(states))
}
