mod corrections;
mod datasets;
mod faults;
mod laws;
mod planted;

use std::fs::File;
use std::io::{BufRead, BufReader};

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::dataset::Dataset;
use crate::dataset::settings::Settings;
use crate::event::{Event, EventId, EventType, UserId};

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
    let event = Event {
        id: EventId(Uuid::from_u128(id)),
        user: UserId(Uuid::from_u128(user)),
        event_type: EventType::from_name(event_type),
        occurred_at: start + Duration::minutes(minute),
        utc_offset_minutes: None,
        schema_version: 1,
        data,
        extra: Default::default(),
    };
    StoredEvent::new(event, start + Duration::days(400))
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
fn the_parts_of_the_loss_add_up_and_an_empty_field_shows_in_both_dimensions() {
    let records = (1..=10).map(|id| transaction(1, id, if id < 4 { json!({"category": null}) } else { json!({}) }));
    let judgement = judge(Dataset::SPENDING, records.collect());
    let lost = 1.0 - judgement.metrics.overall_score;
    let parts: Vec<_> =
        judgement.explanation.iter().map(|part| (part.dimension, part.rule.as_str(), part.violations)).collect();
    assert_eq!(parts, [(Dimension::Completeness, "null", 3), (Dimension::Validity, "missing", 3)]);
    assert!((judgement.explanation.iter().map(|part| part.loss).sum::<f64>() - lost).abs() < 1e-12);
    // Filling the field mends both.
    assert!(judgement.explanation.iter().all(|part| (part.score_if_fixed - 1.0).abs() < 1e-12));
    for of_all in [true, false] {
        let losses = judgement.losses.iter().filter(|loss| loss.field.is_none() == of_all);
        assert!((losses.map(|loss| loss.loss).sum::<f64>() - lost).abs() < 1e-12);
    }
}

#[test]
fn feedback_is_worth_what_is_known_of_its_decision() {
    let interaction = |id: u128, decision: &str, interaction: &str, more: Value| {
        let mut data = json!({"recommendation_id": decision, "interaction_type": interaction});
        more.as_object().unwrap().iter().for_each(|(key, value)| data[key] = value.clone());
        record(1, id, i64::try_from(id).unwrap(), "recommendation_interaction", data)
    };
    let told = json!({"action_id": 3, "propensity": 0.2});
    let records = vec![
        interaction(1, "a", "view", told.clone()),
        // What was recommended, and how likely, stands with the view.
        interaction(2, "a", "helpful", json!({})),
        interaction(3, "b", "implemented", told),
        interaction(4, "c", "dismiss", json!({"action_type": "savings_nudge", "propensity": 1.5})),
        interaction(5, "d", "view", json!({})),
        interaction(6, "d", "click", json!({})),
    ];
    let judgement = judge(Dataset::RECOMMENDATION, records);
    let violations = |rule: &str| {
        let part = judgement.explanation.iter().find(|part| part.rule == rule);
        part.map(|part| part.examples.iter().map(|id| id.0.as_u128()).collect::<Vec<_>>())
    };
    assert_eq!(violations("feedback_refers_to_action"), Some(vec![6]));
    assert_eq!(violations("feedback_carries_propensity"), Some(vec![4, 6]));
    // The propensity beyond 1 is invalid as well.
    assert_eq!(violations("out_of_range"), Some(vec![4]));
    assert_eq!(judgement.classes["recommendation_interaction.interaction_type"]["view"], 2);
}

#[test]
fn values_that_stand_for_nothing_are_counted_apart_and_lower_no_score() {
    let records = vec![
        transaction(1, 1, json!({"category": "N/A", "context": {"bands": ["?", {"a": " unknown "}]}})),
        transaction(1, 2, json!({"category": "n/a"})),
    ];
    let judgement = judge(Dataset::SPENDING, records);
    assert_eq!(judgement.metrics.overall_score, 1.0);
    let counted = |path: &str| {
        judgement.sentinels[path].iter().map(|(value, count)| (value.as_str(), *count)).collect::<Vec<_>>()
    };
    assert_eq!(counted("category"), [("n/a", 2)]);
    assert_eq!(counted("context.bands.[]"), [("?", 1)]);
    assert_eq!(counted("context.bands.[].a"), [("unknown", 1)]);
}

