//! Prepares a dataset from a file of events, without a store: for benchmarks, and
//! to look at what becomes of data at hand.
//!
//!     cargo run --release -p learning-core --features preparation --example prepare -- \
//!         spending events.ndjson out
//!
//! Events of one user may lie anywhere in the file: it is first divided by user
//! into parts that fit into memory. The pseudonym key is one for trials only.

use std::collections::HashMap;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use chrono::Utc;
use learning_core::dataset::Dataset;
use learning_core::dataset::settings::Settings;
use learning_core::event::envelope::{self, Intake};
use learning_core::event::{StoredEvent, UserId};
use learning_core::preparation::Builder;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

const PARTS: usize = 64;

/// As much of an event as tells its part.
#[derive(Deserialize)]
struct Probe<'a> {
    user_id: Option<&'a str>,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dataset, events, out] = arguments.as_slice() else {
        bail!("say which dataset, from which file of events (NDJSON), into which folder")
    };
    let dataset: Dataset = dataset.parse()?;
    let started = Instant::now();
    let scratch = tempfile::tempdir()?;
    let skipped = divide(Path::new(events), scratch.path())?;
    let divided = started.elapsed();

    let settings = Settings::default();
    let mut builder = Builder::new(dataset, &settings, &"0f".repeat(32).parse().map_err(anyhow::Error::msg)?)?;
    let (mut taken, mut refused) = (0u64, 0u64);
    for part in 0..PARTS {
        let (users, bad) = read_part(&scratch.path().join(part.to_string()), &settings)?;
        refused += bad;
        for (user, events) in users {
            taken += events.len() as u64;
            builder.add_user(user, &events);
        }
    }
    let read = started.elapsed();
    let prepared = builder.write(Path::new(out))?;
    println!(
        "{taken} events ({refused} refused, {skipped} of nobody) → {} rows in {} files; divided in {:.2} s, read in {:.2} s, written in {:.2} s",
        prepared.files.iter().map(|file| file.rows).sum::<u64>(),
        prepared.files.len(),
        divided.as_secs_f64(),
        (read - divided).as_secs_f64(),
        (started.elapsed() - read).as_secs_f64(),
    );
    println!("{:#}", Value::Object(prepared.statistics));
    Ok(())
}

/// Puts each line into the part of its user; answers the lines that name none.
fn divide(events: &Path, scratch: &Path) -> Result<u64> {
    let file = File::open(events).with_context(|| format!("cannot read {}", events.display()))?;
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut parts = (0..PARTS)
        .map(|part| Ok(BufWriter::with_capacity(1 << 16, File::create(scratch.join(part.to_string()))?)))
        .collect::<Result<Vec<_>>>()?;
    let (mut line, mut skipped) = (Vec::new(), 0);
    while reader.read_until(b'\n', &mut line)? > 0 {
        match serde_json::from_slice::<Probe<'_>>(&line) {
            Ok(Probe { user_id: Some(user) }) => {
                let mut hasher = DefaultHasher::new();
                user.hash(&mut hasher);
                parts[hasher.finish() as usize % PARTS].write_all(&line)?;
            }
            _ => skipped += 1,
        }
        line.clear();
    }
    parts.iter_mut().try_for_each(Write::flush)?;
    Ok(skipped)
}

/// The events of a part by user, and how many were refused.
fn read_part(path: &Path, settings: &Settings) -> Result<(HashMap<UserId, Vec<StoredEvent>>, u64)> {
    let mut text = Vec::new();
    File::open(path)?.read_to_end(&mut text)?;
    let now = Utc::now();
    let intake = Intake { now, limits: settings.limits, privacy: settings.privacy };
    let (mut users, mut refused) = (HashMap::<_, Vec<_>>::new(), 0);
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let json = serde_json::from_slice::<Value>(line).ok();
        let read = json.and_then(|json| envelope::read(json, &intake, Uuid::new_v4).ok());
        match read {
            Some(admitted) => {
                let stored = StoredEvent { event: admitted.event, ingested_at: now };
                users.entry(stored.event.user).or_default().push(stored);
            }
            None => refused += 1,
        }
    }
    Ok((users, refused))
}
