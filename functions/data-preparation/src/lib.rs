//! data-preparation: makes versions, on request and when a dataset is ready; hands
//! them over to trainers; answers the features that they are made of; sweeps away
//! what preparations left that nobody goes on with.

mod handover;
mod tasks;

use chrono::{DateTime, Utc};
use function_edge::{
    Answer, Callers, Error, LambdaEvent, Problem, RawValue, Reply, Request as Http, Route, Trigger, dataset_of,
};
use learning_core::dataset::Dataset;
use learning_core::dataset::settings::Settings;
use learning_core::event::privacy::Redactor;
use learning_core::store::{Clients, DATA_ERASED, Objects, VersionRecord};
use learning_core::usecase::{Handover, Prepare, PrepareError, Prepared, Replace, Request, ServeFeatures, Sweep};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Debug)]
pub struct State {
    callers: Callers,
    prepare: Prepare,
    replace: Replace,
    handover: Handover,
    features: ServeFeatures,
    sweep: Sweep,
    objects: Objects,
    redactor: Redactor,
}

impl State {
    pub fn new(clients: &Clients, settings: &Settings) -> Self {
        Self {
            callers: Callers::new(settings),
            prepare: Prepare::new(clients, settings),
            replace: Replace::new(clients, settings),
            handover: Handover::new(clients),
            features: ServeFeatures::new(clients, settings),
            sweep: Sweep::new(clients),
            objects: Objects::new(clients),
            redactor: settings.privacy.clone(),
        }
    }

    /// Finishes the preparation that a process before this one began at that time and
    /// left behind. Only for a process that knows that no other is at work.
    ///
    /// # Errors
    /// See [`PrepareError`].
    pub async fn take_over(&self, dataset: Dataset, begun_at: DateTime<Utc>) -> Result<Prepared, PrepareError> {
        self.prepare.prepare(dataset, &Request::TakeOver { begun_at }, Utc::now()).await
    }
}

/// How often a trigger tries, where somebody else changes the dataset meanwhile.
const ATTEMPTS: u32 = 3;

/// # Errors
/// For triggers that this function does not know, and when an automatic
/// preparation fails.
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

async fn respond(state: &State, request: Box<Http>) -> Result<Reply, Problem> {
    match request.route {
        Route::PrepareData => prepare_data(state, &request).await,
        Route::Versions => handover::versions(state, &request).await,
        Route::Version => handover::version(state, &request).await,
        Route::VersionDiff => handover::diff(state, &request).await,
        Route::Trained => handover::trained(state, &request).await,
        Route::Features => handover::features(state, &request).await,
        other => Err(Problem::not_found(format!("data-preparation does not answer {}", other.path()))),
    }
}

/// Replaces the versions that hold rows of erased users.
async fn replace(state: &State, dataset: Dataset) -> Result<Value, Error> {
    match again_where_changed(|| state.replace.replace(dataset, Utc::now())).await {
        Ok(replaced) => Ok(serde_json::to_value(replaced)?),
        // Whoever sweeps erasures asks again.
        Err(error @ (PrepareError::UnderWay { .. } | PrepareError::Changed { .. })) => {
            Ok(json!({"later": error.to_string()}))
        }
        Err(error) => Err(error.into()),
    }
}

/// At once again where somebody else changed the dataset meanwhile: nobody waits here,
/// and the next sweep is minutes away.
async fn again_where_changed<T, F>(work: impl Fn() -> F) -> Result<T, PrepareError>
where
    F: Future<Output = Result<T, PrepareError>>,
{
    for _ in 1..ATTEMPTS {
        match work().await {
            Err(PrepareError::Changed { .. }) => {}
            other => return other,
        }
    }
    work().await
}

async fn react(state: &State, trigger: Trigger) -> Result<Value, Error> {
    let dataset = match &trigger {
        Trigger::Fact { dataset, name } if name == DATA_ERASED => return replace(state, *dataset).await,
        Trigger::Fact { dataset, .. } => dataset,
        Trigger::Task(task) => return tasks::run(state, task).await,
        Trigger::Schedule => return Ok(json!({"swept": state.sweep.sweep(Utc::now()).await?})),
        _ => return Err(trigger.unexpected()),
    };
    match again_where_changed(|| state.prepare.prepare(*dataset, &Request::Automatic, Utc::now())).await {
        Ok(Prepared::New(version) | Prepared::Current(version)) => Ok(json!({"version": version.version})),
        Ok(Prepared::NotDue) => Ok(json!({"not_due": true})),
        // Somebody is at it: nothing that a repetition would change.
        Err(error @ PrepareError::UnderWay { .. }) => Ok(json!({"nothing": error.to_string()})),
        // The sweep takes it up.
        Err(error @ PrepareError::Changed { .. }) => Ok(json!({"later": error.to_string()})),
        Err(error) => Err(error.into()),
    }
}

#[derive(Deserialize)]
struct PrepareData {
    dataset_id: Option<String>,
    #[serde(default)]
    force: bool,
    reason: Option<String>,
}

async fn prepare_data(state: &State, request: &Http) -> Result<Reply, Problem> {
    let body: PrepareData = request.json()?;
    let id = body.dataset_id.ok_or_else(|| Problem::missing_field("dataset_id", "the UUID of a dataset"))?;
    let dataset = dataset_of(&id)?;
    let asked = match (body.force, body.reason) {
        (false, _) => Request::Ready,
        (true, Some(reason)) if !reason.trim().is_empty() => Request::Forced { reason },
        (true, _) => return Err(Problem::missing_field("reason", "why a dataset that is not ready is prepared")),
    };
    match state.prepare.prepare(dataset, &asked, Utc::now()).await {
        Ok(Prepared::New(version)) => answer(state, &version, true),
        Ok(Prepared::Current(version)) => answer(state, &version, false),
        Ok(Prepared::NotDue) => Err(Problem::busy("the preparation is not due")),
        Err(error) => Err(problem(error)),
    }
}

fn answer(state: &State, version: &VersionRecord, created: bool) -> Result<Reply, Problem> {
    Reply::json(
        200,
        &json!({
            "success": true,
            "dataset_type": version.dataset,
            "version": version.version,
            "created": created,
            "data_count": version.new.counting,
            "state": "prepared",
            "manifest": state.objects.uri(&version.manifest),
            "digest": version.digest,
            "prepared_data": version.statistics,
        }),
    )
}

fn problem(error: PrepareError) -> Problem {
    let detail = error.to_string();
    match error {
        PrepareError::NotAvailable(_) => Problem::not_available(detail),
        PrepareError::NotInitialized(_) => Problem::not_found(format!("{detail}: POST …/initialize first")),
        PrepareError::NoKey => Problem::not_configured(detail),
        PrepareError::Nothing { .. } => Problem::conflict("nothing-to-prepare", "There is nothing to prepare", detail),
        PrepareError::UnderWay { .. } => Problem::conflict("already-preparing", "A preparation is under way", detail),
        PrepareError::Changed { .. } => {
            Problem::conflict("changed-meanwhile", "The dataset was changed at the same time", detail)
        }
        PrepareError::NotReady { readiness, .. } => {
            let missing: Vec<&str> =
                readiness.gates.iter().filter(|gate| !gate.passed).map(|gate| gate.explanation.as_str()).collect();
            let detail = format!(
                "{detail}: {} Send \"force\": true with a reason to prepare it all the same.",
                missing.join(" ")
            );
            let readiness = serde_json::to_value(&readiness).unwrap_or_default();
            Problem::conflict("not-ready", "The dataset is not ready", detail).with_readiness(readiness)
        }
        PrepareError::Store(error) => error.into(),
    }
}
