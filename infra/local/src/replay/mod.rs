//! Replaying events: lines of NDJSON are posted to the API in batches; what is
//! refused goes to quarantine with its reasons.

mod batch;
mod sender;
mod source;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use chrono::Utc;
use indicatif::{ProgressBar, ProgressStyle};
use learning_core::event::Fault;
use learning_core::event::envelope::Intake;
use learning_core::store::Hold;

use self::batch::Batches;
use self::sender::Sender;
pub use self::source::Source;
use crate::stack::Stack;

/// Requests that are under way at once.
const CONCURRENT: usize = 4;
/// How long automatic assessment and preparation wait after the last sign of life of a replay.
const HOLD: chrono::Duration = chrono::Duration::seconds(60);
const RENEW: Duration = Duration::from_secs(15);

/// What became of the lines of a replay.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    pub accepted: u64,
    pub duplicates: u64,
    /// By the first fault of each: its field and code.
    pub rejected: BTreeMap<String, u64>,
    /// Accepted with at least one warning.
    pub warned: u64,
    /// Lines that are no JSON object, or too large to send.
    pub broken: Vec<BrokenLine>,
    /// Accepted events by the datasets that they feed.
    pub fed: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct BrokenLine {
    pub source: String,
    pub line: u64,
    pub fault: Fault,
}

impl Tally {
    pub fn rejected(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// What went to quarantine.
    pub fn quarantined(&self) -> u64 {
        self.rejected() + self.broken.len() as u64
    }

    fn add(&mut self, other: Tally) {
        self.accepted += other.accepted;
        self.duplicates += other.duplicates;
        self.warned += other.warned;
        self.broken.extend(other.broken);
        for (reason, count) in other.rejected {
            *self.rejected.entry(reason).or_default() += count;
        }
        for (dataset, count) in other.fed {
            *self.fed.entry(dataset).or_default() += count;
        }
    }
}

/// Replays sources, in order. Automatic assessment and preparation wait for the
/// last event.
///
/// # Errors
/// A source that cannot be read; an API that does not answer. What was sent by
/// then is kept, and counted once if it is sent again.
pub async fn replay(stack: &Stack, sources: Vec<Source>) -> Result<Tally> {
    let hold = Hold::new(&stack.clients);
    hold.extend(Utc::now() + HOLD).await?;
    let renewing = tokio::spawn(renew(hold.clone()));
    let outcome = send_all(stack, sources).await;
    renewing.abort();
    // Awaited, so that no renewal comes after the release.
    let _ = renewing.await;
    hold.release().await?;
    outcome
}

async fn renew(hold: Hold) {
    loop {
        tokio::time::sleep(RENEW).await;
        if let Err(error) = hold.extend(Utc::now() + HOLD).await {
            tracing::warn!(error = format!("{error:#}"), "the hold on automatic preparation was not renewed");
        }
    }
}

async fn send_all(stack: &Stack, sources: Vec<Source>) -> Result<Tally> {
    let sender = Sender::new(stack)?;
    let mut tally = Tally::default();
    for source in sources {
        let bar = progress(&source);
        let intake = Intake { now: Utc::now(), limits: stack.settings.limits, privacy: stack.settings.privacy.clone() };
        let mut batches = Batches::read(source, stack.settings.batch_events, intake, bar.clone());
        let mut sending = tokio::task::JoinSet::new();
        loop {
            tokio::select! {
                Some(sent) = sending.join_next() => take(&mut tally, sent??, &bar),
                batch = batches.next(), if sending.len() < CONCURRENT => match batch {
                    Some(batch) => {
                        let (sender, batch) = (sender.clone(), batch?);
                        sending.spawn(async move { sender.send(batch).await });
                    }
                    None => break,
                },
            }
        }
        while let Some(sent) = sending.join_next().await {
            take(&mut tally, sent??, &bar);
        }
        bar.finish_and_clear();
    }
    Ok(tally)
}

fn take(tally: &mut Tally, sent: Tally, bar: &ProgressBar) {
    for BrokenLine { source, line, fault } in &sent.broken {
        bar.suspend(|| eprintln!("{source}:{line}: {}: kept in quarantine", fault.message));
    }
    tally.add(sent);
    bar.set_message(format!(
        "{} accepted, {} duplicates, {} rejected",
        tally.accepted,
        tally.duplicates,
        tally.quarantined()
    ));
}

/// A bar over the bytes of a source, or a spinner where nobody knows how many there are.
fn progress(source: &Source) -> ProgressBar {
    let (bar, template) = match source.bytes() {
        Some(bytes) => (ProgressBar::new(bytes), "{prefix}  {wide_bar} {percent:>3} %  {msg}  {elapsed_precise}"),
        None => (ProgressBar::new_spinner(), "{prefix}  {spinner}  {msg}  {elapsed_precise}"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar.with_prefix(source.name().to_owned())
}
