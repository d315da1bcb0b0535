//! The engines without what drives the functions: a test delivers every trigger
//! itself, loses some, and repeats others, at times of its own.

use chrono::{DateTime, Utc};
use fincoach_local::engine::{self, Delivery, Engines, Rules};
use fincoach_local::environment;
use learning_core::dataset::settings::Settings;
use learning_core::store::{Clients, Counters, Heads, ensure};
use learning_core::usecase::{Senders, Terms, initialize};
use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedReceiver;

/// Events that come at `now` from somebody who may report of anybody.
pub fn terms(now: DateTime<Utc>) -> Terms {
    Terms { now, only: None, senders: Senders::default() }
}

pub struct Bare {
    pub clients: Clients,
    pub settings: Settings,
    /// What the bus would deliver.
    pub deliveries: UnboundedReceiver<Delivery>,
    engines: Engines,
    _folder: TempDir,
}

impl Bare {
    pub async fn start(vars: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (sender, deliveries) = tokio::sync::mpsc::unbounded_channel();
        let options = engine::Options { data_dir: folder.path().to_owned(), s3_port: 0, dynamodb_port: 0 };
        let engines = engine::start(options, Rules::bundled().unwrap(), sender).await.unwrap();
        let key = "ab".repeat(32);
        let all = vars.iter().copied().chain([("PSEUDONYM_KEY", key.as_str()), ("MIN_INTERVAL_SECONDS", "0")]);
        let all = all.chain([("REDACTION_KEY", key.as_str())]);
        let settings =
            Settings::from_vars(all.map(|(name, value)| (format!("LEARNING_{name}"), value.to_owned()))).unwrap();
        let clients = environment::clients(&engines, &settings);
        ensure(&clients).await.unwrap();
        initialize(&Counters::new(&clients), &Heads::new(&clients), "2010-01-01T00:00:00Z".parse().unwrap())
            .await
            .unwrap();
        Self { clients, settings, deliveries, engines, _folder: folder }
    }

    pub fn engines(&self) -> &Engines {
        &self.engines
    }

    pub async fn stop(self) {
        self.engines.stop().await;
    }
}
