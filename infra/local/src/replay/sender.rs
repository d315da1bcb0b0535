//! Posting batches to the API.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use learning_core::event::privacy::Redactor;
use learning_core::event::{EventSource, Fault};
use learning_core::store::{Origin, Quarantine, Quarantined};
use reqwest::header::HeaderValue;
use reqwest::{StatusCode, header};
use serde::Deserialize;

use super::batch::{Batch, Line};
use super::{BrokenLine, Tally};
use crate::stack::Stack;

/// How often a busy API is asked again, with a growing pause.
const ATTEMPTS: u32 = 10;

#[derive(Clone, Debug)]
pub struct Sender {
    client: reqwest::Client,
    url: String,
    token: Option<String>,
    quarantine: Quarantine,
    redactor: Redactor,
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
    #[serde(default)]
    differences: Vec<String>,
}

impl Sender {
    pub fn new(stack: &Stack) -> Result<Self> {
        // No proxy: the API is on this machine.
        let client = reqwest::Client::builder().no_proxy().build().context("cannot make an HTTP client")?;
        Ok(Self {
            client,
            url: format!("{}/coaching/events", stack.api),
            token: stack.access.service_token(),
            quarantine: Quarantine::new(&stack.clients),
            redactor: stack.settings.privacy.clone(),
        })
    }

    /// Sends a batch; what is refused, and what could not be sent, is in
    /// quarantine before this returns.
    pub async fn send(&self, batch: Batch) -> Result<Tally> {
        let outcomes = if batch.lines.is_empty() { Vec::new() } else { self.post(&batch.source, &batch.lines).await? };
        let mut tally = Tally::default();
        let mut quarantined = Vec::new();
        let quarantine = |line: Line, errors: Vec<Fault>| {
            let origin = Origin { road: "replay".to_owned(), source: batch.source.clone(), line: line.number };
            Quarantined::new(origin, errors, &line.text, &self.redactor).with_occurrence(line.occurrence)
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
                "duplicate" => {
                    tally.duplicates += 1;
                    tally.differing.add(&outcome.differences);
                }
                _ => {
                    let reason = outcome.errors.first().map_or_else(String::new, Fault::reason);
                    *tally.rejected.entry(reason).or_default() += 1;
                    quarantined.push(quarantine(line, outcome.errors));
                }
            }
        }
        for (line, fault) in batch.broken {
            tally.broken.push(BrokenLine::new(&batch.source, line.number, fault.clone(), true));
            quarantined.push(quarantine(line, vec![fault]));
        }
        // Of these there is no text that could be kept whole; the file has them.
        let undecodable = batch.undecodable.into_iter();
        tally.broken.extend(undecodable.map(|(line, fault)| BrokenLine::new(&batch.source, line, fault, false)));
        self.quarantine.keep(quarantined).await?;
        Ok(tally)
    }

    async fn post(&self, file: &str, lines: &[Line]) -> Result<Vec<Outcome>> {
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        let body = format!("{{\"events\":[{}]}}", texts.join(","));
        for attempt in 0..ATTEMPTS {
            let mut request = self.client.post(&self.url).header(header::CONTENT_TYPE, "application/json");
            request = request.header("learning-source", EventSource::Replay.name());
            if let Ok(file) = HeaderValue::from_str(file) {
                request = request.header("learning-sender", file);
            }
            if let Some(token) = &self.token {
                request = request.bearer_auth(token);
            }
            let answer = request.body(body.clone()).send().await.context("the API does not answer")?;
            match answer.status() {
                StatusCode::ACCEPTED => {
                    let answer: Answer = serde_json::from_slice(&answer.bytes().await?)?;
                    if answer.results.len() != lines.len() {
                        bail!("the API answered {} results to {} events", answer.results.len(), lines.len());
                    }
                    return Ok(answer.results);
                }
                StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                    tokio::time::sleep(Duration::from_millis(100 << attempt.min(6))).await;
                }
                status => bail!("the API answered {status}: {}", answer.text().await.unwrap_or_default()),
            }
        }
        bail!("the API stays busy: start again, nothing is taken twice")
    }
}
