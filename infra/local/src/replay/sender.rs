//! Posting batches to the API.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use learning_core::event::Fault;
use learning_core::store::{Origin, Quarantine, Quarantined};
use reqwest::{StatusCode, header};
use serde::Deserialize;

use super::batch::{Batch, Line};
use super::{BrokenLine, Tally};

/// How often a busy API is asked again, with a growing pause.
const ATTEMPTS: u32 = 10;

#[derive(Clone, Debug)]
pub struct Sender {
    client: reqwest::Client,
    url: String,
    quarantine: Quarantine,
}

#[derive(Deserialize)]
struct Answer {
    results: Vec<Outcome>,
}

#[derive(Deserialize)]
struct Outcome {
    status: String,
    datasets: Vec<String>,
    warnings: Vec<Fault>,
    errors: Vec<Fault>,
}

impl Sender {
    pub fn new(api: &str, quarantine: Quarantine) -> Result<Self> {
        // No proxy: the API is on this machine.
        let client = reqwest::Client::builder().no_proxy().build().context("cannot make an HTTP client")?;
        Ok(Self { client, url: format!("{api}/coaching/events"), quarantine })
    }

    /// Sends a batch; what is refused, and what could not be sent, is in
    /// quarantine before this returns.
    pub async fn send(&self, batch: Batch) -> Result<Tally> {
        let outcomes = if batch.lines.is_empty() { Vec::new() } else { self.post(&batch.lines).await? };
        let mut tally = Tally::default();
        let mut quarantined = Vec::new();
        let quarantine = |line: Line, errors: Vec<Fault>| Quarantined {
            origin: Origin { road: "replay".to_owned(), source: batch.source.clone(), line: line.number },
            errors,
            body: line.text,
        };
        for (line, outcome) in batch.lines.into_iter().zip(outcomes) {
            match outcome.status.as_str() {
                "accepted" => {
                    tally.accepted += 1;
                    tally.warned += u64::from(!outcome.warnings.is_empty());
                    for dataset in outcome.datasets {
                        *tally.fed.entry(dataset).or_default() += 1;
                    }
                }
                "duplicate" => tally.duplicates += 1,
                _ => {
                    let reason = outcome.errors.first().map_or_else(String::new, reason);
                    *tally.rejected.entry(reason).or_default() += 1;
                    quarantined.push(quarantine(line, outcome.errors));
                }
            }
        }
        for (line, fault) in batch.broken {
            let broken = BrokenLine { source: batch.source.clone(), line: line.number, fault: fault.clone() };
            tally.broken.push(broken);
            quarantined.push(quarantine(line, vec![fault]));
        }
        self.quarantine.keep(quarantined).await?;
        Ok(tally)
    }

    async fn post(&self, lines: &[Line]) -> Result<Vec<Outcome>> {
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        let body = format!("{{\"events\":[{}]}}", texts.join(","));
        for attempt in 0..ATTEMPTS {
            let request = self.client.post(&self.url).header(header::CONTENT_TYPE, "application/json");
            let answer = request.body(body.clone()).send().await.context("the API does not answer")?;
            match answer.status() {
                StatusCode::ACCEPTED => {
                    let answer: Answer = serde_json::from_slice(&answer.bytes().await?)?;
                    if answer.results.len() != lines.len() {
                        bail!("the API answered {} results to {} events", answer.results.len(), lines.len());
                    }
                    return Ok(answer.results);
                }
                StatusCode::SERVICE_UNAVAILABLE => {
                    tokio::time::sleep(Duration::from_millis(100 << attempt.min(6))).await;
                }
                status => bail!("the API answered {status}: {}", answer.text().await.unwrap_or_default()),
            }
        }
        bail!("the API stays busy: start again, nothing is taken twice")
    }
}

/// E.g. `user_id missing`.
pub fn reason(fault: &Fault) -> String {
    format!("{} {}", fault.loc.join("."), fault.code.as_str()).trim_start().to_owned()
}