#[test]
fn an_operator_changes_rules_and_the_hash_tells() {
    let with = |json: &str| {
        let set = [("LEARNING_QUALITY_RULES".to_owned(), json.to_owned())];
        Rules::new(Dataset::SPENDING, &Settings::from_vars(set).unwrap())
    };
    let judged = |rules: Rules| {
        let mut state = QualityState::new(rules);
        state.observe_user(&mut [
            transaction(1, 1, json!({"amount": 500})),
            transaction(1, 2, json!({"currency": "USD"})),
            transaction(1, 3, json!({"category": null})),
        ]);
        state.finish(&weights()).unwrap()
    };
    let parts = |rules| judged(rules).explanation.iter().map(|part| part.rule.clone()).collect::<Vec<_>>();
    let declared = rules(Dataset::SPENDING);
    assert_eq!(parts(declared), ["null", "missing", "one_currency"]);
    let changed = with(
        r#"{"transaction_creation.amount": {"max": 100}, "transaction_creation.category": {"required": false},
            "transaction_creation.currency": {"off": ["one_currency"], "vocabulary": ["EUR"]}}"#,
    );
    assert_eq!(parts(changed), ["out_of_range", "not_in_vocabulary"]);
    assert_ne!(changed.hash(&weights()), declared.hash(&weights()));
    assert_eq!(changed.hash(&weights()), changed.listing(100, None).hash(&weights()));
    let written = serde_json::to_string(&changed).unwrap();
    assert_eq!(serde_json::from_str::<Rules>(&written).unwrap(), changed);
}

#[test]
fn an_operator_says_how_exactly_balances_chain_and_which_interactions_are_feedback() {
    let with = |json: &str| Settings::from_vars([("LEARNING_QUALITY_RULES".to_owned(), json.to_owned())]).unwrap();
    let violations = |dataset, settings: &Settings, records: &[StoredEvent]| {
        let mut state = QualityState::new(Rules::new(dataset, settings));
        state.observe_user(&mut records.to_vec());
        state.finish(&weights()).unwrap().explanation.iter().map(|part| part.violations).sum::<u64>()
    };
    let cents = |missing: u32| {
        let balance = json!({"balance_after": 980.0 - f64::from(missing) / 100.0});
        [transaction(1, 1, json!({})), transaction(1, 2, balance)]
    };
    let declared = Settings::default();
    let tolerant = with(r#"{"transaction_creation.balance_after": {"tolerance": 0.05}}"#);
    for (missing, settings, broken) in [(1, &declared, 0), (2, &declared, 1), (5, &tolerant, 0), (6, &tolerant, 1)] {
        assert_eq!(violations(Dataset::SPENDING, settings, &cents(missing)), broken, "{missing} cents");
    }

    let click = |word: &str| {
        [record(1, 1, 1, "recommendation_interaction", json!({"recommendation_id": "r", "interaction_type": word}))]
    };
    let fewer = with(
        r#"{"recommendation_interaction.action_id": {"interactions": ["helpful"]},
            "recommendation_interaction.propensity": {"interactions": ["helpful", "view"]}}"#,
    );
    for (word, settings, broken) in [
        ("click", &declared, 2),
        ("view", &declared, 0),
        ("click", &fewer, 0),
        ("view", &fewer, 1),
        ("helpful", &fewer, 2),
    ] {
        assert_eq!(violations(Dataset::RECOMMENDATION, settings, &click(word)), broken, "{word}");
    }
    let hash = |settings: &Settings| Rules::new(Dataset::SPENDING, settings).hash(&weights());
    assert_ne!(hash(&declared), hash(&tolerant));
}

#[test]
fn the_records_that_fail_a_rule_come_in_pages() {
    let mut records: Vec<_> =
        (1..=30).map(|id| transaction(1, id, if id % 2 == 0 { json!({"category": ""}) } else { json!({}) })).collect();
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let mut state = QualityState::new(rules(Dataset::SPENDING).listing(4, after));
        state.observe_user(&mut records);
        let page = state.failing("completeness:transaction_creation.category:empty").unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.event);
        found.extend(page.iter().map(|example| example.event.0.as_u128()));
    }
    assert_eq!(found, (1..=15).map(|n| 2 * n).collect::<Vec<_>>());
    assert_eq!(QualityState::new(rules(Dataset::SPENDING)).failing("completeness:x:empty"), None);
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
    assert_eq!(violations(&["update", "update", "create", "achieve"]), 2);
    assert_eq!(violations(&["create", "achieve", "update", "fail"]), 2);
    assert_eq!(violations(&["create", "create", "achieve"]), 1);
    // An end that came too early is an end: the update is in the wrong as well, and the create is not.
    assert_eq!(violations(&["delete", "create", "update"]), 2);
    assert_eq!(violations(&["update", "update", "achieve"]), 1);
}

