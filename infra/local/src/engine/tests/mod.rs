//! The engines as the program meets them: through the AWS SDK.

mod bus;
mod dynamodb;
mod kill;
mod s3;
#[path = "../../../../../tests/signing.rs"]
pub(crate) mod signing;
mod start;
mod strangers;

use std::path::{Path, PathBuf};

use aws_sdk_dynamodb as db;
use aws_sdk_eventbridge as events;
use rusqlite::{Connection, params_from_iter};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{Credentials, Delivery, Engines, Options, REGION, Rules, start};

/// A folder of its own for each test, removed with it.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("fincoach-test-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// How SQLite goes about a query whose parameter, if it has one, is a text.
pub(crate) fn plan(database: &Connection, query: &str) -> String {
    let mut explained = database.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
    let texts = vec!["t"; explained.parameter_count()];
    let steps = explained.query_map(params_from_iter(texts), |row| row.get::<_, String>(3)).unwrap();
    steps.map(Result::unwrap).collect()
}

fn options(folder: &Scratch) -> Options {
    Options { data_dir: folder.path().join("data"), s3_port: 0, dynamodb_port: 0 }
}

async fn started(folder: &Scratch) -> (Engines, UnboundedReceiver<Delivery>) {
    let (deliveries, delivered) = unbounded_channel();
    (start(options(folder), Rules::bundled().unwrap(), deliveries).await.unwrap(), delivered)
}

/// The settings that the three clients share. No retries, so that a test sees the first answer.
macro_rules! client {
    ($sdk:ident, $endpoint:expr, $credentials:expr) => {{
        let Credentials { access_key, secret_key } = $credentials;
        $sdk::Config::builder()
            .behavior_version_latest()
            .region($sdk::config::Region::new(REGION))
            .credentials_provider($sdk::config::Credentials::new(access_key, secret_key, None, None, "test"))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .retry_config($sdk::config::retry::RetryConfig::disabled())
            .endpoint_url($endpoint)
    }};
}

fn dynamodb(engines: &Engines) -> db::Client {
    dynamodb_at(&engines.dynamodb, &engines.dynamodb_credentials)
}

fn dynamodb_at(endpoint: &str, credentials: &Credentials) -> db::Client {
    db::Client::from_conf(client!(db, endpoint, credentials).build())
}

fn s3(engines: &Engines) -> aws_sdk_s3::Client {
    s3_at(&engines.s3, &engines.credentials)
}

fn s3_at(endpoint: &str, credentials: &Credentials) -> aws_sdk_s3::Client {
    aws_sdk_s3::Client::from_conf(client!(aws_sdk_s3, endpoint, credentials).force_path_style(true).build())
}

fn eventbridge(engines: &Engines) -> events::Client {
    eventbridge_at(&engines.bus, &engines.credentials)
}

fn eventbridge_at(endpoint: &str, credentials: &Credentials) -> events::Client {
    events::Client::from_conf(client!(events, endpoint, credentials).build())
}
