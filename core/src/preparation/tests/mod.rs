//! Preparing small inputs and reading the files back.

mod corrections;
mod diff;
mod documents;
mod goal;
mod real;
mod recommendation;
mod scale;
mod segmentation;
mod spending;

use std::fs::File;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{Array, RecordBatch};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::dataset::Dataset;
use crate::dataset::settings::{PseudonymKey, Settings};
use crate::event::{Event, EventId, EventType, StoredEvent, UserId};

fn key() -> PseudonymKey {
    "ab".repeat(32).parse().unwrap()
}

fn builder_of(dataset: Dataset) -> Builder {
    Builder::new(dataset, &Settings::default(), &key()).unwrap()
}

/// An event of a type; its `data` also holds what must never reach a row.
fn event(id: u128, event_type: &str, occurred_at: &str, mut data: Value) -> StoredEvent {
    for field in ["description", "location_city", "feedback_text", "goal_type", "final_result"] {
        data[field] = json!("planted secret");
    }
    data["context"] = json!({"gender": "planted secret", "disability": "planted secret"});
    let event = Event {
        id: EventId(Uuid::from_u128(id)),
        user: UserId(Uuid::nil()),
        event_type: EventType::from_name(event_type),
        occurred_at: occurred_at.parse().unwrap(),
        utc_offset_minutes: None,
        schema_version: 1,
        data: data.as_object().unwrap().clone(),
        extra: Default::default(),
    };
    StoredEvent::new(event, "2026-12-01T00:00:00Z".parse().unwrap())
}

fn transaction(id: u128, occurred_at: &str, amount: Value, kind: &str, category: Value) -> StoredEvent {
    let data = json!({
        "transaction_id": id.to_string(), "amount": amount, "transaction_type": kind, "category": category,
    });
    event(id, "transaction_creation", occurred_at, data)
}

/// Writes the users, and answers what was written and where.
fn write_of(dataset: Dataset, users: &[(u128, Vec<StoredEvent>)]) -> (Prepared, TempDir) {
    let mut builder = builder_of(dataset);
    for (user, events) in users {
        builder.add_user(UserId(Uuid::from_u128(*user)), events);
    }
    let folder = tempfile::tempdir().unwrap();
    (builder.write(folder.path()).unwrap(), folder)
}

/// The rows of a table, of all splits.
fn read(folder: &Path, table: &str) -> Vec<RecordBatch> {
    let entries = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries(&folder.join(table)).chain(entries(&folder.join("empty").join(table))).collect();
    files.sort();
    assert_eq!(files.len(), 3);
    let open = |file| ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap().build().unwrap();
    files.into_iter().flat_map(open).map(Result::unwrap).collect()
}

fn floats(batch: &RecordBatch, column: &str) -> Vec<f64> {
    batch.column_by_name(column).unwrap().as_primitive::<Float64Type>().values().to_vec()
}

fn texts<'a>(batch: &'a RecordBatch, column: &str) -> Vec<&'a str> {
    batch.column_by_name(column).unwrap().as_string::<i32>().iter().flatten().collect()
}

/// All rows of the prepared `data/` as one batch; nothing private is in them.
fn rows_of(dataset: Dataset, users: &[(u128, Vec<StoredEvent>)]) -> (Prepared, RecordBatch) {
    let (prepared, folder) = write_of(dataset, users);
    let batches = read(folder.path(), "data");
    assert!(batches.len() <= 1, "the users of a test are on one side");
    let batch = batches.into_iter().next().unwrap_or_else(|| {
        let path = &prepared.files.iter().find(|file| file.table == "data").unwrap().path;
        let file = File::open(folder.path().join(path)).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        RecordBatch::new_empty(reader.schema().clone())
    });
    assert!(!format!("{batch:?}").contains("planted secret"));
    (prepared, batch)
}

fn singles(batch: &RecordBatch, column: &str) -> Vec<Option<f32>> {
    batch.column_by_name(column).unwrap().as_primitive::<Float32Type>().iter().collect()
}

fn count(prepared: &Prepared, name: &str) -> u64 {
    prepared.statistics[name].as_u64().unwrap()
}
