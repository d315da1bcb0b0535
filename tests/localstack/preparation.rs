//! The state machine of preparation.

use chrono::Utc;
use learning_core::dataset::Dataset;
use learning_core::dataset::lifecycle::State;
use learning_core::event::identity::Occurrences;
use learning_core::store::{Heads, Objects, Timeline, Versions};
use learning_core::usecase::{Ingest, Outcome, Prepare, Senders, Terms};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::deployed::Deployed;
use crate::worker::{Fault, Worker};

const SEGMENTS: u32 = 6;

fn event(number: u32, event_type: &str, data: Value) -> Value {
    let start: chrono::DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
    json!({
        "event_id": Uuid::new_v4(), "user_id": Uuid::from_u128(u128::from(number % 60) + 1), "event_type": event_type,
        "occurred_at": start + chrono::Duration::hours(i64::from(number)), "data": data,
    })
}

async fn ingest(deployed: &Deployed, events: Vec<Value>) {
    let terms = Terms { now: Utc::now(), only: None, senders: Senders::default() };
    let ingest = Ingest::new(&deployed.clients, &deployed.settings);
    let outcomes = ingest
        .ingest(events.into_iter().map(|event| Ok(event.into())).collect(), &terms, &mut Occurrences::default())
        .await
        .unwrap();
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Accepted { .. })), "{outcomes:?}");
}

/// What an execution has committed is what one process makes of the same input.
async fn assert_same_bytes(deployed: &Deployed, dataset: Dataset, ended: &Value) {
    let committed: Value = serde_json::from_str(ended["output"].as_str().unwrap()).unwrap();
    let prepare = Prepare::new(&deployed.clients, &deployed.settings);
    let alone = prepare.prepare_again(dataset, "a test", Utc::now()).await.unwrap();
    assert_eq!(committed["digest"], alone.digest, "{dataset}");
    let left = Objects::new(&deployed.clients).list(&format!("scratch/{dataset}/")).await.unwrap();
    assert!(left.is_empty(), "nothing is left behind");
}

fn tried(tasks: &[Value], name: &str, segment: Option<u32>) -> usize {
    let same = |task: &&Value| task["task"] == name && segment.is_none_or(|segment| task["segment"] == segment);
    tasks.iter().filter(same).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_that_fail_are_repeated_and_the_bytes_are_those_of_one_process() {
    let deployed = Deployed::find().await;
    let transactions = (0..400).map(|number| {
        let data = json!({
            "transaction_id": Uuid::new_v4(), "amount": number % 90 + 1, "transaction_type": "debit",
            "category": "Groceries",
        });
        event(number, "transaction_creation", data)
    });
    ingest(&deployed, transactions.collect()).await;
    let state = data_preparation::State::new(&deployed.clients, &deployed.settings);
    let mut worker = Worker::through_activity(&deployed, &state).await;

    let input = json!({"dataset": "spending", "segments": SEGMENTS, "reason": "a test"});
    let ended = worker
        .run(&input, |task, tried| match (task["task"].as_str(), task["segment"].as_u64(), tried) {
            (Some("segment"), Some(2), 1 | 2) => Some(Fault::Before),
            (Some("plan"), _, 1) | (Some("segment"), Some(4), 1) | (Some("commit"), _, 1) => Some(Fault::After),
            _ => None,
        })
        .await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
    let expected: Vec<usize> = vec![1, 1, 3, 1, 2, 1];
    let segments: Vec<usize> = (0..SEGMENTS).map(|segment| tried(&worker.tasks, "segment", Some(segment))).collect();
    assert_eq!((segments, tried(&worker.tasks, "plan", None), tried(&worker.tasks, "commit", None)), (expected, 2, 2));

    assert_same_bytes(&deployed, Dataset::SPENDING, &ended).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn through_a_queue_the_bytes_are_those_of_one_process() {
    let deployed = Deployed::find().await;
    let clicks = (0..240).map(|number| {
        let data = json!({"recommendation_id": Uuid::new_v4(), "interaction_type": "helpful"});
        event(number, "recommendation_interaction", data)
    });
    ingest(&deployed, clicks.collect()).await;
    let state = data_preparation::State::new(&deployed.clients, &deployed.settings);
    let mut worker = Worker::through_queue(&deployed, &state).await;
    let input = json!({"dataset": "recommendation", "segments": 20, "reason": "a test"});
    let ended = worker.run(&input, |_, _| None).await;
    assert_eq!((&ended["status"], tried(&worker.tasks, "segment", None)), (&json!("SUCCEEDED"), 20), "{ended}");
    assert_same_bytes(&deployed, Dataset::RECOMMENDATION, &ended).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_for_good_is_told_and_started_again() {
    let deployed = Deployed::find().await;
    let goals = (0..90).map(|number| {
        event(number, "goal_modification", json!({"goal_id": Uuid::new_v4(), "interaction_type": "achieve"}))
    });
    ingest(&deployed, goals.collect()).await;
    let state = data_preparation::State::new(&deployed.clients, &deployed.settings);
    let mut worker = Worker::through_activity(&deployed, &state).await;

    let input = json!({"dataset": "goal", "segments": SEGMENTS, "reason": "a test"});
    let ended = worker.run(&input, |task, _| (task["segment"] == 1).then_some(Fault::Before)).await;
    assert_eq!((&ended["status"], &ended["error"]), (&json!("FAILED"), &json!("PreparationFailed")), "{ended}");
    assert_eq!(tried(&worker.tasks, "segment", Some(1)), 6, "once, and five times more");
    assert_eq!(tried(&worker.tasks, "fail", None), 1);
    let (heads, versions) = (Heads::new(&deployed.clients), Versions::new(&deployed.clients));
    let head = heads.read(Dataset::GOAL).await.unwrap().unwrap();
    assert_eq!((head.state, head.last_version), (State::Preparing, None), "no version is there");
    let timeline = Timeline::new(&deployed.clients).page(Dataset::GOAL, 10, None).await.unwrap().items;
    assert!(
        timeline.iter().any(|change| change.cause.contains("The preparation of version 1 has failed")),
        "{timeline:?}"
    );

    let mut worker = Worker::through_activity(&deployed, &state).await;
    let ended = worker.run(&input, |_, _| None).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
    assert_eq!(versions.page(Dataset::GOAL, 10, None).await.unwrap().items[0].new.counting, 90);
    let mut worker = Worker::through_activity(&deployed, &state).await;
    let ended = worker.run(&input, |_, _| None).await;
    assert_eq!((&ended["status"], tried(&worker.tasks, "commit", None)), (&json!("SUCCEEDED"), 0), "nothing is due");
}
