//! What an event means when it is ingested: values, times, types, keys and senders, from
//! the request to what is counted, prepared and reported.

use learning_core::dataset::Dataset;
use learning_core::usecase::Reconcile;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Running, assert_counts_are_exact, event, transaction};

/// Status and answer of a request with an idempotency key.
async fn post_with_key(running: &Running, key: &str, body: &Value) -> (u16, Value) {
    let request = running.client.post(format!("{}/coaching/events", running.stack.api));
    let request = request.header("content-type", "application/json").header("idempotency-key", key);
    let answer = request.body(body.to_string()).send().await.unwrap();
    (answer.status().as_u16(), serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
}

async fn data_count(running: &Running, dataset: Dataset) -> Value {
    running.get(&format!("datasets/{}", dataset.id())).await.1["data_count"].clone()
}

/// The rows of one table of a version.
fn rows(version: &Value, table: &str) -> u64 {
    let files = version["content"]["files"].as_array().expect("a version has files");
    files.iter().filter(|file| file["table"] == table).filter_map(|file| file["rows"].as_u64()).sum()
}

fn interaction(number: u32, data: Value) -> Value {
    event(1, number, "recommendation_interaction", data)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_stands_for_one_body() {
    let running = Running::start().await;
    let (first, second) = (json!({"events": [transaction(1, 1)]}), json!({"events": [transaction(1, 2)]}));
    let (status, answer) = post_with_key(&running, "a", &first).await;
    assert_eq!((status, &answer["accepted"]), (202, &json!(1)), "{answer}");
    let (status, answer) = post_with_key(&running, "a", &first).await;
    assert_eq!((status, &answer["duplicates"]), (202, &json!(1)), "{answer}");
    let (status, problem) = post_with_key(&running, "a", &second).await;
    assert_eq!((status, &problem["type"]), (422, &json!("/problems/idempotency-key-reused")), "{problem}");
    let (status, answer) = post_with_key(&running, "b", &second).await;
    assert_eq!((status, &answer["accepted"]), (202, &json!(1)), "nothing of it was stored: {answer}");

    let bodies: Vec<Value> = (10..18).map(|number| json!({"events": [transaction(1, number)]})).collect();
    let sent = bodies.iter().map(|body| post_with_key(&running, "c", body));
    let statuses: Vec<u16> = futures::future::join_all(sent).await.into_iter().map(|(status, _)| status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 202).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 422).count(), 7, "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_types_are_warned_of_and_listed_by_name() {
    let running = Running::start().await;
    let named = |number, name: &str| event(1, number, name, json!({}));
    let mut events = vec![named(1, "transaction_creatoin"), named(2, "app_opened"), named(3, "app_opened")];
    events.extend([named(4, "page_view"), named(5, "purchase")]);
    let (_, answer) = running.send(&events).await;
    let warning = |index: usize| answer["results"][index]["warnings"][0].clone();
    assert_eq!(warning(0)["code"], "unknown_event_type", "{answer}");
    assert!(warning(0)["message"].as_str().unwrap().contains("did you mean `transaction_creation`?"), "{answer}");
    assert_eq!((&warning(1)["code"], warning(3)), (&json!("unknown_event_type"), Value::Null));
    let (_, collected) = running.get("data-aggregation").await;
    assert_eq!(collected["ingestion"]["unknown_types"], json!({"app_opened": 2, "transaction_creatoin": 1}));
    assert_eq!(collected["ingestion"]["accepted_by_kind"]["other"], 5);

    let many: Vec<Value> = (100..400).map(|number| named(number, &format!("type{number}"))).collect();
    assert_eq!(running.send(&many).await.1["accepted"], 300);
    let (_, collected) = running.get("data-aggregation").await;
    let listed = collected["ingestion"]["unknown_types"].as_object().unwrap();
    assert!(listed.contains_key("other") && listed.len() < 300, "{listed:?}");
    assert_eq!(listed.values().filter_map(Value::as_u64).sum::<u64>(), 303, "{listed:?}");

    // An erasure takes them off again.
    let user = Uuid::from_u128(2);
    assert_eq!(running.call("DELETE", &format!("/coaching/users/{user}/data"), None).await.0, 202);
    running.stack.settle().await.unwrap();
    let (_, collected) = running.get("data-aggregation").await;
    assert_eq!(collected["ingestion"]["unknown_types"], json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_numbers_as_floats_make_decisions() {
    let running = Running::start().await;
    let decisions: Vec<Value> = (0..10)
        .map(|number| {
            let text = format!(
                r#"{{"recommendation_id": {number}.0, "interaction_type": "Click", "action_id": {}.0, "position": 1.0}}"#,
                number % 5
            );
            interaction(number, serde_json::from_str(&text).unwrap())
        })
        .collect();
    let (_, answer) = running.send(&decisions).await;
    assert!(answer["results"].as_array().unwrap().iter().all(|result| result["warnings"] == json!([])), "{answer}");
    assert_eq!(data_count(&running, Dataset::RECOMMENDATION).await, 10);
    let (status, prepared) = running.force(Dataset::RECOMMENDATION).await;
    assert_eq!(status, 200, "{prepared}");
    let (_, version) = running.get(&format!("datasets/{}/versions/1", Dataset::RECOMMENDATION.id())).await;
    // One row for each decision, and one that closes the episode.
    assert_eq!(rows(&version, "data"), 11, "{version}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_in_capitals_is_a_view_and_an_unknown_word_counts_nowhere() {
    let running = Running::start().await;
    let words = ["View", " VIEW ", "viewed", "shrugged", "Implement", "not-helpful"];
    let events: Vec<Value> = (0..6u32)
        .zip(words)
        .map(|(number, word)| {
            let data = json!({"recommendation_id": format!("r{number}"), "interaction_type": word, "action_id": 1});
            interaction(number, data)
        })
        .collect();
    let (_, answer) = running.send(&events).await;
    assert_eq!(answer["accepted"], 6, "{answer}");
    assert_eq!(answer["results"][3]["warnings"][0]["code"], "not_in_vocabulary", "{answer}");
    assert_eq!(data_count(&running, Dataset::RECOMMENDATION).await, 2);
    let (_, collected) = running.get("data-aggregation").await;
    let feedback = &collected["recommendation_feedback"]["feedback_types"];
    assert_eq!(feedback, &json!({"implemented": 1, "not_helpful": 1, "other": 1, "view": 3}));
    let assessed = running.post("assess-quality", json!({"dataset_id": Dataset::RECOMMENDATION.id()})).await.1;
    assert!(assessed["quality_metrics"]["validity"].as_f64().unwrap() < 1.0, "{assessed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_before_the_floor_stretches_no_calendar() {
    let running = Running::start().await;
    let day = |number: u32, at: &str| {
        let mut one = transaction(1, number);
        one["occurred_at"] = json!(at);
        one
    };
    let events = [
        day(1, "1970-01-21T05:10:02.120Z"),
        day(2, "2025-06-01T09:30:00Z"),
        day(3, "2025-06-02T09:30:00Z"),
        day(4, "2025-06-03T09:30:00Z"),
    ];
    let (_, answer) = running.send(&events).await;
    assert_eq!(answer["results"][0]["warnings"][0]["code"], "implausible_time", "{answer}");
    assert_eq!(answer["results"][1]["warnings"], json!([]), "{answer}");
    assert_eq!(data_count(&running, Dataset::SPENDING).await, 3, "no row is made of the first");
    let assessed = running.post("assess-quality", json!({"dataset_id": Dataset::SPENDING.id()})).await.1;
    assert!(assessed["quality_metrics"]["validity"].as_f64().unwrap() < 1.0, "{assessed}");
    let (status, prepared) = running.force(Dataset::SPENDING).await;
    assert_eq!(status, 200, "{prepared}");
    let (_, version) = running.get(&format!("datasets/{}/versions/1", Dataset::SPENDING.id())).await;
    assert_eq!(rows(&version, "data"), 3, "{version}");
    running.stack.settle().await.unwrap();
    assert_counts_are_exact(&running.stack).await;
    let user = Uuid::from_u128(2);
    assert_eq!(running.call("DELETE", &format!("/coaching/users/{user}/data"), None).await.0, 202);
    running.stack.settle().await.unwrap();
    assert_counts_are_exact(&running.stack).await;
    let reconciled = Reconcile::new(&running.stack.clients, &running.stack.settings).reconcile().await.unwrap();
    assert!(reconciled.iter().all(|check| !check.differs()), "{reconciled:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_an_event_came_from_is_stored_on_it() {
    let running = Running::start().await;
    let mut late = transaction(1, 1);
    late["occurred_at"] = json!("2999-01-01T00:00:00-08:00");
    assert_eq!(running.send(&[late.clone()]).await.1["accepted"], 1);
    let mut queued = late.clone();
    queued["event_id"] = json!(Uuid::from_u128(77));
    let message = json!({"Records": [{
        "messageId": "m", "receiptHandle": "r", "body": queued.to_string(), "eventSource": "aws:sqs",
        "awsRegion": "us-east-1", "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:orders",
    }]});
    running.invoke_ingestion(&message).await.unwrap();
    let assessed = running.post("assess-quality", json!({"dataset_id": Dataset::SPENDING.id()})).await.1;
    let rule = assessed["explanation"][0]["key"].as_str().unwrap();
    let route = format!("assessments/{}/failing-records?rule={rule}", assessed["assessment_id"].as_str().unwrap());
    let (_, failing) = running.get(&route).await;
    let mut senders: Vec<_> = failing["records"]
        .as_array()
        .unwrap_or_else(|| panic!("{failing}"))
        .iter()
        .map(|record| {
            (record["source"].to_string(), record["sender"].to_string(), record["utc_offset_minutes"].clone())
        })
        .collect();
    senders.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(
        senders,
        [
            ("\"http\"".to_owned(), "\"http\"".to_owned(), json!(-480)),
            ("\"queue\"".to_owned(), "\"orders\"".to_owned(), json!(-480)),
        ],
        "{failing}"
    );
}
