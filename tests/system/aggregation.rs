//! What is told of everything collected, and that it is what is stored.

use std::collections::BTreeSet;

use learning_core::usecase::Reconcile;
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
    assert_eq!(told["user_segments"]["segment_distribution"], json!({"savers": 2, "spenders": 1}));
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
