//! What the functions do is what their roles allow: every request that they make of their
//! storage is seen by a meter, and held to the template.

use std::collections::BTreeSet;
use std::sync::Arc;

use fincoach_local::access::Access;
use fincoach_local::engine::Endpoints;
use fincoach_local::environment::clients_at;
use fincoach_local::front;
use fincoach_local::functions::Functions;
use function_edge::Function;
use learning_core::dataset::Dataset;
use serde_json::{Value, json};

use super::yaml::Template;
use crate::meter::Meter;
use crate::support::{Running, any_event, transaction};

/// One function with meters between it and its storage.
struct Metered {
    function: Function,
    functions: Arc<Functions>,
    client: reqwest::Client,
    url: String,
    meters: [Meter; 3],
}

impl Metered {
    async fn new(running: &Running, function: Function) -> Self {
        let engines = &running.stack.engines;
        let (tables, dynamodb) = Meter::start(&engines.dynamodb, &engines.endpoints().dynamodb_credentials).await;
        let (bucket, s3) = Meter::start(&engines.s3, &engines.credentials).await;
        let (facts, bus) = Meter::start(&engines.bus, &engines.credentials).await;
        let at = Endpoints { dynamodb, s3, bus, ..engines.endpoints() };
        let functions = Arc::new(Functions::new(&clients_at(&at, &running.stack.settings), &running.stack.settings));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = front::router(Arc::clone(&functions), Arc::new(Access::Open));
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { function, functions, client: running.client.clone(), url, meters: [tables, bucket, facts] }
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let mut request = self.client.request(method.parse().unwrap(), format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    async fn learning(&self, method: &str, route: &str, body: Option<Value>) -> Value {
        self.call(method, &format!("/coaching/continuous-learning/{route}"), body).await
    }

    async fn trigger(&self, payload: Value) {
        let payload = serde_json::value::to_raw_value(&payload).unwrap();
        self.functions.invoke(self.function, payload).await.unwrap();
    }

    fn done(&self) -> BTreeSet<(String, String)> {
        self.meters.iter().flat_map(Meter::done).collect()
    }
}

fn fact(name: &str, detail: Value) -> Value {
    json!({"version": "0", "id": "1", "source": "fincoach.learning", "detail-type": name, "detail": detail})
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_of_a_function_is_allowed_by_its_role() {
    let running = Running::start().await;
    for function in Function::ALL {
        // The stack leaves everything to the metered ones.
        running.stack.switch(function, false);
    }
    let [ingestion, quality, readiness, preparation] = Function::ALL.map(|function| Metered::new(&running, function));
    let (ingestion, quality) = (ingestion.await, quality.await);
    let (readiness, preparation) = (readiness.await, preparation.await);

    let mut events: Vec<Value> = (0..300).map(|number| any_event(number % 13, number)).collect();
    events[3]["data"]["category"] = Value::Null;
    ingestion.call("POST", "/coaching/events", Some(json!({"events": events}))).await;
    ingestion.call("POST", "/coaching/events", Some(json!({"events": &events[..20]}))).await;
    let mut bad = transaction(1, 9_000);
    bad["data"]["amount"] = json!("much");
    let message = json!({"messageId": "m", "body": bad.to_string(), "eventSource": "aws:sqs",
                         "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:events"});
    ingestion.trigger(json!({"Records": [message]})).await;
    ingestion.trigger(json!({"replay": "quarantine"})).await;

    let schedule = json!({"version": "0", "id": "1", "source": "aws.scheduler", "detail-type": "Scheduled Event",
                          "detail": {}, "resources": ["sweep"]});
    readiness.trigger(schedule.clone()).await;
    ingestion.trigger(schedule.clone()).await;
    preparation.trigger(schedule).await;
    for route in ["status", "datasets", "ready-datasets", "data-aggregation", "health", "health/dependencies"] {
        readiness.learning("GET", route, None).await;
    }
    readiness.learning("POST", "initialize", None).await;
    for dataset in Dataset::all() {
        let id = dataset.id();
        readiness.learning("GET", &format!("datasets/{id}"), None).await;
        readiness.learning("GET", &format!("datasets/{id}/timeline"), None).await;
        let assessed = quality.learning("POST", "assess-quality", Some(json!({"dataset_id": id}))).await;
        quality.learning("GET", &format!("quality-metrics/{id}"), None).await;
        let assessment = assessed["assessment_id"].as_str().unwrap();
        quality.learning("GET", &format!("assessments/{assessment}"), None).await;
        for part in assessed["explanation"].as_array().unwrap() {
            let failing = format!("assessments/{assessment}/failing-records?rule={}", part["key"].as_str().unwrap());
            quality.learning("GET", &failing, None).await;
        }
        quality.trigger(fact("threshold reached", json!({"dataset": dataset}))).await;
        readiness.trigger(fact("quality assessed", json!({"dataset": dataset}))).await;
        let asked = json!({"dataset_id": id, "force": true, "reason": "a test"});
        preparation.learning("POST", "prepare-data", Some(asked)).await;
        preparation.learning("GET", &format!("datasets/{id}/versions"), None).await;
        preparation.learning("GET", &format!("datasets/{id}/versions/1"), None).await;
        preparation.learning("GET", &format!("datasets/{id}/versions/1/diff/1"), None).await;
        let trained = json!({"model_id": "m", "model_version": "1", "metrics": {}});
        preparation.learning("POST", &format!("datasets/{id}/versions/1/trained"), Some(trained)).await;
        preparation.trigger(fact("dataset ready", json!({"dataset": dataset}))).await;
    }
    // Against the versions that there are now.
    let more: Vec<Value> = (300..400).map(|number| any_event(number % 13, number)).collect();
    ingestion.call("POST", "/coaching/events", Some(json!({"events": more}))).await;
    quality.learning("POST", "assess-quality", Some(json!({"dataset_id": Dataset::SPENDING.id()}))).await;
    // The user whose refused event is in quarantine.
    let user = events[1]["user_id"].as_str().unwrap().to_owned();
    preparation.learning("GET", &format!("features/{user}?as_of=2026-05-01T00:00:00Z"), None).await;
    let receipt = ingestion.call("DELETE", &format!("/coaching/users/{user}/data"), None).await;
    let erasure = receipt["erasure_id"].as_str().unwrap();
    ingestion.trigger(fact("erasure requested", json!({"erasure": erasure}))).await;
    ingestion.call("GET", &format!("/coaching/users/{user}/erasures/{erasure}"), None).await;
    for dataset in Dataset::all() {
        preparation.trigger(fact("data erased", json!({"dataset": dataset}))).await;
    }

    let template = Template::read(super::TEMPLATE);
    for metered in [&ingestion, &quality, &readiness, &preparation] {
        let role = format!("{}Role", super::pascal_case(metered.function.name()));
        let done = metered.done();
        assert!(done.iter().any(|(action, _)| action.starts_with("dynamodb:")), "{role}: {done:?}");
        let unused: Vec<_> = allowed(&template, &role).difference(&actions(&done)).cloned().collect();
        assert_eq!(unused, [], "infra/{}: {role} allows what is not done here", super::TEMPLATE);
        for (action, on) in done {
            assert!(
                allows(&template, &role, &action, &on),
                "infra/{}: {role} must allow {action} on {on}",
                super::TEMPLATE
            );
        }
    }
    running.stop().await;
}

/// Whether a statement of the role names the action, and the resource that stands for `on` in the deployment.
fn allows(template: &Template, role: &str, action: &str, on: &str) -> bool {
    let policies = template.resources[role]["Properties"]["Policies"].as_array().unwrap();
    let statements = policies.iter().flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap());
    let mut allowing = statements.filter(|statement| statement["Action"].as_array().unwrap().contains(&json!(action)));
    allowing.any(|statement| match &statement["Resource"] {
        Value::Array(resources) => resources.iter().any(|resource| stands_for(resource, action, on)),
        resource => stands_for(resource, action, on),
    })
}

/// The actions on tables, bucket and bus that a role allows, each with the table where it is one.
fn allowed(template: &Template, role: &str) -> BTreeSet<(String, String)> {
    let policies = template.resources[role]["Properties"]["Policies"].as_array().unwrap();
    let statements = policies.iter().flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap());
    let mut all = BTreeSet::new();
    for statement in statements {
        let on =
            statement["Resource"]["GetAtt"].as_str().filter(|named| named.ends_with("Table.Arn")).unwrap_or_default();
        for action in statement["Action"].as_array().unwrap() {
            let action = action.as_str().unwrap();
            // Allowed so that S3 says of an absent key that it is absent; and for objects that have
            // versions, which the embedded engine does not keep.
            if ["s3:ListBucket", "s3:DeleteObjectVersion"].contains(&action) {
                continue;
            }
            if action.starts_with("s3:") || action.starts_with("events:") || !on.is_empty() {
                all.insert((action.to_owned(), on.to_owned()));
            }
        }
    }
    all
}

/// What was done, in the same terms.
fn actions(done: &BTreeSet<(String, String)>) -> BTreeSet<(String, String)> {
    let table = |on: &str| if on.ends_with("-events") { "EventsTable.Arn" } else { "DatasetsTable.Arn" };
    let on =
        |action: &str, on: &str| if action.starts_with("dynamodb:") { table(on).to_owned() } else { String::new() };
    done.iter().map(|(action, resource)| (action.clone(), on(action, resource))).collect()
}

fn stands_for(resource: &Value, action: &str, on: &str) -> bool {
    let named = resource.as_str().or_else(|| resource["GetAtt"].as_str()).unwrap_or_default();
    match action.split(':').next() {
        Some("dynamodb") => {
            let table = if on.ends_with("-events") { "EventsTable.Arn" } else { "DatasetsTable.Arn" };
            named == table
        }
        Some("events") => named == "Bus.Arn",
        _ => {
            let key = on.split_once('/').map_or("", |(_, key)| key);
            let pattern = named.rsplit(":::").next().unwrap().split_once('/').map_or("", |(_, pattern)| pattern);
            matches(pattern, key)
        }
    }
}

/// IAM's `*`: any characters.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text
            .strip_prefix(before)
            .is_some_and(|rest| (0..=rest.len()).any(|at| rest.is_char_boundary(at) && matches(after, &rest[at..]))),
    }
}
