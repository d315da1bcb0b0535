//! By a running service.

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::progress::Progress;
use super::super::{Client, datasets};

/// Events of a stretch: some seconds of work for the service.
const STRETCH: usize = 200;

/// Replays the quarantine, stretch by stretch.
///
/// # Errors
/// See [`Client::patiently`]; what was taken in by then stays so.
pub async fn replay(client: &Client) -> Result<Value> {
    let progress = Progress::begin("Sending what is in quarantine again");
    let mut sums = [("accepted", 0), ("duplicates", 0), ("rejected", 0)];
    let mut path = format!("/coaching/quarantine/replay?limit={STRETCH}");
    loop {
        // A stretch that is sent twice is accepted once.
        let answer = client.patiently(Method::POST, &path).await.with_context(|| {
            let sent: u64 = sums.iter().map(|(_, sum)| sum).sum();
            format!("the replay stopped after {sent} events; the same command goes on with the rest")
        })?;
        for (name, sum) in &mut sums {
            *sum += answer.body[*name].as_u64().unwrap_or_default();
        }
        progress.say(sums.map(|(name, sum)| format!("{sum} {name}")).join(", "));
        match answer.body["next"].as_str() {
            Some(cursor) => path = format!("/coaching/quarantine/replay?limit={STRETCH}&cursor={cursor}"),
            None => return Ok(sums.into_iter().map(|(name, sum)| (name.to_owned(), json!(sum))).collect()),
        }
    }
}

/// Erases a user, and follows the receipt until it is complete.
///
/// # Errors
/// See [`Client::follow`].
pub async fn erase(client: &Client, user: Uuid) -> Result<Value> {
    let progress = Progress::begin("Asking for the erasure");
    let asked = client.call(Method::DELETE, &format!("/coaching/users/{user}/data"), None).await?;
    let receipt = asked.location.context("the service names no receipt")?;
    let is_complete = |receipt: &Value| receipt["status"] == "complete";
    let tell = |receipt: &Value| {
        let status = datasets::text(&receipt["status"]).replace('_', " ");
        progress
            .say(format!("{status}: {} events erased; Ctrl-C stops the waiting, not the erasure", receipt["events"]));
    };
    let followed = client.follow(&receipt, is_complete, tell).await;
    followed.with_context(|| format!("the erasure is asked for and goes on; its receipt is {}{receipt}", client.url()))
}
