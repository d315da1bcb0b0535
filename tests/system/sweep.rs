//! What preparations leave behind is swept, and nothing else.

use chrono::{Duration, Utc};
use fincoach_local::function::Function;
use learning_core::dataset::Dataset;
use learning_core::store::{Heads, Objects, Saved};
use learning_core::usecase::{ABANDONED_AFTER, Sweep};
use serde_json::{Value, json};

use crate::support::{Running, any_event, assert_counts_are_exact};

const DATASET: Dataset = Dataset::SPENDING;
const SEGMENTS: u32 = 4;

async fn fill(running: &Running, numbers: std::ops::Range<u32>) {
    let events: Vec<Value> = numbers.map(|number| any_event(number % 13, number)).collect();
    assert_eq!(running.send(&events).await.0, 202);
}

async fn task(running: &Running, task: Value) -> Result<Value, String> {
    let payload = serde_json::value::to_raw_value(&task).unwrap();
    let answer = running.stack.invoke(Function::DataPreparation, payload).await;
    answer.map(|answer| serde_json::to_value(answer).unwrap()).map_err(|error| error.to_string())
}

async fn plan(running: &Running, dataset: Dataset) -> Result<Value, String> {
    task(running, json!({"task": "plan", "dataset": dataset, "segments": SEGMENTS, "reason": "a test"})).await
}

async fn segment(running: &Running, planned: &Value, segment: u32) -> Result<Value, String> {
    task(running, json!({"task": "segment", "plan": planned["plan"], "segment": segment})).await
}

async fn commit(running: &Running, planned: &Value) -> Result<Value, String> {
    task(running, json!({"task": "commit", "plan": planned["plan"]})).await
}

/// Longer than any lease, and than an abandoned preparation is left alone.
fn later() -> chrono::DateTime<Utc> {
    Utc::now() + Duration::days(1) + ABANDONED_AFTER
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_preparation_leaves_nothing_and_can_be_taken_up() {
    let running = Running::start().await;
    let (objects, sweep) = (Objects::new(&running.stack.clients), Sweep::new(&running.stack.clients));
    fill(&running, 0..300).await;
    let planned = plan(&running, DATASET).await.unwrap();
    // The commit died half-way: some segments are there, and a file, but no manifest.
    segment(&running, &planned, 0).await.unwrap();
    let half = format!("prepared/{DATASET}/v000001/data/train-00000-of-00001.parquet");
    objects.put(&half, b"PAR1".to_vec(), "application/vnd.apache.parquet").await.unwrap();
    let scratch = async || objects.list("scratch/").await.unwrap().len();
    assert_eq!(scratch().await, 2);

    for early in [Utc::now(), Utc::now() + ABANDONED_AFTER] {
        assert_eq!(sweep.sweep(early).await.unwrap(), 0, "somebody may still be at it");
    }
    assert_eq!(sweep.sweep(later()).await.unwrap(), 3);
    assert_eq!((scratch().await, objects.get(&half).await.unwrap()), (0, None));

    assert_eq!(plan(&running, DATASET).await.unwrap(), planned, "it is still written down");
    for number in 0..SEGMENTS {
        segment(&running, &planned, number).await.unwrap();
    }
    assert_eq!(commit(&running, &planned).await.unwrap()["version"], 1);
    running.stack.settle().await.unwrap();
    assert_counts_are_exact(&running.stack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_committed_or_unknown_is_swept() {
    let running = Running::start().await;
    let (objects, sweep) = (Objects::new(&running.stack.clients), Sweep::new(&running.stack.clients));
    fill(&running, 0..300).await;
    assert_eq!(running.force(DATASET).await.0, 200);
    // A manifest of which the record is missing; a version that the head does not know
    // of; one that has lost its manifest though nobody withdrew it.
    plan(&running, Dataset::GOAL).await.unwrap();
    assert_eq!(running.force(Dataset::SEGMENTATION).await.0, 200);
    objects.delete("prepared/segmentation/v000001/manifest.json").await.unwrap();
    for key in ["goal/v000001/manifest.json", "goal/v000001/data/train.parquet", "spending/v000009/data/train.parquet"]
    {
        objects.put(&format!("prepared/{key}"), b"{}".to_vec(), "application/json").await.unwrap();
    }
    let before = objects.list("prepared/").await.unwrap();
    let outlived = format!("scratch/{DATASET}/v000001/00000-of-00004.run");
    objects.put(&outlived, b"run".to_vec(), "application/octet-stream").await.unwrap();

    assert_eq!(sweep.sweep(later()).await.unwrap(), 1, "of a version that is made, the scratch goes");
    assert_eq!(objects.get(&outlived).await.unwrap(), None);
    assert_eq!(objects.list("prepared/").await.unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_goes_on_with_what_is_being_swept() {
    let running = Running::start().await;
    fill(&running, 0..300).await;
    let planned = plan(&running, DATASET).await.unwrap();
    let heads = Heads::new(&running.stack.clients);
    let mut head = heads.read(DATASET).await.unwrap().unwrap();
    let preparation = head.preparation.as_mut().unwrap();
    preparation.lease_until = Utc::now();
    preparation.swept_until = Some(Utc::now() + Duration::minutes(1));
    assert_eq!(heads.save(&mut head, Utc::now()).await.unwrap(), Saved::Yes);
    let (status, answer) = running.force(DATASET).await;
    assert_eq!((status, &answer["type"]), (409, &json!("/problems/already-preparing")), "{answer}");
    assert!(plan(&running, DATASET).await.unwrap_err().contains("is being prepared"));
    for number in 0..SEGMENTS {
        segment(&running, &planned, number).await.unwrap();
    }
    assert!(commit(&running, &planned).await.unwrap_err().contains("is being swept"));
}

/// A process that was suspended for days in the middle of a preparation, and wakes up
/// while a sweep takes it for abandoned.
#[tokio::test(flavor = "multi_thread")]
async fn a_preparation_that_is_swept_at_the_same_time_commits_whole_files_or_none() {
    let running = Running::start().await;
    let sweep = Sweep::new(&running.stack.clients);
    let mut failed = 0;
    for round in 0..4 {
        fill(&running, round * 150..(round + 1) * 150).await;
        let sweeping = async {
            for _ in 0..6 {
                sweep.sweep(later()).await.unwrap();
                tokio::time::sleep(std::time::Duration::from_millis(u64::from(5 * round))).await;
            }
        };
        let ((status, _), ()) = tokio::join!(running.force(DATASET), sweeping);
        if status != 200 {
            failed += 1;
            let (status, answer) = running.force(DATASET).await;
            assert_eq!(status, 200, "what failed can be run again: {answer}");
        }
    }
    println!("{failed} of 4 preparations were swept while they ran");
    running.stack.settle().await.unwrap();
    assert_counts_are_exact(&running.stack).await;
}
