use chrono::Duration;

use super::*;

fn situation(state: State, counting: u64, quality: Option<f64>, quality_current: bool) -> Situation {
    Situation {
        dataset: Dataset::GOAL,
        now: DateTime::UNIX_EPOCH + Duration::days(100),
        state,
        open: Counts { events: counting, counting },
        closed_counting: 0,
        arrived: Vec::new(),
        newest_arrival: None,
        classes: vec![("achieve", 0), ("fail", 0)],
        quality,
        quality_current,
        users: None,
        largest_user_share: None,
        drift: None,
    }
}

fn settings(vars: &[(&str, &str)]) -> Settings {
    Settings::from_vars(vars.iter().map(|(name, value)| (format!("LEARNING_{name}"), (*value).to_owned()))).unwrap()
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
    let gates: Vec<&str> = readiness.gates.iter().map(|gate| gate.gate).collect();
    assert_eq!(gates, ["threshold", "quality"], "the others are off by default");
    assert_eq!(readiness.gates[0].shortfall, Some(38.0));
    assert_eq!(readiness.gates[0].explanation, "12 of 50 new goal outcomes have come in: 38 more are needed.");
    assert_eq!(readiness.gates[1].actual, None);
}

#[test]
fn a_gate_that_is_switched_on_blocks_until_it_is_passed() {
    let full = Situation {
        users: Some(4),
        largest_user_share: Some(0.5),
        newest_arrival: Some(DateTime::UNIX_EPOCH + Duration::days(99)),
        classes: vec![("achieve", 30), ("fail", 20)],
        drift: Some(1),
        ..situation(State::Assessing, 50, Some(0.9), true)
    };
    assert_eq!(next_state(&full, &Settings::default()), State::Ready);
    for (variable, passes, fails, gate, shortfall) in [
        ("MIN_USERS_GOAL", "4", "5", "users", 1.0),
        ("MIN_CLASS_RECORDS_GOAL", "20", "25", "classes", 5.0),
        ("MAX_AGE_SECONDS_GOAL", "86400", "43200", "freshness", 12.0),
        ("MAX_USER_SHARE_GOAL", "0.5", "0.25", "largest_user", 0.25),
        ("DRIFT_GATE_GOAL", "false", "true", "drift", 1.0),
    ] {
        assert_eq!(next_state(&full, &settings(&[(variable, passes)])), State::Ready, "{variable}={passes}");
        let strict = settings(&[(variable, fails)]);
        assert_eq!(next_state(&full, &strict), State::Blocked, "{variable}={fails}");
        let ready = Situation { state: State::Ready, ..full.clone() };
        assert_eq!(next_state(&ready, &strict), State::Blocked, "also after it was ready");
        let readiness = evaluate(&full, &strict);
        let failed = readiness.gates.iter().find(|gate| !gate.passed).unwrap();
        assert_eq!((failed.gate, failed.shortfall), (gate, Some(shortfall)));
        assert_eq!(cause(&full, State::Blocked, &strict), failed.explanation);
        // Of another dataset, it says nothing.
        assert_eq!(evaluate(&Situation { dataset: Dataset::SPENDING, ..full.clone() }, &strict).gates.len(), 2);
    }
}

#[test]
fn what_is_not_known_yet_does_not_pass() {
    let blank = situation(State::Assessing, 50, Some(0.9), true);
    for variable in ["MIN_USERS_GOAL", "MAX_AGE_SECONDS_GOAL"] {
        let readiness = evaluate(&blank, &settings(&[(variable, "1")]));
        assert_eq!((readiness.ready, readiness.gates[2].actual), (false, None), "{variable}");
    }
    let first = evaluate(&blank, &settings(&[("DRIFT_GATE_GOAL", "true")]));
    assert!(first.ready, "a first version has nothing to drift from");
}
