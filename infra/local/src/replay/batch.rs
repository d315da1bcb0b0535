//! Reading lines, and gathering them to requests.

use std::io::BufRead;

use anyhow::{Context, Result};
use indicatif::ProgressBar;
use learning_core::event::{Fault, FaultCode};
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::source::Source;

/// What the API takes, less the brackets around the events.
const BODY_BYTES: usize = 4 * 1024 * 1024 - 1024;
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

    fn push(&mut self, line: Line) {
        match sendable(line) {
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
    pub fn read(source: Source, most: usize, bar: ProgressBar) -> Self {
        let (sender, receiver) = mpsc::channel(AHEAD);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = read(source, most, &bar, &sender) {
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

fn read(source: Source, most: usize, bar: &ProgressBar, sender: &mpsc::Sender<Result<Batch>>) -> Result<()> {
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
        let line = Line { number, text };
        if batch.is_full_for(&line, most) {
            let full = std::mem::replace(&mut batch, Batch::of(&name));
            if sender.blocking_send(Ok(full)).is_err() {
                return Ok(());
            }
        }
        batch.push(line);
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

/// A line that the API can read as an event. One without an id gets one that is
/// the same in every replay, so that a replay can be repeated.
fn sendable(mut line: Line) -> Result<Line, Box<(Line, Fault)>> {
    if line.text.len() > BODY_BYTES {
        let message = format!("the line has {} bytes; at most {BODY_BYTES} can be sent", line.text.len());
        return Err(Box::new((line, Fault::new(&[], FaultCode::TooLarge, message))));
    }
    match serde_json::from_str::<Probe>(&line.text) {
        Ok(Probe { event_id: Some(_) }) => Ok(line),
        // Null is for the API to refuse; only a missing id is made up for.
        Ok(Probe { event_id: None }) if line.text.contains("\"event_id\"") => Ok(line),
        Ok(Probe { event_id: None }) => {
            const NAMESPACE: Uuid = Uuid::from_u128(0x3c56_8a70_1f24_4b5e_8d0a_90d1_7c2e_4f31);
            let id = Uuid::new_v5(&NAMESPACE, format!("{}:{}", line.number, line.text).as_bytes());
            let rest = line.text.trim_start_matches('{').trim_start();
            let comma = if rest.starts_with('}') { "" } else { "," };
            line.text = format!("{{\"event_id\":\"{id}\"{comma}{rest}");
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
    use super::*;

    fn line(text: &str) -> Line {
        Line { number: 7, text: text.to_owned() }
    }

    #[test]
    fn an_event_without_an_id_gets_the_same_one_each_time() {
        let once = sendable(line(r#"{"user_id":"u"}"#)).unwrap().text;
        assert_eq!(once, sendable(line(r#"{"user_id":"u"}"#)).unwrap().text);
        let event: serde_json::Value = serde_json::from_str(&once).unwrap();
        assert_eq!(event["user_id"], "u");
        assert!(Uuid::parse_str(event["event_id"].as_str().unwrap()).is_ok());
        assert!(serde_json::from_str::<serde_json::Value>(&sendable(line("{}")).unwrap().text).is_ok());
    }

    #[test]
    fn what_has_an_id_is_left_as_it_is() {
        for text in [r#"{"event_id":"x","a":1.10}"#, r#"{"event_id":null}"#] {
            assert_eq!(sendable(line(text)).unwrap().text, text);
        }
    }

    #[test]
    fn a_line_that_is_no_object_is_broken() {
        for text in ["{", "nonsense", "{}{}", "\u{fffd}"] {
            let (_, fault) = *sendable(line(text)).unwrap_err();
            assert_eq!(fault.code, FaultCode::InvalidFormat, "{text}");
        }
    }
}
