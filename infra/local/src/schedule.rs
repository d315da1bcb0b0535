//! What the scheduler does on AWS: a sweep at regular times.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use function_edge::Function;
use serde_json::json;

use crate::functions::Functions;

const EVERY: Duration = Duration::from_secs(60);

/// Sweeps at once, for what an earlier process left behind, and then regularly.
pub async fn run(functions: Arc<Functions>) {
    let mut times = tokio::time::interval(EVERY);
    loop {
        times.tick().await;
        if let Err(error) = sweep(&functions).await {
            tracing::error!(error = format!("{error:#}"), "a sweep failed");
        }
    }
}

/// One sweep.
///
/// # Errors
/// What the functions fail with.
pub async fn sweep(functions: &Functions) -> Result<()> {
    let event = json!({
        "version": "0",
        "id": uuid::Uuid::new_v4(),
        "source": "aws.scheduler",
        "detail-type": "Scheduled Event",
        "account": crate::engine::ACCOUNT,
        "region": crate::engine::REGION,
        "resources": ["sweep"],
        "detail": {},
    });
    let payload = serde_json::value::to_raw_value(&event)?;
    for function in [Function::ReadinessCheck, Function::EventIngestion, Function::DataPreparation] {
        functions.invoke(function, payload.clone()).await.map_err(|error| anyhow!(error))?;
    }
    Ok(())
}
