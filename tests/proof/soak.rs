//! Many events by many senders, while versions are prepared, assessed and users erased.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use learning_core::dataset::Dataset;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::process::{Place, client, memory, settled};
use crate::recount::{assert_found_nowhere, audit};
use crate::report::Chapter;
use crate::senders::{Load, SECRETS, Told};

/// At each of these shares of the events everything is assessed and prepared, and some users are erased.
const AT: [f64; 3] = [0.3, 0.55, 0.8];
const ERASED_EACH_TIME: u32 = 4;
/// MB that the process may grow by, from the first third of its samples to the last: each of four versions may
/// have 64 MB of users in memory (`LEARNING_PREPARATION_BYTES`), and as much again on its way. What leaks shows in
/// the slope.
const GROWTH: f64 = 4.0 * 2.0 * 64.0;

pub async fn soak(load: Load) -> Chapter {
    let folder = tempfile::tempdir().unwrap();
    // Versions come by themselves too: some four a dataset.
    let part = |share: u32| (load.events / share).to_string();
    let (spending, others) = (part(6), part(30));
    let place = Place::new(
        folder.path(),
        &[
            ("LEARNING_THRESHOLD_SPENDING", &spending),
            ("LEARNING_THRESHOLD_RECOMMENDATION", &others),
            ("LEARNING_THRESHOLD_GOAL", &others),
            ("LEARNING_THRESHOLD_SEGMENTATION", &(load.users / 4).to_string()),
        ],
    );
    let program = place.start().await;
    let begun = Instant::now();
    let sent = Arc::new(AtomicU32::new(0));
    let watching = tokio::spawn(watch(program.id()));
    let sending = tokio::spawn({
        let (port, sent) = (Arc::clone(&place.port), Arc::clone(&sent));
        async move { load.send(&port, None, &sent).await }
    });

    let mut receipts = Vec::new();
    for (wave, share) in (0..).zip(AT) {
        while f64::from(sent.load(Ordering::SeqCst)) < share * f64::from(load.events) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for dataset in Dataset::all() {
            assess(&place, dataset).await;
        }
        for user in (0..ERASED_EACH_TIME).map(|user| load.user(wave * ERASED_EACH_TIME + user)) {
            receipts.push(erase(&place, user).await);
        }
        for dataset in Dataset::all() {
            prepare(&place, dataset).await;
        }
    }
    let told = sending.await.unwrap();
    let erased = erasures(&place, &receipts).await;
    settled(&place).await;
    let rested = begun.elapsed().as_secs_f64() - told.seconds;
    let samples = watching_ends(watching, &program).await;
    let audit_begun = Instant::now();
    let found = audit(&place, program).await;
    let audited = audit_begun.elapsed().as_secs();
    let gone: Vec<Uuid> = (0..3 * ERASED_EACH_TIME).map(|user| load.user(user)).collect();
    let expected = (0..load.events).filter(|number| !gone.contains(&load.user(*number))).count() as u64;
    assert_eq!(found.events.len() as u64, expected, "every event of every other user is stored, and nothing else");
    for number in (0..load.events).filter(|number| !gone.contains(&load.user(*number))) {
        assert!(found.events.contains(&Load::id(number)), "the event {number} is stored");
    }
    assert_eq!(told.accepted, expected + erased, "accepted is what is stored and what was erased");
    let read = assert_found_nowhere(&place, &SECRETS);
    report(
        load,
        &place,
        told,
        &samples,
        &[
            ("stored, counted anew", expected),
            ("erased again", erased),
            ("versions whose input and files were checked", found.versions),
            ("versions withdrawn by erasures", found.withdrawn),
            ("counts that the program's reconciler compared", found.compared),
            ("MB searched for planted secrets", read / 1_000_000),
            ("seconds from the last event until all was prepared, and erased users out of it", rested as u64),
            ("seconds of counting everything anew", audited),
        ],
    )
}

