use std::fs::File;
use std::io::{BufRead, BufReader, Read};

use chrono::{DateTime, Duration, Utc};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::event::{EventId, EventType, UserId};

fn rules(dataset: Dataset) -> Rules {
    Rules::new(dataset, &Settings::default())
}

fn weights() -> Weights {
    Settings::default().weights
}

/// A record of user `user`, `minute` minutes into 2026.
fn record(user: u128, id: u128, minute: i64, event_type: &str, data: Value) -> StoredEvent {
    let start: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
    let Value::Object(data) = data else { panic!("data must be an object") };
    StoredEvent {
        event: Event {
            id: EventId(Uuid::from_u128(id)),
            user: UserId(Uuid::from_u128(user)),
            event_type: EventType::from_name(event_type),
            occurred_at: start + Duration::minutes(minute),
            schema_version: 1,
            data,
        },
        ingested_at: start + Duration::days(400),
    }
}

fn transaction(user: u128, id: u128, changes: Value) -> StoredEvent {
    let mut data = json!({
        "transaction_id": format!("t{user}-{id}"), "amount": 10, "transaction_type": "debit", "category": "groceries",
        "currency": "EUR", "balance_after": 1000 - 10 * i64::try_from(id).unwrap(),
    });
    for (key, value) in changes.as_object().unwrap() {
        data[key] = value.clone();
    }
    record(user, id, i64::try_from(id).unwrap(), "transaction_creation", data)
}

fn judge(dataset: Dataset, mut records: Vec<StoredEvent>) -> Judgement {
    let mut state = QualityState::new(rules(dataset));
    state.observe_user(&mut records);
    state.finish(&weights()).unwrap()
}

/// Ten transactions of one user without a fault, but for `changes` to the fifth.
fn spending_with(changes: Value) -> Metrics {
    let records = (1..=10).map(|id| transaction(1, id, if id == 5 { changes.clone() } else { json!({}) })).collect();
    judge(Dataset::SPENDING, records).metrics
}

#[test]
fn nothing_is_not_assessed() {
    assert_eq!(QualityState::new(rules(Dataset::SPENDING)).finish(&weights()), None);
}

#[test]
fn clean_records_are_perfect() {
    let metrics = spending_with(json!({}));
    assert_eq!((metrics.completeness, metrics.consistency, metrics.validity), (1.0, 1.0, 1.0));
    assert_eq!(metrics.overall_score, 1.0);
    assert_eq!((metrics.anomaly_count, metrics.duplicate_count, metrics.missing_values_count), (0, 0, 0));
}

#[test]
fn one_fault_lowers_the_dimensions_that_it_belongs_to_and_no_other() {
    // Required: 4 fields of 10 records. Valid: those, 2 optional ones and the time. Consistent:
    // times 10, chain 9, currencies 10, ids 10, types 60.
    for (changes, completeness, consistency, validity) in [
        (json!({"category": null}), 39.0 / 40.0, 1.0, 69.0 / 70.0),
        (json!({"category": "  "}), 39.0 / 40.0, 1.0, 69.0 / 70.0),
        (json!({"currency": "eur"}), 1.0, 98.0 / 99.0, 69.0 / 70.0),
        (json!({"currency": "USD"}), 1.0, 98.0 / 99.0, 1.0),
        (json!({"balance_after": 7}), 1.0, 97.0 / 99.0, 1.0),
        (json!({"amount": "10"}), 1.0, 98.0 / 99.0, 69.0 / 70.0),
        (json!({"transaction_id": "t1-4"}), 1.0, 98.0 / 99.0, 1.0),
    ] {
        let metrics = spending_with(changes.clone());
        assert!((metrics.completeness - completeness).abs() < 1e-12, "{changes}: {metrics:?}");
        // An empty category also leaves its field's type unchecked: nothing else moves.
        assert!((metrics.consistency - consistency).abs() < 1e-12, "{changes}: {metrics:?}");
        assert!((metrics.validity - validity).abs() < 1e-12, "{changes}: {metrics:?}");
    }
}

#[test]
fn times_before_1970_are_invalid_and_times_after_intake_inconsistent() {
    let mut early = transaction(1, 1, json!({}));
    early.event.occurred_at = "1969-12-31T23:59:59Z".parse().unwrap();
    assert!(judge(Dataset::SPENDING, vec![early]).metrics.validity < 1.0);
    let mut late = transaction(1, 1, json!({}));
    late.event.occurred_at = late.ingested_at + Duration::minutes(6);
    let metrics = judge(Dataset::SPENDING, vec![late]).metrics;
    assert!(metrics.consistency < 1.0);
    assert_eq!(metrics.validity, 1.0);
}

#[test]
fn the_same_content_under_another_id_is_a_duplicate() {
    let first = transaction(1, 1, json!({"amount": 10.50}));
    let mut second = transaction(1, 2, json!({"amount": 10.5, "balance_after": 990}));
    second.event.occurred_at = first.event.occurred_at;
    let mut other_user = second.clone();
    other_user.event.user = UserId(Uuid::from_u128(2));
    assert_eq!(judge(Dataset::SPENDING, vec![first.clone(), second]).metrics.duplicate_count, 1);

    let mut state = QualityState::new(rules(Dataset::SPENDING));
    state.observe_user(&mut [first]);
    state.observe_user(&mut [other_user]);
    assert_eq!(state.finish(&weights()).unwrap().metrics.duplicate_count, 0);
}

