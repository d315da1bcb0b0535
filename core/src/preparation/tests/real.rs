//! Real events of real people, where they are at hand; else these tests say that
//! they skip them. They are fed to preparation directly, without a store.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};

use arrow_array::types::{Int8Type, Int32Type};
use chrono::{DateTime, Utc};

use super::*;
use crate::event::envelope::{self, Intake, Limits};
use crate::event::privacy::Redactor;

/// The events of a file by user, and each as it was sent; `None`, and a word about
/// it, where the file is not here.
#[allow(clippy::type_complexity)]
fn events(name: &str) -> Option<(BTreeMap<UserId, Vec<StoredEvent>>, Vec<Value>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(name);
    let Ok(file) = File::open(&path) else {
        eprintln!("skipped: the real events {name} are not here");
        return None;
    };
    let now: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
    let intake = Intake { now, limits: Limits::default(), privacy: Redactor::default() };
    let (mut users, mut sent) = (BTreeMap::<_, Vec<_>>::new(), Vec::new());
    for line in BufReader::new(flate2::read::MultiGzDecoder::new(file)).lines() {
        let json: Value = serde_json::from_str(&line.unwrap()).unwrap();
        sent.push(json["data"].clone());
        let event = envelope::read(json, &intake, |content| content.event_id(0)).unwrap().event;
        users.entry(event.user).or_default().push(StoredEvent::new(event, now));
    }
    Some((users, sent))
}

fn prepare(dataset: Dataset, users: BTreeMap<UserId, Vec<StoredEvent>>) -> (Prepared, Vec<RecordBatch>) {
    let mut builder = builder_of(dataset);
    for (user, events) in users {
        builder.add_user(user, &events);
    }
    let folder = tempfile::tempdir().unwrap();
    let prepared = builder.write(folder.path()).unwrap();
    let rows = read(folder.path(), "data");
    (prepared, rows)
}

#[test]
fn a_bandits_log_keeps_its_decisions_and_propensities() {
    let Some((users, sent)) = events("recs_obd_all.ndjson.gz") else { return };
    // What the random policy (1 ÷ 80 an action) would have earned, by inverse propensity.
    let number = |data: &Value, field: &str| data[field].as_f64().unwrap();
    let terms = sent.iter().map(|data| number(data, "reward") / 80.0 / number(data, "propensity"));
    let raw = terms.sum::<f64>() / sent.len() as f64;

    let (prepared, rows) = prepare(Dataset::RECOMMENDATION, users);
    assert_eq!((count(&prepared, "decision_count"), count(&prepared, "action_count")), (20_000, 80));
    assert_eq!(prepared.statistics["feedback_counts"]["click"], 80);
    let (mut sum, mut decisions) = (0.0, 0.0);
    for batch in &rows {
        let actions = batch.column_by_name("action").unwrap().as_primitive::<Int32Type>();
        let pscores = batch.column_by_name("pscore").unwrap().as_primitive::<Float64Type>();
        for (row, reward) in floats(batch, "reward").into_iter().enumerate() {
            if actions.is_valid(row) {
                sum += reward / 80.0 / pscores.value(row);
                decisions += 1.0;
            }
        }
    }
    let estimated: f64 = sum / decisions;
    assert!((estimated - raw).abs() < 1e-12, "{estimated} is not {raw}");
}

#[test]
fn students_goals_are_labelled_but_for_what_the_rules_exclude() {
    let Some((users, sent)) = events("goals_oulad.ndjson.gz") else { return };
    let outcomes =
        sent.iter().filter(|data| data["interaction_type"] == "achieve" || data["interaction_type"] == "fail");
    assert_eq!(outcomes.count(), 22_437);
    let (prepared, rows) = prepare(Dataset::GOAL, users);
    println!("{:#}", Value::Object(prepared.statistics.clone()));
    let excluded = |reason: &str| prepared.statistics["excluded"][reason].as_u64().unwrap_or_default();
    let kept = count(&prepared, "labelled_outcome_count");
    assert_eq!(kept + excluded("outcome_without_row") + excluded("end_after_the_end"), 22_437);
    assert!(kept > 22_000, "{kept}");
    let mut labels = BTreeMap::<Option<i8>, u64>::new();
    for batch in &rows {
        assert!(!format!("{:?}", batch.schema()).contains("gender"));
        for label in batch.column_by_name("label").unwrap().as_primitive::<Int8Type>() {
            *labels.entry(label).or_default() += 1;
        }
    }
    assert_eq!(labels[&None], count(&prepared, "censored_row_count"));
    assert_eq!(labels[&Some(0)] + labels[&Some(1)], count(&prepared, "labelled_row_count"));
}

#[test]
fn a_shops_customers_become_calendars_and_rows_of_segmentation() {
    let Some((users, _)) = events("transactions_online_retail.ndjson.gz") else { return };
    let (prepared, rows) = prepare(Dataset::SPENDING, users.clone());
    assert_eq!((count(&prepared, "transaction_count"), count(&prepared, "user_count")), (22_190, 4_372));
    assert_eq!(rows.iter().map(RecordBatch::num_rows).sum::<usize>() as u64, count(&prepared, "day_count"));
    let (prepared, rows) = prepare(Dataset::SEGMENTATION, users);
    let users = count(&prepared, "user_count");
    assert!(users > 300, "{users} customers have a sufficient history");
    assert_eq!(users + count(&prepared, "insufficient_user_count"), 4_372);
    assert_eq!(rows.iter().map(RecordBatch::num_rows).sum::<usize>() as u64, users);
}

#[test]
fn seven_years_of_an_account_are_one_calendar_without_gaps() {
    let Some((users, _)) = events("transactions_moneyvis.ndjson.gz") else { return };
    let (prepared, rows) = prepare(Dataset::SPENDING, users.clone());
    let first: chrono::NaiveDate = "2015-07-27".parse().unwrap();
    let cut: DateTime<Utc> = prepared.statistics["cut"].as_str().unwrap().parse().unwrap();
    let days = (cut.date_naive() - first).num_days() + 1;
    assert_eq!(rows.iter().map(RecordBatch::num_rows).sum::<usize>() as i64, days);
    assert_eq!(count(&prepare(Dataset::SEGMENTATION, users).0, "user_count"), 1);
}
