//! How quality behaves as records grow, beside what users feel of it.
//!
//! Three things: judging 10 thousand, 100 thousand and 1 million records (time a
//! record should stay the same); merging the stored states of 365 partitions, which
//! are read from their JSON; and an assessment of 1,000 records over HTTP on the
//! embedded stack, cold cache.
//!
//! `cargo bench -p fincoach-local --bench quality`

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, Result};
use chrono::Utc;
use fincoach_local::stack::{Options, Stack};
use fincoach_simulate::Simulation;
use learning_core::dataset::Dataset;
use learning_core::dataset::settings::Settings;
use learning_core::event::envelope::{self, Intake};
use learning_core::event::{StoredEvent, UserId};
use learning_core::quality::{QualityState, Rules};
use serde_json::{Value, json};

const PARTITIONS: usize = 365;
const ROUNDS: usize = 5;

#[tokio::main]
async fn main() -> Result<()> {
    let settings = Settings::default();
    let rules = Rules::new(Dataset::SPENDING, &settings);
    for users in [185, 1_850, 18_500] {
        let mut users = records(users, &settings)?;
        let count: usize = users.iter().map(Vec::len).sum();
        let begun = Instant::now();
        let mut state = QualityState::new(rules);
        users.iter_mut().for_each(|user| state.observe_user(user));
        let judgement = state.finish(&settings.weights).context("there are records")?;
        let took = begun.elapsed();
        let each = took.as_secs_f64() * 1e6 / count as f64;
        let score = judgement.metrics.overall_score;
        println!("{count:>9} records judged in {took:>10.1?}, {each:.2} µs each, score {score:.6}");
        if count > 900_000 {
            merge(rules, &settings, &mut users)?;
        }
    }
    handler().await
}

/// Spending records of simulated users, user by user.
fn records(users: u32, settings: &Settings) -> Result<Vec<Vec<StoredEvent>>> {
    let now = Utc::now();
    let intake = Intake { now, limits: settings.limits, privacy: settings.privacy.clone() };
    let mut by_user = BTreeMap::<UserId, Vec<StoredEvent>>::new();
    for event in (Simulation { users, ..Simulation::default() }).generate()?.events {
        if event["event_type"] != "transaction_creation" {
            continue;
        }
        if let Ok(admitted) = envelope::read(event, &intake, |content| content.event_id(0)) {
            by_user.entry(admitted.event.user).or_default().push(StoredEvent::new(admitted.event, now));
        }
    }
    Ok(by_user.into_values().collect())
}

/// Reads and merges the states of as many partitions as a year has days.
fn merge(rules: Rules, settings: &Settings, users: &mut [Vec<StoredEvent>]) -> Result<()> {
    let mut states: Vec<QualityState> = (0..PARTITIONS).map(|_| QualityState::new(rules)).collect();
    users.iter_mut().enumerate().for_each(|(place, user)| states[place % PARTITIONS].observe_user(user));
    let written: Vec<Vec<u8>> = states.iter().map(serde_json::to_vec).collect::<Result<_, _>>()?;
    let bytes: usize = written.iter().map(Vec::len).sum();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let read: Vec<QualityState> =
            written.iter().map(|state| serde_json::from_slice(state)).collect::<Result<_, _>>()?;
        let read_in = begun.elapsed();
        let begun = Instant::now();
        let merged = read.into_iter().reduce(|mut merged, state| {
            merged.merge(state);
            merged
        });
        let merged_in = begun.elapsed();
        let judgement = merged.and_then(|state| state.finish(&settings.weights)).context("there are records")?;
        let (megabytes, records) = (bytes / 1_000_000, judgement.record_count);
        println!(
            "{PARTITIONS} states of {records} records ({megabytes} MB): read in {read_in:.1?}, merged in {merged_in:.1?}"
        );
    }
    Ok(())
}

/// An assessment of 1,000 records as its caller sees it.
async fn handler() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let stack = Stack::start(&Options { data_dir: folder.path().to_owned(), port: 0 }).await?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let transactions = Simulation { users: 30, ..Simulation::default() }.generate()?.events.into_iter();
    let transactions = transactions.filter(|event| event["event_type"] == "transaction_creation").take(1_000 + ROUNDS);
    let transactions: Vec<Value> = transactions.collect();
    let send = |events: Vec<Value>| {
        let url = format!("{}/coaching/events", stack.api);
        let request = client.post(url).header("content-type", "application/json");
        async move { request.body(json!({"events": events}).to_string()).send().await?.error_for_status() }
    };
    for batch in transactions[..1_000].chunks(500) {
        send(batch.to_vec()).await?;
    }
    for one in &transactions[1_000..] {
        stack.settle().await?;
        // One more record, so that the answer is not the last one.
        send(vec![one.clone()]).await?;
        let begun = Instant::now();
        let request = client.post(format!("{}/coaching/continuous-learning/assess-quality", stack.api));
        let body = json!({"dataset_id": Dataset::SPENDING.id()}).to_string();
        let answer = request.header("content-type", "application/json").body(body).send().await?.error_for_status()?;
        let took = begun.elapsed();
        let answer: Value = serde_json::from_slice(&answer.bytes().await?)?;
        println!("assess-quality of {} records: {took:.1?}, cached {}", answer["record_count"], answer["cached"]);
    }
    stack.stop().await;
    Ok(())
}
