//! The ids of events that come without one. An id depends on the content of its
//! event and on how many events of equal content came before it in the same file or
//! request, and on nothing else: the same export gives the same ids whatever source
//! it arrives through, whatever the file is called and wherever its lines stand.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::canonical::{write, write_object, write_string};
use super::{Event, EventId};

/// The first half of the SHA-256 of an event's content: user, type, time, schema
/// version, `data` and members beside the envelope's own, after redaction. Equal
/// values are equal however they are spelled (`12.50` and `1.25e1`); the time is
/// compared as an instant. The id of the event is not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentDigest(pub [u8; 16]);

impl ContentDigest {
    /// The digest of an event whose id is left out. Fields are written by name, so
    /// that a field which a schema declares later changes no id.
    pub fn of(event: &Event) -> Self {
        let mut content = Vec::with_capacity(512);
        content.extend_from_slice(event.user.0.as_bytes());
        write_string(event.event_type.name(), &mut content);
        content.extend_from_slice(&event.occurred_at.timestamp_micros().to_le_bytes());
        content.extend_from_slice(&event.schema_version.to_le_bytes());
        write_object(&event.data, &mut content);
        write_object(&event.extra, &mut content);
        Self::of_bytes(&content)
    }

    /// The digest of a record that is no event: of its value where it is JSON, else
    /// of its text.
    pub fn of_record(text: &str) -> Self {
        let mut content = Vec::with_capacity(text.len());
        match serde_json::from_str(text) {
            Ok(json) => write(&json, &mut content),
            Err(_) => content.extend_from_slice(text.as_bytes()),
        }
        Self::of_bytes(&content)
    }

    fn of_bytes(content: &[u8]) -> Self {
        let digest = Sha256::digest(content);
        Self(std::array::from_fn(|n| digest[n]))
    }

