//! The HTTP API: shapes, statuses, problems.

use learning_core::dataset::Dataset;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Running, transaction};

#[tokio::test(flavor = "multi_thread")]
async fn one_event_and_a_batch_are_answered_event_by_event() {
    let running = Running::start().await;
    let (status, answer) = running.call("POST", "/coaching/events", Some(transaction(1, 1))).await;
    assert_eq!(status, 202);
    let id = &transaction(1, 1)["event_id"];
    assert_eq!(
        answer,
        json!({"accepted": 1, "duplicates": 0, "rejected": 0, "results": [{
            "event_id": id, "status": "accepted", "datasets": ["segmentation", "spending"], "warnings": [], "errors": [],
        }]})
    );

    let mut broken = transaction(1, 2);
    broken["data"]["amount"] = json!("twelve");
    broken["occurred_at"] = json!("noon");
    let mut odd = transaction(1, 3);
    odd["data"]["category"] = Value::Null;
    let (status, answer) =
        running.send(&[transaction(1, 1), broken.clone(), odd, transaction(1, 4), transaction(1, 4)]).await;
    assert_eq!(status, 202);
    let statuses: Vec<_> =
        answer["results"].as_array().unwrap().iter().map(|result| result["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["duplicate", "rejected", "accepted", "accepted", "duplicate"]);
    let codes: Vec<_> =
        answer["results"][1]["errors"].as_array().unwrap().iter().map(|error| error["loc"].clone()).collect();
    assert_eq!(codes, [json!(["occurred_at"]), json!(["data", "amount"])]);
    assert_eq!(answer["results"][2]["warnings"][0]["code"], "missing");

    let (status, problem) = running.call("POST", "/coaching/events", Some(broken)).await;
    assert_eq!((status, problem["type"].as_str().unwrap()), (422, "/problems/invalid"));
    assert_eq!(problem["errors"].as_array().unwrap().len(), 2);
    assert_eq!(problem["instance"], "/coaching/events");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_a_problem_that_says_why() {
    let running = Running::start().await;
    let spending = Dataset::SPENDING.id();
    let events: Vec<Value> = (0..501).map(|number| transaction(1, number)).collect();
    for (method, path, body, status, kind) in [
        ("GET", "/coaching/nothing", None, 404, "not-found"),
        ("GET", "/coaching/events", None, 405, "method-not-allowed"),
        ("POST", "/coaching/events", Some(json!(1)), 400, "malformed-request"),
        ("POST", "/coaching/events", Some(json!({"events": 1})), 422, "invalid"),
        ("POST", "/coaching/events", Some(json!({"events": events})), 413, "too-large"),
        ("POST", "/coaching/events", Some(json!({"user_id": "x".repeat(4_200_000)})), 413, "too-large"),
        ("GET", "/coaching/continuous-learning/datasets/spending", None, 400, "malformed-request"),
        ("GET", &format!("/coaching/continuous-learning/datasets/{}", Uuid::nil()), None, 404, "not-found"),
        (
            "GET",
            &format!("/coaching/continuous-learning/quality-metrics/{spending}?limit=0"),
            None,
            400,
            "malformed-request",
        ),
        (
            "GET",
            &format!("/coaching/continuous-learning/quality-metrics/{spending}?cursor=zz"),
            None,
            400,
            "malformed-request",
        ),
        ("POST", "/coaching/continuous-learning/assess-quality", Some(json!({})), 422, "invalid"),
        (
            "POST",
            "/coaching/continuous-learning/assess-quality",
            Some(json!({"dataset_id": spending})),
            409,
            "nothing-to-assess",
        ),
        (
            "POST",
            "/coaching/continuous-learning/prepare-data",
            Some(json!({"dataset_id": spending})),
            409,
            "nothing-to-prepare",
        ),
        (
            "POST",
            "/coaching/continuous-learning/prepare-data",
            Some(json!({"dataset_id": spending, "force": true})),
            422,
            "invalid",
        ),
    ] {
        let (answered, problem) = running.call(method, path, body).await;
        assert_eq!(
            (answered, problem["type"].as_str()),
            (status, Some(format!("/problems/{kind}").as_str())),
            "{method} {path}: {problem}"
        );
        assert_eq!(problem["status"], status);
        assert!(!problem["detail"].as_str().unwrap().is_empty());
    }
    let url = format!("{}/coaching/events", running.stack.api);
    let answer = running.client.post(&url).header("content-type", "text/csv").body("a,b").send().await.unwrap();
    assert_eq!(answer.status(), 415);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let answer = running.client.get(&url).send().await.unwrap();
    assert_eq!(answer.headers()["allow"], "POST");
    assert!(answer.headers().contains_key("x-request-id"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_from_empty_to_prepared_on_request() {
    let running = Running::start().await;
    let (status, health) = running.get("health").await;
    assert_eq!((status, health["status"].as_str()), (200, Some("healthy")));
    let (status, initialized) = running.post("initialize", json!({})).await;
    assert_eq!((status, &initialized["created"]), (200, &json!(0)), "the stack has initialized them");

    let events: Vec<Value> = (0..400).map(|number| transaction(number % 7, number)).collect();
    assert_eq!(running.send(&events).await.1["accepted"], 400);
    let id = Dataset::SPENDING.id();
    let (_, dataset) = running.get(&format!("datasets/{id}")).await;
    assert_eq!((&dataset["data_count"], &dataset["threshold"]), (&json!(400), &json!(1_000)));
    assert_eq!(dataset["data_quality_score"], Value::Null);
    assert_eq!(dataset["readiness"]["gates"][0]["shortfall"], 600.0);

    let (status, refused) = running.post("prepare-data", json!({"dataset_id": id})).await;
    assert_eq!((status, refused["type"].as_str()), (409, Some("/problems/not-ready")));
    assert!(refused["detail"].as_str().unwrap().contains("600 more are needed"), "{refused}");
    assert_eq!(refused["readiness"]["ready"], false);

    let (status, assessed) = running.post("assess-quality", json!({"dataset_id": id})).await;
    assert_eq!((status, &assessed["cached"], &assessed["record_count"]), (200, &json!(false), &json!(400)));
    assert_eq!(assessed["quality_metrics"]["completeness"], 1.0);
    assert_eq!(running.post("assess-quality", json!({"dataset_id": id})).await.1["cached"], true);
    running.send(&[transaction(1, 1_000)]).await;
    assert_eq!(running.post("assess-quality", json!({"dataset_id": id})).await.1["cached"], false);
    let (_, history) = running.get(&format!("quality-metrics/{id}?limit=1")).await;
    assert_eq!(history["metrics_count"], 1);
    let next = history["next"].as_str().unwrap();
    let (_, older) = running.get(&format!("quality-metrics/{id}?limit=1&cursor={next}")).await;
    assert_ne!(history["quality_metrics"][0]["id"], older["quality_metrics"][0]["id"]);

    let (status, prepared) = running.force(Dataset::SPENDING).await;
    assert_eq!(status, 200, "{prepared}");
    assert_eq!(
        (&prepared["version"], &prepared["data_count"], &prepared["created"]),
        (&json!(1), &json!(401), &json!(true))
    );
    assert_eq!(prepared["prepared_data"]["user_count"], 7);
    let (_, again) = running.force(Dataset::SPENDING).await;
    assert_eq!((&again["version"], &again["created"]), (&json!(1), &json!(false)), "nothing new is no new version");

    let (_, status) = running.get("status").await;
    assert_eq!(status["total_datasets"], 4);
    let (_, datasets) = running.get("datasets").await;
    let spending =
        datasets["datasets"].as_array().unwrap().iter().find(|dataset| dataset["dataset_type"] == "spending").unwrap();
    assert_eq!(
        (&spending["data_count"], &spending["epoch"], &spending["last_version"]),
        (&json!(0), &json!(2), &json!(1))
    );
    assert_eq!(running.get("ready-datasets").await.1["count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_dataset_is_assessed_and_prepared_by_itself() {
    let running = Running::start().await;
    fill(&running, |_| {}).await;
    let (_, spending) = running.get(&format!("datasets/{}", Dataset::SPENDING.id())).await;
    assert_eq!((&spending["last_version"], &spending["state"]), (&json!(1), &json!("collecting")), "{spending}");
    crate::support::assert_counts_are_exact(&running.stack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_dataset_of_bad_quality_is_blocked_until_it_is_better() {
    let running = Running::start().await;
    fill(&running, |event| {
        event["data"]["category"] = Value::Null;
        event["data"]["amount"] = json!(-1);
        event["data"]["currency"] = json!("money");
        event["data"]["merchant_name"] = json!(7);
        event["data"]["balance_after"] = json!(0);
        for field in ["description", "location_city", "location_country", "time_precision", "replaces"] {
            event["data"][field] = json!([7]);
        }
    })
    .await;
    let id = Dataset::SPENDING.id();
    let (_, blocked) = running.get(&format!("datasets/{id}")).await;
    assert_eq!((blocked["state"].as_str(), &blocked["last_version"]), (Some("blocked"), &Value::Null), "{blocked}");
    assert!(blocked["data_quality_score"].as_f64().unwrap() < 0.7);
    let (status, refused) = running.post("prepare-data", json!({"dataset_id": id})).await;
    assert_eq!((status, refused["type"].as_str()), (409, Some("/problems/not-ready")));

    for first in [10_000, 10_500, 11_000] {
        let events: Vec<Value> = (first..first + 500).map(|number| transaction(number % 11, number)).collect();
        assert_eq!(running.send(&events).await.1["accepted"], 500);
    }
    running.stack.settle().await.unwrap();
    let (_, better) = running.get(&format!("datasets/{id}")).await;
    assert_eq!((&better["last_version"], &better["record_count"]), (&json!(1), &json!(2_500)), "{better}");
    crate::support::assert_counts_are_exact(&running.stack).await;
}

/// Sends a thousand transactions, changed, and waits for what follows.
async fn fill(running: &Running, change: impl Fn(&mut Value)) {
    for first in [0, 500] {
        let mut events: Vec<Value> = (first..first + 500).map(|number| transaction(number % 11, number)).collect();
        events.iter_mut().for_each(&change);
        assert_eq!(running.send(&events).await.1["accepted"], 500);
    }
    running.stack.settle().await.unwrap();
}
