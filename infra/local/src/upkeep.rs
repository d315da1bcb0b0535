//! What an operator does to a data folder: replay its quarantine, erase a user.

use anyhow::{Result, anyhow, bail};
use chrono::Utc;
use function_edge::{Answer, Function};
use learning_core::event::UserId;
use learning_core::usecase::{Erase, ErasureStatus};
use serde_json::json;
use uuid::Uuid;

use crate::stack::{Options, Stack};

/// # Errors
/// A folder that cannot be used; whatever the store says.
pub async fn replay(options: &Options) -> Result<()> {
    let stack = Stack::start(options).await?;
    let payload = serde_json::value::to_raw_value(&json!({"replay": "quarantine"}))?;
    let answer = stack.invoke(Function::EventIngestion, payload).await.map_err(|error| anyhow!(error));
    stack.settle().await?;
    stack.stop().await;
    let Answer::Json(requeued) = answer? else { bail!("the replay was answered as if it were a request") };
    let count = |name: &str| requeued[name].as_u64().unwrap_or_default();
    println!(
        "{} accepted, {} stored already, {} still in quarantine",
        count("accepted"),
        count("duplicates"),
        count("rejected")
    );
    Ok(())
}

/// # Errors
/// A folder that cannot be used; whatever the store says.
pub async fn erase(options: &Options, user: Uuid) -> Result<()> {
    let stack = Stack::start(options).await?;
    let erase = Erase::new(&stack.clients);
    let user = UserId(user);
    let mut receipt = erase.request(user, Utc::now()).await?;
    stack.settle().await?;
    if let Some(now) = erase.receipt(user, receipt.erasure_id).await? {
        receipt = now;
    }
    stack.stop().await;
    println!("{}", serde_json::to_string_pretty(&receipt)?);
    if receipt.status != ErasureStatus::Complete {
        bail!("the erasure is not complete: it goes on when the service runs");
    }
    Ok(())
}
