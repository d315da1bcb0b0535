//! Moving a dataset to the state that its situation calls for.

use anyhow::{Result, bail};
use chrono::{DateTime, Utc};

use super::overview::{Observe, Overview};
use crate::dataset::lifecycle::State;
use crate::dataset::settings::Settings;
use crate::dataset::{Dataset, readiness};
use crate::store::{Announcements, Bus, Clients, Fact, Heads, Saved};

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
    announcements: Announcements,
    bus: Bus,
    settings: Settings,
}

impl Evaluate {
    pub fn new(clients: &Clients, settings: &Settings) -> Self {
        Self {
            observe: Observe::new(clients, settings),
            heads: Heads::new(clients),
            announcements: Announcements::new(clients),
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
        match self.observe.without_forecast(dataset, now).await? {
            Some(overview) => self.move_along(overview, announce, now).await,
            None => Ok(None),
        }
    }

    /// Evaluates all datasets that are initialized, by one reading of the counters.
    ///
    /// # Errors
    /// Whatever the store and the bus say.
    pub async fn evaluate_all(&self, announce: Announce, now: DateTime<Utc>) -> Result<Vec<(Dataset, State)>> {
        let mut states = Vec::new();
        for overview in self.observe.all_without_forecast(now).await? {
            let dataset = overview.head.dataset;
            states.extend(self.move_along(overview, announce, now).await?.map(|state| (dataset, state)));
        }
        Ok(states)
    }

    /// Moves a dataset to the state that its situation calls for, and tells of it. Where
    /// somebody else wrote its head meanwhile, the situation is read anew.
    async fn move_along(
        &self,
        mut overview: Overview,
        announce: Announce,
        now: DateTime<Utc>,
    ) -> Result<Option<State>> {
        const ATTEMPTS: usize = 8;
        let dataset = overview.head.dataset;
        for _ in 0..ATTEMPTS {
            let situation = overview.situation();
            let next = readiness::next_state(&situation, &self.settings);
            let mut head = overview.head.clone();
            let changed = head.state != next;
            if changed {
                let cause = readiness::cause(&situation, next, &self.settings);
                tracing::info!(
                    %dataset, from = head.state.name(), to = next.name(), cause, "the state of a dataset changes"
                );
                head.enter_because(next, cause, now);
                if self.heads.save(&mut head, now).await? == Saved::Conflict {
                    let Some(anew) = self.observe.without_forecast(dataset, now).await? else { return Ok(None) };
                    overview = anew;
                    continue;
                }
            }
            let standing = announce == Announce::Standing;
            match next {
                State::Ready => self.announce_ready(&overview, standing).await?,
                State::Assessing if changed || standing => self.bus.publish(&Fact::ThresholdReached(dataset)).await?,
                // A preparation that was left unfinished is taken up again as if it were new.
                State::Preparing if standing && is_abandoned(&overview, now) => {
                    self.bus.publish(&Fact::DatasetReady { dataset, epoch: overview.head.epoch }).await?;
                }
                State::Collecting | State::Assessing | State::Blocked | State::Preparing => {}
            }
            return Ok(Some(next));
        }
        bail!("{dataset} changes faster than it can be evaluated")
    }

    /// Tells that the epoch is ready, once: what was published is noted after it
    /// was, so that a crash between the two tells it twice rather than never. To a
    /// dataset that is prepared automatically, a sweep tells it again for as long
    /// as the preparation has not begun: then somebody did not hear it.
    async fn announce_ready(&self, overview: &Overview, standing: bool) -> Result<()> {
        let (dataset, epoch) = (overview.head.dataset, overview.head.epoch);
        let told = self.announcements.last(dataset).await?.is_some_and(|last| last >= epoch);
        if !told || (standing && self.settings.auto_prepares(dataset)) {
            self.bus.publish(&Fact::DatasetReady { dataset, epoch }).await?;
        }
        if !told {
            self.announcements.note(dataset, epoch).await?;
        }
        Ok(())
    }
}

fn is_abandoned(overview: &Overview, now: DateTime<Utc>) -> bool {
    overview.head.preparation.as_ref().is_none_or(|preparation| !preparation.is_leased(now))
}
