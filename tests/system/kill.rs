//! Killed at any moment and started again, the program goes on where it was.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::{Duration, Instant};

use learning_core::dataset::lifecycle::State;
use serde_json::{Value, json};

use crate::support::{Running, any_event, assert_counts_are_exact, program};

const KILLS: u32 = 30;
/// How far it goes on beyond these, on a slow machine, until a version follows another.
const MOST_KILLS: u32 = 80;
const SENDERS: u32 = 3;
const BATCH: u32 = 20;
/// Every so many kills one comes while the program still starts.
const WHILE_STARTING: u32 = 5;
/// Senders go on until the killing is over, and at least so far.
const LEAST_BATCHES: u32 = 20;

/// Four free ports in a row. Another process may take them before we do: then
/// the start fails, and is tried on others.
fn free_ports() -> u16 {
    loop {
        let port = rand::random_range(20_000..32_000u16);
        if (port..port + 4).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return port;
        }
    }
}

fn start(folder: &Path, port: u16) -> Child {
    program(folder, &["--no-replay", "--port", &port.to_string()])
        // Small, so that datasets are assessed and prepared all the time.
        .env("LEARNING_THRESHOLD_SPENDING", "120")
        .env("LEARNING_THRESHOLD_GOAL", "40")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits until the program answers, or has ended.
async fn serving(child: &mut Child, port: u16) {
    while child.try_wait().unwrap().is_none() && tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn has_a_second_version(folder: &Path) -> bool {
    let prepared = folder.join("s3/fincoach-learning/prepared");
    let datasets = std::fs::read_dir(prepared).into_iter().flatten();
    datasets.flatten().any(|dataset| dataset.path().join("v000002/manifest.json").exists())
}

/// Posts a batch until somebody answers that it is taken.
async fn send(client: &reqwest::Client, port: &AtomicU16, events: &[Value]) {
    let body = json!({"events": events}).to_string();
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        let url = format!("http://127.0.0.1:{}/coaching/events", port.load(Ordering::SeqCst));
        let request = client.post(url).header("content-type", "application/json").body(body.clone());
        if let Ok(answer) = request.timeout(Duration::from_secs(5)).send().await
            && answer.status().as_u16() == 202
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("nobody took the batch for a minute");
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_kills_lose_nothing_and_count_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let port = Arc::new(AtomicU16::new(free_ports()));
    let over = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let (port, over) = (Arc::clone(&port), Arc::clone(&over));
            tokio::spawn(async move {
                let client = reqwest::Client::builder().no_proxy().build().unwrap();
                let mut batches = 0;
                while !over.load(Ordering::SeqCst) || batches < LEAST_BATCHES {
                    let first = sender * 1_000_000 + batches * BATCH;
                    let mut events: Vec<Value> =
                        (first..first + BATCH).map(|number| any_event(number % 30, number)).collect();
                    // A fifth is sent again with the next batch.
                    events.extend(
                        (0..BATCH / 5)
                            .map(|back| first.saturating_sub(back + 1))
                            .filter(|number| *number >= sender * 1_000_000 && *number < first)
                            .map(|number| any_event(number % 30, number)),
                    );
                    send(&client, &port, &events).await;
                    batches += 1;
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                u64::from(batches * BATCH)
            })
        })
        .collect();

    let mut kills = 0;
    while kills < KILLS || kills < MOST_KILLS && !has_a_second_version(folder.path()) {
        let mut child = start(folder.path(), port.load(Ordering::SeqCst));
        // How long a start takes depends on the machine: most kills are timed from when it is over.
        if !kills.is_multiple_of(WHILE_STARTING) {
            serving(&mut child, port.load(Ordering::SeqCst)).await;
        }
        // On a machine so slow that no version follows another, the later ones come later.
        let longest = 800 + 200 * u64::from(kills.saturating_sub(KILLS));
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..longest))).await;
        if child.try_wait().unwrap().is_some() {
            port.store(free_ports(), Ordering::SeqCst);
            continue;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    over.store(true, Ordering::SeqCst);
    let mut last = start(folder.path(), port.load(Ordering::SeqCst));
    let mut sent = 0;
    for sender in senders {
        sent += sender.await.unwrap();
    }
    last.kill().unwrap();
    last.wait().unwrap();

    let running = Running::start_on(folder).await;
    running.stack.settle().await.unwrap();
    assert_eq!(assert_counts_are_exact(&running.stack).await, sent);
    let overviews = running.stack.overviews().await.unwrap();
    assert!(overviews.iter().all(|overview| overview.head.state != State::Preparing));
    assert!(
        overviews.iter().any(|overview| overview.head.last_version.is_some_and(|version| version.0 >= 2)),
        "versions were prepared between the kills"
    );
    running.stop().await;
}
