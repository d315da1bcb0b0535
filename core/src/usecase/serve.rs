//! Features of one user, for a model that serves.

use anyhow::Result;
use chrono::{DateTime, Utc};

use crate::dataset::settings::Settings;
use crate::event::{EventType, UserId};
use crate::features::{Features, Ledger, Transaction, Void, Window, financial};
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
    /// Transactions that count as of the moment.
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
        let types = [EventType::TransactionCreation, EventType::TransactionVoid];
        let mut events = self.log.of_types(user, &types).await?;
        if events.iter().all(|stored| stored.event.event_type != EventType::TransactionCreation) {
            return Ok(None);
        }
        if let Some(known_at) = known_at {
            events.retain(|stored| stored.ingested_at <= known_at);
        }
        let times = self.settings.limits.times;
        let voids: Vec<Void> = events.iter().filter_map(|stored| Void::read(stored, times)).collect();
        let ledger = Ledger::new(Transaction::of_user(&events, times)?, &voids);
        let mut window = Window::new(&ledger);
        window.advance(as_of);
        Ok(Some(Served { features: financial(&window), transactions: window.counted() }))
    }
}
