//! Reading lines, and gathering them to requests.

use std::io::BufRead;

use anyhow::{Context, Result};
use indicatif::ProgressBar;
use learning_core::event::envelope::{self, Intake};
use learning_core::event::identity::{ContentDigest, Occurrences};
use learning_core::event::{Fault, FaultCode};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use tokio::sync::mpsc;

use super::source::Source;

/// What the API takes, less the brackets around the events.
const BODY_BYTES: usize = 4 * 1024 * 1024 - 1024;
/// Contents without an id that are counted per file: some 200 MB. Beyond them, equal
/// lines are duplicates.
const MAX_CONTENTS: usize = 4_000_000;
/// Batches that are read ahead.
const AHEAD: usize = 8;

/// Lines of one source: those that can be sent, and those that cannot.
#[derive(Debug, Default)]
pub struct Batch {
    pub source: String,
    pub lines: Vec<Line>,
    pub broken: Vec<(Line, Fault)>,
    bytes: usize,
}

#[derive(Debug)]
pub struct Line {
    /// From 1.
    pub number: u64,
    pub text: String,
    /// How many equal lines without an id and with a fault came before it.
    pub occurrence: u64,
}

impl Batch {
    fn of(source: &str) -> Self {
        Self { source: source.to_owned(), ..Self::default() }
    }

    fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.broken.is_empty()
    }

    /// Whether `line` must wait for the next request.
    fn is_full_for(&self, line: &Line, most: usize) -> bool {
        self.lines.len() == most || self.broken.len() == most || self.bytes + line.text.len() + 1 > BODY_BYTES
    }

    fn push(&mut self, line: Line, identify: &mut Identify) {
        match sendable(line, identify) {
            Ok(line) => {
                self.bytes += line.text.len() + 1;
                self.lines.push(line);
            }
            Err(broken) => self.broken.push(*broken),
        }
    }
}

/// The batches of a source, read on a thread of its own.
pub struct Batches(mpsc::Receiver<Result<Batch>>);

impl Batches {
    pub fn read(source: Source, most: usize, intake: Intake, bar: ProgressBar) -> Self {
        let (sender, receiver) = mpsc::channel(AHEAD);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = read(source, most, Identify::new(intake), &bar, &sender) {
                // If nobody listens any more, nobody misses it.
                let _ = sender.blocking_send(Err(error));
            }
        });
        Self(receiver)
    }

    pub async fn next(&mut self) -> Option<Result<Batch>> {
        self.0.recv().await
    }
}

fn read(
    source: Source,
    most: usize,
    mut identify: Identify,
    bar: &ProgressBar,
    sender: &mpsc::Sender<Result<Batch>>,
) -> Result<()> {
    let name = source.name().to_owned();
    let mut reader = source.reader(bar)?;
    let mut batch = Batch::of(&name);
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        let read = reader.read_until(b'\n', &mut bytes);
        if read.with_context(|| format!("{name} breaks off at line {number}: what came before it is sent"))? == 0 {
            break;
        }
        // What is no UTF-8 is no JSON either; it is kept as far as it can be shown.
        let text = String::from_utf8_lossy(&bytes).trim().to_owned();
        if text.is_empty() {
            continue;
        }
        let line = Line { number, text, occurrence: 0 };
        if batch.is_full_for(&line, most) {
            let full = std::mem::replace(&mut batch, Batch::of(&name));
            if sender.blocking_send(Ok(full)).is_err() {
                return Ok(());
            }
        }
        batch.push(line, &mut identify);
    }
    if !batch.is_empty() {
        // If nobody listens any more, the replay has failed already.
        let _ = sender.blocking_send(Ok(batch));
    }
    Ok(())
}

#[derive(Deserialize)]
struct Probe {
    event_id: Option<IgnoredAny>,
}

/// The ids of events of a file that come without one. A file is sent in many requests;
/// its equal lines are numbered here, where all of it is read, by the rule that
/// ingestion applies within a request.
struct Identify {
    intake: Intake,
    occurrences: Occurrences,
}

