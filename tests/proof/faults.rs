//! Storage that is slow and fails: every request to the tables and the bucket goes
//! through a proxy that throttles, fails, stalls, and loses answers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use fincoach_local::access::Access;
use fincoach_local::engine::Endpoints;
use fincoach_local::functions::Functions;
use fincoach_local::stack::{Options, Stack};
use fincoach_local::{environment, front};
use function_edge::Function;
use learning_core::dataset::Dataset;
use serde_json::json;

use crate::process::client;
use crate::proxy::{Fault, Proxy};
use crate::recount::recount;
use crate::report::Chapter;
use crate::senders::Load;

/// Of a hundred requests.
const FAULTY: u32 = 12;

pub async fn faults(load: Load) -> Chapter {
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::start(&Options { data_dir: folder.path().to_owned(), port: 0 }).await.unwrap();
    // What the stack does by itself, it does on sound storage: here it has nothing to do.
    stack.switch(Function::QualityAssessment, false);
    stack.switch(Function::DataPreparation, false);
    let (tables, dynamodb) = Proxy::start(&stack.engines.dynamodb, FAULTY).await;
    let (bucket, s3) = Proxy::start(&stack.engines.s3, FAULTY).await;
    let faulty = environment::clients_at(&Endpoints { dynamodb, s3, ..stack.engines.endpoints() }, &stack.settings);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = Arc::new(AtomicU16::new(listener.local_addr().unwrap().port()));
    let functions = Arc::new(Functions::new(&faulty, &stack.settings));
    tokio::spawn(axum::serve(listener, front::router(functions, Arc::new(Access::Open))).into_future());

    let sent = Arc::new(AtomicU32::new(0));
    let sending = tokio::spawn({
        let (port, sent) = (Arc::clone(&port), Arc::clone(&sent));
        async move { load.send(&port, None, &sent).await }
    });
    // Everything is assessed and prepared at every third of the way, and at its end.
    let mut refused = BTreeMap::<u16, u64>::new();
    for third in 1..=3 {
        while sent.load(Ordering::SeqCst) < load.events / 3 * third {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        for dataset in Dataset::all() {
            let asked = json!({"dataset_id": dataset.id(), "force": true, "reason": "the proof"}).to_string();
            for route in ["assess-quality", "prepare-data"] {
                until_done(port.load(Ordering::SeqCst), route, &asked, &mut refused).await;
            }
        }
    }
    let told = sending.await.unwrap();
    let found = recount(&stack.clients).await;
    found.assert_is(&load);
    assert!(told.accepted <= u64::from(load.events));
    let injected = sum(&[tables.injected(), bucket.injected()]);
    assert_eq!(injected.len(), 7, "every fault happened: {injected:?}");
    assert_eq!(leftovers(folder.path()), 0, "no half-written version is visible");
    stack.stop().await;

    let mut chapter = Chapter::new(
        "Storage that is slow and fails",
        format!(
            "Of a hundred requests to the tables and to the bucket, {FAULTY} are throttled, failed, stalled, said to be in\n\
             conflict, or cut off before or after the work was done. Senders send again what is answered by 429 or 5xx;\n\
             so does who asks for assessments and versions."
        ),
    );
    chapter.number("events", load.events.into());
    chapter.number("stored, counted anew", found.events.len() as u64);
    chapter.number("accepted, as senders were told", told.accepted);
    chapter.number("requests repeated by senders", told.repeated);
    chapter.number("versions whose input and files were checked", found.versions);
    for (fault, times) in injected {
        chapter.number(&format!("faults: {fault:?}"), times);
    }
    for (status, times) in refused {
        chapter.number(&format!("assessments and preparations answered {status}, and asked for again"), times);
    }
    chapter
}

async fn until_done(port: u16, route: &str, body: &str, refused: &mut BTreeMap<u16, u64>) {
    let url = format!("http://127.0.0.1:{port}/coaching/continuous-learning/{route}");
    let begun = Instant::now();
    loop {
        assert!(begun.elapsed() < Duration::from_secs(600), "{route} does not come to an end: {refused:?}");
        let request = client().post(&url).header("content-type", "application/json").body(body.to_owned());
        let status = request.send().await.unwrap().status().as_u16();
        match status {
            200 | 202 => return,
            409 | 500 | 502 | 503 => *refused.entry(status).or_default() += 1,
            other => panic!("{route}: {other}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn sum(parts: &[BTreeMap<Fault, u64>]) -> BTreeMap<Fault, u64> {
    let mut all = BTreeMap::new();
    for (fault, times) in parts.iter().flatten() {
        *all.entry(*fault).or_default() += times;
    }
    all
}

/// Folders of versions without a manifest, and objects between tasks.
fn leftovers(data: &Path) -> usize {
    let mut folders = vec![data.to_owned()];
    let mut left = 0;
    while let Some(folder) = folders.pop() {
        let entries: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        let is_version = entries.iter().any(|path| path.ends_with("data") && path.is_dir())
            && folder.parent().and_then(Path::parent).is_some_and(|above| above.ends_with("prepared"));
        left += usize::from(is_version && !entries.iter().any(|path| path.ends_with("manifest.json")));
        folders.extend(entries.into_iter().filter(|path| path.is_dir()));
    }
    left
}
