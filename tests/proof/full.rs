//! A disk that is full, and later is not.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::process::{Place, settled};
use crate::recount::audit;
use crate::report::Chapter;
use crate::senders::Load;

/// A file system of its own, in memory, until dropped.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    /// `None` where mounting is not allowed.
    fn mount(folder: &'a Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(folder);
        mount.output().is_ok_and(|output| output.status.success()).then(|| Self(folder))
    }

    fn grow(&self, size: &str) {
        let options = format!("remount,size={size}");
        assert!(Command::new("mount").args(["-o", &options]).arg(self.0).status().unwrap().success());
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

/// `None`, and a word about it, where nothing may be mounted.
pub async fn full(load: Load) -> Option<Chapter> {
    let folder = tempfile::tempdir().unwrap();
    let place =
        Place::new(folder.path(), &[("LEARNING_THRESHOLD_SPENDING", "3000"), ("LEARNING_THRESHOLD_GOAL", "800")]);
    let data = place.data.clone();
    let Some(disk) = Disk::mount(&data, "12m") else {
        eprintln!("skipped: a disk that is full takes the right to mount one");
        return None;
    };
    let mut program = place.start().await;
    let sent = Arc::new(AtomicU32::new(0));
    let sending = tokio::spawn({
        let (port, sent) = (Arc::clone(&place.port), Arc::clone(&sent));
        async move { load.send(&port, None, &sent).await }
    });
    // Full: nothing has been taken in for three seconds.
    let mut last = (0, 0);
    while last.1 < 30 {
        let now = sent.load(Ordering::SeqCst);
        assert!(now < load.events, "the disk is large enough for all events: the test proves nothing");
        last = if now == last.0 && now > 0 { (now, last.1 + 1) } else { (now, 0) };
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let taken = last.0;
    assert!(program.is_running(), "a full disk does not end the program");
    assert!(place.get("/coaching/continuous-learning/status").await.is_some(), "it can be asked");
    disk.grow("1g");
    let told = sending.await.unwrap();
    // A preparation that could not even write down that it failed is left alone until its lease is over,
    // or the program is started again.
    program.kill();
    let program = place.start().await;
    settled(&place).await;
    let found = audit(&place, program).await;
    found.assert_is(&load);
    drop(disk);

    let mut chapter = Chapter::new(
        "A disk that is full",
        "Tables and bucket lie on a file system of 12 MB (a tmpfs), which fills up while events come in and versions are\n\
         prepared. The program goes on answering, refuses events with 503, and takes them in once there is room. Then it is\n\
         started again, which takes up the preparations that it could not even note as failed.",
    );
    chapter.number("events", load.events.into());
    chapter.number("events taken in when it was full", taken.into());
    chapter.number("requests repeated by senders", told.repeated);
    chapter.number("stored, counted anew", found.events.len() as u64);
    chapter.number("accepted, as senders were told", told.accepted);
    chapter.number("versions whose input and files were checked", found.versions);
    chapter.number("counts that the program's reconciler compared", found.compared);
    Some(chapter)
}
