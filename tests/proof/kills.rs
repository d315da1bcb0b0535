//! Killed at random, again and again, and started again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::process::{Place, settled};
use crate::recount::audit;
use crate::report::Chapter;
use crate::senders::Load;

/// Every so many kills one comes while the program still starts.
const WHILE_STARTING: u32 = 5;

pub async fn kills(load: Load, kills: u32) -> Chapter {
    let folder = tempfile::tempdir().unwrap();
    // Small, so that datasets are assessed and prepared all the time.
    let place = Place::new(
        folder.path(),
        &[
            ("LEARNING_THRESHOLD_SPENDING", "1500"),
            ("LEARNING_THRESHOLD_RECOMMENDATION", "500"),
            ("LEARNING_THRESHOLD_GOAL", "500"),
            ("LEARNING_THRESHOLD_SEGMENTATION", "20"),
        ],
    );
    let sent = Arc::new(AtomicU32::new(0));
    let mut killed = 0;
    let mut program = place.start().await;
    let mut sending = tokio::spawn({
        let (port, sent) = (Arc::clone(&place.port), Arc::clone(&sent));
        async move { load.send(&port, None, &sent).await }
    });
    // Spread over the sending, as far as it has got; those that are left over come after it.
    while killed < kills {
        let due = f64::from(load.events) * f64::from(killed) / f64::from(kills);
        while f64::from(sent.load(Ordering::SeqCst)) < due && !sending.is_finished() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..400))).await;
        if !program.is_running() {
            assert!(!place.said("is in use").is_empty(), "it ended by itself");
            program = place.start().await;
        }
        program.kill();
        killed += 1;
        program = place.spawn();
        if killed % WHILE_STARTING != 0 && !program.answers(&place).await {
            // Somebody else took its ports.
            program = place.start().await;
        }
    }
    if !program.answers(&place).await {
        program = place.start().await;
    }
    let told = (&mut sending).await.unwrap();
    settled(&place).await;
    let found = audit(&place, program).await;
    found.assert_is(&load);
    assert!(told.accepted <= u64::from(load.events), "nothing was told to be new twice");

    let mut chapter = Chapter::new(
        "Killed at random",
        "The process gets SIGKILL at random moments, a fifth of them while it still starts, and is started again;\n\
         senders go on until they are answered. Datasets are assessed and prepared all the time. An event whose answer\n\
         was lost with the process is sent again and answered as a duplicate: accepted is therefore below what is stored.",
    );
    chapter.number("kills", killed.into());
    chapter.number("events", load.events.into());
    chapter.number("stored, counted anew", found.events.len() as u64);
    chapter.number("accepted, as senders were told", told.accepted);
    chapter.number("requests repeated by senders", told.repeated);
    chapter.number("versions whose input and files were checked", found.versions);
    chapter.number("counts that the program's reconciler compared", found.compared);
    chapter.fact("seconds", format!("{:.0}", told.seconds));
    chapter
}