#[test]
fn events_of_a_goal_at_the_same_instant_are_in_order_whatever_their_ids() {
    let data = |interaction: &str| json!({"goal_id": "g", "interaction_type": interaction});
    let ids = (1..).zip(["delete", "update", "create"]);
    let records = ids.map(|(id, interaction)| record(1, id, 0, "goal_modification", data(interaction)));
    assert_eq!(judge(Dataset::GOAL, records.collect()).metrics.consistency, 1.0);
}

#[test]
fn other_weights_and_datasets_are_other_rules() {
    let hash = rules(Dataset::SPENDING).hash(&weights());
    assert_eq!(hash, rules(Dataset::SPENDING).hash(&weights()));
    assert_ne!(hash, rules(Dataset::GOAL).hash(&weights()));
    assert_ne!(hash, rules(Dataset::SPENDING).hash(&Weights { completeness: 0.3, consistency: 0.4, validity: 0.3 }));
}

/// The events of a real file, by user; `None` where it is not at hand.
fn real(name: &str) -> Option<Vec<Vec<StoredEvent>>> {
    let path = format!("{}/../../shared/data/{name}.ndjson.gz", env!("CARGO_MANIFEST_DIR"));
    let Ok(file) = File::open(path) else {
        eprintln!("skipped: the real events are not here");
        return None;
    };
    let mut users = std::collections::BTreeMap::<u128, Vec<StoredEvent>>::new();
    for line in BufReader::new(flate2::read::MultiGzDecoder::new(file)).lines() {
        let event: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let uuid = |name: &str| event[name].as_str().unwrap().parse::<Uuid>().unwrap().as_u128();
        let event_type = event["event_type"].as_str().unwrap();
        let mut stored = record(uuid("user_id"), uuid("event_id"), 0, event_type, event["data"].clone());
        stored.event.occurred_at = event["occurred_at"].as_str().unwrap().parse().unwrap();
        users.entry(uuid("user_id")).or_default().push(stored);
    }
    Some(users.into_values().collect())
}

#[test]
fn the_nulls_of_a_real_account_show_in_completeness_and_its_balances_chain() {
    let Some(mut users) = real("transactions_moneyvis") else { return };
    let judgement = judge(Dataset::SPENDING, users.remove(0));
    assert_eq!(judgement.record_count, 6_567);
    assert_eq!(judgement.metrics.missing_values_count, 24);
    assert_eq!(judgement.metrics.completeness, 1.0 - 24.0 / (4.0 * 6_567.0));
    let broken: u64 =
        judgement.explanation.iter().filter(|part| part.rule == "balance_chain").map(|part| part.violations).sum();
    assert!(broken <= 10, "{broken} of 6,566 balances do not chain");
}

#[test]
fn real_goals_have_events_before_their_create_and_after_their_outcome() {
    let Some(users) = real("goals_oulad") else { return };
    let mut state = QualityState::new(rules(Dataset::GOAL).listing(1_000, None));
    users.into_iter().for_each(|mut user| state.observe_user(&mut user));
    let failing = state.failing("consistency:goal_modification.interaction_type:goal_order").unwrap();
    // As the data's own README counts them: 68 before, and 461 after. All are told, and no other.
    assert_eq!(failing.len(), 68 + 461);
    let judgement = state.finish(&weights()).unwrap();
    assert_eq!(judgement.explanation.iter().map(|part| part.violations).sum::<u64>(), 68 + 461);
    for (id, told, why) in [
        ("050b9642-9695-590d-b188-c26393bf1605", true, "before the create of its goal"),
        ("017b1fc8-7659-5c71-a0a2-81dfda6bb6a5", true, "after the outcome of its goal"),
        ("7f476222-0f85-5fc1-a916-5d98f8025b86", false, "at the instant of the outcome, by an id that sorts after it"),
        ("f6deea0b-d922-523a-a2ab-37d4dc0b6834", false, "a create at the instant of the outcome, likewise"),
    ] {
        assert_eq!(failing.iter().any(|example| example.event.to_string() == id), told, "{id}: {why}");
    }
}
