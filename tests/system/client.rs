//! The commands that ask a running service, as a person and as a script use them.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::StatusCode;
use fincoach_local::access::Access;
use fincoach_local::stack::{Options, Stack};
use function_edge::Scope;
use learning_core::dataset::Dataset;
use learning_core::store::Quarantine;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Running, any_event, transaction};

/// What the program printed, and how it ended.
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {} {}", self.out, self.err))
    }
}

/// The program, asking the service of `url`.
fn ask(url: &str, arguments: &[&str], token: Option<&str>) -> Said {
    let mut program = Command::new(env!("CARGO_BIN_EXE_fincoach-local"));
    program.args(arguments).env("FINCOACH_URL", url).env_remove("FINCOACH_TOKEN").stdin(Stdio::null());
    if let Some(token) = token {
        program.env("FINCOACH_TOKEN", token);
    }
    // The stack runs on the threads of the test.
    let Output { status, stdout, stderr } = tokio::task::block_in_place(|| program.output().unwrap());
    Said {
        code: status.code().unwrap(),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}

impl Running {
    /// For people; it must go well.
    fn says(&self, arguments: &[&str]) -> String {
        let said = ask(&self.stack.api, arguments, None);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{arguments:?}");
        said.out
    }

    /// For scripts; it must go well.
    fn says_json(&self, arguments: &[&str]) -> Value {
        let said = ask(&self.stack.api, &[arguments, &["--format", "json"]].concat(), None);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{arguments:?}");
        said.json()
    }
}

/// The program serving with settings of its own, until it is dropped.
struct Served {
    child: Child,
    /// Kept open: the program goes on to print.
    _out: BufReader<ChildStdout>,
    url: String,
    _folder: tempfile::TempDir,
}

impl Served {
    fn start(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut program = Command::new(env!("CARGO_BIN_EXE_fincoach-local"));
        program.args(["serve", "--port", "0", "--data-dir"]).arg(folder.path()).envs(settings.iter().copied());
        let mut child = program.stdout(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut first).unwrap();
        let url = first.split_whitespace().find_map(|word| word.strip_suffix("/coaching/events,"));
        Self { url: url.unwrap_or_else(|| panic!("no address: {first}")).to_owned(), child, _out: out, _folder: folder }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn the_program_has_few_arenas_unless_it_is_told_how_many() {
    for (settings, arenas) in [(vec![], "4"), (vec![("MALLOC_ARENA_MAX", "7")], "7")] {
        let served = Served::start(&settings);
        let environment = std::fs::read_to_string(format!("/proc/{}/environ", served.child.id())).unwrap();
        let found: Vec<_> = environment.split('\0').filter_map(|one| one.strip_prefix("MALLOC_ARENA_MAX=")).collect();
        assert_eq!(found, [arenas]);
    }
}

/// What differs from run to run, in as many characters.
fn stable(text: &str) -> String {
    let mut stable = String::new();
    for word in text.split_inclusive(|c: char| c.is_whitespace() || c == ')' || c == ',') {
        let bare = word.trim_end_matches(|c: char| c.is_whitespace() || c == ')' || c == ',' || c == '.' || c == ':');
        let shown = if bare.parse::<chrono::DateTime<chrono::Utc>>().is_ok() {
            word.replace(bare, "2026-01-02T03:04:05Z")
        } else {
            match Uuid::parse_str(bare) {
                Ok(id) if Dataset::from_id(id).is_none() => word.replace(bare, &Uuid::nil().to_string()),
                _ => word.to_owned(),
            }
        };
        stable.push_str(&shown);
    }
    stable
}

macro_rules! shows {
    ($name:expr, $text:expr) => {
        insta::assert_snapshot!($name, stable(&$text))
    };
}

/// Something in spending's second epoch, a version of it, and an assessment with a loss.
async fn lived_in() -> Running {
    let running = Running::start().await;
    let events: Vec<Value> = (0..60).map(|number| transaction(number % 5, number)).collect();
    assert_eq!(running.send(&events).await.1["accepted"], 60);
    running
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_from_its_first_events_to_the_difference_of_two_versions() {
    let running = lived_in().await;
    shows!("status", running.says(&["status"]));
    assert_eq!(running.says_json(&["status"])["total_datasets"], 4);
    shows!("dataset-of-a-name", running.says(&["datasets", "spending"]));
    let id = Dataset::SPENDING.id().to_string();
    assert_eq!(running.says_json(&["datasets", &id])["dataset_type"], "spending");
    let all = running.says(&["datasets"]);
    for name in ["recommendation", "segmentation", "spending", "goal"] {
        assert!(all.contains(&format!("{name} (")), "{all}");
    }
    assert_eq!(running.says_json(&["datasets"])["total_count"], 4);

    shows!("assess", running.says(&["assess", "--dataset", "spending"]));
    shows!("prepare", running.says(&["prepare", "spending", "--force", "a test"]));
    let again = running.says_json(&["prepare", "spending", "--force", "a test"]);
    assert_eq!((&again["version"], &again["created"]), (&json!(1), &json!(false)));
    let more: Vec<Value> = (60..90).map(|number| transaction(number % 6, number)).collect();
    assert_eq!(running.send(&more).await.1["accepted"], 30);
    assert_eq!(running.says_json(&["prepare", "spending", "--force", "once more"])["version"], 2);

    shows!("versions", running.says(&["versions", "spending"]));
    assert_eq!(running.says_json(&["versions", "spending"])["count"], 2);
    let one = running.says(&["versions", "spending", "2"]);
    assert!(one.starts_with("v2 of spending") && one.contains("data/train-00000-of-"), "{one}");
    assert!(one.contains("pandas.read_parquet(\"s3://"), "{one}");
    let files = &running.says_json(&["versions", "spending", "2"])["links"]["files"];
    assert!(files.as_array().unwrap().iter().all(|file| file["url"].as_str().unwrap().starts_with("http")));

    let difference = running.says(&["diff", "spending", "1", "2"]);
    assert!(difference.starts_with("From v1 to v2:") && difference.contains("users added"), "{difference}");
    assert_eq!(running.says_json(&["diff", "spending", "1", "2"])["changes"]["users_added"], 1);
    shows!("timeline", running.says(&["timeline", "spending"]));
    assert!(running.says_json(&["timeline", "spending"])["changes"].as_array().unwrap().len() > 1);
}

/// A gateway before `service` that gives up at once where a version is to be made, as
/// API Gateway does after 30 seconds. What it has passed on goes on.
async fn impatient_gateway(service: String) -> String {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let pass_on = move |request: Request| {
        let (client, service) = (client.clone(), service.clone());
        async move {
            let (head, body) = request.into_parts();
            let body = to_bytes(body, 1 << 20).await.unwrap();
            let gives_up = head.uri.path().ends_with("/prepare-data");
            let request = client.request(head.method, format!("{service}{}", head.uri)).headers(head.headers);
            let answer = tokio::spawn(async move {
                let answer = request.body(body).send().await.unwrap();
                (answer.status(), answer.text().await.unwrap())
            });
            if gives_up {
                // Late enough for the service to have begun.
                tokio::time::sleep(Duration::from_millis(100)).await;
                return (StatusCode::SERVICE_UNAVAILABLE, r#"{"message":"Service Unavailable"}"#.to_owned());
            }
            answer.await.unwrap()
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(pass_on)).await });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_waited_for_longer_than_a_gateway_waits() {
    let running = lived_in().await;
    let gateway = impatient_gateway(running.stack.api.clone()).await;
    let said = ask(&gateway, &["prepare", "spending", "--force", "a test"], None);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.starts_with("v1 of spending") && said.out.contains("manifest.json"), "{}", said.out);
    // Where nothing is made, as nothing is new, the gateway has the last word.
    let said = ask(&gateway, &["prepare", "spending", "--force", "a test"], None);
    assert_eq!((said.code, said.err.contains("Service Unavailable")), (1, true), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assessment_of_the_service_ends_as_one_of_files_does() {
    let running = lived_in().await;
    let shown =
        running.says_json(&["assess", "--dataset", "spending", "--dataset", &Dataset::SEGMENTATION.id().to_string()]);
    assert_eq!(
        (&shown["datasets"][0]["dataset"], &shown["datasets"][1]["dataset"]),
        (&json!("spending"), &json!("segmentation"))
    );
    assert_eq!((&shown["quality_gate"], &shown["datasets"][0]["record_count"]), (&json!(0.7), &json!(60)));

    let nothing = ask(&running.stack.api, &["assess", "--dataset", "goal"], None);
    assert_eq!((nothing.code, nothing.out.as_str()), (2, ""));
    assert!(nothing.err.contains("goal has no records yet"), "{}", nothing.err);
    let neither = ask(&running.stack.api, &["assess"], None);
    assert!(neither.code == 2 && neither.err.contains("<FILE>"), "{}", neither.err);
    let both = ask(&running.stack.api, &["assess", "events.ndjson", "--url", &running.stack.api], None);
    assert!(both.code == 2 && both.err.contains("cannot be used with"), "{}", both.err);
    let report = ask(&running.stack.api, &["assess", "--dataset", "spending", "--report", "report.html"], None);
    assert!(report.code == 2 && report.err.contains("FILE"), "{}", report.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assessment_below_the_gate_exits_with_one() {
    let running = Running::start().await;
    let mut bad: Vec<Value> = (0..500).map(|number| transaction(number % 5, 1_000 + number)).collect();
    for event in &mut bad {
        for field in ["description", "location_city", "location_country", "time_precision", "replaces"] {
            event["data"][field] = json!([7]);
        }
        for (field, value) in [
            ("category", Value::Null),
            ("amount", json!(-1)),
            ("currency", json!("money")),
            ("merchant_name", json!(7)),
            ("balance_after", json!(0)),
        ] {
            event["data"][field] = value;
        }
    }
    assert_eq!(running.send(&bad).await.1["accepted"], 500);
    let below = ask(&running.stack.api, &["assess", "--dataset", "spending"], None);
    assert_eq!((below.code, below.err.as_str()), (1, ""));
    assert!(below.out.contains("is BELOW the gate of 0.7"), "{}", below.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assessment_that_is_promised_is_waited_for() {
    let served = Served::start(&[("LEARNING_ASSESS_AT_ONCE", "10")]);
    let url = &served.url;
    let events: Vec<Value> = (0..30).map(|number| transaction(1, number)).collect();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = client.post(format!("{url}/coaching/events")).header("content-type", "application/json");
    assert_eq!(post.body(json!({"events": events}).to_string()).send().await.unwrap().status(), 202);
    let said = ask(url, &["assess", "--dataset", "spending", "--format", "json"], None);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(
        (&said.json()["datasets"][0]["state"], &said.json()["datasets"][0]["record_count"]),
        (&json!("done"), &json!(30))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quarantine_is_replayed_stretch_by_stretch() {
    let running = Running::start().await;
    let message = |number: u32, event: &Value| {
        json!({"messageId": number.to_string(), "body": event.to_string(), "eventSource": "aws:sqs",
               "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:events"})
    };
    let bad = |number: u32| {
        let mut event = transaction(1, number);
        event["data"]["transaction_type"] = json!("gift");
        event
    };
    let records: Vec<Value> = (0..230).map(|number| message(number, &bad(number))).collect();
    for records in records.chunks(100) {
        running.invoke_ingestion(&json!({"Records": records})).await.unwrap();
    }
    // Somebody fixes most of them.
    let quarantine = Quarantine::new(&running.stack.clients);
    let kept = quarantine.list().await.unwrap();
    assert_eq!(kept.len(), 230);
    let mended = kept[..220]
        .iter()
        .map(|one| learning_core::store::Quarantined { body: one.body.replace("gift", "credit"), ..one.clone() });
    // What lies in quarantine keeps its key: these take the place of the originals.
    quarantine.put(mended.collect()).await.unwrap();

    let path = "/coaching/quarantine/replay";
    let (status, first) = running.call("POST", &format!("{path}?limit=7"), None).await;
    assert_eq!(status, 200, "{first}");
    let sent = ["accepted", "duplicates", "rejected"].iter().map(|name| first[*name].as_u64().unwrap()).sum::<u64>();
    assert_eq!(sent, 7, "no more than were asked for: {first}");
    let rest = format!("{path}?limit=1000&cursor={}", first["next"].as_str().unwrap());
    let (_, rest) = running.call("POST", &rest, None).await;
    assert_eq!(rest["next"], Value::Null, "{rest}");
    let both = |name: &str| first[name].as_u64().unwrap() + rest[name].as_u64().unwrap();
    assert_eq!((both("accepted"), both("duplicates"), both("rejected")), (220, 0, 10));
    for wrong in ["?limit=0", "?limit=1001", "?cursor=zz"] {
        assert_eq!(running.call("POST", &format!("{path}{wrong}"), None).await.0, 400, "{wrong}");
    }

    assert_eq!(running.says(&["replay"]).trim(), "0 accepted, 0 stored already, 10 still in quarantine");
    assert_eq!(running.says_json(&["replay"]), json!({"accepted": 0, "duplicates": 0, "rejected": 10}));
    assert_eq!(crate::support::assert_counts_are_exact(&running.stack).await, 220);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_erased_and_the_receipt_followed_to_its_end() {
    let running = Running::start().await;
    running.send_of(3, 40, any_event).await;
    assert_eq!(running.force(Dataset::SPENDING).await.0, 200);
    running.report_trained(Dataset::SPENDING).await;
    let user = Uuid::from_u128(2).to_string();
    let receipt = running.says(&["erase", &user]);
    shows!("erase", receipt);
    assert!(receipt.contains(&user) && receipt.contains("lstm 3 (v1)"), "{receipt}");
    let again = running.says_json(&["erase", &user]);
    assert_eq!((&again["status"], &again["events"]), (&json!("complete"), &json!(40)), "the same receipt");
    assert_eq!(crate::support::assert_counts_are_exact(&running.stack).await, 80);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_shown_and_refusals_told_in_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { data_dir: folder.path().to_owned(), port: 0 };
    let access = Access::guarded(folder.path()).unwrap();
    let Access::Guarded(key) = &access else { panic!("a guarded stack has a key") };
    let token = |scopes: &[Scope], user| key.token(scopes, user, chrono::Utc::now());
    let all = token(&Scope::ALL, None);
    let reading = token(&[Scope::ReadLearning], None);
    let users = token(&[Scope::WriteEvents], Some(Uuid::from_u128(1)));
    let stack = Stack::start_with(&options, access).await.unwrap();
    let url = stack.api.clone();

    assert_eq!(ask(&url, &["status"], Some(&reading)).code, 0);
    assert_eq!(ask(&url, &["replay"], Some(&all)).code, 0);
    let nobody = Uuid::from_u128(7).to_string();
    for (arguments, token, code, word) in [
        (vec!["status"], None, 1, "set FINCOACH_TOKEN"),
        (vec!["status"], Some("nonsense"), 1, "does not take the token in FINCOACH_TOKEN"),
        (vec!["prepare", "goal"], Some(&*reading), 1, "lacks the scope learning:write"),
        (vec!["assess", "--dataset", "goal"], Some(&*reading), 2, "lacks the scope learning:write"),
        (vec!["replay"], Some(&*reading), 1, "lacks the scope events:write"),
        (vec!["replay"], Some(&*users), 1, "a token of one user does not reach it"),
        (vec!["erase", &nobody], Some(&*reading), 1, "lacks the scope data:erase"),
        (vec!["datasets", "spendings"], Some(&*all), 1, "has recommendation, segmentation, spending, goal"),
        (vec!["prepare", "goal"], Some(&*all), 1, "409 Conflict"),
        (vec!["versions", "goal", "7"], Some(&*all), 1, "404 Not Found"),
        (vec!["erase", &nobody, "--data-dir", "x"], Some(&*all), 2, "cannot be used with"),
    ] {
        let said = ask(&url, &arguments, token);
        assert_eq!((said.code, said.out.as_str()), (code, ""), "{arguments:?}: {}", said.err);
        assert!(said.err.contains(word), "{arguments:?}: {}", said.err);
        assert!(said.err.lines().count() == 1 || said.err.contains("Usage"), "one line: {}", said.err);
    }
    stack.stop().await;
    let gone = ask(&url, &["status"], Some(&all));
    assert!(gone.code == 1 && gone.err.contains("does not answer: start the local stack"), "{}", gone.err);
}

#[test]
fn completions_know_the_commands_of_every_shell() {
    for (shell, word) in [("bash", "complete -F"), ("zsh", "#compdef"), ("fish", "complete -c")] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_fincoach-local"));
        let output = program.args(["completions", shell]).output().unwrap();
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && script.contains(word), "{shell}");
        for command in ["status", "assess", "prepare", "versions", "diff", "replay", "erase", "simulate", "serve"] {
            assert!(script.contains(command), "{shell} does not know {command}");
        }
    }
}
