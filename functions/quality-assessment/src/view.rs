//! Assessments as callers see them.

use chrono::{DateTime, Utc};
use learning_core::dataset::Dataset;
use learning_core::event::{StoredEvent, format_time};
use learning_core::quality::{Contribution, Judgement, Metrics};
use learning_core::store::{AssessmentRecord, AssessmentRequest};
use learning_core::usecase::Failing;
use serde_json::{Value, json};

/// A judgement of a dataset.
pub fn judgement(dataset: Dataset, judgement: &Judgement) -> Value {
    let explanation: Vec<Value> = judgement.explanation.iter().map(part).collect();
    json!({
        "dataset_id": dataset.id(),
        "dataset": dataset,
        "quality_metrics": judgement.metrics,
        "record_count": judgement.record_count,
        "explanation": explanation,
        "losses": judgement.losses,
        "duplicate_examples": judgement.duplicate_examples,
        "fields": judgement.fields,
        "sentinels": judgement.sentinels,
        "population": judgement.population,
        "classes": judgement.classes,
        "drift": judgement.drift,
    })
}

/// A part of the loss, with the key by which its failing records are asked for.
fn part(part: &Contribution) -> Value {
    let mut shown = json!(part);
    shown["key"] = json!(part.key());
    shown
}

/// An assessment.
pub fn assessment(record: &AssessmentRecord, cached: bool) -> Value {
    let mut shown = judgement(record.dataset, &record.judgement);
    shown["assessment_timestamp"] = json!(record.assessed_at);
    shown["assessment_id"] = json!(record.id);
    shown["cached"] = json!(cached);
    shown["passed"] = json!(record.passed);
    shown["state"] = json!("done");
    shown
}

/// An assessment that is promised, or will not come.
pub fn requested(request: &AssessmentRequest) -> Value {
    json!({
        "dataset_id": request.dataset.id(),
        "assessment_id": request.id,
        "requested_at": request.requested_at,
        "state": if request.failed.is_some() { "failed" } else { "pending" },
        "reason": request.failed,
    })
}

/// Records that fail a rule.
pub fn failing(record: &AssessmentRecord, rule: &str, failing: &Failing) -> Value {
    json!({
        "assessment_id": record.id,
        "rule": rule,
        "records": records(failing),
        "next": failing.next,
        "current": failing.current,
    })
}

/// Each record as an event: so it could be mended, and sent as another.
pub fn records(failing: &Failing) -> Vec<Value> {
    let records = failing.events.iter().map(|StoredEvent { event, ingested_at, provenance }| {
        json!({
            "event_id": event.id,
            "user_id": event.user,
            "event_type": event.event_type.name(),
            "occurred_at": format_time(event.occurred_at),
            "utc_offset_minutes": event.utc_offset_minutes,
            "ingested_at": format_time(*ingested_at),
            "source": provenance.source.name(),
            "sender": provenance.sender(),
            "schema_version": event.schema_version,
            "data": event.data,
            "extra": event.extra,
        })
    });
    records.collect()
}

/// No record fails the rule any more.
pub fn none_fails(record: &AssessmentRecord, rule: &str) -> Value {
    json!({"assessment_id": record.id, "rule": rule, "records": [], "next": null, "current": false})
}

/// The keys of the rules that lowered an assessment, and of duplicates.
pub fn rules(record: &AssessmentRecord) -> impl Iterator<Item = String> {
    record.judgement.explanation.iter().map(Contribution::key).chain(["duplicate".to_owned()])
}

/// One entry of the history.
pub fn metric(record: &AssessmentRecord) -> Value {
    let Metrics {
        completeness,
        consistency,
        validity,
        overall_score,
        anomaly_count,
        duplicate_count,
        missing_values_count,
    } = &record.judgement.metrics;
    let at: DateTime<Utc> = record.assessed_at;
    json!({
        "id": record.id,
        "training_dataset_id": record.dataset.id(),
        "completeness_score": completeness,
        "consistency_score": consistency,
        "validity_score": validity,
        "overall_score": overall_score,
        "anomaly_count": anomaly_count,
        "duplicate_count": duplicate_count,
        "missing_values_count": missing_values_count,
        "assessment_date": at,
        "created_at": at,
    })
}
