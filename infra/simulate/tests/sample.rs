//! The bundled sample: what it holds, and that it is the same everywhere.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Timelike, Utc};
use fincoach_simulate::{Impossible, Simulation};
use learning_core::event::envelope::{self, Intake, Limits};
use learning_core::event::privacy::Redactor;
use serde_json::Value;
use sha2::{Digest, Sha256};

fn bytes(simulation: &Simulation) -> String {
    simulation.generate().unwrap().events.iter().map(|event| format!("{event}\n")).collect()
}

fn clean() -> Vec<Value> {
    Simulation { dirt: 0.0, ..Simulation::default() }.generate().unwrap().events
}

fn intake() -> Intake {
    Intake { now: "2026-07-01T00:00:00Z".parse().unwrap(), limits: Limits::default(), privacy: Redactor::default() }
}

fn time(event: &Value) -> DateTime<Utc> {
    event["occurred_at"].as_str().unwrap().parse().unwrap()
}

fn cents(amount: &Value) -> i64 {
    amount.to_string().replace('.', "").parse().unwrap()
}

#[test]
fn the_same_seed_gives_the_same_bytes_everywhere() {
    let hash = hex::encode(Sha256::digest(bytes(&Simulation::default())));
    assert_eq!(hash, include_str!("sample.sha256").trim(), "the bundled sample has changed");
    let other = Simulation { seed: 1, users: 5, ..Simulation::default() };
    assert_eq!(bytes(&other), bytes(&other));
    assert_ne!(bytes(&other), bytes(&Simulation { seed: 2, ..other }));
}

#[test]
fn the_sample_fills_every_dataset() {
    let events = clean();
    assert!((19_000..=21_000).contains(&events.len()), "{} events", events.len());
    let mut kinds = BTreeMap::<String, usize>::new();
    for event in &events {
        let interaction = event["data"]["interaction_type"].as_str().unwrap_or_default();
        *kinds.entry(format!("{}.{interaction}", event["event_type"].as_str().unwrap())).or_default() += 1;
    }
    let count = |prefix: &str| kinds.iter().filter(|(kind, _)| kind.starts_with(prefix)).map(|(_, n)| n).sum::<usize>();
    assert!(count("transaction_creation") >= 9_000, "{kinds:?}");
    assert!(count("recommendation_interaction") - count("recommendation_interaction.view") >= 700, "{kinds:?}");
    assert!(count("goal_modification.achieve") + count("goal_modification.fail") >= 70, "{kinds:?}");
    for kind in ["goal_modification.delete", "user_segment_update", "page_view", "purchase"] {
        assert!(count(kind) > 0, "no {kind}: {kinds:?}");
    }
}

#[test]
fn clean_events_are_admitted_without_a_warning_and_planted_faults_are_found() {
    for event in clean() {
        assert_eq!(
            envelope::read(event.clone(), &intake(), |content| content.event_id(0)).unwrap().warnings,
            [],
            "{event}"
        );
    }
    let generated = Simulation::default().generate().unwrap();
    let (mut warned, mut refused) = (0, 0);
    let mut ids = BTreeMap::<String, u64>::new();
    for event in &generated.events {
        match envelope::read(event.clone(), &intake(), |content| content.event_id(0)) {
            Err(_) => refused += 1,
            Ok(admitted) => {
                let seen = ids.entry(admitted.event.id.to_string()).or_default();
                *seen += 1;
                // A copy of a spoiled event is spoiled as well.
                warned += u64::from(*seen == 1 && !admitted.warnings.is_empty());
            }
        }
    }
    let planted = generated.planted;
    assert_eq!(refused, planted.refused);
    assert_eq!(ids.values().map(|seen| seen - 1).sum::<u64>(), planted.repeated);
    assert!((planted.warned..=planted.warned + planted.duplicates).contains(&warned), "{warned} of {planted:?}");
    assert!(planted.refused >= 15 && planted.repeated >= 30 && planted.unnoticed >= 50, "{planted:?}");
}

#[test]
fn balances_chain() {
    let mut balances = BTreeMap::<String, i64>::new();
    let mut chained = 0;
    for event in clean().iter().filter(|event| !event["data"]["balance_after"].is_null()) {
        let data = &event["data"];
        let after = cents(&data["balance_after"]);
        let change = cents(&data["amount"]) * if data["transaction_type"] == "credit" { 1 } else { -1 };
        if let Some(before) = balances.insert(event["user_id"].to_string(), after) {
            assert_eq!(before + change, after, "{event}");
            chained += 1;
        }
    }
    assert!(chained > 5_000);
}

#[test]
fn life_is_as_one_knows_it() {
    let events = clean();
    let of = |category: &'static str| events.iter().filter(move |event| event["data"]["category"] == category);
    let dinners = of("Dine Out");
    let (weekend, week): (Vec<_>, Vec<_>) =
        dinners.partition(|event| time(event).weekday().num_days_from_monday() >= 5);
    assert!(weekend.len() * 5 > week.len() * 2 * 2, "dining out is for weekends");
    assert!(of("Transport").all(|event| time(event).hour() < 10), "commutes are in the morning");
    let salaries: BTreeMap<_, _> =
        of("Paycheck").map(|event| (event["user_id"].to_string(), cents(&event["data"]["amount"]))).collect();
    for rent in of("Rent") {
        if let Some(salary) = salaries.get(&rent["user_id"].to_string()) {
            assert!(cents(&rent["data"]["amount"]) < salary / 2);
        }
    }
    assert!(events.is_sorted_by_key(time));
}

#[test]
fn impossible_options_are_named() {
    let default = Simulation::default();
    assert_eq!(Simulation { users: 0, ..default.clone() }.generate(), Err(Impossible::Users(0)));
    assert_eq!(Simulation { days: 0, ..default.clone() }.generate(), Err(Impossible::Days(0)));
    assert!(matches!(Simulation { dirt: 1.5, ..default }.generate(), Err(Impossible::Dirt(_))));
}
