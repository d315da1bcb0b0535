//! How fast events are taken in, beside what the bare engine could do.
//!
//! Three runs, side by side: (a) a replay of the bundled sample over HTTP, end to
//! end; (b) the same events through the ingestion use case with a recorder in
//! front of the DynamoDB engine; (c) the recorded transactions posted to a fresh
//! engine, without the SDK and without anything of ours: as many at once as (a) may
//! have, each after those that it builds on, and each is carried out. The ratio is (c's
//! time) ÷ (a's time). Then the latency of single events.
//!
//! `cargo bench -p fincoach-local --bench replay`

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use chrono::Utc;
use fincoach_local::engine::{self, Endpoints, Engines, Rules};
use fincoach_local::environment;
use fincoach_local::replay::{Source, replay};
use fincoach_local::stack::{Options, Stack};
use fincoach_simulate::Simulation;
use futures::stream::{self, StreamExt, TryStreamExt};
use learning_core::dataset::settings::Settings;
use learning_core::event::identity::Occurrences;
use learning_core::store::{self, Counters, Heads};
use learning_core::usecase::{Ingest, Senders, Terms, initialize};
use serde_json::Value;
use tokio::sync::SetOnce;

const ROUNDS: usize = 5;
/// A replay has four requests under way, and each of them four transactions.
const IN_FLIGHT: usize = 16;
const SINGLE_EVENTS: usize = 500;

#[tokio::main]
async fn main() -> Result<()> {
    let events = Simulation::default().generate()?.events;
    let recorded = record(&events).await?;
    println!("{} events, {} transactions, {IN_FLIGHT} in flight, {ROUNDS} rounds", events.len(), recorded.len());
    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        let end_to_end = end_to_end(events.len()).await?;
        let bare = bare(&recorded).await?;
        let ratio = bare.as_secs_f64() / end_to_end.as_secs_f64();
        let per_second = |time: Duration| events.len() as f64 / time.as_secs_f64();
        println!(
            "round {round}: end to end {:>7.0} events/s, bare engine {:>7.0} events/s, ratio {ratio:.2}",
            per_second(end_to_end),
            per_second(bare)
        );
        ratios.push(ratio);
    }
    println!("median ratio {:.2}", median(&mut ratios));
    let mut latencies = single_events(&events).await?;
    let median_ms = median(&mut latencies);
    println!("one event: median {median_ms:.1} ms, 99th percentile {:.1} ms", latencies[SINGLE_EVENTS * 99 / 100]);
    Ok(())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The replay of the sample into a fresh stack.
async fn end_to_end(events: usize) -> Result<Duration> {
    let folder = tempfile::tempdir()?;
    let stack = Stack::start(&Options { data_dir: folder.path().to_owned(), port: 0 }).await?;
    let source = Source::sample()?;
    let begun = Instant::now();
    let tally = replay(&stack, vec![source]).await?;
    let took = begun.elapsed();
    assert_eq!(tally.accepted + tally.duplicates + tally.quarantined(), events as u64);
    stack.stop().await;
    Ok(took)
}

/// The headers and the body of a request.
type Request = (HeaderMap, Bytes);

/// A transaction as it was sent, and which of those before it are of the same users.
struct Recorded {
    request: Request,
    after: BTreeSet<usize>,
}

#[derive(Clone)]
struct Recorder {
    engine: String,
    client: reqwest::Client,
    transactions: Arc<Mutex<Vec<Request>>>,
}

async fn pass_on(State(recorder): State<Recorder>, headers: HeaderMap, body: Bytes) -> (StatusCode, Bytes) {
    if headers.get("x-amz-target").is_some_and(|target| target.as_bytes().ends_with(b".TransactWriteItems")) {
        recorder.transactions.lock().expect("no panic before").push((headers.clone(), body.clone()));
    }
    let request = recorder.client.post(&recorder.engine).headers(headers).body(body);
    let answer = request.send().await.expect("the engine answers");
    (answer.status(), answer.bytes().await.expect("the engine answers"))
}

/// Of all engines that the transactions are written to.
const CREDENTIALS: &str = "aws_access_key_id = FINCOACHBENCHMARK123
aws_secret_access_key = 0123456789012345678901234567890123456789
";