    /// The id of the event that so many events of equal content precede: a UUID of
    /// version 8 (RFC 9562), made from a SHA-256.
    pub fn event_id(self, occurrence: u64) -> EventId {
        const DOMAIN: &[u8] = b"fincoach event id 1";
        let mut hash = Sha256::new();
        hash.update(DOMAIN);
        hash.update(self.0);
        hash.update(occurrence.to_le_bytes());
        let digest = hash.finalize();
        let bytes = std::array::from_fn(|n| digest[n]);
        EventId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

/// How often each content came in one file or request, in bounded memory.
#[derive(Clone, Debug)]
pub struct Occurrences {
    counts: HashMap<ContentDigest, u64>,
    /// Contents that are counted, at most.
    max: usize,
    /// Events whose content is not counted, because so many others are.
    uncounted: u64,
    /// What was counted since the last commit.
    uncommitted: Vec<ContentDigest>,
}

impl Default for Occurrences {
    /// Counts for a request, whose size is bounded already.
    fn default() -> Self {
        Self::bounded(usize::MAX)
    }
}

impl Occurrences {
    /// Counts up to `max` different contents. An event of another content has
    /// occurrence 0, so that those that are equal to it are its duplicates.
    pub fn bounded(max: usize) -> Self {
        Self { counts: HashMap::new(), max, uncounted: 0, uncommitted: Vec::new() }
    }

    /// Counts on from known counts, of these contents only: all others come once.
    pub fn among(counts: impl IntoIterator<Item = (ContentDigest, u64)>) -> Self {
        let counts: HashMap<_, _> = counts.into_iter().collect();
        Self { max: counts.len(), counts, uncounted: 0, uncommitted: Vec::new() }
    }

    /// The number of equal contents before this one.
    pub fn next(&mut self, content: ContentDigest) -> u64 {
        let counted = self.counts.len();
        let before = match self.counts.get_mut(&content) {
            Some(count) => {
                *count += 1;
                *count - 1
            }
            None if counted < self.max => {
                self.counts.insert(content, 1);
                0
            }
            None => {
                self.uncounted += 1;
                return 0;
            }
        };
        self.uncommitted.push(content);
        before
    }

    /// The id of the next event of this content.
    pub fn next_id(&mut self, content: ContentDigest) -> EventId {
        content.event_id(self.next(content))
    }

    /// Keeps what was counted.
    pub fn commit(&mut self) {
        self.uncommitted.clear();
    }

    /// Takes back what was counted since the last commit: a batch that failed is
    /// counted again when it is tried again.
    pub fn roll_back(&mut self) {
        for content in self.uncommitted.drain(..) {
            if let Some(count) = self.counts.get_mut(&content) {
                *count -= 1;
            }
        }
    }

    /// Events beyond the bound: where they are equal, they are duplicates.
    pub fn uncounted(&self) -> u64 {
        self.uncounted
    }

    /// The contents with their counts.
    pub fn counts(&self) -> impl Iterator<Item = (ContentDigest, u64)> + '_ {
        self.counts.iter().map(|(content, count)| (*content, *count))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::dataset::settings::Settings;
    use crate::event::envelope::{self, Intake};

    fn content(json: Value) -> ContentDigest {
        let Settings { limits, privacy, .. } = Settings::default();
        let intake = Intake { now: "2026-06-01T00:00:00Z".parse().unwrap(), limits, privacy };
        let mut content = None;
        let read = envelope::read(json, &intake, |digest| {
            content = Some(digest);
            digest.event_id(0)
        });
        let event = read.expect("a good event").event;
        let content = content.expect("it came without an id");
        assert_eq!(event.id, content.event_id(0));
        content
    }

    fn event(data: Value) -> Value {
        json!({
            "user_id": "f4c0f25c-bbe9-5c87-b0ec-0437c3e4437a", "event_type": "transaction_creation",
            "occurred_at": "2026-01-31T10:00:00Z", "data": data,
        })
    }

    fn data() -> Value {
        json!({"transaction_id": "t", "amount": 12.5, "transaction_type": "debit", "category": "x"})
    }

    fn with(path: &str, value: Value) -> Value {
        let mut event = event(data());
        let (parent, name) = path.rsplit_once('/').unwrap();
        event.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(name.to_owned(), value);
        event
    }

    #[test]
    fn equal_content_has_one_id_however_it_is_spelled() {
        let plain = content(event(data()));
        let spelled = r#"{"data":{"category":"x","transaction_type":"debit","amount":1.250e1,"transaction_id":"t"},
            "occurred_at":"2026-01-31T11:00:00.000+01:00","schema_version":1,"event_type":"transaction_creation",
            "event_id":null,"user_id":"F4C0F25C-BBE9-5C87-B0EC-0437C3E4437A"}"#;
        assert_eq!(content(serde_json::from_str(spelled).unwrap()), plain);
        let id = plain.event_id(0).0;
        assert_eq!((id.get_version_num(), id.get_variant()), (8, uuid::Variant::RFC4122));
    }

    #[test]
    fn other_content_has_another_id() {
        let plain = content(event(data()));
        for (path, value) in [
            ("/user_id", json!("f4c0f25c-bbe9-5c87-b0ec-0437c3e4437b")),
            ("/event_type", json!("page_view")),
            ("/occurred_at", json!("2026-01-31T10:00:00.000001Z")),
            ("/schema_version", json!(2)),
            ("/data/transaction_id", json!("u")),
            ("/data/amount", json!(12)),
            ("/data/note", json!(null)),
            ("/data/event_id", json!("960cf240-310c-5496-9b51-c5b65dbee86d")),
            ("/exported", json!(1)),
        ] {
            assert_ne!(content(with(path, value.clone())), plain, "{path} {value}");
        }
        assert_ne!(plain.event_id(0), plain.event_id(1));
    }

    #[test]
    fn what_is_taken_out_makes_no_difference() {
        let with_secret = with("/data/password", json!("hunter2"));
        assert_eq!(content(with_secret), content(event(data())));
    }

    #[test]
    fn beyond_the_bound_equal_contents_are_one() {
        let contents = [1, 2, 3].map(|n| ContentDigest([n; 16]));
        let mut occurrences = Occurrences::bounded(2);
        let numbers: Vec<u64> = contents.iter().chain(&contents).map(|content| occurrences.next(*content)).collect();
        assert_eq!(numbers, [0, 0, 0, 1, 1, 0]);
        assert_eq!(occurrences.uncounted(), 2);
    }

    proptest! {
        #[test]
        fn a_batch_that_fails_is_counted_once(
            batches in prop::collection::vec((prop::collection::vec(0u8..4, 0..6), any::<bool>()), 0..12)
        ) {
            let digest = |n: u8| ContentDigest([n; 16]);
            let (mut once, mut tried) = (Occurrences::default(), Occurrences::default());
            for (batch, fails) in batches {
                let numbers: Vec<u64> = batch.iter().map(|n| once.next(digest(*n))).collect();
                if fails {
                    batch.iter().for_each(|n| { tried.next(digest(*n)); });
                    tried.roll_back();
                }
                let again: Vec<u64> = batch.iter().map(|n| tried.next(digest(*n))).collect();
                tried.commit();
                prop_assert_eq!(numbers, again);
            }
        }
    }
}
