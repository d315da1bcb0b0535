//! Moving a dataset to the state that its situation calls for.

use anyhow::{Result, bail};
use chrono::{DateTime, Utc};

use super::overview::{Observe, Overview};
use crate::dataset::lifecycle::State;
use crate::dataset::settings::Settings;
use crate::dataset::{Dataset, readiness};
use crate::store::{Bus, Clients, Fact, Heads, Saved};

/// What is told to the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announce {
    /// A state that has just been entered.
    Changes,
    /// Also a state that stands: what a sweep does, since the first telling may be lost.
    Standing,
}

#[derive(Clone, Debug)]
pub struct Evaluate {
    observe: Observe,
    heads: Heads,
    bus: Bus,
    settings: Settings,
}

impl Evaluate {
    pub fn new(clients: &Clients, settings: &Settings) -> Self {
        Self {
            observe: Observe::new(clients, settings),
            heads: Heads::new(clients),
            bus: Bus::new(clients),
            settings: settings.clone(),
        }
    }

    /// Evaluates one dataset; `None` before it is initialized. The fact is
    /// published after the state is durable; a fact that is lost is told again by
    /// the next sweep.
    ///
    /// # Errors
    /// Whatever the store and the bus say.
    pub async fn evaluate(&self, dataset: Dataset, announce: Announce, now: DateTime<Utc>) -> Result<Option<State>> {
        const ATTEMPTS: usize = 8;
        for _ in 0..ATTEMPTS {
            let Some(overview) = self.observe.one(dataset).await? else { return Ok(None) };
            let next = readiness::next_state(&overview.situation(), &self.settings);
            let mut head = overview.head.clone();
            let changed = head.state != next;
            if changed {
                tracing::info!(%dataset, from = head.state.name(), to = next.name(), "the state of a dataset changes");
                head.enter(next, now);
                if self.heads.save(&mut head, now).await? == Saved::Conflict {
                    continue;
                }
            }
            if (changed || announce == Announce::Standing)
                && let Some(fact) = fact(&overview, next, now)
            {
                self.bus.publish(&fact).await?;
            }
            return Ok(Some(next));
        }
        bail!("{dataset} changes faster than it can be evaluated")
    }
}

/// What a state means to those who listen.
fn fact(overview: &Overview, state: State, now: DateTime<Utc>) -> Option<Fact> {
    let dataset = overview.head.dataset;
    match state {
        State::Collecting | State::Blocked => None,
        State::Assessing => Some(Fact::ThresholdReached(dataset)),
        State::Ready => Some(Fact::DatasetReady(dataset)),
        // A preparation that was left unfinished is taken up again as if it were new.
        State::Preparing => overview
            .head
            .preparation
            .as_ref()
            .is_none_or(|preparation| preparation.lease_until <= now)
            .then_some(Fact::DatasetReady(dataset)),
    }
}