#[test]
fn the_events_of_a_goal_follow_one_another() {
    let goal = |id: u128, interaction: &str| {
        record(
            1,
            id,
            i64::try_from(id).unwrap(),
            "goal_modification",
            json!({"goal_id": "g", "interaction_type": interaction}),
        )
    };
    let violations = |interactions: &[&str]| {
        let records = (1..).zip(interactions).map(|(id, interaction)| goal(id, interaction)).collect();
        let judgement = judge(Dataset::GOAL, records);
        judgement.explanation.iter().filter(|part| part.rule == "goal_order").map(|part| part.violations).sum::<u64>()
    };
    assert_eq!(violations(&["create", "update", "update", "achieve"]), 0);
    assert_eq!(violations(&["update", "create", "achieve"]), 2);
    assert_eq!(violations(&["create", "achieve", "update", "fail"]), 2);
}

#[test]
fn other_weights_and_datasets_are_other_rules() {
    let hash = rules(Dataset::SPENDING).hash(&weights());
    assert_eq!(hash, rules(Dataset::SPENDING).hash(&weights()));
    assert_ne!(hash, rules(Dataset::GOAL).hash(&weights()));
    assert_ne!(hash, rules(Dataset::SPENDING).hash(&Weights { completeness: 0.3, consistency: 0.4, validity: 0.3 }));
}

/// A transaction with faults of every kind.
fn dirty() -> impl Strategy<Value = (u128, u128, Value)> {
    let category = prop_oneof![Just(json!("groceries")), Just(json!(null)), Just(json!(" ")), Just(json!(7))];
    let amount = prop_oneof![(-5i64..500).prop_map(|n| json!(n)), Just(json!("12.50")), Just(json!(1e6))];
    let currency = prop_oneof![Just(json!("EUR")), Just(json!("£")), Just(json!("USD"))];
    let balance = prop_oneof![Just(json!(null)), (-50i64..50).prop_map(|n| json!(n))];
    (1..5u128, 1..60u128, category, amount, currency, balance).prop_map(
        |(user, id, category, amount, currency, balance)| {
            let data = json!({
                "transaction_id": format!("t{}", id % 7), "amount": amount, "transaction_type": "debit",
                "category": category, "currency": currency, "balance_after": balance,
            });
            (user, id, data)
        },
    )
}

/// The judgement of `records` when user n is observed by state n mod `states`,
/// in the order in which they come.
fn judge_apart(records: &[StoredEvent], states: u128) -> Judgement {
    let merged = (0..states).map(|part| {
        let mut state = QualityState::new(rules(Dataset::SPENDING));
        for user in (0..5u128).filter(|user| user % states == part) {
            let mut own: Vec<_> =
                records.iter().filter(|stored| stored.event.user.0.as_u128() == user).cloned().collect();
            state.observe_user(&mut own);
        }
        let text = serde_json::to_string(&state).unwrap();
        let read: QualityState = serde_json::from_str(&text).unwrap();
        assert_eq!(read, state, "a state survives being written and read");
        read
    });
    // Merged last to first.
    let merged: Vec<_> = merged.collect();
    let merged = merged.into_iter().rev().reduce(|mut merged, state| {
        merged.merge(state);
        merged
    });
    merged.unwrap().finish(&weights()).unwrap()
}

proptest! {
    #[test]
    fn any_order_and_any_partition_of_users_give_the_same_judgement(
        mut drawn in proptest::collection::vec(dirty(), 1..60).prop_shuffle(),
        states in 1..5u128,
    ) {
        // An id is one event.
        drawn.sort_by_key(|(user, id, _)| (*user, *id));
        drawn.dedup_by_key(|(user, id, _)| (*user, *id));
        let records: Vec<_> = drawn
            .iter()
            .map(|(user, id, data)| record(*user, *id, i64::try_from(id / 3).unwrap(), "transaction_creation", data.clone()))
            .collect();
        let mut reversed = records.clone();
        reversed.reverse();
        let judgement = judge_apart(&records, 1);
        prop_assert_eq!(&judgement, &judge_apart(&reversed, states));

        let metrics = judgement.metrics;
        for score in [metrics.completeness, metrics.consistency, metrics.validity, metrics.overall_score] {
            prop_assert!((0.0..=1.0).contains(&score));
        }
        let lost: f64 = judgement.explanation.iter().map(|part| part.loss).sum();
        prop_assert!((lost - (1.0 - metrics.overall_score)).abs() < 1e-9);
    }
}

#[test]
fn the_nulls_of_a_real_account_show_in_completeness_and_its_balances_chain() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/transactions_moneyvis.ndjson.gz");
    let Ok(file) = File::open(path) else {
        eprintln!("skipped: the real events are not here");
        return;
    };
    let mut lines = String::new();
    flate2::read::MultiGzDecoder::new(BufReader::new(file)).read_to_string(&mut lines).unwrap();
    let mut records: Vec<_> = lines
        .as_bytes()
        .lines()
        .map(|line| {
            let event: Value = serde_json::from_str(&line.unwrap()).unwrap();
            let mut stored = record(1, 1, 0, "transaction_creation", event["data"].clone());
            stored.event.id = EventId(event["event_id"].as_str().unwrap().parse().unwrap());
            stored.event.occurred_at = event["occurred_at"].as_str().unwrap().parse().unwrap();
            stored
        })
        .collect();
    let mut state = QualityState::new(rules(Dataset::SPENDING));
    state.observe_user(&mut records);
    let judgement = state.finish(&weights()).unwrap();
    assert_eq!(judgement.record_count, 6_567);
    assert_eq!((judgement.users.count, judgement.users.largest), (1, 6_567));
    assert_eq!(judgement.metrics.missing_values_count, 24);
    assert_eq!(judgement.metrics.completeness, 1.0 - 24.0 / (4.0 * 6_567.0));
    let broken: u64 =
        judgement.explanation.iter().filter(|part| part.rule == "balance_chain").map(|part| part.violations).sum();
    assert!(broken <= 10, "{broken} of 6,566 balances do not chain");
}
