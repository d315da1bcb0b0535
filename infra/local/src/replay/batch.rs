//! Reading lines, and gathering them to requests.

use std::io::BufRead;

use indicatif::ProgressBar;
use learning_core::event::Fault;
use learning_core::event::decode::{DecodeLimits, Decoder, Record};
use learning_core::event::envelope::{self, Intake};
use learning_core::event::identity::{ContentDigest, Occurrences};
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
    /// Lines that are text, but no JSON.
    pub broken: Vec<(Line, Fault)>,
    /// Lines of which there is no whole text: their numbers.
    pub undecodable: Vec<(u64, Fault)>,
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
        self.lines.is_empty() && self.broken.is_empty() && self.undecodable.is_empty()
    }

    /// Whether a record must wait for the next request.
    fn is_full_for(&self, record: &Record, max: usize) -> bool {
        let count = self.lines.len().max(self.broken.len()).max(self.undecodable.len());
        // A derived id takes 52 bytes.
        count == max || self.bytes + record.text.len() + 64 > BODY_BYTES
    }

    fn push(&mut self, record: Record, identify: &mut Identify) {
        let number = record.line;
        let json = match record.text() {
            Ok(_) => record.json(),
            Err(fault) => return self.undecodable.push((number, fault)),
        };
        let text = String::from_utf8(record.text).unwrap_or_default();
        let mut line = Line { number, text, occurrence: 0 };
        match json {
            Err(fault) => self.broken.push((line, fault)),
            Ok(json) => {
                if json.value.get("event_id").is_none_or(Value::is_null) {
                    identify.identify(&mut line, json.value);
                }
                self.bytes += line.text.len() + 1;
                self.lines.push(line);
            }
        }
    }
}

/// What a source gives.
pub enum Read {
    Batch(Batch),
    /// It cannot be read further, and why.
    Unreadable(String),
}

/// The batches of a source, read on a thread of its own.
pub struct Batches(mpsc::Receiver<Read>);

impl Batches {
    pub fn read(source: Source, max: usize, intake: Intake, bar: ProgressBar) -> Self {
        let (sender, receiver) = mpsc::channel(AHEAD);
        tokio::task::spawn_blocking(move || read(source, max, Identify::new(intake), &bar, &sender));
        Self(receiver)
    }

    pub async fn next(&mut self) -> Option<Read> {
        self.0.recv().await
    }
}

/// Reads a source to its end, or as far as it goes. Where nobody listens any more, the
/// replay has failed already.
fn read(source: Source, max: usize, mut identify: Identify, bar: &ProgressBar, sender: &mpsc::Sender<Read>) {
    let name = source.name().to_owned();
    let mut reader = source.reader(bar);
    let limits = DecodeLimits { record_bytes: BODY_BYTES - 64, decompressed_bytes: u64::MAX };
    let mut decoder = Decoder::new(limits);
    let mut batch = Batch::of(&name);
    let problem = loop {
        let bytes = match reader.fill_buf() {
            Ok(bytes) => bytes,
            Err(error) => break Some(error.to_string()),
        };
        let (mut rest, last) = (bytes, bytes.is_empty());
        let ended = loop {
            match decoder.next(&mut rest, last) {
                Ok(Some(record)) => {
                    if batch.is_full_for(&record, max) {
                        let full = std::mem::replace(&mut batch, Batch::of(&name));
                        if sender.blocking_send(Read::Batch(full)).is_err() {
                            return;
                        }
                    }
                    batch.push(record, &mut identify);
                }
                Ok(None) => break None,
                Err(error) => break Some(error.to_string()),
            }
        };
        let read = bytes.len();
        reader.consume(read);
        if ended.is_some() || last {
            break ended;
        }
    };
    let batch = (!batch.is_empty()).then_some(Read::Batch(batch));
    let problem = problem.map(|problem| Read::Unreadable(format!("{name}: {problem}")));
    for read in batch.into_iter().chain(problem) {
        if sender.blocking_send(read).is_err() {
            return;
        }
    }
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
    fn identify(&mut self, line: &mut Line, json: Value) {
        let is_named = json.get("event_id").is_some();
        let occurrences = &mut self.occurrences;
        match envelope::read(json, &self.intake, |content| occurrences.next_id(content)) {
            Ok(admitted) => {
                line.text = with_id(&line.text, &admitted.event.id.to_string(), is_named);
            }
            Err(_) => {
                let (record, _) = self.intake.privacy.redact_record(&line.text);
                line.occurrence = self.occurrences.next(ContentDigest::of_record(&record));
            }
        }
        self.occurrences.commit();
    }
}