impl Identify {
    fn new(intake: Intake) -> Self {
        Self { intake, occurrences: Occurrences::bounded(MAX_CONTENTS) }
    }

    /// Gives the event of a line its id. What ingestion rejects stays as it is, and is
    /// counted among its equals.
    fn identify(&mut self, line: &mut Line) {
        let Ok(mut json) = serde_json::from_str::<Value>(&line.text) else { return };
        let occurrences = &mut self.occurrences;
        match envelope::read(json.clone(), &self.intake, |content| occurrences.next_id(content)) {
            Ok(admitted) => {
                json["event_id"] = admitted.event.id.to_string().into();
                line.text = json.to_string();
            }
            Err(_) => {
                let (record, _) = self.intake.privacy.redact_record(&line.text);
                line.occurrence = self.occurrences.next(ContentDigest::of_record(&record));
            }
        }
        self.occurrences.commit();
    }
}

/// A line that the API can read as an event.
fn sendable(mut line: Line, identify: &mut Identify) -> Result<Line, Box<(Line, Fault)>> {
    if line.text.len() > BODY_BYTES {
        let message = format!("the line has {} bytes; at most {BODY_BYTES} can be sent", line.text.len());
        return Err(Box::new((line, Fault::new(&[], FaultCode::TooLarge, message))));
    }
    match serde_json::from_str::<Probe>(&line.text) {
        Ok(Probe { event_id: Some(_) }) => Ok(line),
        Ok(Probe { event_id: None }) => {
            identify.identify(&mut line);
            Ok(line)
        }
        Err(error) => {
            let message = format!("the line is no JSON object: {error}");
            Err(Box::new((line, Fault::new(&[], FaultCode::InvalidFormat, message))))
        }
    }
}

#[cfg(test)]
mod tests {
    use learning_core::dataset::settings::Settings;

    use super::*;

    fn identify() -> Identify {
        let Settings { limits, privacy, .. } = Settings::default();
        Identify::new(Intake { now: chrono::Utc::now(), limits, privacy })
    }

    fn sendable(text: &str, identify: &mut Identify) -> Result<Line, Box<(Line, Fault)>> {
        super::sendable(Line { number: 7, text: text.to_owned(), occurrence: 0 }, identify)
    }

    #[test]
    fn equal_lines_without_an_id_get_ids_that_are_the_same_in_every_replay() {
        const LINE: &str = r#"{"user_id":"f4c0f25c-bbe9-5c87-b0ec-0437c3e4437a","event_type":"page_view","occurred_at":"2026-01-31T10:00:00Z","data":{"n":1.10,"event_id":"x"}}"#;
        let with_null = LINE.replacen('{', r#"{"event_id":null,"#, 1);
        let ids = || {
            let mut identify = identify();
            [LINE, &with_null].map(|line| {
                let event: Value = serde_json::from_str(&sendable(line, &mut identify).unwrap().text).unwrap();
                assert_eq!(event["data"].to_string(), r#"{"event_id":"x","n":1.10}"#);
                event["event_id"].as_str().unwrap().to_owned()
            })
        };
        let [first, second] = ids();
        assert_ne!(first, second);
        assert_eq!(ids(), [first, second]);
    }

    #[test]
    fn what_has_an_id_or_a_fault_is_left_as_it_is() {
        let mut identify = identify();
        for text in [r#"{"event_id":"x","a":1.10}"#, r#"{"user_id":"u"}"#] {
            assert_eq!(sendable(text, &mut identify).unwrap().text, text);
        }
        assert_eq!(sendable(r#"{"user_id":"u"}"#, &mut identify).unwrap().occurrence, 1);
    }

    #[test]
    fn a_line_that_is_no_object_is_broken() {
        for text in ["{", "nonsense", "{}{}", "\u{fffd}"] {
            let (_, fault) = *sendable(text, &mut identify()).unwrap_err();
            assert_eq!(fault.code, FaultCode::InvalidFormat, "{text}");
        }
    }
}
