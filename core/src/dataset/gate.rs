//! The gates that a dataset must pass to be trained on. Threshold and quality
//! always stand; the others are off until an operator switches them on.

use chrono::{DateTime, Duration, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::readiness::Situation;
use super::settings::Settings;

/// What an operator may ask of a dataset beyond its threshold and quality.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExtraGates {
    /// Users with records; 0 is off.
    pub min_users: u64,
    /// Records of each class that the dataset declares; 0 is off.
    pub min_class_records: u64,
    /// Time since the newest record came in; zero is off.
    pub max_age: Duration,
    /// Share of the records that one user may have; 1 is off.
    pub max_user_share: f64,
    /// Whether severe drift against the last version keeps the dataset from being ready.
    pub drift: bool,
}

impl Default for ExtraGates {
    fn default() -> Self {
        Self { min_users: 0, min_class_records: 0, max_age: Duration::zero(), max_user_share: 1.0, drift: false }
    }
}

/// One condition, and how far it is met.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Gate {
    pub gate: &'static str,
    pub passed: bool,
    /// `null`: not known yet.
    pub actual: Option<f64>,
    pub required: f64,
    /// How much is missing, or too much; 0 where the gate is passed.
    pub shortfall: Option<f64>,
    /// What is so, and what to do about it.
    pub explanation: String,
}

/// All gates of a dataset: threshold, quality, then what is switched on.
pub fn gates(situation: &Situation, settings: &Settings) -> Vec<Gate> {
    let mut gates = vec![threshold(situation, settings), quality(situation, settings)];
    gates.extend(extra(situation, settings));
    gates
}

/// The gates that are switched on.
pub(super) fn extra(situation: &Situation, settings: &Settings) -> Vec<Gate> {
    let extra = settings.extra_gates(situation.dataset);
    let mut gates = Vec::new();
    if extra.min_users > 0 {
        gates.push(users(situation.users, extra.min_users));
    }
    if extra.min_class_records > 0 && !situation.classes.is_empty() {
        gates.push(classes(&situation.classes, extra.min_class_records));
    }
    if extra.max_age > Duration::zero() {
        gates.push(freshness(situation.newest_arrival, situation.now, extra.max_age));
    }
    if extra.max_user_share < 1.0 {
        gates.push(user_share(situation.largest_user_share, extra.max_user_share));
    }
    if extra.drift {
        gates.push(drift(situation.drift));
    }
    gates
}

pub(super) fn threshold(situation: &Situation, settings: &Settings) -> Gate {
    let required = settings.threshold(situation.dataset);
    let actual = situation.open.counting;
    let unit = situation.dataset.spec().counted_unit;
    let missing = required.saturating_sub(actual);
    let explanation = if missing == 0 {
        format!("{actual} new {unit} have come in; {required} are enough.")
    } else {
        format!("{actual} of {required} new {unit} have come in: {missing} more are needed.")
    };
    at_least("threshold", Some(actual as f64), required as f64, explanation)
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
    at_least("quality", situation.quality, required, explanation)
}

const NOT_ASSESSED: &str = "not known before the first assessment: request one, or wait for the threshold.";

fn users(users: Option<u64>, required: u64) -> Gate {
    let explanation = match users {
        None => format!("How many users there are is {NOT_ASSESSED}"),
        Some(users) if users >= required => format!("Records of {users} users have come in; {required} are enough."),
        Some(users) => format!(
            "Records of {users} of {required} users have come in: collect from {} more users.",
            required - users
        ),
    };
    at_least("users", users.map(|users| users as f64), required as f64, explanation)
}

/// The class with the fewest records decides.
fn classes(classes: &[(&'static str, u64)], required: u64) -> Gate {
    let fewest = classes.iter().map(|(_, records)| *records).min().unwrap_or_default();
    let short: Vec<String> = classes
        .iter()
        .filter(|(_, records)| *records < required)
        .map(|(class, records)| format!("{class} has {records}"))
        .collect();
    let explanation = if short.is_empty() {
        format!("Every class has at least {required} records.")
    } else {
        format!("Every class needs {required} records, but {}: collect more of those.", short.join(", "))
    };
    at_least("classes", Some(fewest as f64), required as f64, explanation)
}

/// In hours, for those who read it.
fn freshness(newest: Option<DateTime<Utc>>, now: DateTime<Utc>, most: Duration) -> Gate {
    let hours = |duration: Duration| duration.as_seconds_f64() / 3_600.0;
    // A clock that lags behind the writer's makes nothing older than now.
    let age = newest.map(|newest| hours(now - newest).max(0.0));
    let explanation = match age {
        None => "Nothing has come in yet: send events.".to_owned(),
        Some(age) if age <= hours(most) => {
            format!("The newest record came in {age:.1} hours ago; at most {:.1} are allowed.", hours(most))
        }
        Some(age) => format!(
            "The newest record came in {age:.1} hours ago, more than {:.1}: look whether the senders still send.",
            hours(most)
        ),
    };
    at_most("freshness", age, hours(most), explanation)
}

fn user_share(share: Option<f64>, most: f64) -> Gate {
    let explanation = match share {
        None => format!("The share of the largest user is {NOT_ASSESSED}"),
        Some(share) if share <= most => {
            format!("The user with most records has {share:.3} of them; {most} is allowed.")
        }
        Some(share) => {
            format!("One user has {share:.3} of all records, more than {most}: collect from more users.")
        }
    };
    at_most("largest_user", share, most, explanation)
}

/// Features that have drifted severely against the last version.
fn drift(severe: Option<u64>) -> Gate {
    let explanation = match severe {
        None => "Nothing has been compared with a last version yet: there is no drift to speak of.".to_owned(),
        Some(0) => "No field has drifted severely against the last version.".to_owned(),
        Some(severe) => format!(
            "{severe} fields have drifted severely against the last version: see the assessment, and prepare by force if it is meant."
        ),
    };
    let mut gate = at_most("drift", severe.map(|severe| severe as f64), 0.0, explanation);
    // A first version has nothing to drift from.
    gate.passed = severe.unwrap_or_default() == 0;
    gate
}

fn at_least(gate: &'static str, actual: Option<f64>, required: f64, explanation: String) -> Gate {
    let shortfall = actual.map(|actual| (required - actual).max(0.0));
    Gate { gate, passed: actual.is_some_and(|actual| actual >= required), actual, required, shortfall, explanation }
}

fn at_most(gate: &'static str, actual: Option<f64>, required: f64, explanation: String) -> Gate {
    let shortfall = actual.map(|actual| (actual - required).max(0.0));
    Gate { gate, passed: actual.is_some_and(|actual| actual <= required), actual, required, shortfall, explanation }
}
