//! Keeping what had come in by when.

use std::sync::Mutex;

use anyhow::Result;
use chrono::{DateTime, Duration, Utc};

use super::overview::Observe;
use crate::dataset::activity::Observation;
use crate::dataset::settings::Settings;
use crate::store::{Activity, Clients};

/// A process keeps no two observations closer together than this. The last one
/// of a day is at most this much short of the day's end.
const EVERY: Duration = Duration::minutes(10);

#[derive(Debug)]
pub struct KeepActivity {
    observe: Observe,
    activity: Activity,
    last: Mutex<Option<DateTime<Utc>>>,
}

impl KeepActivity {
    pub fn new(clients: &Clients, settings: &Settings) -> Self {
        Self { observe: Observe::new(clients, settings), activity: Activity::new(clients), last: Mutex::new(None) }
    }

    /// Observes the counters, unless this process did a short while ago.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn keep(&self, now: DateTime<Utc>) -> Result<()> {
        if self.last().is_some_and(|last| now - last < EVERY) {
            return Ok(());
        }
        let collected = self.observe.collected().await?;
        let overviews = self.observe.all_at(now).await?;
        let counting = overviews.iter().map(|overview| {
            (overview.head.dataset.name().to_owned(), overview.head.closed.counting + overview.open.counting)
        });
        let observation = Observation {
            at: now,
            counting: counting.collect(),
            accepted: collected.totals.iter().map(|(kind, count)| (kind.name().to_owned(), count)).collect(),
            refused: collected.refused,
        };
        self.activity.observe(&observation).await?;
        *self.last() = Some(now);
        Ok(())
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<DateTime<Utc>>> {
        // A time that a panic left behind is still a time.
        self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
