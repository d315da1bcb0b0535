//! What an operator does: replay the quarantine, erase a user. On a data folder
//! that nothing else uses, or by a running service.

mod folder;
mod service;
mod show;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::Value;
use uuid::Uuid;

use super::{Client, Format, URL};
use crate::cli::{self, Place};

/// Either a data folder or a service.
#[derive(Debug, Args)]
pub struct At {
    /// A running service instead of a data folder, without a path. It takes a token
    /// from FINCOACH_TOKEN, where one is needed.
    #[arg(long, env = URL, conflicts_with = "data_dir")]
    url: Option<String>,
    #[command(flatten)]
    place: Place,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Subcommand)]
pub enum Upkeep {
    /// Send what is in quarantine again; what is accepted now leaves it.
    Replay {
        #[command(flatten)]
        at: At,
    },
    /// Erase a user's data, wait until it is done, and print the receipt.
    ///
    /// An erasure goes on by itself once it is asked for: who stops waiting may ask
    /// again, for the same receipt.
    Erase {
        /// The user's UUID.
        user: Uuid,
        #[command(flatten)]
        at: At,
    },
}

impl Upkeep {
    /// # Errors
    /// One line: a folder that cannot be used; a service that does not answer, or refuses.
    pub async fn run(self) -> Result<()> {
        let (answer, show, at): (Value, fn(&Value) -> String, At) = match self {
            Upkeep::Replay { at } => {
                let answer = match &at.url {
                    Some(url) => service::replay(&Client::new(url)?).await?,
                    None => folder::replay(&at.folder()).await?,
                };
                (answer, show::replayed, at)
            }
            Upkeep::Erase { user, at } => {
                let answer = match &at.url {
                    Some(url) => service::erase(&Client::new(url)?, user).await?,
                    None => folder::erase(&at.folder(), user).await?,
                };
                (answer, show::receipt, at)
            }
        };
        match at.format {
            Format::Json => println!("{answer:#}"),
            Format::Table => println!("{}", show(&answer)),
        }
        Ok(())
    }
}

impl At {
    fn folder(&self) -> crate::stack::Options {
        cli::log();
        self.place.alone()
    }
}
