//! Datasets move along by themselves, also while events keep coming in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use learning_core::dataset::Dataset;
use learning_core::event::identity::Occurrences;
use learning_core::usecase::{Ingest, KeepActivity, Observe};
use serde_json::Value;

use crate::bare::{Bare, terms};
use crate::support::{Running, assert_counts_are_exact, real_events, transaction};

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

/// A shop's year, day by day, as it happened: half-way to its 20,000th
/// transaction, how well is the date of that foretold?
#[tokio::test(flavor = "multi_thread")]
async fn a_forecast_from_half_way_misses_by_less_than_a_third() {
    let Some((_, lines)) = real_events("transactions_online_retail.ndjson.gz") else { return };
    let events: Vec<Value> =
        lines.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    let time = |event: &Value| -> DateTime<Utc> { event["occurred_at"].as_str().unwrap().parse().unwrap() };
    let (first, reached) = (time(&events[0]), time(&events[19_999]));
    let half_way = first + (reached - first) / 2;

    let bare = Bare::start(&[("THRESHOLD_SPENDING", "20000")]).await;
    let ingest = Ingest::new(&bare.clients, &bare.settings);
    let keep = KeepActivity::new(&bare.clients, &bare.settings);
    let observe = Observe::new(&bare.clients, &bare.settings);
    let past: Vec<Value> = events.into_iter().filter(|event| time(event) <= half_way).collect();
    for day in past.chunk_by(|one, other| time(one).date_naive() == time(other).date_naive()) {
        let evening = time(day.last().unwrap());
        for batch in day.chunks(500) {
            ingest
                .ingest(
                    batch.iter().cloned().map(|event| Ok(event.into())).collect(),
                    &terms(evening),
                    &mut Occurrences::default(),
                )
                .await
                .unwrap();
        }
        keep.keep(evening).await.unwrap();
    }
    let overviews = observe.all_at(half_way).await.unwrap();
    let spending = overviews.iter().find(|overview| overview.head.dataset == Dataset::SPENDING).unwrap();
    assert_eq!(spending.open.counting, past.len() as u64);
    let forecast = spending.readiness(&bare.settings).forecast.unwrap();
    let missed = (forecast.ready_at - reached).num_hours().abs() as f64 / (reached - half_way).num_hours() as f64;
    println!("{half_way}: {} / reached {reached}: missed by {:.1} %", forecast.ready_at, missed * 100.0);
    assert!(missed < 0.3, "{forecast:?} misses {reached} by {missed}");
    bare.stop().await;
}
