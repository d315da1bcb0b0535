//! Exact counting under concurrency.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use learning_core::dataset::Dataset;
use serde_json::Value;

use crate::support::{Running, any_event, assert_counts_are_exact};

const SENDERS: u32 = 8;
const BATCHES: u32 = 20;
const NEW_IN_A_BATCH: u32 = 24;
const REPEATED_IN_A_BATCH: u32 = 6;
/// Senders report on the same users, so that they compete for histories.
const USERS: u32 = 40;

fn event_of(sender: u32, number: u32) -> Value {
    any_event(number % USERS, sender * 100_000 + number)
}

/// A fifth of each batch was sent before, by this sender or by its neighbour.
fn batch(sender: u32, number: u32) -> Vec<Value> {
    let first = number * NEW_IN_A_BATCH;
    let mut events: Vec<Value> = (first..first + NEW_IN_A_BATCH).map(|event| event_of(sender, event)).collect();
    for repeated in 0..REPEATED_IN_A_BATCH {
        let earlier = (first + repeated * 7) % (first + NEW_IN_A_BATCH);
        let from = if repeated % 2 == 0 { sender } else { (sender + 1) % SENDERS };
        events.insert((repeated * 5) as usize, event_of(from, earlier));
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_counted_twice_while_epochs_are_closed() {
    let running = Arc::new(Running::start().await);
    let sending = Arc::new(AtomicBool::new(true));

    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let running = Arc::clone(&running);
            tokio::spawn(async move {
                let mut accepted = 0;
                for number in 0..BATCHES {
                    let (status, answer) = running.send(&batch(sender, number)).await;
                    assert_eq!(status, 202, "{answer}");
                    assert_eq!(answer["rejected"], 0, "{answer}");
                    accepted += answer["accepted"].as_u64().unwrap();
                }
                accepted
            })
        })
        .collect();
    let closing = tokio::spawn({
        let (running, sending) = (Arc::clone(&running), Arc::clone(&sending));
        async move {
            let mut versions = 0;
            while sending.load(Ordering::SeqCst) {
                let (status, answer) = running.force(Dataset::SPENDING).await;
                match status {
                    200 => versions += u32::from(answer["created"] == true),
                    // Nothing has come in yet, or the state moved between reading and writing.
                    409 => {}
                    _ => panic!("{status} {answer}"),
                }
            }
            versions
        }
    });
    let mut accepted = 0;
    for sender in senders {
        accepted += sender.await.unwrap();
    }
    sending.store(false, Ordering::SeqCst);
    let versions = closing.await.unwrap();
    assert!(versions >= 3, "only {versions} epochs were closed meanwhile");

    running.stack.settle().await.unwrap();
    let stored = assert_counts_are_exact(&running.stack).await;
    assert_eq!(accepted, stored, "what was answered as accepted is what is stored");
    // Repeated events of a neighbour who had not sent them yet are accepted from the repeater.
    assert_eq!(stored, u64::from(SENDERS * BATCHES * NEW_IN_A_BATCH));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_event_from_many_senders_at_once_is_accepted_once() {
    let running = Arc::new(Running::start().await);
    let senders = (0..16).map(|_| {
        let running = Arc::clone(&running);
        tokio::spawn(async move { running.send(&[any_event(1, 3)]).await.1 })
    });
    let mut accepted = 0;
    for answer in futures::future::join_all(senders).await {
        let answer = answer.unwrap();
        accepted += answer["accepted"].as_u64().unwrap();
        assert_eq!(answer["accepted"].as_u64().unwrap() + answer["duplicates"].as_u64().unwrap(), 1);
    }
    assert_eq!(accepted, 1);
    assert_eq!(assert_counts_are_exact(&running.stack).await, 1);
}
