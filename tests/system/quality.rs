//! Quality end to end: assessments and what fails, large data, drift, and files
//! that are judged before they are sent.

use std::io::Write;
use std::process::{Command, Stdio};

use function_edge::{Answer, LambdaEvent};
use learning_core::dataset::Dataset;
use learning_core::dataset::settings::Settings;
use serde_json::{Value, json};

use crate::support::{Running, any_event, real_events, run, transaction};

const SPENDING: Dataset = Dataset::SPENDING;

/// Transactions of which every third has no category.
fn dirty(count: u32) -> Vec<Value> {
    let events = (0..count).map(|number| {
        let mut event = transaction(number % 7, number);
        if number.is_multiple_of(3) {
            event["data"]["category"] = Value::Null;
        }
        event
    });
    events.collect()
}

async fn assess(running: &Running) -> Value {
    let (status, answer) = running.post("assess-quality", json!({"dataset_id": SPENDING.id()})).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assessment_is_found_again_and_what_fails_comes_in_pages() {
    let running = Running::start().await;
    running.send(&dirty(30)).await;
    let assessed = assess(&running).await;
    let id = assessed["assessment_id"].as_str().unwrap();
    let (status, found) = running.get(&format!("assessments/{id}")).await;
    assert_eq!((status, &found["quality_metrics"]), (200, &assessed["quality_metrics"]));
    assert_eq!(found["state"], "done");

    let key = assessed["explanation"][0]["key"].as_str().unwrap();
    assert_eq!(key, "completeness:transaction_creation.category:null");
    let mut records = Vec::new();
    let mut cursor = String::new();
    loop {
        let (status, page) = running.get(&format!("assessments/{id}/failing-records?rule={key}&limit=4{cursor}")).await;
        assert_eq!((status, &page["current"]), (200, &json!(true)), "{page}");
        records.extend(page["records"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(records.len(), 10);
    assert!(records.iter().all(|record| record["data"]["category"].is_null()));
    let ids: std::collections::BTreeSet<_> = records.iter().map(|record| record["event_id"].to_string()).collect();
    assert_eq!(ids.len(), 10, "each record once");

    let mut lines = Vec::new();
    let mut next = Some(format!("/coaching/continuous-learning/assessments/{id}/failing-records?rule={key}&limit=4"));
    while let Some(path) = next {
        let request = running.client.get(format!("{}{path}", running.stack.api));
        let answer = request.header("accept", "text/csv;q=0.1, application/x-ndjson").send().await.unwrap();
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header("content-type").as_deref(), Some("application/x-ndjson"));
        assert_eq!(header("vary").as_deref(), Some("accept"));
        next = header("link").map(|link| link.strip_prefix('<').unwrap().split('>').next().unwrap().to_owned());
        lines.extend(answer.text().await.unwrap().lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
    }
    assert_eq!(lines, records, "the export is what the pages show");

    for (path, expected) in [
        (format!("assessments/{id}/failing-records"), 400),
        (format!("assessments/{id}/failing-records?rule=x"), 404),
        (format!("assessments/{id}/failing-records?rule={key}&cursor=x"), 400),
        (format!("assessments/{id}/failing-records?rule={key}&limit=0"), 400),
        ("assessments/x".to_owned(), 400),
        (format!("assessments/{}", SPENDING.id()), 404),
    ] {
        assert_eq!(running.get(&path).await.0, expected, "{path}");
    }
    running.stop().await;
}

/// What quality-assessment answers to a request.
async fn respond(
    state: &quality_assessment::State,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> (i64, Value, String) {
    let event = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
        "headers": {"content-type": "application/json"}, "isBase64Encoded": false,
        "body": body.map(|body| body.to_string()),
        "requestContext": {"http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
            "accountId": "1", "apiId": "a", "domainName": "d", "domainPrefix": "d", "requestId": "r",
            "routeKey": "$default", "stage": "$default", "timeEpoch": 0,
            "authorizer": {"jwt": {"claims": {"sub": "test", "scope": "learning:read learning:write service"}, "scopes": null}}},
    });
    let payload = serde_json::value::to_raw_value(&event).unwrap();
    let answer = quality_assessment::handle(state, LambdaEvent::new(payload, Default::default())).await.unwrap();
    let Answer::Http(response) = answer else { panic!("a request gets a response") };
    let response = serde_json::to_value(&*response).unwrap();
    let body = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
    let location = response["headers"]["location"].as_str().unwrap_or_default().to_owned();
    (response["statusCode"].as_i64().unwrap(), body, location)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_records_an_assessment_is_promised_and_then_made() {
    let running = Running::start().await;
    running.send(&dirty(30)).await;
    let mut settings: Settings = running.stack.settings.clone();
    settings.assess_at_once = 29;
    let state = quality_assessment::State::new(&running.stack.clients, &settings);
    let path = "/coaching/continuous-learning/assess-quality";
    let ask = || respond(&state, "POST", path, Some(json!({"dataset_id": SPENDING.id()})));
    let (status, promised, location) = ask().await;
    assert_eq!((status, &promised["state"]), (202, &json!("pending")));
    assert_eq!(
        location,
        format!("/coaching/continuous-learning/assessments/{}", promised["assessment_id"].as_str().unwrap())
    );
    // The bus does the rest.
    running.stack.settle().await.unwrap();
    let (status, done, _) = respond(&state, "GET", &location, None).await;
    assert_eq!((status, &done["state"], &done["record_count"]), (200, &json!("done"), &json!(30)));
    // Of unchanged data, the answer is there at once.
    let (status, cached, _) = ask().await;
    assert_eq!((status, &cached["cached"], &cached["assessment_id"]), (200, &json!(true), &promised["assessment_id"]));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_compared_with_those_of_the_last_version() {
    let running = Running::start().await;
    running.send(&(0..400).map(|number| transaction(number % 7, number)).collect::<Vec<_>>()).await;
    let first = assess(&running).await;
    assert_eq!(first["drift"], Value::Null, "there is no version yet");
    assert_eq!(running.force(SPENDING).await.0, 200);
    let larger = (0..500).map(|number| {
        let mut event = transaction(number % 7, 10_000 + number);
        event["data"]["amount"] = json!(1_000 + number);
        event
    });
    running.send(&larger.collect::<Vec<_>>()).await;
    let drift = &assess(&running).await["drift"];
    assert_eq!(drift["baseline"], "v000001");
    assert_eq!(drift["fields"]["transaction_creation.amount"]["size"], "major", "{drift}");
    assert_eq!(drift["fields"]["transaction_creation.category"]["size"], "none", "{drift}");
    running.stop().await;
}

fn assess_files(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fincoach-local"));
    command.arg("assess").args(arguments).stdin(Stdio::null());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_gets_the_judgement_that_it_would_get_once_sent() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.ndjson");
    let mut events = dirty(200);
    events.extend((0..80).map(|number| any_event(number % 5, 1_000 + number)));
    // A repetition near by, one far away with other content, the same content under
    // another id, and what is refused.
    events.insert(101, events[100].clone());
    let mut other = events[3].clone();
    other["data"]["category"] = json!("Rent");
    events.push(other);
    let mut again = events[50].clone();
    again["event_id"] = json!(uuid::Uuid::from_u128(1));
    events.push(again);
    let mut refused = transaction(1, 9_999);
    refused["user_id"] = Value::Null;
    events.push(refused);
    let lines: Vec<String> = events.iter().map(Value::to_string).collect();
    std::fs::write(&file, lines.join("\n")).unwrap();

    let running = Running::start().await;
    running.send(&events).await;
    let report = folder.path().join("report.html");
    let (ok, out, err) =
        run(&mut assess_files(&[file.to_str().unwrap(), "--format", "json", "--report", report.to_str().unwrap()]));
    assert!(ok, "{err}");
    let judged: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&judged["lines"], &judged["repeated"]), (&json!(284), &json!(2)));
    assert_eq!(judged["refused"].as_object().unwrap().len(), 1);
    for dataset in judged["datasets"].as_array().unwrap() {
        let (_, assessed) = running.post("assess-quality", json!({"dataset_id": dataset["dataset_id"]})).await;
        for part in
            ["quality_metrics", "record_count", "explanation", "losses", "sentinels", "classes", "duplicate_examples"]
        {
            assert_eq!(dataset[part], assessed[part], "{part} of {}", dataset["dataset"]);
        }
    }
    assert_eq!(judged["datasets"].as_array().unwrap().len(), 4);
    let html = std::fs::read_to_string(report).unwrap();
    assert!(html.contains("<svg") && !html.contains("http") && !html.contains("<script"));

    let rule = "completeness:transaction_creation.category:null";
    let (_, failing, _) = run(&mut assess_files(&[file.to_str().unwrap(), "--dataset", "spending", "--failing", rule]));
    assert_eq!(failing.lines().count(), 67);
    running.stop().await;
}

#[test]
fn events_without_ids_that_two_files_share_are_judged_once() {
    let folder = tempfile::tempdir().unwrap();
    let line = |number: u32| {
        // Some are equal to others of their file.
        let mut event =
            if number.is_multiple_of(100) { transaction(3, 7) } else { transaction(number % 9, number / 2) };
        event.as_object_mut().unwrap().remove("event_id");
        if number.is_multiple_of(5) {
            event["event_id"] = Value::Null;
        }
        format!("{event}\n")
    };
    let paths = [0..3_000u32, 2_000..4_000].map(|numbers| {
        let path = folder.path().join(format!("from-{}.ndjson", numbers.start));
        std::fs::write(&path, numbers.map(line).collect::<String>()).unwrap();
        path.to_str().unwrap().to_owned()
    });
    let (ok, out, err) = run(&mut assess_files(&[&paths[0], &paths[1], "--format", "json", "--threads", "4"]));
    assert!(ok || err.is_empty(), "{err}");
    let judged: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&judged["lines"], &judged["repeated"]), (&json!(5_000), &json!(990 + 20)));
    let spending = judged["datasets"].as_array().unwrap().iter().find(|one| one["dataset"] == "spending").unwrap();
    assert_eq!(spending["record_count"], 5_000 - 990 - 20);
}

#[test]
fn the_exit_code_tells_the_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.ndjson.gz");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    for event in dirty(30) {
        writeln!(gzip, "{event}").unwrap();
    }
    std::fs::write(&file, gzip.finish().unwrap()).unwrap();
    let code = |command: &mut Command| command.output().unwrap().status.code().unwrap();
    let path = file.to_str().unwrap();
    assert_eq!(code(&mut assess_files(&[path])), 0);
    assert_eq!(code(assess_files(&[path]).env("LEARNING_QUALITY_GATE", "0.99")), 1);
    assert_eq!(code(&mut assess_files(&["no-such-file"])), 2);
    assert_eq!(code(assess_files(&[path]).env("LEARNING_QUALITY_GATES", "0.99")), 2);
    assert_eq!(code(assess_files(&[path]).env("LEARNING_QUALITY_RULES", "{\"a\":{}}")), 2);
    std::fs::write(folder.path().join("empty"), "\n").unwrap();
    assert_eq!(code(&mut assess_files(&[folder.path().join("empty").to_str().unwrap()])), 2);

    let mut child = assess_files(&["-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&std::fs::read(&file).unwrap()).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&out.stdout).contains("30 records of 7 users"));
}

#[test]
fn the_dirt_of_real_events_is_found() {
    let judged = |name: &str| {
        let (path, _) = real_events(name)?;
        let (_, out, _) = run(&mut assess_files(&[path.to_str().unwrap(), "--format", "json"]));
        Some(serde_json::from_str::<Value>(&out).unwrap()["datasets"][0].clone())
    };
    if let Some(account) = judged("transactions_moneyvis.ndjson.gz") {
        assert_eq!(account["quality_metrics"]["missing_values_count"], 24);
        assert_eq!(account["fields"]["transaction_creation.category"]["padded"], 5);
        assert_eq!(account["quality_metrics"]["consistency"], 1.0, "its balances chain");
    }
    if let Some(retail) = judged("transactions_online_retail.ndjson.gz") {
        assert_eq!(retail["fields"]["transaction_creation.amount"]["max"], 168_469.6);
        assert!(retail["fields"]["transaction_creation.amount"]["zeros"].as_u64().unwrap() > 0);
    }
    if let Some(goals) = judged("goals_oulad.ndjson.gz") {
        assert_eq!(goals["explanation"][0]["rule"], "goal_order");
        assert_eq!(goals["sentinels"]["context.imd_band"]["?"], 1_111);
    }
    if let Some((path, _)) = real_events("transactions_online_retail_missing_user.ndjson.gz") {
        let output = assess_files(&[path.to_str().unwrap()]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains("3710 × user_id is required"));
    }
}
