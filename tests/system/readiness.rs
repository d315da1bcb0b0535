//! Datasets move along by themselves, also while events keep coming in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use learning_core::dataset::Dataset;
use serde_json::Value;

use crate::support::{Running, assert_counts_are_exact, transaction};

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_events_that_never_pauses_does_not_keep_a_dataset_from_its_version() {
    let running = Arc::new(Running::start().await);
    let sending = Arc::new(AtomicBool::new(true));
    let next = Arc::new(AtomicU32::new(0));
    let senders: Vec<_> = (0..2)
        .map(|_| {
            let (running, sending, next) = (Arc::clone(&running), Arc::clone(&sending), Arc::clone(&next));
            tokio::spawn(async move {
                while sending.load(Ordering::SeqCst) {
                    let first = next.fetch_add(20, Ordering::SeqCst);
                    let events: Vec<Value> =
                        (first..first + 20).map(|number| transaction(number % 50, number)).collect();
                    assert_eq!(running.send(&events).await.0, 202);
                }
            })
        })
        .collect();
    let deadline = Instant::now() + Duration::from_secs(60);
    let spending = Dataset::SPENDING.id();
    loop {
        let (_, dataset) = running.get(&format!("datasets/{spending}")).await;
        if dataset["last_version"].as_u64().is_some() {
            break;
        }
        assert!(Instant::now() < deadline, "no version after a minute: {dataset}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    sending.store(false, Ordering::SeqCst);
    for sender in senders {
        sender.await.unwrap();
    }
    running.stack.settle().await.unwrap();
    assert_counts_are_exact(&running.stack).await;
}
