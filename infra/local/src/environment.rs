//! The settings of the local stack: those of the environment, with defaults that
//! suit one machine.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use learning_core::dataset::Dataset;
use learning_core::dataset::settings::{PREFIX, Settings};
use learning_core::store::{Clients, local_http_client};

use crate::engine::{self, Endpoints, Engines};

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
    default("REDACTION_KEY", &|| secret(&data_dir.join("redaction.key")))?;
    Ok(Settings::from_vars(vars)?)
}

/// Checks the settings of the environment before anything is touched.
///
/// # Errors
/// An unknown or impossible setting.
pub fn check() -> Result<()> {
    Settings::from_env()?;
    Ok(())
}

/// A secret that is made once and kept in a file: 64 hexadecimal digits.
///
/// # Errors
/// A file that cannot be read or made.
pub fn secret(file: &Path) -> Result<String> {
    if let Ok(key) = fs::read_to_string(file) {
        return Ok(key.trim().to_owned());
    }
    let key = hex::encode(rand::random::<[u8; 32]>());
    let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let mut made = made.with_context(|| format!("cannot make the key file {}", file.display()))?;
    writeln!(made, "{key}").and_then(|()| made.sync_all()).context("cannot write the key file")?;
    Ok(key)
}

/// Clients of the running engines.
pub fn clients(engines: &Engines, settings: &Settings) -> Clients {
    clients_at(&engines.endpoints(), settings)
}

/// Clients of engines that listen there, or of something in front of them.
pub fn clients_at(at: &Endpoints, settings: &Settings) -> Clients {
    let clients = |endpoint: &str, key: &str| Clients::new(&config(endpoint, key), true, settings.resources.clone());
    Clients {
        s3: clients(&at.s3, engine::ACCESS_KEY).s3,
        eventbridge: clients(&at.bus, engine::ACCESS_KEY).eventbridge,
        ..clients(&at.dynamodb, &at.dynamodb_key)
    }
}

/// A client of the streams, which the DynamoDB engine serves too.
pub fn stream_client(engines: &Engines) -> aws_sdk_dynamodbstreams::Client {
    let at = engines.endpoints();
    aws_sdk_dynamodbstreams::Client::new(&config(&at.dynamodb, &at.dynamodb_key))
}

fn config(endpoint: &str, access_key: &str) -> SdkConfig {
    let credentials = Credentials::from_keys(access_key, engine::SECRET_KEY, None);
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static(engine::REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(local_http_client())
        .endpoint_url(endpoint)
        .build()
}
