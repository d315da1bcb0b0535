use arrow_array::types::{Int8Type, TimestampMicrosecondType};

use super::*;

fn goal(id: u128, at: &str, word: &str, current: Value) -> StoredEvent {
    let data = json!({
        "goal_id": "holiday", "interaction_type": word, "goal_amount": 1000, "current_amount": current,
        "target_date": "2026-03-01",
    });
    event(id, "goal_modification", at, data)
}

fn labels(batch: &RecordBatch) -> Vec<Option<i8>> {
    batch.column_by_name("label").unwrap().as_primitive::<Int8Type>().iter().collect()
}

#[test]
fn a_goal_is_a_row_at_its_creation_and_at_each_update() {
    let events = vec![
        transaction(90, "2026-01-10T00:00:00Z", json!(600), "credit", json!("Salary")),
        transaction(91, "2026-02-10T00:00:00Z", json!(50), "debit", json!("Rent")),
        goal(1, "2026-01-01T00:00:00Z", "create", json!(0)),
        goal(2, "2026-02-01T00:00:00Z", "update", json!(500)),
        goal(3, "2026-02-20T00:00:00Z", "achieve", json!(1000)),
        // None of these is a row, but each is counted.
        goal(4, "2026-02-20T00:00:00Z", "update", json!(1000)),
        goal(5, "2026-02-25T00:00:00Z", "update", json!(1000)),
        goal(6, "2026-02-26T00:00:00Z", "fail", json!(1000)),
        goal(7, "2099-02-26T00:00:00Z", "fail", json!(1000)),
    ];
    let (prepared, rows) = rows_of(Dataset::GOAL, &[(1, events)]);
    assert_eq!(rows.num_rows(), 2);
    assert_eq!(labels(&rows), [Some(1), Some(1)]);
    assert_eq!(singles(&rows, "total_income"), [Some(0.0), Some(600.0)], "as of its moment, no later");
    assert_eq!(singles(&rows, "progress"), [Some(0.0), Some(0.5)]);
    assert_eq!(singles(&rows, "timeline_days"), [Some(59.0), Some(28.0)]);
    assert_eq!(singles(&rows, "elapsed_share")[0], Some(0.0));
    let label_ts = rows.column_by_name("label_ts").unwrap().as_primitive::<TimestampMicrosecondType>();
    assert_eq!(label_ts.value_as_datetime(1).unwrap().to_string(), "2026-02-20 00:00:00");
    assert_eq!(
        prepared.statistics["excluded"],
        json!({"change_at_the_end": 1, "change_after_the_end": 1, "end_after_the_end": 1, "implausible_time": 1})
    );
    assert_eq!((count(&prepared, "labelled_outcome_count"), count(&prepared, "event_count")), (1, 7));
    let certificate = &prepared.certificate;
    assert_eq!((certificate.rows_with_features_as_of, certificate.rows_with_later_label), (2, 2));
}

#[test]
fn open_and_deleted_goals_are_censored() {
    for end in [None, Some("delete")] {
        let mut events = vec![goal(1, "2026-01-01T00:00:00Z", "create", json!(0))];
        events.extend(end.map(|end| goal(2, "2026-01-05T00:00:00Z", end, json!(0))));
        let (prepared, rows) = rows_of(Dataset::GOAL, &[(1, events)]);
        assert_eq!(labels(&rows), [None]);
        let censored = rows.column_by_name("censored").unwrap().as_boolean();
        assert!(censored.value(0));
        assert_eq!(count(&prepared, "censored_row_count"), 1);
    }
}

#[test]
fn an_outcome_of_which_nothing_was_known_before_is_counted_and_left_out() {
    let (prepared, rows) = rows_of(Dataset::GOAL, &[(1, vec![goal(1, "2026-01-01T00:00:00Z", "fail", json!(0))])]);
    assert_eq!(rows.num_rows(), 0);
    assert_eq!(prepared.statistics["excluded"], json!({"outcome_without_row": 1}));
}

#[test]
fn what_happens_later_changes_no_earlier_row_but_for_its_label() {
    let earlier = vec![
        transaction(90, "2026-01-01T00:00:00Z", json!(600), "credit", json!("Salary")),
        goal(2, "2026-01-02T00:00:00Z", "update", json!(10)),
        goal(3, "2026-01-03T00:00:00Z", "create", json!(20)),
    ];
    let mut all = earlier.clone();
    all.extend([
        transaction(91, "2026-01-04T00:00:00Z", json!(6), "debit", json!("Rent")),
        goal(4, "2026-01-05T00:00:00Z", "achieve", json!(30)),
    ]);
    let (_, before) = rows_of(Dataset::GOAL, &[(1, earlier)]);
    let (_, after) = rows_of(Dataset::GOAL, &[(1, all)]);
    assert_eq!((before.num_rows(), after.num_rows()), (2, 2));
    let outcome = before.schema().index_of("label").unwrap();
    for column in 0..outcome {
        assert_eq!(before.column(column), after.column(column));
    }
}
