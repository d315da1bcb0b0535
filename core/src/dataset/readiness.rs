//! Is a dataset ready to train on, and if not, what is missing? A pure function
//! of state, so that every trigger gets the same answer.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::forecast::{Arrived, Forecast, forecast};
use super::gate::{self, Gate, gates};
use super::lifecycle::State;
use super::settings::Settings;
use super::{Counts, Dataset};

/// What readiness depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct Situation {
    pub dataset: Dataset,
    pub now: DateTime<Utc>,
    pub state: State,
    /// Of the open epoch.
    pub open: Counts,
    /// Units of all closed epochs together.
    pub closed_counting: u64,
    /// Earlier observations of what had been counted.
    pub arrived: Vec<Arrived>,
    /// When the newest record came in.
    pub newest_arrival: Option<DateTime<Utc>>,
    /// Records of each declared class, over all epochs.
    pub classes: Vec<(&'static str, u64)>,
    /// The newest judgement; `None` when there is none.
    pub quality: Option<f64>,
    /// Whether that judgement is of the data as they are now, or at least as they
    /// were when the state called for one: while events keep coming in, no
    /// judgement is ever of the very last of them.
    pub quality_current: bool,
    /// Users with records, as that judgement saw them.
    pub users: Option<u64>,
    /// The largest part of the records that is one user's, likewise.
    pub largest_user_share: Option<f64>,
    /// Fields that drifted severely against the last version, likewise.
    pub drift: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Readiness {
    /// Whether every gate is passed.
    pub ready: bool,
    pub gates: Vec<Gate>,
    /// When the threshold will be reached; `null` where it is, and until enough is known to say.
    pub forecast: Option<Forecast>,
}

impl Readiness {
    /// What the gates that are not passed say.
    pub fn shortcomings(&self) -> String {
        let failed: Vec<&str> =
            self.gates.iter().filter(|gate| !gate.passed).map(|gate| gate.explanation.as_str()).collect();
        failed.join(" ")
    }
}

/// Judges the open epoch of a dataset by its gates.
pub fn evaluate(situation: &Situation, settings: &Settings) -> Readiness {
    let gates = gates(situation, settings);
    let now = Arrived { at: situation.now, counting: situation.closed_counting + situation.open.counting };
    let missing = settings.threshold(situation.dataset).saturating_sub(situation.open.counting);
    Readiness {
        ready: gates.iter().all(|gate| gate.passed),
        gates,
        forecast: forecast(now, &situation.arrived, missing),
    }
}

/// The state that the situation calls for. [`State::Preparing`] is entered and
/// left by preparation alone.
pub fn next_state(situation: &Situation, settings: &Settings) -> State {
    if situation.state == State::Preparing {
        return State::Preparing;
    }
    if !gate::threshold(situation, settings).passed {
        return State::Collecting;
    }
    // Once ready, an epoch stays ready while more arrives; preparation judges its very records again.
    let judged = situation.quality_current || situation.state == State::Ready;
    match situation.quality {
        Some(score) if judged && score >= settings.quality_gate => {
            match gate::extra(situation, settings).iter().all(|gate| gate.passed) {
                true => State::Ready,
                false => State::Blocked,
            }
        }
        Some(_) if situation.quality_current => State::Blocked,
        _ => State::Assessing,
    }
}

/// Why a dataset goes from its state to `next`, in a sentence for its timeline.
pub fn cause(situation: &Situation, next: State, settings: &Settings) -> String {
    let readiness = evaluate(situation, settings);
    match next {
        State::Ready => {
            let said: Vec<&str> = readiness.gates.iter().map(|gate| gate.explanation.as_str()).collect();
            format!("All gates are passed. {}", said.join(" "))
        }
        State::Assessing if situation.state != State::Collecting => {
            "The data have changed since they were judged: they are judged again.".to_owned()
        }
        State::Assessing => gate::threshold(situation, settings).explanation,
        State::Collecting | State::Blocked | State::Preparing => readiness.shortcomings(),
    }
}

#[cfg(test)]
mod tests;
