//! Commands that ask a running service: the local stack, or any deployed endpoint.

mod client;
pub mod datasets;
mod prepare;
pub mod progress;
mod shell;
mod upkeep;
mod versions;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;

pub use self::client::{Client, DEFAULT_URL, URL};
pub use self::shell::{completions, reconcile};
pub use self::upkeep::Upkeep;

/// Where the service is, and how its answers are shown.
#[derive(Debug, Args)]
pub struct Ask {
    /// The service, without a path.
    #[arg(long, env = URL, default_value = DEFAULT_URL)]
    url: String,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// The service's own answer, for scripts.
    Json,
}

/// What may be asked. A token is taken from FINCOACH_TOKEN, where one is needed.
#[derive(Debug, Subcommand)]
pub enum Question {
    /// Whether the service answers; exits with 1 where it does not.
    Health {
        #[command(flatten)]
        ask: Ask,
    },
    /// How the service and its datasets are.
    Status {
        #[command(flatten)]
        ask: Ask,
    },
    /// The datasets with their gates; or one of them.
    Datasets {
        dataset: Option<String>,
        #[command(flatten)]
        ask: Ask,
    },
    /// The changes of a dataset's state, newest first.
    Timeline {
        dataset: String,
        #[command(flatten)]
        ask: Ask,
    },
    /// Close the epoch of a dataset and prepare a version. Where a gateway gives up waiting, the
    /// service goes on and is asked until the version is there.
    Prepare {
        dataset: String,
        /// Prepare it although it is not ready, and record why.
        #[arg(long, value_name = "REASON")]
        force: Option<String>,
        #[command(flatten)]
        ask: Ask,
    },
    /// The versions of a dataset; or one of them, with its files.
    Versions {
        dataset: String,
        version: Option<u32>,
        #[command(flatten)]
        ask: Ask,
    },
    /// What changed from one version of a dataset to another.
    Diff {
        dataset: String,
        from: u32,
        to: u32,
        #[command(flatten)]
        ask: Ask,
    },
}

impl Question {
    /// Asks, and prints the answer.
    ///
    /// # Errors
    /// One line: the service does not answer, or says why it does not do it.
    pub async fn run(self) -> Result<ExitCode> {
        let (format, answer, table): (Format, Value, fn(&Value) -> String) = match self {
            Question::Health { ask } => (ask.format, ask.client()?.get("health").await?, datasets::health),
            Question::Status { ask } => (ask.format, ask.client()?.get("status").await?, datasets::status),
            Question::Datasets { dataset: None, ask } => {
                (ask.format, ask.client()?.get("datasets").await?, datasets::all)
            }
            Question::Datasets { dataset: Some(name), ask } => {
                let client = ask.client()?;
                let id = client.id(&name).await?;
                (ask.format, client.get(&format!("datasets/{id}")).await?, datasets::one)
            }
            Question::Timeline { dataset, ask } => {
                let client = ask.client()?;
                let id = client.id(&dataset).await?;
                (ask.format, client.get(&format!("datasets/{id}/timeline?limit=50")).await?, datasets::timeline)
            }
            Question::Prepare { dataset, force, ask } => {
                let client = ask.client()?;
                let (version, table) = prepare::prepare(&client, &dataset, force).await?;
                (ask.format, version, table)
            }
            Question::Versions { dataset, version: None, ask } => {
                let client = ask.client()?;
                let id = client.id(&dataset).await?;
                (ask.format, client.get(&format!("datasets/{id}/versions?limit=100")).await?, versions::all)
            }
            Question::Versions { dataset, version: Some(version), ask } => {
                let client = ask.client()?;
                let id = client.id(&dataset).await?;
                (ask.format, client.get(&format!("datasets/{id}/versions/{version}")).await?, versions::one)
            }
            Question::Diff { dataset, from, to, ask } => {
                let client = ask.client()?;
                let id = client.id(&dataset).await?;
                (ask.format, client.get(&format!("datasets/{id}/versions/{from}/diff/{to}")).await?, versions::diff)
            }
        };
        match format {
            Format::Json => println!("{answer:#}"),
            Format::Table => println!("{}", table(&answer)),
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Ask {
    fn client(&self) -> Result<Client> {
        Client::new(&self.url)
    }
}
