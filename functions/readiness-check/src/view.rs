//! The datasets as the API shows them.

use chrono::{DateTime, Utc};
use learning_core::dataset::settings::Settings;
use learning_core::usecase::Overview;
use serde_json::{Value, json};

pub fn status(overviews: &[Overview], settings: &Settings, now: DateTime<Utc>) -> Value {
    let datasets: Vec<Value> = overviews
        .iter()
        .map(|overview| {
            let head = &overview.head;
            json!({
                "id": head.dataset.id(),
                "type": head.dataset,
                "data_count": overview.open.counting,
                "threshold": settings.threshold(head.dataset),
                "ready": overview.readiness(settings).ready,
                "quality_score": overview.quality_score(),
                "state": head.state,
                "last_version": head.last_version,
            })
        })
        .collect();
    json!({
        "status": "healthy",
        "total_datasets": datasets.len(),
        "ready_for_training": ready(overviews, settings).count(),
        "datasets": datasets,
        "last_updated": now,
    })
}

pub fn datasets(overviews: &[Overview], settings: &Settings) -> Value {
    let datasets: Vec<Value> = overviews.iter().map(|overview| dataset(overview, settings)).collect();
    json!({
        "total_count": datasets.len(),
        "ready_for_training": ready(overviews, settings).count(),
        "datasets": datasets,
    })
}

pub fn ready_datasets(overviews: &[Overview], settings: &Settings) -> Value {
    let datasets: Vec<Value> = ready(overviews, settings).map(|overview| dataset(overview, settings)).collect();
    json!({"count": datasets.len(), "ready_datasets": datasets})
}

pub fn dataset(overview: &Overview, settings: &Settings) -> Value {
    let head = &overview.head;
    let readiness = overview.readiness(settings);
    let threshold = settings.threshold(head.dataset);
    json!({
        "id": head.dataset.id(),
        "dataset_type": head.dataset,
        "data_count": overview.open.counting,
        "threshold": threshold,
        "threshold_reached": overview.open.counting >= threshold,
        "record_count": overview.records,
        "is_ready_for_training": readiness.ready,
        "data_quality_score": overview.quality_score(),
        "quality_current": overview.assessment_current,
        "state": head.state,
        "epoch": head.epoch,
        "last_version": head.last_version,
        "last_training_date": head.last_training_date,
        "created_at": head.created_at,
        "updated_at": head.updated_at,
        "readiness": readiness,
    })
}

fn ready<'a>(overviews: &'a [Overview], settings: &'a Settings) -> impl Iterator<Item = &'a Overview> {
    overviews.iter().filter(|overview| overview.readiness(settings).ready)
}
