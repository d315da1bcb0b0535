//! Prepares a dataset from a file of events, without a store: for benchmarks, and
//! to look at what becomes of data at hand.
//!
//!     cargo run --release -p learning-core --features preparation --example prepare -- \
//!         spending events.ndjson out
//!
//! Events of one user may lie anywhere in the file. The pseudonym key is one for
//! trials only.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use chrono::Utc;
use learning_core::dataset::Dataset;
use learning_core::dataset::settings::Settings;
use learning_core::event::envelope::{self, Intake};
use learning_core::event::{StoredEvent, line};
use learning_core::preparation::{Builder, Gather};
use serde_json::Value;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dataset, events, out] = arguments.as_slice() else {
        bail!("say which dataset, from which file of events (NDJSON), into which folder")
    };
    let dataset: Dataset = dataset.parse()?;
    let started = Instant::now();
    let settings = Settings::default();
    let builder = Builder::new(dataset, &settings, &"0f".repeat(32).parse().map_err(anyhow::Error::msg)?)?;
    let (builder, taken, refused) = read(Path::new(events), &settings, Gather::new(builder))?;
    let read = started.elapsed();
    let prepared = builder.write(Path::new(out))?;
    println!(
        "{taken} events ({refused} refused) → {} rows in {} files; read in {:.2} s, written in {:.2} s",
        prepared.files.iter().map(|file| file.rows).sum::<u64>(),
        prepared.files.len(),
        read.as_secs_f64(),
        (started.elapsed() - read).as_secs_f64(),
    );
    println!("{:#}", Value::Object(prepared.statistics));
    Ok(())
}

/// Reads all events as ingestion would; answers how many it took in, and how many it refused.
fn read(events: &Path, settings: &Settings, mut gather: Gather) -> Result<(Builder, u64, u64)> {
    let file = File::open(events).with_context(|| format!("cannot read {}", events.display()))?;
    let mut reader = BufReader::with_capacity(1 << 18, file);
    let intake = Intake { now: Utc::now(), limits: settings.limits, privacy: settings.privacy.clone() };
    let (mut text, mut taken, mut refused) = (Vec::new(), 0, 0);
    while reader.read_until(b'\n', &mut text)? > 0 {
        let line = text.trim_ascii();
        if !line.is_empty() {
            match take(line, &intake, &mut gather) {
                true => taken += 1,
                false => refused += 1,
            }
        }
        text.clear();
    }
    Ok((gather.finish(), taken, refused))
}

fn take(line: &[u8], intake: &Intake, gather: &mut Gather) -> bool {
    if line::read(line, intake).is_some_and(|line| gather.add_line(&line, intake.now)) {
        return true;
    }
    let json = serde_json::from_slice::<Value>(line).ok();
    let admitted = json.and_then(|json| envelope::read(json, intake, |content| content.event_id(0)).ok());
    let stored = admitted.map(|admitted| StoredEvent::new(admitted.event, intake.now));
    stored.is_some_and(|stored| {
        gather.add(&stored);
        true
    })
}
