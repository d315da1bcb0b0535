//! What an event costs in the core, before the store: parse, validate, redact,
//! and write its data out; with `--features store`, also the mapping to the item
//! that is stored. On real transactions where they are to be had, else on simple ones.
//!
//! `cargo bench -p learning-core --bench ingestion --features store`

use std::io::Read;
use std::path::Path;

use chrono::Utc;
use divan::Bencher;
use divan::counter::ItemsCount;
use learning_core::event::envelope::{self, Intake, Limits};
use learning_core::event::privacy::Redactor;
use serde_json::{Value, json};
use uuid::Uuid;

fn main() {
    divan::main();
}

/// Lines of NDJSON.
fn lines() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/transactions_online_retail.ndjson.gz");
    if let Ok(file) = std::fs::File::open(&path) {
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).expect("the real transactions can be read");
        return text.lines().map(str::to_owned).collect();
    }
    eprintln!("the real transactions are not here: simple ones are measured");
    (0..20_000)
        .map(|number| {
            json!({
                "event_id": Uuid::from_u128(number + 1), "user_id": Uuid::from_u128(number % 100 + 1),
                "event_type": "transaction_creation", "occurred_at": "2026-01-31T10:00:00Z",
                "data": {"transaction_id": number.to_string(), "amount": 12.5, "transaction_type": "debit",
                         "category": "Groceries", "merchant_name": "Corner shop", "currency": "GBP"},
            })
            .to_string()
        })
        .collect()
}

fn intake() -> Intake {
    Intake { now: Utc::now(), limits: Limits::default(), privacy: Redactor::default() }
}

/// Calls `work` with one line after the other.
fn each_line<T>(bencher: Bencher<'_, '_>, work: impl Fn(&str, &Intake) -> T) {
    let (lines, intake) = (lines(), intake());
    let mut next = lines.iter().cycle();
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| next.next().map(|line| work(line, &intake)));
}

fn admitted(line: &str, intake: &Intake) -> envelope::Admitted {
    let json: Value = serde_json::from_str(line).expect("a line of JSON");
    envelope::read(json, intake, |content| content.event_id(0)).expect("a good event")
}

#[divan::bench(sample_size = 100)]
fn an_event_parsed_validated_redacted_and_written_out(bencher: Bencher<'_, '_>) {
    each_line(bencher, |line, intake| serde_json::to_string(&admitted(line, intake).event.data));
}

#[cfg(feature = "store")]
#[divan::bench(sample_size = 100)]
fn an_event_on_the_whole_core_path(bencher: Bencher<'_, '_>) {
    use learning_core::dataset::{Epoch, PerDataset};
    use learning_core::event::StoredEvent;
    use learning_core::store::{Entry, ShardId, event_item};

    let epochs = PerDataset::from_fn(|_| Epoch::FIRST);
    each_line(bencher, |line, intake| {
        let admitted = admitted(line, intake);
        let stored = StoredEvent::new(admitted.event, intake.now);
        let entry =
            Entry { stored: &stored, redactions: admitted.redactions, counted_as: None, has_plausible_time: true };
        event_item(&entry, ShardId::pick(1), &epochs).expect("an item")
    });
}

#[divan::bench]
fn redaction_of_a_text_of_1000_characters(bencher: Bencher<'_, '_>) {
    let text = "Paid 12.50 at the corner shop on 2026-01-31, ref 536365; ask joe@example.com. ".repeat(13);
    let text: String = text.chars().take(1_000).collect();
    let redactor = Redactor::default();
    bencher.bench(|| redactor.redact_text(divan::black_box(&text)));
}

#[divan::bench]
fn redaction_of_clean_text_of_1000_characters(bencher: Bencher<'_, '_>) {
    let text = "Some words about nothing in particular, as people write them to one another. ".repeat(13);
    let text: String = text.chars().take(1_000).collect();
    let redactor = Redactor::default();
    bencher.bench(|| redactor.redact_text(divan::black_box(&text)));
}