fn report(load: Load, place: &Place, told: Told, samples: &[(f64, f64)], counted: &[(&str, u64)]) -> Chapter {
    let mut chapter = Chapter::new(
        "A soak",
        format!(
            "{} senders post batches over HTTP, a sixth of each sent before by themselves or a neighbour. Three times\n\
             meanwhile everything is assessed and prepared on request, and four users are erased; versions are also\n\
             prepared by themselves. No event was lost, none counted twice, nothing panicked, and no planted secret\n\
             is in a table, an object or the log. Memory follows the versions that are being made, up to four at once:\n\
             each holds up to 64 MB of users.",
            load.senders
        ),
    );
    chapter.number("events", load.events.into());
    chapter.number("accepted", told.accepted);
    chapter.number("answered as duplicates", told.duplicates);
    chapter.number("refused, their user being erased", told.erased);
    for (what, value) in counted {
        chapter.number(what, *value);
    }
    chapter.number("requests", told.requests);
    chapter.number("requests repeated by senders", told.repeated);
    chapter.fact("seconds of sending", format!("{:.0}", told.seconds));
    chapter
        .number("events a second, repeats included", ((told.accepted + told.duplicates) as f64 / told.seconds) as u64);
    chapter.fact("slowest request, in seconds", format!("{:.1}", told.slowest));
    let third = samples.len() / 3;
    let (first, last) = (median(&samples[..third]), median(&samples[samples.len() - third..]));
    chapter.fact("MB resident, median of the first third", format!("{first:.0}"));
    chapter.fact("MB resident, median of the last third", format!("{last:.0}"));
    chapter.fact("MB resident, peak", format!("{:.0}", samples.iter().map(|(_, mb)| *mb).fold(0.0, f64::max)));
    chapter
        .fact("slope of the second half, MB a minute", format!("{:+.2}", slope(&samples[samples.len() / 2..]) * 60.0));
    chapter.number("lines of level ERROR in the log", place.said(" ERROR ").len() as u64);
    assert!(last - first < GROWTH, "memory is bounded: {first} MB, later {last} MB");
    chapter
}

/// Samples the memory of a process until it is aborted: seconds and MB.
async fn watch(process: u32) -> Vec<(f64, f64)> {
    let begun = Instant::now();
    let mut samples = Vec::new();
    while let Some(mb) = memory(process) {
        samples.push((begun.elapsed().as_secs_f64(), mb));
        if STOP.load(Ordering::SeqCst) == process {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    samples
}

/// The process that is to be watched no longer.
static STOP: AtomicU32 = AtomicU32::new(0);

async fn watching_ends(
    watching: tokio::task::JoinHandle<Vec<(f64, f64)>>,
    program: &crate::process::Program,
) -> Vec<(f64, f64)> {
    STOP.store(program.id(), Ordering::SeqCst);
    watching.await.unwrap()
}

async fn assess(place: &Place, dataset: Dataset) {
    let (status, answer) = post(place, "assess-quality", json!({"dataset_id": dataset.id()})).await;
    // 409: it is being prepared, or nothing has come in.
    assert!([200, 202, 409, 503].contains(&status), "{status} {answer}");
}

async fn prepare(place: &Place, dataset: Dataset) {
    let body = json!({"dataset_id": dataset.id(), "force": true, "reason": "the proof"});
    let (status, answer) = post(place, "prepare-data", body).await;
    assert!([200, 202, 409, 503].contains(&status), "{status} {answer}");
}

async fn post(place: &Place, route: &str, body: Value) -> (u16, Value) {
    let url = format!("{}/coaching/continuous-learning/{route}", place.url());
    let request = client().post(url).header("content-type", "application/json").body(body.to_string());
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
}

/// Asks for an erasure, and answers the path of its receipt.
async fn erase(place: &Place, user: Uuid) -> String {
    let answer = client().delete(format!("{}/coaching/users/{user}/data", place.url())).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    let receipt: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    receipt["receipt"].as_str().unwrap().to_owned()
}

/// Waits until all erasures are complete; how many events they took.
async fn erasures(place: &Place, receipts: &[String]) -> u64 {
    let deadline = Instant::now() + Duration::from_secs(1_800);
    let mut events = 0;
    for receipt in receipts {
        loop {
            assert!(Instant::now() < deadline, "an erasure does not come to an end: {receipt}");
            match place.get(receipt).await {
                Some(receipt) if receipt["status"] == "complete" => {
                    events += receipt["events"].as_u64().unwrap();
                    break;
                }
                _ => tokio::time::sleep(Duration::from_millis(500)).await,
            }
        }
    }
    events
}

fn median(samples: &[(f64, f64)]) -> f64 {
    let mut values: Vec<f64> = samples.iter().map(|(_, mb)| *mb).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Of the line through the samples with the least squares.
fn slope(samples: &[(f64, f64)]) -> f64 {
    let n = samples.len() as f64;
    let mean = |part: fn(&(f64, f64)) -> f64| samples.iter().map(part).sum::<f64>() / n;
    let (x, y) = (mean(|sample| sample.0), mean(|sample| sample.1));
    let covariance: f64 = samples.iter().map(|sample| (sample.0 - x) * (sample.1 - y)).sum();
    covariance / samples.iter().map(|sample| (sample.0 - x).powi(2)).sum::<f64>()
}
