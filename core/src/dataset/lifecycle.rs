//! The kept state of a dataset, and how it may change.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Counts, Dataset, Epoch, Version};

/// Where the open epoch of a dataset stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Below the threshold.
    Collecting,
    /// The threshold is reached; quality is not judged yet.
    Assessing,
    /// Threshold and quality gate are passed.
    Ready,
    /// Quality is below the gate, or another gate is not passed.
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
    /// When something was erased, of closed epochs or of the open one.
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
    /// Changes of state since the head was read: they are written together with it.
    #[serde(skip)]
    pub changes: Vec<Change>,
}

/// A dataset went from one state to another: an entry of its timeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    pub at: DateTime<Utc>,
    /// `null` for the creation of the dataset.
    pub from: Option<State>,
    pub to: State,
    /// The epoch that was open then.
    pub epoch: Epoch,
    /// Why, in a sentence.
    pub cause: String,
}

/// The making of one version. It is written down before anything is done, so
/// that whoever finds it can finish it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preparation {
    pub version: Version,
    /// The epoch that this version closes.
    pub epoch: Epoch,
    pub started_at: DateTime<Utc>,
    /// Events of closed epochs that were erased by then. It tells what an attempt before
    /// an erasure has left from what came after: clocks differ, and may be set back.
    #[serde(default)]
    pub erased: u64,
    /// Whoever works at it has until then; afterwards it may be taken over.
    pub lease_until: DateTime<Utc>,
    /// Whoever worked at it has let go, whatever the lease says: they may have had another clock.
    #[serde(default)]
    pub let_go: bool,
    /// What earlier attempts left is being swept away, until then at the latest: nobody
    /// may go on with it meanwhile.
    #[serde(default)]
    pub swept_until: Option<DateTime<Utc>>,
    /// What the closed epoch took in; `None` until all counter shards are closed.
    pub counts: Option<Counts>,
    /// Why it was made although the dataset was not ready, or anew without any new event.
    pub forced: Option<String>,
}

impl Preparation {
    /// Of the next version of `head`'s dataset, leased until then.
    pub fn begun(
        head: &Head,
        epoch: Epoch,
        counts: Option<Counts>,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Self {
        Self {
            version: head.next_version(),
            epoch,
            started_at: now,
            erased: head.erased.events,
            lease_until,
            let_go: false,
            swept_until: None,
            counts,
            forced: None,
        }
    }

    /// Whether events were erased since it began.
    pub fn is_outdated(&self, head: &Head) -> bool {
        self.erased < head.erased.events
    }

    /// Whether somebody may be at work on it.
    pub fn is_leased(&self, now: DateTime<Utc>) -> bool {
        !self.let_go && self.lease_until > now
    }

    /// Leases it, or for longer, to whoever works at it.
    pub fn lease(&mut self, until: DateTime<Utc>) {
        (self.lease_until, self.let_go) = (until, false);
    }

    pub fn is_swept(&self, now: DateTime<Utc>) -> bool {
        self.swept_until.is_some_and(|until| until > now)
    }
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
            changes: vec![Change {
                at: now,
                from: None,
                to: State::Collecting,
                epoch: Epoch::FIRST,
                cause: "The dataset is created.".to_owned(),
            }],
        }
    }

    /// Enters a state that says itself why it is entered: those of a preparation.
    pub fn enter(&mut self, state: State, now: DateTime<Utc>) {
        let cause = match (&self.preparation, self.last_version) {
            (Some(Preparation { version, forced: Some(reason), .. }), _) => {
                format!("Version {} is being prepared although the dataset was not ready: {reason}", version.0)
            }
            (Some(preparation), _) => format!("Version {} is being prepared.", preparation.version.0),
            (None, Some(version)) => format!("Version {} is prepared; what came in since is counted anew.", version.0),
            (None, None) => "Nothing is being prepared.".to_owned(),
        };
        self.enter_because(state, cause, now);
    }

    pub fn enter_because(&mut self, state: State, cause: String, now: DateTime<Utc>) {
        self.changes.push(Change { at: now, from: Some(self.state), to: state, epoch: self.epoch, cause });
        self.state = state;
        self.state_since = now;
    }

    /// Lets go of a preparation, so that the next who asks takes it up at once; what
    /// it failed of, where that is told, is noted. `false` where there is none.
    pub fn let_go(&mut self, failure: Option<&str>, now: DateTime<Utc>) -> bool {
        let Some(preparation) = &mut self.preparation else { return false };
        (preparation.lease_until, preparation.let_go) = (now, true);
        if let Some(failure) = failure {
            let cause = format!("The preparation of version {} has failed: {failure}", preparation.version.0);
            let state = self.state;
            self.changes.push(Change { at: now, from: Some(state), to: state, epoch: self.epoch, cause });
        }
        true
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_of_state_is_noted_with_its_cause() {
        let now = DateTime::UNIX_EPOCH;
        let mut head = Head::new(Dataset::GOAL, now);
        head.enter_because(State::Ready, "All gates are passed.".into(), now);
        let (version, epoch) = (head.next_version(), head.epoch);
        let begun = Preparation::begun(&head, epoch, None, now, now);
        head.preparation = Some(Preparation { forced: Some("a trial".to_owned()), ..begun });
        head.enter(State::Preparing, now);
        (head.preparation, head.last_version, head.epoch) = (None, Some(version), epoch.next());
        head.enter(State::Collecting, now);
        let told: Vec<_> = head.changes.iter().map(|change| (change.from, change.to, change.cause.as_str())).collect();
        assert_eq!(
            told,
            [
                (None, State::Collecting, "The dataset is created."),
                (Some(State::Collecting), State::Ready, "All gates are passed."),
                (
                    Some(State::Ready),
                    State::Preparing,
                    "Version 1 is being prepared although the dataset was not ready: a trial"
                ),
                (
                    Some(State::Preparing),
                    State::Collecting,
                    "Version 1 is prepared; what came in since is counted anew."
                ),
            ]
        );
        assert!(!serde_json::to_string(&head).unwrap().contains("changes"), "they are records of their own");
    }
}
