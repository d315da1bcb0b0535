//! Fuzzing on stable Rust: events are mangled byte by byte and sent through the
//! decoder, the parsers, the envelope and the redactor. Nothing may panic, and
//! what must hold of any input is checked: also that an event which is read in
//! place is taken in, as it is, by the long way.
//!
//! `FUZZ_SECONDS` sets for how long; two unless it is set.

use std::io::Write;
use std::time::{Duration, Instant};

use learning_core::event::decode::{DecodeErrorKind, DecodeLimits, Decoder, Record as Decoded};
use learning_core::event::envelope::{self, Intake, Limits};
use learning_core::event::privacy::{Redactions, Redactor, Rules};
use learning_core::event::{StoredEvent, line};
use learning_core::quality::Record;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

const SEEDS: [&str; 6] = [
    r#"{"event_id":"960cf240-310c-5496-9b51-c5b65dbee86d","user_id":"f4c0f25c-bbe9-5c87-b0ec-0437c3e4437a","event_type":"transaction_creation","occurred_at":"2026-01-31T10:00:00.5Z","data":{"transaction_id":"t1","amount":12.50,"transaction_type":"debit","category":"Caf\u00e9","merchant_name":null,"balance_after":-0.10e1,"currency":"EUR","note":{"a":[true,0]}}}"#,
    r#"{"data":{"recommendation_id":9,"interaction_type":"click","action_id":3,"propensity":0.25,"context":{"a":1}},"event_id":"960cf240-310c-5496-9b51-c5b65dbee86d","event_type":"recommendation_interaction","occurred_at":"2026-01-31T10:00:00Z","schema_version":1,"user_id":"f4c0f25c-bbe9-5c87-b0ec-0437c3e4437a"}"#,
    r#"{"event_id":"960cf240-310c-5496-9b51-c5b65dbee86d","user_id":"f4c0f25c-bbe9-5c87-b0ec-0437c3e4437a","event_type":"transaction_creation","occurred_at":"2026-01-31T10:00:00.123456+01:00","schema_version":1,"data":{"transaction_id":"t1","amount":12.50,"transaction_type":"debit","category":"Groceries","description":"card 4111 1111 1111 1111, joe@example.com"}}"#,
    r#"{"user_id":"f4c0f25c-bbe9-5c87-b0ec-0437c3e4437a","event_type":"goal_modification","occurred_at":"2026-01-31T10:00:00Z","data":{"goal_id":7,"interaction_type":"achieve","target_date":"2026-12-31","card":{"number":[1,{"pin":2}]}}}"#,
    r#"{"event_type":"page_view","data":{"url":"/a?mail=joe%40example.com&token=x","note":"GB82 WEST 1234 5698 7654 32, 123-45-6789, +49 171 1234567, (415) 555-2671"}}"#,
    "{\"events\":[null,true,1e400,-0,\"\\ud800\",\"ü€😀\"]}\r\n\u{feff}\n  \n",
];

/// Bytes that mean something to one of the parsers.
const SIGNS: &[u8] = b"\"\\{}[]:,0@%\n-+";

fn mangled(random: &mut StdRng) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..random.random_range(1..4) {
        bytes.extend_from_slice(SEEDS[random.random_range(0..SEEDS.len())].as_bytes());
        bytes.push(b'\n');
    }
    for _ in 0..random.random_range(0..12) {
        if bytes.is_empty() {
            break;
        }
        let at = random.random_range(0..bytes.len());
        match random.random_range(0..5) {
            0 => bytes[at] = random.random(),
            1 => drop(bytes.remove(at)),
            2 => bytes.insert(at, SIGNS[random.random_range(0..SIGNS.len())]),
            3 => {
                let end = (at + random.random_range(1..40)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                let to = random.random_range(0..=bytes.len());
                bytes.splice(to..to, part);
            }
            _ => bytes.truncate(at.max(1)),
        }
    }
    bytes
}

/// As they are, or compressed and sometimes damaged.
fn packed(random: &mut StdRng, bytes: Vec<u8>) -> Vec<u8> {
    let mut packed = match random.random_range(0..8) {
        0 => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&bytes).unwrap();
            encoder.finish().unwrap()
        }
        1 => zstd::encode_all(bytes.as_slice(), 1).unwrap(),
        _ => return bytes,
    };
    if random.random() {
        let at = random.random_range(0..packed.len());
        packed[at] = random.random();
    }
    packed
}

