//! How fast the datasets are told of, with 100,000 events stored and with
//! 1,000,000: reads are from what ingestion keeps, so there is no growth.
//!
//! `cargo bench -p fincoach-local --bench reads` (some minutes; an argument is the
//! larger number of events, e.g. `-- 200000`)

use std::time::Instant;

use anyhow::{Result, ensure};
use chrono::Utc;
use fincoach_local::stack::{Options, Stack};
use futures::stream::{self, StreamExt, TryStreamExt};
use learning_core::event::identity::Occurrences;
use learning_core::store::Hold;
use learning_core::usecase::{Ingest, Senders, Terms};
use serde_json::{Value, json};
use uuid::Uuid;

const SMALL: u64 = 100_000;
const LARGE: u64 = 1_000_000;
const BATCH: u64 = 99;
const IN_FLIGHT: usize = 4;
const REQUESTS: usize = 200;
const ROUTES: [&str; 5] = ["status", "datasets", "ready-datasets", "data-aggregation", "health/dependencies"];

#[tokio::main]
async fn main() -> Result<()> {
    // Beside numbers, cargo passes a flag of its own.
    let large = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(LARGE);
    let folder = tempfile::tempdir()?;
    let stack = Stack::start(&Options { data_dir: folder.path().to_owned(), port: 0 }).await?;
    // Preparing a million rows is another benchmark.
    Hold::new(&stack.clients).extend(Utc::now() + chrono::Duration::hours(12)).await?;
    let ingest = Ingest::new(&stack.clients, &stack.settings);
    let client = reqwest::Client::builder().no_proxy().build()?;
    let mut stored = 0;
    for events in [SMALL.min(large), large] {
        let begun = Instant::now();
        fill(&ingest, stored, events).await?;
        let took = begun.elapsed().as_secs_f64();
        println!("{events} events stored ({:.0} a second)", (events - stored) as f64 / took.max(1e-9));
        stored = events;
        let mut table = Vec::new();
        for route in ROUTES {
            table.push((route, latencies(&client, &stack, route, events).await?));
        }
        for (route, mut times) in table {
            times.sort_by(f64::total_cmp);
            println!(
                "  {route:<22} median {:>6.1} ms, 99th percentile {:>6.1} ms",
                times[times.len() / 2],
                times[times.len() * 99 / 100]
            );
        }
    }
    stack.stop().await;
    Ok(())
}

/// Stores transactions of a thousand users, from the `from`th to the `to`th.
async fn fill(ingest: &Ingest, from: u64, to: u64) -> Result<()> {
    let batches: Vec<(u64, u64)> =
        (from..to).step_by(BATCH as usize).map(|first| (first, (first + BATCH).min(to))).collect();
    stream::iter(batches)
        .map(|(first, end)| async move {
            let events = (first..end).map(|number| Ok(transaction(number).into())).collect();
            let terms = Terms { now: Utc::now(), only: None, senders: Senders::default() };
            ingest.ingest(events, &terms, &mut Occurrences::default()).await.map(|_| ())
        })
        .buffer_unordered(IN_FLIGHT)
        .try_for_each(|()| async { Ok(()) })
        .await?;
    Ok(())
}

fn transaction(number: u64) -> Value {
    let time = chrono::DateTime::UNIX_EPOCH + chrono::Duration::days(18_000) + chrono::Duration::minutes(number as i64);
    json!({
        "event_id": Uuid::from_u128(u128::from(number) + 1),
        "user_id": Uuid::from_u128(u128::from(number / BATCH % 1_000) + 1),
        "event_type": "transaction_creation",
        "occurred_at": time,
        "data": {"transaction_id": number.to_string(), "amount": 12.5, "transaction_type": "debit", "category": "Groceries"},
    })
}

/// Milliseconds from request to the whole answer.
async fn latencies(client: &reqwest::Client, stack: &Stack, route: &str, events: u64) -> Result<Vec<f64>> {
    let url = format!("{}/coaching/continuous-learning/{route}", stack.api);
    let mut times = Vec::with_capacity(REQUESTS);
    for _ in 0..REQUESTS {
        let begun = Instant::now();
        let answer = client.get(&url).send().await?;
        ensure!(answer.status() == 200, "{route} answered {}", answer.status());
        let body: Value = serde_json::from_slice(&answer.bytes().await?)?;
        times.push(begun.elapsed().as_secs_f64() * 1_000.0);
        if route == "data-aggregation" {
            ensure!(body["user_transactions"]["total_transactions"] == events, "{body}");
        }
    }
    Ok(times)
}
