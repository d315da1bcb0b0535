//! Assessments as callers see them.

use chrono::{DateTime, Utc};
use learning_core::dataset::Dataset;
use learning_core::quality::{Contribution, Judgement, Metrics};
use learning_core::store::AssessmentRecord;
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