/// The records of an input in pieces, and the kind of error that ends them.
fn decoded<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Decoded>, Option<DecodeErrorKind>) {
    let mut decoder = Decoder::new(DecodeLimits { record_bytes: 2_000, decompressed_bytes: 1 << 24 });
    let mut records = Vec::new();
    let mut pieces = pieces.peekable();
    while let Some(mut piece) = pieces.next() {
        let last = pieces.peek().is_none();
        loop {
            match decoder.next(&mut piece, last) {
                Ok(Some(record)) => records.push(record),
                Ok(None) => break,
                Err(error) => return (records, Some(error.kind)),
            }
        }
    }
    (records, None)
}

/// What an input may take, unoptimised and on a busy machine.
const BUDGET: Duration = Duration::from_secs(5);

#[test]
fn nothing_that_comes_in_is_too_odd() {
    let seconds = std::env::var("FUZZ_SECONDS").map_or(2, |text| text.parse().unwrap());
    let seed = std::env::var("FUZZ_SEED").map_or_else(|_| rand::random(), |text| text.parse().unwrap());
    println!("FUZZ_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let until = Instant::now() + Duration::from_secs(seconds);
    let redactor = Redactor::from(Rules { string_chars: Some(64), ..Rules::default() });
    let now = "2026-06-01T00:00:00Z".parse().unwrap();
    let intake = Intake { now, limits: Limits::default(), privacy: redactor.clone() };
    let (mut inputs, mut taken_in_place) = (0u64, 0u64);
    while Instant::now() < until {
        let bytes = mangled(&mut random);
        let begun = Instant::now();
        let bytes = packed(&mut random, bytes);
        let whole = decoded([bytes.as_slice()].into_iter());
        let pieces = decoded(bytes.chunks(random.random_range(1..64)).chain([&b""[..]]));
        assert_eq!(whole, pieces);

        assert!(begun.elapsed() < BUDGET, "{} bytes took {:?} to decode", bytes.len(), begun.elapsed());
        let began = Instant::now();
        let mut bytes_read = 0;
        for line in whole.0 {
            let text = String::from_utf8_lossy(&line.text);
            bytes_read += line.text.len();
            let (once, _) = redactor.redact_text(&text);
            let (twice, done) = redactor.redact_text(&once);
            assert_eq!((&twice, done), (&once, Redactions::default()), "{text}");
            let in_place = line::read(&line.text, &intake);
            let Ok(json) = serde_json::from_slice::<Value>(&line.text) else {
                assert!(in_place.is_none(), "{text}");
                continue;
            };
            let mut redacted = json.clone();
            redactor.redact_json(&mut redacted);
            assert_eq!(redactor.redact_json(&mut redacted.clone()), Redactions::default(), "{redacted}");
            match envelope::read(json, &intake, |content| content.event_id(0)) {
                Ok(admitted) => {
                    if let Some(in_place) = in_place {
                        let stored = StoredEvent::new(admitted.event.clone(), intake.now);
                        let (short, long) = (Record::of_line(in_place, intake.now), Record::of(&stored).unwrap());
                        assert_eq!(short.trace(), long.trace(), "{text}");
                        taken_in_place += 1;
                    }
                    let mut data = Value::Object(admitted.event.data);
                    assert_eq!(redactor.redact_json(&mut data), Redactions::default());
                }
                Err(faults) => assert!(!faults.is_empty() && in_place.is_none(), "{text}"),
            }
        }
        // A test build takes some 20 µs for a byte; on a machine that does much else, more.
        let budget = Duration::from_secs(2) + Duration::from_micros(500) * bytes_read as u32;
        assert!(began.elapsed() < budget, "{:?} for {:?}", began.elapsed(), String::from_utf8_lossy(&bytes));
        inputs += 1;
    }
    println!("{inputs} inputs, {taken_in_place} events read in place");
    assert!(taken_in_place > 0, "the short way was never taken");
}
