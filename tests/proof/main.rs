//! The proof under load and faults.
//!
//! `cargo test` runs it small. Whole, it takes half an hour or more, wants root (for a disk that is full)
//! and libfaketime, and writes docs/PROOF.md:
//!
//! ```sh
//! cargo test --release --locked -p fincoach-local --test proof -- --ignored --nocapture
//! ```
//!
//! `PROOF_EVENTS` and `PROOF_KILLS` make it shorter, `PROOF_REPORT` names another file. The report says what was
//! run, and grows by a chapter whenever all of its checks have passed.

mod adversary;
mod clock;
mod cost;
mod faults;
mod full;
mod hostile;
mod kills;
// It can do more than is asked of it here.
#[path = "../faults/locks.rs"]
mod locks;
#[allow(dead_code)]
mod meter;
mod process;
// It can do more than is asked of it here.
#[allow(dead_code)]
#[path = "../faults/proxy.rs"]
mod proxy;
mod recount;
mod report;
mod senders;
#[path = "../signing.rs"]
mod signing;
mod soak;

use std::path::Path;
use std::time::Duration;

use crate::report::Report;
use crate::senders::Load;

const EVENTS: u32 = 1_000_000;
const KILLS: u32 = 100;

fn setting(name: &str, default: u32) -> u32 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_soak_is_exact() {
    soak::soak(Load { events: 20_000, senders: 16, users: 200, batch: 200 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_few_kills_lose_nothing() {
    kills::kills(Load { events: 6_000, senders: 8, users: 100, batch: 50 }, 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_that_fails_loses_nothing() {
    faults::faults(Load { events: 4_000, senders: 8, users: 60, batch: 50 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_nothing() {
    full::full(Load { events: 30_000, senders: 8, users: 300, batch: 100 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_loses_nothing() {
    clock::clock(Load { events: 4_000, senders: 8, users: 100, batch: 20 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_client_gets_nothing_and_holds_nobody_up() {
    hostile::hostile(Load { events: 2_000, senders: 4, users: 50, batch: 50 }).await;
}

/// The bound is for a machine that has other things to do, in a debug build; the whole proof has the real one.
#[tokio::test(flavor = "multi_thread")]
async fn liveness_is_answered_under_attack() {
    let (_, asked) = adversary::adversary(5, Duration::from_secs(5)).await;
    let slow = asked[asked.len() * 99 / 100];
    assert!(slow < Duration::from_secs(1), "the 99th percentile is {slow:?}");
}

/// `cargo test --release -p fincoach-local --test proof -- --ignored --nocapture liveness` prints its chapter alone.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes half a minute, and a machine that has nothing else to do"]
async fn liveness_is_answered_within_a_tenth_of_a_second() {
    assert_prompt(&adversary::adversary(adversary::ALPHABETS.len(), Duration::from_secs(30)).await.1);
}

fn assert_prompt(asked: &[Duration]) {
    let slow = asked[asked.len() * 99 / 100];
    assert!(slow < Duration::from_millis(100), "the 99th percentile is {slow:?}");
}

/// `cargo test -p fincoach-local --test proof -- --nocapture metered` prints what docs/OPERATIONS.md quotes.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_costs_little_more_than_its_write_when_metered() {
    let units = cost::cost(setting("COST_EVENTS", 4_000) as usize).await;
    // Two for the item in a transaction; the rest is the counters' and the histories' share.
    assert!((2.0..3.5).contains(&units), "an event in a full batch costs {units} write units");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes half an hour and more; writes docs/PROOF.md"]
async fn the_whole_proof() {
    let (events, kills) = (setting("PROOF_EVENTS", EVENTS), setting("PROOF_KILLS", KILLS));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let file = std::env::var("PROOF_REPORT").map_or_else(|_| folder.join("docs/PROOF.md"), Into::into);
    let mut report = Report::new(file, 7);
    report.add(soak::soak(Load { events, senders: 16, users: events.div_ceil(200), batch: 400 }).await);
    report.add(kills::kills(Load { events: kills * 300, senders: 16, users: 500, batch: 50 }, kills).await);
    report.add(faults::faults(Load { events: events / 10, senders: 16, users: 1_000, batch: 100 }).await);
    let needed = "the whole proof takes root and libfaketime";
    report.add(full::full(Load { events: 30_000, senders: 8, users: 300, batch: 100 }).await.expect(needed));
    let jumpy = Load { events: (events / 50).max(4_000), senders: 8, users: 200, batch: 20 };
    report.add(clock::clock(jumpy).await.expect(needed));
    report.add(hostile::hostile(Load { events: events / 25, senders: 8, users: 500, batch: 50 }).await);
    let (chapter, asked) = adversary::adversary(adversary::ALPHABETS.len(), Duration::from_secs(30)).await;
    assert_prompt(&asked);
    report.add(chapter);
}
