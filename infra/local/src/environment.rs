//! The settings of the local stack: those of the environment, with defaults that
//! suit one machine.

use std::fs;
use std::path::Path;

use anyhow::Result;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use learning_core::dataset::Dataset;
use learning_core::dataset::settings::{PREFIX, Settings};
use learning_core::store::{Clients, local_http_client};

use crate::engine::{self, Endpoints, Engines};
pub use crate::secret::secret;

/// The file of the data folder that holds the redaction key.
const REDACTION_KEY: &str = "redaction.key";

/// Reads the settings. What the environment leaves open: no minimum interval
/// between automatic assessments, a pseudonym key and a redaction key that are made once and
/// kept in the data folder, scans in one segment: the engine has one lock, so that segments
/// gain nothing, and no index by them, so that each page of one reads the whole table;
/// and a quarter of the memory for a preparation, since all four may be under way here.
///
/// # Errors
/// An unknown or impossible setting; a key file that cannot be read or made.
pub fn settings(data_dir: &Path) -> Result<Settings> {
    let mut vars: Vec<(String, String)> = std::env::vars().filter(|(name, _)| name.starts_with(PREFIX)).collect();
    let mut default = |name: &str, value: &dyn Fn() -> Result<String>| -> Result<()> {
        let name = format!("{PREFIX}{name}");
        if !vars.iter().any(|(given, _)| *given == name) {
            vars.push((name, value()?));
        }
        Ok(())
    };
    default("MIN_INTERVAL_SECONDS", &|| Ok("0".to_owned()))?;
    default("SCAN_SEGMENTS", &|| Ok("1".to_owned()))?;
    let share = Settings::default().preparation_bytes / Dataset::all().count();
    default("PREPARATION_BYTES", &|| Ok(share.to_string()))?;
    default("PSEUDONYM_KEY", &|| secret(&data_dir.join("pseudonym.key")))?;
    default("REDACTION_KEY", &|| secret(&data_dir.join(REDACTION_KEY)))?;
    // Here the gateway says who may come in: everybody, or with --require-auth who has a token.
    let mut settings = Settings::from_vars(vars)?;
    settings.require_auth = true;
    Ok(settings)
}

/// Settings for a command that works on files alone. Without a key in the environment, ids
/// that look like personal data are replaced under the key of the data folder, or, where
/// that has none, under one that is made for this run; standard error says so.
///
/// # Errors
/// An unknown or impossible setting, or key.
pub fn offline_settings(data_dir: &Path) -> Result<Settings> {
    let mut settings = Settings::from_env()?;
    if settings.privacy.key().is_some() {
        return Ok(settings);
    }
    let file = data_dir.join(REDACTION_KEY);
    let key = match fs::read_to_string(&file) {
        Ok(key) => key.trim().to_owned(),
        Err(_) => {
            eprintln!(
                "note: {} has no redaction key: ids that look like personal data are replaced under a random key, and \
                 differ from those of other runs",
                data_dir.display()
            );
            hex::encode(rand::random::<[u8; 32]>())
        }
    };
    let key = key.parse().map_err(|problem: &str| anyhow::anyhow!("{}: {problem}", file.display()))?;
    settings.privacy = settings.privacy.with_key(Some(key));
    Ok(settings)
}

/// Checks the settings of the environment before anything is touched.
///
/// # Errors
/// An unknown or impossible setting.
pub fn check() -> Result<()> {
    Settings::from_env()?;
    Ok(())
}

/// Clients of the running engines.
pub fn clients(engines: &Engines, settings: &Settings) -> Clients {
    clients_at(&engines.endpoints(), settings)
}

/// Clients of engines that listen there, or of something in front of them.
pub fn clients_at(at: &Endpoints, settings: &Settings) -> Clients {
    let clients = |endpoint: &str, credentials: &engine::Credentials| {
        Clients::new(&config(endpoint, credentials), true, settings.resources.clone())
    };
    Clients {
        s3: clients(&at.s3, &at.credentials).s3,
        eventbridge: clients(&at.bus, &at.credentials).eventbridge,
        ..clients(&at.dynamodb, &at.dynamodb_credentials)
    }
}

/// A client of the streams, which the DynamoDB engine serves too.
pub fn stream_client(engines: &Engines) -> aws_sdk_dynamodbstreams::Client {
    let at = engines.endpoints();
    aws_sdk_dynamodbstreams::Client::new(&config(&at.dynamodb, &at.dynamodb_credentials))
}

fn config(endpoint: &str, credentials: &engine::Credentials) -> SdkConfig {
    let credentials = Credentials::from_keys(&credentials.access_key, &credentials.secret_key, None);
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static(engine::REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(local_http_client())
        .endpoint_url(endpoint)
        .build()
}
