//! Is a dataset ready to train on, and if not, what is missing? A pure function
//! of state, so that every trigger gets the same answer.

use serde::Serialize;

use super::lifecycle::State;
use super::settings::Settings;
use super::{Counts, Dataset};

/// What readiness depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Situation {
    pub dataset: Dataset,
    pub state: State,
    /// Of the open epoch.
    pub open: Counts,
    /// The newest judgement; `None` when there is none.
    pub quality: Option<f64>,
    /// Whether that judgement is of the data as they are now, or at least as they
    /// were when the state called for one: while events keep coming in, no
    /// judgement is ever of the very last of them.
    pub quality_current: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Readiness {
    pub ready: bool,
    pub gates: Vec<Gate>,
    /// When the threshold will be met; `null` until enough is known to say.
    pub forecast: Option<()>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gate {
    pub gate: &'static str,
    pub passed: bool,
    /// `null`: not known yet.
    pub actual: Option<f64>,
    pub required: f64,
    pub shortfall: Option<f64>,
    pub explanation: String,
}

/// Judges the open epoch of a dataset by its gates.
pub fn evaluate(situation: &Situation, settings: &Settings) -> Readiness {
    let gates = vec![threshold(situation, settings), quality(situation, settings)];
    Readiness { ready: gates.iter().all(|gate| gate.passed), gates, forecast: None }
}

/// The state that the situation calls for. [`State::Preparing`] is entered and
/// left by preparation alone.
pub fn next_state(situation: &Situation, settings: &Settings) -> State {
    if situation.state == State::Preparing {
        return State::Preparing;
    }
    if !threshold(situation, settings).passed {
        return State::Collecting;
    }
    match situation.quality {
        Some(score) if score >= settings.quality_gate => match situation.state {
            // Once ready, an epoch stays ready while more arrives; preparation judges its very records again.
            State::Ready => State::Ready,
            _ if situation.quality_current => State::Ready,
            _ => State::Assessing,
        },
        Some(_) if situation.quality_current => State::Blocked,
        _ => State::Assessing,
    }
}

fn threshold(situation: &Situation, settings: &Settings) -> Gate {
    let required = settings.threshold(situation.dataset);
    let actual = situation.open.counting;
    let unit = situation.dataset.spec().counted_unit;
    let shortfall = required.saturating_sub(actual);
    let explanation = if shortfall == 0 {
        format!("{actual} new {unit} have come in; {required} are enough.")
    } else {
        format!("{actual} of {required} new {unit} have come in: {shortfall} more are needed.")
    };
    Gate {
        gate: "threshold",
        passed: shortfall == 0,
        actual: Some(actual as f64),
        required: required as f64,
        shortfall: Some(shortfall as f64),
        explanation,
    }
}

fn quality(situation: &Situation, settings: &Settings) -> Gate {
    let required = settings.quality_gate;
    let explanation = match situation.quality {
        None => "Quality has not been assessed yet: it is when the threshold is reached, or on request.".to_owned(),
        Some(score) if score >= required => format!("Quality is {score:.3}; {required} is enough."),
        Some(score) => {
            format!(
                "Quality is {score:.3}, below {required}: see what lowers it in the assessment, mend the source and send more."
            )
        }
    };
    Gate {
        gate: "quality",
        passed: situation.quality.is_some_and(|score| score >= required),
        actual: situation.quality,
        required,
        shortfall: situation.quality.map(|score| (required - score).max(0.0)),
        explanation,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn situation(state: State, counting: u64, quality: Option<f64>, quality_current: bool) -> Situation {
        Situation {
            dataset: Dataset::GOAL,
            state,
            open: Counts { events: counting, counting },
            quality,
            quality_current,
        }
    }

    #[test]
    fn the_life_of_an_epoch() {
        let settings = Settings::default();
        for (state, counting, quality, current, expected) in [
            (State::Collecting, 49, None, false, State::Collecting),
            (State::Collecting, 50, None, false, State::Assessing),
            (State::Collecting, 49, Some(0.9), true, State::Collecting),
            (State::Assessing, 50, Some(0.9), false, State::Assessing),
            (State::Assessing, 50, Some(0.7), true, State::Ready),
            (State::Assessing, 50, Some(0.69), true, State::Blocked),
            (State::Blocked, 51, Some(0.69), false, State::Assessing),
            (State::Ready, 60, Some(0.9), false, State::Ready),
            (State::Preparing, 0, None, false, State::Preparing),
        ] {
            let situation = situation(state, counting, quality, current);
            assert_eq!(next_state(&situation, &settings), expected, "{situation:?}");
        }
    }

    #[test]
    fn each_gate_says_what_is_missing() {
        let readiness = evaluate(&situation(State::Collecting, 12, None, false), &Settings::default());
        assert!(!readiness.ready);
        assert_eq!(readiness.gates[0].shortfall, Some(38.0));
        assert_eq!(readiness.gates[0].explanation, "12 of 50 new goal outcomes have come in: 38 more are needed.");
        assert_eq!(readiness.gates[1].actual, None);
    }
}
