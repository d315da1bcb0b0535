//! Provenance: by which source an event arrived, and who sent it.

use std::fmt;
use std::sync::Arc;

use super::privacy::Redactor;

/// The kind of input that an event arrived by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventSource {
    Http,
    Queue,
    Bus,
    Stream,
    File,
    Replay,
    /// Events that were stored before sources were recorded.
    #[default]
    Unknown,
}

impl EventSource {
    pub const ALL: [EventSource; 7] = [
        EventSource::Http,
        EventSource::Queue,
        EventSource::Bus,
        EventSource::Stream,
        EventSource::File,
        EventSource::Replay,
        EventSource::Unknown,
    ];

    pub fn name(self) -> &'static str {
        match self {
            EventSource::Http => "http",
            EventSource::Queue => "queue",
            EventSource::Bus => "bus",
            EventSource::Stream => "stream",
            EventSource::File => "file",
            EventSource::Replay => "replay",
            EventSource::Unknown => "unknown",
        }
    }

    /// The source of this name; `Unknown` for a name of none.
    pub fn from_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|source| source.name() == name).unwrap_or_default()
    }
}

impl fmt::Display for EventSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where an event came from. Events of one sender share its name in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    pub source: EventSource,
    sender: Option<Arc<str>>,
}

impl Provenance {
    /// Characters that are kept of a sender's name.
    const SENDER_CHARS: usize = 128;

    /// An event of a source whose sender has no name.
    pub fn of(source: EventSource) -> Self {
        Self { source, sender: None }
    }

    /// An event of a named sender: the client of a token, a queue, a bus source, a
    /// table, the prefix of a file. The name is redacted like any other text.
    pub fn new(source: EventSource, sender: &str, redactor: &Redactor) -> Self {
        let name = redactor.redact_text(sender.trim()).0;
        let name: String = name.chars().take(Self::SENDER_CHARS).collect();
        Self::stored(source, &name)
    }

    /// As it was stored.
    pub fn stored(source: EventSource, sender: &str) -> Self {
        Self { source, sender: (!sender.is_empty() && sender != source.name()).then(|| sender.into()) }
    }

    /// The sender's name; the source's where the sender has none.
    pub fn sender(&self) -> &str {
        self.sender.as_deref().unwrap_or(self.source.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_without_a_name_is_named_like_its_source() {
        let named = |sender| Provenance::new(EventSource::Queue, sender, &Redactor::default());
        assert_eq!(named("fincoach-events").sender(), "fincoach-events");
        assert_eq!(named("  ").sender(), "queue");
        assert_eq!(Provenance::of(EventSource::Http).sender(), "http");
    }

    #[test]
    fn a_sender_is_redacted_and_bounded() {
        let named = |sender: &str| Provenance::new(EventSource::File, sender, &Redactor::default()).sender().to_owned();
        assert!(!named("from jane@example.org").contains("jane"));
        assert_eq!(named(&"é".repeat(500)).chars().count(), 128);
    }

    #[test]
    fn every_source_is_found_by_its_name() {
        for source in EventSource::ALL {
            assert_eq!(EventSource::from_name(source.name()), source);
        }
        assert_eq!(EventSource::from_name("carrier pigeon"), EventSource::Unknown);
    }
}
