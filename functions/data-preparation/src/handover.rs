//! The routes by which trainers get versions and report back, and by which
//! models get features.

use chrono::{DateTime, Utc};
use function_edge::{DEFAULT_LIMIT, MOST, Problem, Reply, Request};
use learning_core::dataset::Version;
use learning_core::event::UserId;
use learning_core::features::{FEATURES, feature_set_hash};
use learning_core::store::{TrainedReport, VersionRecord};
use learning_core::usecase::{HandoverError, LINK_LASTS, Reported, Training};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::State;

pub async fn versions(state: &State, request: &Request) -> Result<Reply, Problem> {
    let dataset = request.dataset()?;
    let limit = request.limit(DEFAULT_LIMIT, MOST)?;
    let before = match request.query("cursor") {
        None => None,
        Some(text) => {
            let number = text.parse().ok().map(Version);
            Some(number.ok_or_else(|| Problem::malformed("cursor must be the `next` of an earlier answer"))?)
        }
    };
    let (versions, more) = state.handover.versions(dataset, limit, before).await?;
    let next = versions.last().filter(|_| more).map(|last| last.version.0.to_string());
    let mut shown = Vec::with_capacity(versions.len());
    for record in &versions {
        let mut version = summary(state, record);
        version["trained"] = state.handover.reports(dataset, record.version).await?.iter().map(report).collect();
        shown.push(version);
    }
    Reply::json(200, &json!({"dataset_id": dataset.id(), "versions": shown, "count": versions.len(), "next": next}))
}

pub async fn version(state: &State, request: &Request) -> Result<Reply, Problem> {
    let details = state.handover.version(request.dataset()?, request.version("version")?).await.map_err(problem)?;
    let mut answer = summary(state, &details.record);
    let links: Vec<Value> = details
        .links
        .iter()
        .map(|(path, url)| {
            let file = details.manifest.files.iter().find(|file| file.path == *path);
            json!({
                "path": path, "url": url, "split": file.map(|file| file.split), "rows": file.map(|file| file.rows),
                "bytes": file.map(|file| file.bytes), "sha256": file.map(|file| file.sha256.as_str()),
            })
        })
        .collect();
    answer["links"] = json!({"files": links, "expire_at": Utc::now() + LINK_LASTS});
    answer["trained"] = details.trained.iter().map(report).collect();
    answer["content"] = json!(details.manifest);
    Reply::json(200, &answer)
}

/// A version as it is listed.
fn summary(state: &State, record: &VersionRecord) -> Value {
    json!({
        "dataset_id": record.dataset.id(),
        "dataset_type": record.dataset,
        "version": record.version,
        "epoch": record.epoch,
        "created_at": record.created_at,
        "data_count": record.new.counting,
        "new_events": record.new.events,
        "input_events": record.input.events,
        "rows": record.rows,
        "quality_score": record.overall_score,
        "digest": record.digest,
        "manifest": state.objects.uri(&record.manifest),
        "forced": record.forced,
    })
}

fn report(report: &TrainedReport) -> Value {
    json!({
        "model_id": report.model_id,
        "model_version": report.model_version,
        "metrics": report.metrics,
        "trained_at": report.trained_at,
        "reported_at": report.reported_at,
        "digest": report.digest,
    })
}

pub async fn diff(state: &State, request: &Request) -> Result<Reply, Problem> {
    let (dataset, from, to) = (request.dataset()?, request.version("version")?, request.version("other")?);
    let diff = state.handover.diff(dataset, from, to).await.map_err(problem)?;
    Reply::json(
        200,
        &json!({
            "dataset_id": dataset.id(), "from": diff.from, "to": diff.to,
            "changes": diff.rows, "drift": diff.drift, "target": diff.target,
        }),
    )
}

#[derive(Deserialize)]
struct TrainedBody {
    model_id: Option<String>,
    model_version: Option<String>,
    #[serde(default)]
    metrics: Map<String, Value>,
    trained_at: Option<DateTime<Utc>>,
}

pub async fn trained(state: &State, request: &Request) -> Result<Reply, Problem> {
    let (dataset, version) = (request.dataset()?, request.version("version")?);
    let body: TrainedBody = request.json()?;
    let named = |text: Option<String>| {
        let text = text.filter(|text| !text.trim().is_empty() && text.len() <= 256)?;
        Some(state.redactor.redact_text(&text).0)
    };
    let mut metrics = body.metrics;
    state.redactor.redact(&mut metrics);
    let training = Training {
        model_id: named(body.model_id).ok_or_else(|| Problem::missing_field("model_id", "up to 256 characters"))?,
        model_version: named(body.model_version)
            .ok_or_else(|| Problem::missing_field("model_version", "up to 256 characters"))?,
        metrics,
        trained_at: body.trained_at.unwrap_or_else(Utc::now),
    };
    let (status, reported) = match state.handover.trained(dataset, version, training, Utc::now()).await {
        Ok(Reported::New(report)) => (201, report),
        Ok(Reported::Before(report)) => (200, report),
        Err(error) => return Err(problem(error)),
    };
    let mut answer = report(&reported);
    answer["dataset_id"] = json!(dataset.id());
    answer["dataset_type"] = json!(dataset);
    answer["version"] = json!(version);
    Reply::json(status, &answer)
}

pub async fn features(state: &State, request: &Request) -> Result<Reply, Problem> {
    let id = request.segment("user_id");
    let user = Uuid::parse_str(id).map_err(|_| Problem::malformed(format!("user_id must be a UUID, not {id:?}")))?;
    request.caller.may_touch(UserId(user))?;
    let asked = request.query_time("as_of")?;
    let as_of = asked.unwrap_or_else(Utc::now);
    let known_at = request.query_time("known_at")?;
    let served = state.features.features(UserId(user), as_of, known_at).await?;
    let served = served.ok_or_else(|| Problem::not_found("no transaction of this user is stored"))?;
    let by_name: Map<String, Value> =
        FEATURES.iter().zip(served.features).map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let reply = Reply::json(
        200,
        &json!({
            "user_id": user, "as_of": as_of, "known_at": known_at, "feature_set": feature_set_hash(),
            "transaction_count": served.transactions, "names": &FEATURES[..],
            "values": &served.features[..],
            "features": by_name,
        }),
    )?;
    // Where no moment is named, the moment of asking alone makes no other answer.
    reply.tagged_by(&(asked, known_at, feature_set_hash(), served.transactions, &served.features[..]))
}

fn problem(error: HandoverError) -> Problem {
    let detail = error.to_string();
    match error {
        HandoverError::NoVersion { .. } => Problem::not_found(detail),
        HandoverError::NotInitialized { .. } => Problem::not_found(format!("{detail}: POST …/initialize first")),
        HandoverError::TooLarge { .. } => {
            Problem::conflict("too-large-to-compare", "The versions are too large", detail)
        }
        HandoverError::Store(error) => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use learning_core::dataset::Dataset;

    use super::*;

    #[test]
    fn what_trainers_ask_wrongly_is_theirs_to_mend() {
        let dataset = Dataset::GOAL;
        for error in [
            HandoverError::NoVersion { dataset, version: Version(7) },
            HandoverError::NotInitialized { dataset },
            HandoverError::TooLarge { bytes: 1 },
        ] {
            assert!((400..500).contains(&problem(error).status()));
        }
    }
}
