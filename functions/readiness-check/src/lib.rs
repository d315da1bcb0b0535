//! readiness-check: tells how the datasets stand, and moves them along whenever
//! something has changed.

mod aggregation;
mod dashboard;
pub mod openapi;
mod view;

use chrono::Utc;
use function_edge::{Answer, Callers, Error, LambdaEvent, Problem, RawValue, Reply, Request, Route, Trigger, cursor};
use learning_core::dataset::settings::Settings;
use learning_core::store::{CHANGE_PREFIX, COUNTER_PREFIX, Clients, Counters, Heads, Timeline};
use learning_core::telemetry::Signal;
use learning_core::usecase::{Announce, CheckHealth, Evaluate, Health, KeepActivity, Observe, initialize, standings};
use serde_json::{Value, json};

use self::aggregation::Aggregation;

#[derive(Debug)]
pub struct State {
    callers: Callers,
    observe: Observe,
    evaluate: Evaluate,
    keep_activity: KeepActivity,
    check_health: CheckHealth,
    timeline: Timeline,
    counters: Counters,
    heads: Heads,
    settings: Settings,
}

impl State {
    pub fn new(clients: &Clients, settings: &Settings) -> Self {
        Self {
            callers: Callers::new(settings),
            observe: Observe::new(clients, settings),
            evaluate: Evaluate::new(clients, settings),
            keep_activity: KeepActivity::new(clients, settings),
            check_health: CheckHealth::new(clients, settings),
            timeline: Timeline::new(clients),
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
    Trigger::dispatch(
        &event.payload,
        id,
        &state.callers,
        |request| respond(state, request),
        |trigger| react(state, trigger),
    )
    .await
}

async fn respond(state: &State, request: Box<Request>) -> Result<Reply, Problem> {
    let settings = &state.settings;
    match request.route {
        Route::Status => Reply::json(200, &view::Status::new(&state.observe.all().await?, settings, Utc::now())),
        Route::Datasets => Reply::json(200, &view::Datasets::new(&state.observe.all().await?, settings)),
        Route::Dataset => {
            let dataset = request.dataset()?;
            let overview = state.observe.one(dataset).await?;
            let overview = overview
                .ok_or_else(|| Problem::not_found(format!("{dataset} is not initialized: POST …/initialize first")))?;
            Reply::json(200, &view::DatasetView::new(&overview, settings))
        }
        Route::ReadyDatasets => Reply::json(200, &view::ReadyDatasets::new(&state.observe.all().await?, settings)),
        Route::DataAggregation => {
            let (collected, activity) = (state.observe.collected().await?, state.observe.activity().await?);
            let aggregation = Aggregation::new(collected, &activity, Utc::now());
            Reply::json(200, &aggregation)?.tagged_by(&aggregation.collected)
        }
        Route::Timeline => timeline(state, &request).await,
        Route::Initialize => {
            let created = initialize(&state.counters, &state.heads, Utc::now()).await?;
            let answer = view::Datasets::new(&state.observe.all().await?, settings);
            Reply::json(if created > 0 { 201 } else { 200 }, &view::Datasets { created: Some(created), ..answer })
        }
        Route::Health => {
            let alive = view::Alive { status: Health::Healthy, version: env!("CARGO_PKG_VERSION") };
            Ok(Reply::json(200, &alive)?.momentary())
        }
        Route::Dependencies => {
            let dependencies = state.check_health.check(Utc::now()).await;
            let status = if dependencies.status == Health::Unavailable { 503 } else { 200 };
            Ok(Reply::json(status, &dependencies)?.momentary())
        }
        Route::Dashboard => Ok(dashboard::page()),
        Route::OpenApi => Reply::json(200, &openapi::document()),
        other => Err(Problem::not_found(format!("readiness-check does not answer {}", other.path()))),
    }
}

async fn timeline(state: &State, request: &Request) -> Result<Reply, Problem> {
    let dataset = request.dataset()?;
    let asked = request.page(CHANGE_PREFIX)?;
    let page = state.timeline.page(dataset, asked.limit, asked.from.as_deref()).await?;
    let next = page.next.as_deref().map(cursor);
    Reply::json(200, &view::Timeline { dataset_id: dataset.id(), changes: page.items, next })
}

async fn react(state: &State, trigger: Trigger) -> Result<Value, Error> {
    match trigger {
        Trigger::Changes(keys) if keys.iter().any(|key| key.starts_with(COUNTER_PREFIX)) => {
            keep_activity(state).await;
            evaluate_all(state, Announce::Changes).await
        }
        Trigger::Changes(_) => Ok(json!({"nothing": "no counter has changed"})),
        Trigger::Schedule => {
            keep_activity(state).await;
            let states = evaluate_all(state, Announce::Standing).await;
            tell_standings(state).await;
            states
        }
        Trigger::Fact { dataset, .. } => {
            let standing = state.evaluate.evaluate(dataset, Announce::Changes, Utc::now()).await?;
            Ok(json!({dataset.name(): standing}))
        }
        Trigger::Http(_) | Trigger::Task(_) => Err(trigger.unexpected()),
    }
}

/// The datasets move along also where a rate cannot be kept.
async fn keep_activity(state: &State) {
    if let Err(error) = state.keep_activity.keep(Utc::now()).await {
        tracing::warn!(error = format!("{error:#}"), "what has come in by now was not kept");
    }
}

/// For the alarms: also when the evaluation has failed, and most of all then.
async fn tell_standings(state: &State) {
    match state.observe.all().await {
        Ok(overviews) => {
            standings(&overviews, &state.settings, Utc::now()).iter().for_each(Signal::emit);
        }
        Err(error) => tracing::warn!(error = format!("{error:#}"), "how the datasets stand was not measured"),
    }
}

async fn evaluate_all(state: &State, announce: Announce) -> Result<Value, Error> {
    let states = state.evaluate.evaluate_all(announce, Utc::now()).await?;
    Ok(states.into_iter().map(|(dataset, state)| (dataset.name().to_owned(), json!(state))).collect())
}
