//! Replaying events: the records of files are posted to the API in batches; what is
//! rejected goes to quarantine with its reasons.

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
use learning_core::usecase::Differing;

use self::batch::{Batches, Read};
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
    /// Of the duplicates, those whose content is not that of the event which stands.
    pub differing: Differing,
    /// By the first fault of each: its field and code.
    pub rejected: BTreeMap<String, u64>,
    /// Accepted with at least one warning.
    pub warned: u64,
    /// Lines that are no JSON, no UTF-8, or too large to send.
    pub broken: Vec<BrokenLine>,
    /// Sources that could not be read to their end: where, and why.
    pub unreadable: Vec<String>,
    /// Per source: its name, and what became of its lines.
    pub sources: Vec<(String, Counts)>,
    /// Accepted events by the datasets that they feed.
    pub fed: BTreeMap<String, u64>,
}

/// Lines of one source by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub accepted: u64,
    pub duplicates: u64,
    pub rejected: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct BrokenLine {
    pub source: String,
    pub line: u64,
    pub fault: Fault,
    /// Whether the quarantine holds it.
    pub kept: bool,
}

impl BrokenLine {
    fn new(source: &str, line: u64, fault: Fault, kept: bool) -> Self {
        Self { source: source.to_owned(), line, fault, kept }
    }
}

impl Tally {
    pub fn rejected(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// Lines that were not ingested, for whatever reason.
    pub fn refused(&self) -> u64 {
        self.rejected() + self.broken.len() as u64
    }

    /// What went to quarantine.
    pub fn quarantined(&self) -> u64 {
        self.rejected() + self.broken.iter().filter(|line| line.kept).count() as u64
    }

    /// Whether every line of every source was ingested.
    pub fn is_complete(&self) -> bool {
        self.refused() == 0 && self.unreadable.is_empty()
    }

    fn counts(&self) -> Counts {
        Counts { accepted: self.accepted, duplicates: self.duplicates, rejected: self.refused() }
    }

    fn add(&mut self, other: Tally) {
        self.accepted += other.accepted;
        self.duplicates += other.duplicates;
        self.warned += other.warned;
        self.differing.merge(&other.differing);
        self.broken.extend(other.broken);
        self.unreadable.extend(other.unreadable);
        self.sources.extend(other.sources);
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
/// An API that does not answer. What was sent by then is kept, and counted once if it is
/// sent again. A source that cannot be read to its end is part of the tally.
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
        let (bar, name) = (progress(&source), source.name().to_owned());
        let mut own = Tally::default();
        let intake = Intake { now: Utc::now(), limits: stack.settings.limits, privacy: stack.settings.privacy.clone() };
        let mut batches = Batches::read(source, stack.settings.batch_events, intake, bar.clone());
        let mut sending = tokio::task::JoinSet::new();
        loop {
            tokio::select! {
                Some(sent) = sending.join_next() => take(&mut own, sent??, &bar),
                read = batches.next(), if sending.len() < CONCURRENT => match read {
                    Some(Read::Batch(batch)) => {
                        let sender = sender.clone();
                        sending.spawn(async move { sender.send(batch).await });
                    }
                    // What came before is sent all the same.
                    Some(Read::Unreadable(problem)) => own.unreadable.push(problem),
                    None => break,
                },
            }
        }
        while let Some(sent) = sending.join_next().await {
            take(&mut own, sent??, &bar);
        }
        bar.finish_and_clear();
        own.sources = vec![(name, own.counts())];
        tally.add(own);
    }
    Ok(tally)
}

fn take(tally: &mut Tally, sent: Tally, bar: &ProgressBar) {
    for BrokenLine { source, line, fault, kept } in &sent.broken {
        let kept = if *kept { "kept in quarantine" } else { "not ingested: fix it in the file" };
        bar.suspend(|| eprintln!("{source}:{line}: {}: {kept}", fault.message));
    }
    tally.add(sent);
    bar.set_message(format!(
        "{} accepted, {} duplicates, {} rejected",
        tally.accepted,
        tally.duplicates,
        tally.refused()
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
