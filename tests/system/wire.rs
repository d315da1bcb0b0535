//! The shapes of answers, on the real handlers: what clients rely on. A snapshot
//! holds names and types, so that it changes when the contract does.

use learning_core::dataset::Dataset;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::support::{Running, event, transaction};

/// Objects whose keys are data: how many there are, and which, is no contract.
const MAPS: &[&str] = &[
    "feedback_types",
    "segment_distribution",
    "interaction_types",
    "accepted_by_kind",
    "rejected_by_reason",
    "accepted",
    "fields",
    "classes",
    "sentinels",
    "prepared_data",
    "content",
    "metrics",
    "population",
];

/// Names and types in place of values; of a list, the first entry.
fn shape(name: &str, value: &Value) -> Value {
    match value {
        Value::Object(_) if MAPS.contains(&name) => json!("map"),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(name, value)| (name.clone(), shape(name, value))).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.first().map(|item| shape(name, item)).into_iter().collect()),
        Value::String(text) if Uuid::parse_str(text).is_ok() => json!("uuid"),
        Value::String(text) if text.parse::<chrono::DateTime<chrono::Utc>>().is_ok() => json!("time"),
        Value::String(_) => json!("text"),
        Value::Number(_) => json!("number"),
        Value::Bool(_) => json!("true or false"),
        Value::Null => Value::Null,
    }
}

/// Some of everything: a prepared version, an assessment with a loss, a duplicate, a rejection.
async fn lived_in() -> Running {
    let running = Running::start().await;
    let mut odd = transaction(1, 900);
    odd["data"]["category"] = Value::Null;
    let refused = json!({"user_id": "nobody", "event_type": "page_view"});
    let events = [
        transaction(1, 1),
        transaction(2, 2),
        transaction(1, 1),
        odd,
        refused,
        event(1, 3, "goal_modification", json!({"goal_id": "g", "interaction_type": "achieve"})),
        event(1, 4, "recommendation_interaction", json!({"recommendation_id": "r", "interaction_type": "click"})),
        event(1, 5, "user_segment_update", json!({"segment_id": "1", "segment_name": "savers"})),
    ];
    assert_eq!(running.send(&events).await.0, 202);
    let id = Dataset::SPENDING.id();
    assert_eq!(running.post("assess-quality", json!({"dataset_id": id})).await.0, 200);
    assert_eq!(running.force(Dataset::SPENDING).await.0, 200);
    running.stack.settle().await.unwrap();
    running
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_has_the_shape_that_clients_know() {
    let running = lived_in().await;
    let id = Dataset::SPENDING.id();
    let snapshot = |name: &str, (status, answer): (u16, Value)| {
        insta::assert_json_snapshot!(name, json!({"status": status.to_string(), "body": shape("", &answer)}));
    };
    snapshot("events", running.send(&[transaction(5, 5), transaction(5, 5)]).await);
    for route in ["status", "datasets", "ready-datasets", "data-aggregation", "health", "health/dependencies"] {
        snapshot(&route.replace('/', "-"), running.get(route).await);
    }
    snapshot("dataset", running.get(&format!("datasets/{id}")).await);
    snapshot("timeline", running.get(&format!("datasets/{id}/timeline?limit=1")).await);
    snapshot("initialize", running.post("initialize", json!({})).await);
    snapshot("assess-quality", running.post("assess-quality", json!({"dataset_id": id})).await);
    snapshot("quality-metrics", running.get(&format!("quality-metrics/{id}?limit=1")).await);
    snapshot("prepare-data", running.force(Dataset::SPENDING).await);
    snapshot("versions", running.get(&format!("datasets/{id}/versions?limit=1")).await);
    snapshot("not-ready", running.post("prepare-data", json!({"dataset_id": Dataset::GOAL.id()})).await);
    snapshot("invalid-event", running.call("POST", "/coaching/events", Some(json!({"data": {}}))).await);
    snapshot("not-found", running.get(&format!("datasets/{}", Uuid::nil())).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_answer_already_gets_no_body() {
    let running = lived_in().await;
    for route in ["status", "datasets", "data-aggregation", "ready-datasets"] {
        let url = format!("{}/coaching/continuous-learning/{route}", running.stack.api);
        let first = running.client.get(&url).send().await.unwrap();
        let tag = first.headers()["etag"].clone();
        assert!(first.headers().contains_key("x-request-id"));
        let again = running.client.get(&url).header("if-none-match", tag.clone()).send().await.unwrap();
        assert_eq!(again.status(), 304, "{route}: nothing has changed");
        assert!(again.bytes().await.unwrap().is_empty());
        running.send(&[event(9, route.len() as u32, "goal_modification", goal(route))]).await;
        running.stack.settle().await.unwrap();
        let changed = running.client.get(&url).header("if-none-match", tag).send().await.unwrap();
        let expected = if route == "ready-datasets" { 304 } else { 200 };
        assert_eq!(changed.status(), expected, "{route}");
    }
}

fn goal(id: &str) -> Value {
    json!({"goal_id": id, "interaction_type": "fail"})
}

#[tokio::test(flavor = "multi_thread")]
async fn every_described_path_is_served() {
    let running = Running::start().await;
    let (status, description) = running.call("GET", "/openapi.json", None).await;
    assert_eq!((status, description["openapi"].as_str()), (200, Some("3.1.0")));
    for (path, operations) in description["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let path = path.replace("{dataset_id}", &Dataset::GOAL.id().to_string());
            let path = path.replace(['{', '}'], "");
            let url = format!("{}{path}", running.stack.api);
            let answer = running.client.request(method.to_uppercase().parse().unwrap(), url).send().await.unwrap();
            let status = answer.status().as_u16();
            assert!(status != 405 && status < 500, "{method} {path}: {status}");
        }
    }
    let page = running
        .client
        .get(format!("{}/coaching/continuous-learning/dashboard", running.stack.api))
        .send()
        .await
        .unwrap();
    assert!(page.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    assert!(page.text().await.unwrap().starts_with("<!doctype html>"));
}
