//! quality-assessment: judges datasets, on request and when a threshold is reached.

pub mod view;

use chrono::Utc;
use function_edge::{
    Answer, Callers, Error, LambdaEvent, NDJSON, Problem, RawValue, Reply, Request, Route, Trigger, cursor, dataset_of,
};
use learning_core::dataset::settings::Settings;
use learning_core::event::EventId;
use learning_core::store::{ASSESSMENT_PREFIX, Assessments, Clients, Fact};
use learning_core::usecase::{Assess, AssessError, Assessed, Failing, Trigger as Asked};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

#[derive(Debug)]
pub struct State {
    callers: Callers,
    assess: Assess,
    assessments: Assessments,
}

impl State {
    pub fn new(clients: &Clients, settings: &Settings) -> Self {
        Self {
            callers: Callers::new(settings),
            assess: Assess::new(clients, settings),
            assessments: Assessments::new(clients),
        }
    }
}

/// # Errors
/// For triggers that this function does not know, and when the store or the bus
/// fails on an automatic assessment.
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
    match request.route {
        Route::AssessQuality => assess_quality(state, &request).await,
        Route::QualityMetrics => quality_metrics(state, &request).await,
        Route::Assessment => assessment(state, &request).await,
        Route::FailingRecords => failing_records(state, &request).await,
        other => Err(Problem::not_found(format!("quality-assessment does not answer {}", other.path()))),
    }
}

async fn react(state: &State, trigger: Trigger) -> Result<Value, Error> {
    let Trigger::Fact { dataset, name } = &trigger else { return Err(trigger.unexpected()) };
    let asked = if *name == Fact::AssessmentRequested(*dataset).name() { Asked::Later } else { Asked::Automatic };
    match state.assess.assess(*dataset, asked, Utc::now()).await {
        Ok(Assessed::New(record)) => {
            tracing::info!(%dataset, score = record.judgement.metrics.overall_score, "a dataset is assessed");
            Ok(json!({"assessment_id": record.id}))
        }
        Ok(Assessed::Cached(record)) => Ok(json!({"assessment_id": record.id, "cached": true})),
        Ok(Assessed::Accepted(request)) => Ok(json!({"assessment_id": request.id, "requested": true})),
        Ok(Assessed::NotDue) => Ok(json!({"not_due": true})),
        // Nothing that a repetition would change.
        Err(error @ (AssessError::NotInitialized(_) | AssessError::NoRecords(_))) => {
            Ok(json!({"nothing": error.to_string()}))
        }
        Err(AssessError::Store(error)) => Err(error.into()),
    }
}

#[derive(Deserialize)]
struct AssessQuality {
    dataset_id: Option<String>,
}

async fn assess_quality(state: &State, request: &Request) -> Result<Reply, Problem> {
    let body: AssessQuality = request.json()?;
    let id = body.dataset_id.ok_or_else(|| Problem::missing_field("dataset_id", "the UUID of a dataset"))?;
    let dataset = dataset_of(&id)?;
    let (record, cached) = match state.assess.assess(dataset, Asked::Request, Utc::now()).await {
        Ok(Assessed::New(record)) => (record, false),
        Ok(Assessed::Cached(record)) => (record, true),
        Ok(Assessed::Accepted(request)) => {
            let location = format!("/coaching/continuous-learning/assessments/{}", request.id);
            return Ok(Reply::json(202, &view::requested(&request))?.with_location(&location));
        }
        Ok(Assessed::NotDue) => return Err(Problem::busy("the assessment is not due")),
        Err(error @ AssessError::NotInitialized(_)) => {
            return Err(Problem::not_found(format!("{error}: POST …/initialize first")));
        }
        Err(error @ AssessError::NoRecords(_)) => {
            return Err(Problem::conflict("nothing-to-assess", "There is nothing to assess", error.to_string()));
        }
        Err(AssessError::Store(error)) => return Err(error.into()),
    };
    Reply::json(200, &view::assessment(&record, cached))
}

/// One assessment: done, or promised.
async fn assessment(state: &State, request: &Request) -> Result<Reply, Problem> {
    let id = request.uuid("assessment_id")?;
    if let Some(record) = state.assessments.find(id).await? {
        return Reply::json(200, &view::assessment(&record, false));
    }
    match state.assessments.find_request(id).await? {
        Some(request) => Reply::json(200, &view::requested(&request)),
        None => Err(no_assessment(id)),
    }
}

/// The most records in one answer. All records are read for each.
pub const MOST_FAILING: usize = 1_000;

/// The records that fail a rule, as they are now: a page of them, or lines to be kept.
async fn failing_records(state: &State, request: &Request) -> Result<Reply, Problem> {
    let id = request.uuid("assessment_id")?;
    let record = state.assessments.find(id).await?.ok_or_else(|| no_assessment(id))?;
    let rule = request.query("rule").ok_or_else(|| {
        Problem::malformed("rule is required: the `key` of a part of the explanation, or `duplicate`")
    })?;
    let limit = request.limit(50, MOST_FAILING)?;
    let after = match request.query("cursor") {
        None => None,
        Some(cursor) => {
            let id = Uuid::parse_str(&cursor);
            Some(EventId(id.map_err(|_| Problem::malformed("cursor must be the `next` of an earlier answer"))?))
        }
    };
    let failing = state.assess.failing(&record, &rule, limit, after).await?;
    if failing.is_none() && view::rules(&record).all(|known| known != rule) {
        let detail = format!("no rule {rule:?} lowered this assessment; its explanation has the keys");
        return Err(Problem::not_found(detail));
    }
    let reply = match failing {
        Some(failing) if request.accepts(NDJSON) => export(id, &rule, limit, &failing)?,
        None if request.accepts(NDJSON) => Reply::lines::<Value>(&[])?,
        Some(failing) => Reply::json(200, &view::failing(&record, &rule, &failing))?,
        None => Reply::json(200, &view::none_fails(&record, &rule))?,
    };
    Ok(reply.as_accepted())
}

/// Records as lines, and where the next ones are.
fn export(assessment: Uuid, rule: &str, limit: usize, failing: &Failing) -> Result<Reply, Problem> {
    let reply = Reply::lines(&view::records(failing))?;
    Ok(match failing.next {
        None => reply,
        Some(next) => {
            let rule = utf8_percent_encode(rule, NON_ALPHANUMERIC);
            let path = format!("/coaching/continuous-learning/assessments/{assessment}/failing-records");
            reply.with_next(&format!("{path}?rule={rule}&limit={limit}&cursor={next}"))
        }
    })
}

fn no_assessment(id: Uuid) -> Problem {
    Problem::not_found(format!("there is no assessment {id}; GET …/quality-metrics/{{dataset_id}} lists them"))
}

async fn quality_metrics(state: &State, request: &Request) -> Result<Reply, Problem> {
    let dataset = request.dataset()?;
    let asked = request.page(ASSESSMENT_PREFIX)?;
    let page = state.assessments.page(dataset, asked.limit, asked.from.as_deref()).await?;
    let metrics: Vec<Value> = page.items.iter().map(view::metric).collect();
    let next = page.next.as_deref().map(cursor);
    let count = metrics.len();
    Reply::json(
        200,
        &json!({"dataset_id": dataset.id(), "quality_metrics": metrics, "metrics_count": count, "next": next}),
    )
}
