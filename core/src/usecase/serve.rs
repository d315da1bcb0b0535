//! Features of one user, for a model that serves.

use anyhow::Result;
use chrono::{DateTime, Utc};

use crate::dataset::settings::Settings;
use crate::event::{EventType, UserId};
use crate::features::{Features, Transaction, Window, financial};
use crate::store::{Clients, UserEventLog};

#[derive(Clone, Debug)]
pub struct ServeFeatures {
    log: UserEventLog,
    settings: Settings,
}

/// The features of a user at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Served {
    pub features: Features,
    /// Transactions at or before the moment, of which the features are made.
    pub transactions: usize,
}

impl ServeFeatures {
    pub fn new(clients: &Clients, settings: &Settings) -> Self {
        Self { log: UserEventLog::new(clients), settings: settings.clone() }
    }

    /// The features as of a moment, by the code that prepares training rows. With
    /// `known_at`, only what had been taken in by then counts: what a model could
    /// have known. `None` for a user of whom no transaction is stored.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn features(
        &self,
        user: UserId,
        as_of: DateTime<Utc>,
        known_at: Option<DateTime<Utc>>,
    ) -> Result<Option<Served>> {
        let mut events = self.log.of_type(user, &EventType::TransactionCreation).await?;
        if events.is_empty() {
            return Ok(None);
        }
        if let Some(known_at) = known_at {
            events.retain(|stored| stored.ingested_at <= known_at);
        }
        let transactions = Transaction::of_user(&events, self.settings.limits.times)?;
        let mut window = Window::new(&transactions);
        window.advance(as_of);
        let counted = transactions.iter().filter(|one| one.plausible_time && one.occurred_at <= as_of).count();
        Ok(Some(Served { features: financial(&window), transactions: counted }))
    }
}
