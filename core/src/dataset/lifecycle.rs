//! The kept state of a dataset, and how it may change.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Counts, Dataset, Epoch, Version};

/// Where the open epoch of a dataset stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Below the threshold.
    Collecting,
    /// The threshold is reached; quality is not judged yet.
    Assessing,
    /// Threshold and quality gate are passed.
    Ready,
    /// Quality is below the gate.
    Blocked,
    /// A version is being prepared.
    Preparing,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            State::Collecting => "collecting",
            State::Assessing => "assessing",
            State::Ready => "ready",
            State::Blocked => "blocked",
            State::Preparing => "preparing",
        }
    }
}

/// The head record of a dataset. Every write is conditional on `revision`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    pub dataset: Dataset,
    /// The open epoch: what arrives now is stamped with it (or, while it is being
    /// closed, with the next one).
    pub epoch: Epoch,
    pub state: State,
    /// When it was entered.
    pub state_since: DateTime<Utc>,
    /// Units and events of all closed epochs together.
    pub closed: Counts,
    /// What of `closed` is stored no more, because its user was erased.
    #[serde(default)]
    pub erased: Counts,
    /// The earliest epoch of which something was erased that versions still hold.
    #[serde(default)]
    pub erased_from: Option<Epoch>,
    #[serde(default)]
    pub last_erasure: Option<DateTime<Utc>>,
    pub last_version: Option<Version>,
    /// A preparation that has begun and not ended, perhaps because it crashed.
    pub preparation: Option<Preparation>,
    pub last_training_date: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// Counts the writes.
    pub revision: u64,
}

/// The making of one version. It is written down before anything is done, so
/// that whoever finds it can finish it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preparation {
    pub version: Version,
    /// The epoch that this version closes.
    pub epoch: Epoch,
    pub started_at: DateTime<Utc>,
    /// Whoever works at it has until then; afterwards it may be taken over.
    pub lease_until: DateTime<Utc>,
    /// What the closed epoch took in; `None` until all counter shards are closed.
    pub counts: Option<Counts>,
    /// Why it was made although the dataset was not ready, or anew without any new event.
    pub forced: Option<String>,
}

impl Head {
    pub fn new(dataset: Dataset, now: DateTime<Utc>) -> Self {
        Self {
            dataset,
            epoch: Epoch::FIRST,
            state: State::Collecting,
            state_since: now,
            closed: Counts::default(),
            erased: Counts::default(),
            erased_from: None,
            last_erasure: None,
            last_version: None,
            preparation: None,
            last_training_date: None,
            created_at: now,
            updated_at: now,
            revision: 0,
        }
    }

    pub fn enter(&mut self, state: State, now: DateTime<Utc>) {
        self.state = state;
        self.state_since = now;
    }

    /// Events of closed epochs that are still stored: the input of the next version
    /// that closes none.
    pub fn stored(&self) -> Counts {
        self.closed - self.erased
    }

    /// The number of the version that would be made next.
    pub fn next_version(&self) -> Version {
        Version(self.last_version.map_or(1, |version| version.0 + 1))
    }
}
