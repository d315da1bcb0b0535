//! Redacts what standard input brings, one JSON value a line, and writes what is kept,
//! one a line: `{"text": …}` as free text, `{"data": …}` as the data of an event,
//! `{"record": "…"}` as a record for the quarantine.
//!
//! With `--time FILE`, it measures instead how many megabytes of the texts of a file
//! (one JSON value a line, all strings in it count) it reads in a second of one core.

use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use learning_core::event::privacy::Redactor;
use serde_json::{Value, json};

const ROUNDS: usize = 9;

fn main() -> anyhow::Result<()> {
    let redactor = Redactor::default().with_key(Some("5a".repeat(32).parse().map_err(anyhow::Error::msg)?));
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("--time"), Some(file)) => time(&redactor, &std::fs::read_to_string(file)?),
        _ => redact(&redactor),
    }
}

fn redact(redactor: &Redactor) -> anyhow::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let mut case: Value = serde_json::from_str(&line?)?;
        let kept = if let Some(text) = case["text"].as_str() {
            json!(redactor.redact_text(text).0)
        } else if let Some(record) = case["record"].as_str() {
            json!(redactor.redact_record(record).0)
        } else {
            let mut data = case["data"].take();
            redactor.redact_json(&mut data);
            data
        };
        writeln!(out, "{kept}")?;
    }
    Ok(out.flush()?)
}

fn time(redactor: &Redactor, lines: &str) -> anyhow::Result<()> {
    let mut texts = Vec::new();
    for line in lines.lines() {
        strings(&serde_json::from_str(line)?, &mut texts);
    }
    let bytes: usize = texts.iter().map(String::len).sum();
    // The best of some rounds of each thousand, so that what else the machine does hardly counts.
    let round = |texts: &[String]| {
        let started = Instant::now();
        for text in texts {
            std::hint::black_box(redactor.is_sensitive(std::hint::black_box(text)));
        }
        started.elapsed()
    };
    let best = |texts: &[String]| (0..ROUNDS).map(|_| round(texts)).min().unwrap_or_default();
    let time: Duration = texts.chunks(1_000).map(best).sum();
    let rate = bytes as f64 / time.as_secs_f64() / 1e6;
    println!("{}", json!({"texts": texts.len(), "bytes": bytes, "megabytes_per_second": rate}));
    Ok(())
}

fn strings(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, texts)),
        Value::Object(members) => members.values().for_each(|member| strings(member, texts)),
        _ => {}
    }
}
