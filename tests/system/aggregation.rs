//! What is told of everything collected, and that it is what is stored.

use std::collections::{BTreeMap, BTreeSet};

use learning_core::usecase::Reconcile;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::support::{Running, any_event, event, transaction};

#[tokio::test(flavor = "multi_thread")]
async fn the_aggregation_is_what_was_sent() {
    let running = Running::start().await;
    let mut events: Vec<Value> = (0..240).map(|number| any_event(number % 9, number)).collect();
    for (number, name) in ["savers", "spenders", "savers"].into_iter().enumerate() {
        let data = json!({"segment_id": "1", "segment_name": name});
        events.push(event(1, 10_000 + number as u32, "user_segment_update", data));
    }
    let view = json!({"recommendation_id": "r", "interaction_type": "view"});
    events.push(event(1, 20_000, "recommendation_interaction", view));
    // Sent twice, and something that nobody can take.
    events.push(events[0].clone());
    events.push(json!({"event_type": "page_view"}));
    assert_eq!(running.send(&events).await.0, 202);

    let (status, told) = running.get("data-aggregation").await;
    assert_eq!(status, 200);
    let sent = |event_type: &str| events[..244].iter().filter(|event| event["event_type"] == event_type).count();
    let users: BTreeSet<_> = events
        .iter()
        .filter(|event| event["event_type"] == "transaction_creation")
        .map(|event| event["user_id"].to_string())
        .collect();
    assert_eq!(told["user_transactions"]["total_transactions"], sent("transaction_creation"));
    assert_eq!(told["user_transactions"]["unique_users"], users.len());
    let feedback = &told["recommendation_feedback"];
    assert_eq!(feedback["total_feedback"], sent("recommendation_interaction") - 1, "a view is no feedback");
    assert_eq!(feedback["feedback_types"], json!({"helpful": sent("recommendation_interaction") - 1, "view": 1}));
    assert_eq!(told["user_segments"]["segment_distribution"], json!({"savers": 1}), "the last update holds");
    assert_eq!(told["user_segments"]["total_segments"], 1);
    assert_eq!(told["goal_events"]["interaction_types"], json!({"achieve": sent("goal_modification")}));
    let ingestion = &told["ingestion"];
    assert_eq!(
        (&ingestion["accepted"], &ingestion["duplicates"], &ingestion["rejected"]),
        (&json!(244), &json!(1), &json!(1))
    );
    assert_eq!(ingestion["rejected_by_reason"], json!({"user_id missing": 1}));
    assert_eq!(ingestion["days"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn reconciliation_finds_no_difference_until_there_is_one() {
    let running = Running::start().await;
    let events: Vec<Value> = (0..300).map(|number| any_event(number % 7, number)).collect();
    running.send(&events).await;
    running.force(learning_core::dataset::Dataset::SPENDING).await;
    running.send(&[transaction(3, 5_000), transaction(99, 5_001)]).await;
    running.stack.settle().await.unwrap();
    let reconcile = Reconcile::new(&running.stack.clients, &running.stack.settings);
    let checks = reconcile.reconcile().await.unwrap();
    assert!(checks.len() > 12 && checks.iter().any(|check| check.counted > 150));
    let different: Vec<_> = checks.iter().filter(|check| check.differs()).collect();
    assert!(different.is_empty(), "{different:?}");

    // An event that vanishes without a word is found missing wherever it counted.
    let client = &running.stack.clients.dynamodb;
    let lost = transaction(3, 5_000);
    let text = |value: &Value| aws_sdk_dynamodb::types::AttributeValue::S(value.as_str().unwrap().to_owned());
    client
        .delete_item()
        .table_name(&running.stack.settings.resources.events_table)
        .key("user_id", text(&lost["user_id"]))
        .key("event_id", text(&lost["event_id"]))
        .send()
        .await
        .unwrap();
    let checks = reconcile.reconcile().await.unwrap();
    let different: Vec<_> = checks.iter().filter(|check| check.differs()).map(|check| check.what.as_str()).collect();
    assert!(different.contains(&"spending records") && different.contains(&"spending counted"), "{different:?}");
}

/// An update of a user's segment, at one of a few times, so that many are at the same.
fn moves(user: u32, number: u32, segment: &str) -> Value {
    let mut moves = event(user, number, "user_segment_update", json!({"segment_id": 1, "segment_name": segment}));
    moves["occurred_at"] = json!(format!("2026-01-{:02}T00:00:00Z", number * 7 % 5 + 1));
    moves
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_in_the_segment_of_their_last_update_in_whatever_order_updates_come() {
    const USERS: u32 = 40;
    let running = Running::start().await;
    let mut random = StdRng::seed_from_u64(5);
    let mut sent = Vec::new();
    for user in 0..USERS {
        for number in 0..12 {
            sent.push(moves(user, number, ["savers", "spenders", " planners ", ""][random.random_range(0..4)]));
        }
        // A time that cannot be believed moves nobody.
        let mut odd = moves(user, 100, "dreamers");
        odd["occurred_at"] = json!("2999-01-01T00:00:00Z");
        sent.push(odd);
    }
    let mut expected = BTreeMap::<u32, (String, String, String)>::new();
    for (user, moves) in (0..USERS)
        .flat_map(|user| (0..12).map(move |_| user))
        .zip(sent.iter().filter(|moves| moves["data"]["segment_name"] != "dreamers"))
    {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let name = match text(&moves["data"]["segment_name"]).trim() {
            "" => "other".to_owned(),
            name => name.to_owned(),
        };
        let one = (text(&moves["occurred_at"]), text(&moves["event_id"]), name);
        let last = expected.entry(user).or_insert_with(|| one.clone());
        *last = last.clone().max(one);
    }
    let distribution = |users: &BTreeMap<u32, (String, String, String)>| {
        let mut counts = BTreeMap::<String, u64>::new();
        users.values().for_each(|(_, _, name)| *counts.entry(name.clone()).or_default() += 1);
        json!(counts)
    };
    let mut stream = sent.clone();
    stream.extend(sent.iter().step_by(2).cloned());
    stream.shuffle(&mut random);
    let requests = stream.chunks(90).map(|events| async {
        let (status, answer) = running.send(events).await;
        assert_eq!((status, &answer["rejected"]), (202, &json!(0)), "{answer}");
    });
    futures::future::join_all(requests).await;
    let told = async || running.get("data-aggregation").await.1["user_segments"].clone();
    let segments = told().await;
    assert_eq!(segments["segment_distribution"], distribution(&expected));
    assert_eq!(segments["total_segments"], USERS);

    // Who is erased is in no segment any more, and nobody else is moved by it.
    for user in [3, 17] {
        let id = uuid::Uuid::from_u128(u128::from(user) + 1);
        assert_eq!(running.call("DELETE", &format!("/coaching/users/{id}/data"), None).await.0, 202);
        expected.remove(&user);
    }
    running.stack.settle().await.unwrap();
    assert_eq!(told().await["segment_distribution"], distribution(&expected));
    let checks = Reconcile::new(&running.stack.clients, &running.stack.settings).reconcile().await.unwrap();
    assert!(checks.iter().any(|check| check.what == "segmentation users in savers" && check.counted > 0), "{checks:?}");
    assert!(checks.iter().all(|check| !check.differs()), "{checks:?}");
}