/// A fresh engine with the tables, and what the clients need to know of it.
async fn fresh_engine(folder: &std::path::Path) -> Result<(Engines, Settings)> {
    let (deliveries, _) = tokio::sync::mpsc::unbounded_channel();
    // What was recorded with one engine is good for the next.
    std::fs::write(folder.join(engine::CREDENTIALS_FILE), CREDENTIALS)?;
    let options = engine::Options { data_dir: folder.to_owned(), s3_port: 0, dynamodb_port: 0 };
    let engines = engine::start(options, Rules::bundled()?, deliveries).await?;
    let settings = environment::settings(folder)?;
    let clients = environment::clients(&engines, &settings);
    store::ensure(&clients).await?;
    initialize(&Counters::new(&clients), &Heads::new(&clients), Utc::now()).await?;
    Ok((engines, settings))
}

/// The transactions by which `events` are taken in.
async fn record(events: &[Value]) -> Result<Vec<Recorded>> {
    let folder = tempfile::tempdir()?;
    let (engines, settings) = fresh_engine(folder.path()).await?;
    let transactions = Arc::new(Mutex::new(Vec::new()));
    let client = reqwest::Client::builder().no_proxy().build()?;
    let recorder = Recorder { engine: engines.dynamodb.clone(), client, transactions: Arc::clone(&transactions) };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let router = Router::new().fallback(pass_on).with_state(recorder);
    let proxy = tokio::spawn(async move { axum::serve(listener, router).await });
    let clients = environment::clients_at(&Endpoints { dynamodb: url, ..engines.endpoints() }, &settings);
    let ingest = Ingest::new(&clients, &settings);
    for batch in events.chunks(settings.batch_events) {
        let terms = Terms { now: Utc::now(), only: None, senders: Senders::default() };
        ingest
            .ingest(batch.iter().cloned().map(|event| Ok(event.into())).collect(), &terms, &mut Occurrences::default())
            .await?;
    }
    proxy.abort();
    engines.stop().await;
    let transactions = std::mem::take(&mut *transactions.lock().expect("no panic before"));
    let mut last = HashMap::new();
    let after = |(number, request): (usize, Request)| {
        let users = users(&serde_json::from_slice(&request.1)?);
        let after = users.into_iter().filter_map(|user| last.insert(user, number)).collect();
        Ok(Recorded { request, after })
    };
    transactions.into_iter().enumerate().map(after).collect()
}

/// The users of whom a transaction writes or checks an item.
fn users(transaction: &Value) -> BTreeSet<String> {
    let items = transaction["TransactItems"].as_array().into_iter().flatten();
    let users = items.filter_map(|item| {
        let item = item.as_object()?.values().next()?;
        ["Item", "Key"].iter().find_map(|keys| item[keys]["user_id"]["S"].as_str())
    });
    users.map(str::to_owned).collect()
}

/// The recorded transactions, into a fresh engine, as fast as it takes them.
async fn bare(recorded: &[Recorded]) -> Result<Duration> {
    let folder = tempfile::tempdir()?;
    let (engines, _) = fresh_engine(folder.path()).await?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let done: Vec<SetOnce<()>> = recorded.iter().map(|_| SetOnce::new()).collect();
    let begun = Instant::now();
    stream::iter(recorded.iter().zip(&done))
        .map(async |(Recorded { request: (headers, body), after }, carried_out)| {
            for earlier in after {
                done[*earlier].wait().await;
            }
            let request = client.post(&engines.dynamodb).headers(headers.clone()).body(body.clone());
            let answer = request.send().await?;
            ensure!(answer.status() == StatusCode::OK, "{}: {}", answer.status(), answer.text().await?);
            answer.bytes().await?;
            Ok(carried_out.set(())?)
        })
        .buffer_unordered(IN_FLIGHT)
        .try_for_each(|()| async { Ok(()) })
        .await?;
    let took = begun.elapsed();
    engines.stop().await;
    Ok(took)
}

/// Milliseconds in which single events are answered.
async fn single_events(events: &[Value]) -> Result<Vec<f64>> {
    let folder = tempfile::tempdir()?;
    let stack = Stack::start(&Options { data_dir: folder.path().to_owned(), port: 0 }).await?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let mut latencies = Vec::with_capacity(SINGLE_EVENTS);
    for event in events.iter().take(SINGLE_EVENTS) {
        let request = client.post(format!("{}/coaching/events", stack.api)).header("content-type", "application/json");
        let begun = Instant::now();
        request.body(event.to_string()).send().await?.bytes().await.context("no answer")?;
        latencies.push(begun.elapsed().as_secs_f64() * 1_000.0);
    }
    stack.stop().await;
    Ok(latencies)
}
