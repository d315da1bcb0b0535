//! On a data folder: the stack is started for it, and stopped.

use anyhow::{Result, anyhow, bail};
use chrono::Utc;
use function_edge::{Answer, Function};
use learning_core::event::UserId;
use learning_core::usecase::{Erase, ErasureStatus};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::stack::{Options, Stack};

/// # Errors
/// A folder that cannot be used; whatever the store says.
pub async fn replay(options: &Options) -> Result<Value> {
    let stack = Stack::start(options).await?;
    let payload = serde_json::value::to_raw_value(&json!({"replay": "quarantine"}))?;
    let answer = stack.invoke(Function::EventIngestion, payload).await.map_err(|error| anyhow!(error));
    stack.settle().await?;
    stack.stop().await;
    let Answer::Json(requeued) = answer? else { bail!("the replay was answered as if it were a request") };
    Ok(requeued)
}

/// # Errors
/// A folder that cannot be used; whatever the store says.
pub async fn erase(options: &Options, user: Uuid) -> Result<Value> {
    let stack = Stack::start(options).await?;
    let erase = Erase::new(&stack.clients);
    let user = UserId(user);
    let mut receipt = erase.request(user, Utc::now()).await?;
    stack.settle().await?;
    // It may have waited for a version that the start took up, which is made by now.
    if erase.request(user, Utc::now()).await?.status != ErasureStatus::Complete {
        stack.settle().await?;
    }
    if let Some(now) = erase.receipt(user, receipt.erasure_id).await? {
        receipt = now;
    }
    stack.stop().await;
    if receipt.status != ErasureStatus::Complete {
        let id = receipt.erasure_id;
        bail!("the erasure {id} is not complete: it goes on when the service runs, or with the same command");
    }
    Ok(serde_json::to_value(&receipt)?)
}
