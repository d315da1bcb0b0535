//! A clock that jumps, forwards and back, while everything is at work.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::process::{Place, settled};
use crate::recount::audit;
use crate::report::Chapter;
use crate::senders::Load;

/// Where Debian's package libfaketime puts it.
const LIBRARIES: [&str; 2] =
    ["/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1"];
/// What the clock says besides the truth, one after the other.
const JUMPS: [&str; 7] = ["+2h", "-3d", "+400d", "-45d", "+1d", "-1h", "+0"];

/// `None`, and a word about it, without libfaketime.
pub async fn clock(load: Load) -> Option<Chapter> {
    let Some(library) = LIBRARIES.iter().find(|library| Path::new(library).exists()) else {
        eprintln!("skipped: clock jumps take libfaketime (apt-get install libfaketime)");
        return None;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("clock");
    let set = |jump: &str| std::fs::write(&file, format!("{jump}\n")).unwrap();
    set("+0");
    let place = Place::new(
        folder.path(),
        &[
            ("LEARNING_THRESHOLD_SPENDING", "1500"),
            ("LEARNING_THRESHOLD_GOAL", "300"),
            ("LD_PRELOAD", library),
            ("FAKETIME_TIMESTAMP_FILE", file.to_str().unwrap()),
            ("FAKETIME_CACHE_DURATION", "1"),
            // As on a real machine: only the time of day jumps.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ],
    );
    let mut program = place.start().await;
    let sent = Arc::new(AtomicU32::new(0));
    let sending = tokio::spawn({
        let (port, sent) = (Arc::clone(&place.port), Arc::clone(&sent));
        async move { load.send(&port, None, &sent).await }
    });
    let mut jumps = 0;
    while !sending.is_finished() || jumps < JUMPS.len() {
        set(JUMPS[jumps % JUMPS.len()]);
        jumps += 1;
        let until = f64::from(load.events) * jumps as f64 / (JUMPS.len() * 2) as f64;
        while f64::from(sent.load(Ordering::SeqCst)) < until && !sending.is_finished() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // The program looks once a second what its clock says.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        // Half of the time it is killed under a false clock, and starts under another.
        if jumps % 2 == 0 {
            program.kill();
            program = place.start().await;
        }
    }
    let told = sending.await.unwrap();
    // The last jump is back, and nothing is started anew after it: what keeps the time of day
    // for later would keep one to come.
    set("+2h");
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    set("+0");
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    settled(&place).await;
    let found = audit(&place, program).await;
    found.assert_is(&load);

    let mut chapter = Chapter::new(
        "A clock that jumps",
        format!(
            "libfaketime moves the program's time of day while events come in and versions are prepared\n\
             ({}, over and over), and every other time the process is killed under one time and started under the next.",
            JUMPS.join(", ")
        ),
    );
    chapter.number("jumps", jumps as u64);
    chapter.number("events", load.events.into());
    chapter.number("stored, counted anew", found.events.len() as u64);
    chapter.number("accepted, as senders were told", told.accepted);
    chapter.number("versions whose input and files were checked", found.versions);
    chapter.number("counts that the program's reconciler compared", found.compared);
    Some(chapter)
}
