//! What every function does first.

use std::future::Future;

use lambda_runtime::{LambdaEvent, service_fn};
use learning_core::dataset::settings::Settings;
use learning_core::store::Clients;
use learning_core::telemetry;
use serde_json::value::RawValue;

use crate::{Answer, Error};

/// What a function's state is made of.
#[derive(Debug)]
pub struct Start {
    pub settings: Settings,
    pub clients: Clients,
}

/// Sets up logging, reads the settings, makes the clients and connects them, all
/// during init: Lambda lends it the most processor time, and nobody waits for it
/// where instances are provisioned.
///
/// # Errors
/// An unknown or impossible setting.
pub async fn start() -> Result<Start, Error> {
    lambda_runtime::tracing::init_default_subscriber();
    telemetry::send_metrics_to(|line| println!("{line}"));
    let settings = Settings::from_env()?;
    if !settings.require_auth {
        tracing::warn!("requests need no token: everybody who reaches the API may do everything");
    }
    let clients = Clients::from_env(settings.resources.clone()).await;
    clients.warm().await;
    Ok(Start { settings, clients })
}

/// Serves invocations until the runtime is told to stop.
///
/// # Errors
/// When the Lambda runtime cannot be reached.
pub async fn run<H, F>(handle: H) -> Result<(), Error>
where
    H: Fn(LambdaEvent<Box<RawValue>>) -> F,
    F: Future<Output = Result<Answer, Error>>,
{
    lambda_runtime::run(service_fn(handle)).await
}
