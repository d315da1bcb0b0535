use arrow_array::types::{Int32Type, TimestampMicrosecondType, UInt32Type};

use super::*;

fn interaction(id: u128, decision: &str, at: &str, word: &str, more: Value) -> StoredEvent {
    let mut data = json!({"recommendation_id": decision, "interaction_type": word, "action_id": 2, "propensity": 0.25});
    data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event(id, "recommendation_interaction", at, data)
}

fn flags(batch: &RecordBatch, column: &str) -> Vec<bool> {
    batch.column_by_name(column).unwrap().as_boolean().iter().flatten().collect()
}

fn times(batch: &RecordBatch, column: &str) -> Vec<String> {
    let times = batch.column_by_name(column).unwrap().as_primitive::<TimestampMicrosecondType>();
    (0..times.len()).map(|row| times.value_as_datetime(row).unwrap().to_string()).collect()
}

fn actions(batch: &RecordBatch) -> Vec<Option<i32>> {
    batch.column_by_name("action").unwrap().as_primitive::<Int32Type>().iter().collect()
}

/// The named feature of each observation.
fn observed(batch: &RecordBatch, feature: &str) -> Vec<f32> {
    let place = crate::features::FEATURES.iter().position(|name| *name == feature).unwrap();
    let lists = batch.column_by_name("observation").unwrap().as_fixed_size_list();
    (0..lists.len()).map(|row| lists.value(row).as_primitive::<Float32Type>().value(place)).collect()
}

#[test]
fn the_interactions_of_a_recommendation_are_one_decision() {
    let events = vec![
        transaction(90, "2026-01-01T00:00:00Z", json!(600), "credit", json!("Salary")),
        transaction(91, "2026-01-02T12:00:00Z", json!(40), "credit", json!("Salary")),
        interaction(1, "a", "2026-01-02T00:00:00Z", "view", json!({"position": 3})),
        interaction(2, "a", "2026-01-02T01:00:00Z", "implemented", json!({})),
        interaction(3, "a", "2026-01-02T02:00:00Z", "click", json!({})),
        interaction(4, "b", "2026-01-03T00:00:00Z", "dismiss", json!({"reward": 0.75})),
        // Ten days later: another episode, which its sender ends.
        interaction(5, "c", "2026-01-13T00:00:00Z", "view", json!({"action_id": 0, "terminal": true})),
        interaction(6, "d", "2026-01-13T00:00:01Z", "shrug", json!({})),
        interaction(7, "e", "2026-01-13T00:00:02Z", "view", json!({"action_id": null})),
    ];
    let (prepared, rows) = rows_of(Dataset::RECOMMENDATION, &[(1, events)]);
    assert_eq!(actions(&rows), [Some(2), Some(2), None, Some(0)]);
    assert_eq!(floats(&rows, "reward"), [1.0, 0.75, 0.0, 0.0]);
    assert_eq!(flags(&rows, "timeout"), [false, false, true, false]);
    assert_eq!(flags(&rows, "terminal"), [false, false, false, true]);
    assert_eq!(
        times(&rows, "decision_ts"),
        ["2026-01-02 00:00:00", "2026-01-03 00:00:00", "2026-01-10 00:00:00", "2026-01-13 00:00:00"]
    );
    assert_eq!(times(&rows, "reward_ts")[0], "2026-01-02 01:00:00");
    assert_eq!(observed(&rows, "total_income"), [600.0, 640.0, 640.0, 640.0], "as of the decision");
    let steps = rows.column_by_name("step").unwrap().as_primitive::<UInt32Type>();
    assert_eq!(steps.values(), &[0, 1, 2, 0]);
    assert_eq!(texts(&rows, "interaction_type"), ["implemented", "dismiss", "view"]);
    assert_eq!(rows.column_by_name("pscore").unwrap().null_count(), 1);
    let episodes: std::collections::BTreeSet<_> = texts(&rows, "episode_id").into_iter().collect();
    assert_eq!(episodes.len(), 2);

    assert_eq!(prepared.statistics["excluded"], json!({"unknown_interaction": 1, "decision_without_action": 1}));
    assert_eq!(prepared.statistics["feedback_counts"]["view"], 3);
    let counts = ["decision", "episode", "terminal", "timeout", "action", "distinct_action"];
    assert_eq!(counts.map(|of| count(&prepared, &format!("{of}_count"))), [3, 2, 1, 1, 3, 2]);
}

#[test]
fn an_episode_that_is_not_over_closes_where_knowledge_ends() {
    let events = vec![
        interaction(1, "a", "2026-01-02T00:00:00Z", "view", json!({})),
        transaction(90, "2026-01-04T00:00:00Z", json!(600), "credit", json!("Salary")),
    ];
    let (_, rows) = rows_of(Dataset::RECOMMENDATION, &[(1, events)]);
    assert_eq!(times(&rows, "decision_ts"), ["2026-01-02 00:00:00", "2026-01-04 00:00:00"]);
    assert_eq!(observed(&rows, "total_income"), [0.0, 600.0]);
}

#[test]
fn rewards_are_configuration() {
    let vars = [("LEARNING_REWARD_VIEW".to_owned(), "-0.125".to_owned())];
    let settings = Settings::from_vars(vars).unwrap();
    let mut builder = Builder::new(Dataset::RECOMMENDATION, &settings, &key()).unwrap();
    let view = interaction(1, "a", "2026-01-02T00:00:00Z", "view", json!({}));
    builder.add_user(UserId(Uuid::from_u128(1)), &[view]);
    let folder = tempfile::tempdir().unwrap();
    let prepared = builder.write(folder.path()).unwrap();
    assert_eq!(prepared.statistics["mean_reward"], -0.125);
}