/// The text of an object with an id, otherwise as it is. One that has a null for an id
/// already is written again.
fn with_id(text: &str, id: &str, is_named: bool) -> String {
    if is_named && let Ok(mut json) = serde_json::from_str::<Value>(text) {
        json["event_id"] = id.into();
        return json.to_string();
    }
    let members = text.strip_prefix('{').unwrap_or(text).trim_start();
    let comma = if members.starts_with('}') { "" } else { "," };
    format!("{{\"event_id\":\"{id}\"{comma}{members}")
}

#[cfg(test)]
mod tests {
    use learning_core::dataset::settings::Settings;
    use learning_core::event::FaultCode;

    use super::*;

    fn identify() -> Identify {
        let Settings { limits, privacy, .. } = Settings::default();
        Identify::new(Intake { now: chrono::Utc::now(), limits, privacy })
    }

    /// The batch of an input.
    fn batch(input: &[u8], identify: &mut Identify) -> Batch {
        let limits = DecodeLimits { record_bytes: 1_000, decompressed_bytes: u64::MAX };
        let mut batch = Batch::of("test");
        for record in learning_core::event::decode::records(input, limits) {
            batch.push(record.unwrap(), identify);
        }
        batch
    }

    fn sendable(text: &str, identify: &mut Identify) -> Line {
        batch(text.as_bytes(), identify).lines.pop().unwrap()
    }

    #[test]
    fn equal_lines_without_an_id_get_ids_that_are_the_same_in_every_replay() {
        const LINE: &str = r#"{"user_id":"f4c0f25c-bbe9-5c87-b0ec-0437c3e4437a","event_type":"page_view","occurred_at":"2026-01-31T10:00:00Z","data":{"n":1.10,"event_id":"x"}}"#;
        let with_null = LINE.replacen('{', r#"{"event_id":null,"#, 1);
        let ids = || {
            let mut identify = identify();
            [LINE, &with_null].map(|line| {
                let event: Value = serde_json::from_str(&sendable(line, &mut identify).text).unwrap();
                assert_eq!(
                    (event["data"]["event_id"].as_str(), event["data"]["n"].to_string()),
                    (Some("x"), "1.10".into())
                );
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
            assert_eq!(sendable(text, &mut identify).text, text);
        }
        assert_eq!(sendable(r#"{"user_id":"u"}"#, &mut identify).occurrence, 1);
    }

    #[test]
    fn an_id_changes_nothing_else_of_a_line() {
        const LINE: &str = r#"{ "user_id":"f4c0f25c-bbe9-5c87-b0ec-0437c3e4437a","event_type":"page_view","occurred_at":"2026-01-31T10:00:00Z","data":{"n":1.10,"n":1.20}}"#;
        let text = sendable(LINE, &mut identify()).text;
        assert!(text.starts_with("{\"event_id\":\"") && text.ends_with(&LINE[2..]), "{text}");
    }

    #[test]
    fn what_is_no_json_is_apart_from_what_is_no_text() {
        let long = format!("\"{}\"", "x".repeat(2_000));
        let input = [&b"{\nnonsense\n{}{}\n{\"a\":\"\xe9\"}\n"[..], long.as_bytes()].concat();
        let batch = batch(&input, &mut identify());
        let broken: Vec<_> = batch.broken.iter().map(|(line, fault)| (line.number, fault.code)).collect();
        assert_eq!(broken, [1, 2, 3].map(|line| (line, FaultCode::InvalidFormat)));
        let undecodable: Vec<_> = batch.undecodable.iter().map(|(line, fault)| (*line, fault.code)).collect();
        assert_eq!(undecodable, [(4, FaultCode::WrongEncoding), (5, FaultCode::TooLarge)]);
    }
}
