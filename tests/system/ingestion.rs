//! Every road in: the same answers, the same state, whatever the order.

use std::collections::BTreeMap;
use std::io::Write;

use fincoach_local::access::Access;
use fincoach_local::replay::{Source, replay};
use fincoach_local::stack::{Options, Stack};
use flate2::Compression;
use flate2::write::GzEncoder;
use function_edge::{Function, LambdaEvent, Scope};
use learning_core::store::{EventScan, Objects, Quarantine};
use rand::seq::SliceRandom;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Running, any_event, assert_counts_are_exact, transaction};

/// Recounts everything once nothing is under way.
async fn exact(running: &Running) -> u64 {
    running.stack.settle().await.unwrap();
    assert_counts_are_exact(&running.stack).await
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn lines(events: &[Value]) -> String {
    events.iter().map(|event| format!("{event}\n")).collect()
}

async fn post(running: &Running, headers: &[(&str, &str)], body: Vec<u8>) -> (u16, Value) {
    let mut request = running.client.post(format!("{}/coaching/events", running.stack.api)).body(body);
    if headers.iter().all(|(name, _)| *name != "content-type") {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
}

const NDJSON: (&str, &str) = ("content-type", "application/x-ndjson");
const GZIP: (&str, &str) = ("content-encoding", "gzip");

fn statuses(answer: &Value) -> Vec<&str> {
    answer["results"].as_array().unwrap().iter().map(|result| result["status"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ndjson_is_answered_line_by_line_compressed_or_not() {
    let running = Running::start().await;
    let mut bad = transaction(1, 2);
    bad["data"]["amount"] = json!("much");
    let body = format!("{}\n{{broken\n\n{bad}\n{}", transaction(1, 1), transaction(1, 3));
    let (status, answer) = post(&running, &[NDJSON], body.clone().into_bytes()).await;
    assert_eq!(status, 202, "{answer}");
    assert_eq!(statuses(&answer), ["accepted", "rejected", "rejected", "accepted"]);
    assert!(answer["results"][1]["errors"][0]["message"].as_str().unwrap().starts_with("line 2, "), "{answer}");
    assert_eq!(answer["results"][2]["errors"][0]["loc"], json!(["data", "amount"]));

    let (status, answer) = post(&running, &[NDJSON, GZIP], gzip(body.as_bytes())).await;
    assert_eq!(status, 202);
    assert_eq!(statuses(&answer), ["duplicate", "rejected", "rejected", "duplicate"]);
    let many: Vec<Value> = (10..1_510).map(|number| any_event(number % 7, number)).collect();
    let (status, answer) = post(&running, &[NDJSON, GZIP], gzip(lines(&many).as_bytes())).await;
    assert_eq!((status, &answer["accepted"]), (202, &json!(1_500)));
    let (status, answer) = post(&running, &[GZIP], gzip(transaction(1, 4).to_string().as_bytes())).await;
    assert_eq!((status, &answer["accepted"]), (202, &json!(1)));
    assert_eq!(exact(&running).await, 1_503);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_cannot_be_is_refused_before_any_event_is_taken_in() {
    let running = Running::start().await;
    let bomb = gzip(&vec![b' '; 33 * 1024 * 1024]);
    assert!(bomb.len() < 200_000);
    let mut torn = gzip(lines(&[transaction(1, 1), transaction(1, 2)]).as_bytes());
    torn.truncate(torn.len() - 9);
    for (headers, body, status) in [
        (vec![NDJSON, GZIP], bomb, 413),
        (vec![NDJSON, GZIP], torn, 400),
        (vec![NDJSON, GZIP], lines(&[transaction(1, 1)]).into_bytes(), 400),
        (vec![NDJSON], vec![b'\n'; 4 * 1024 * 1024 + 1], 413),
        (vec![NDJSON, ("content-encoding", "br")], b"{}".to_vec(), 415),
        (vec![("content-type", "text/csv")], b"a".to_vec(), 415),
        (vec![("idempotency-key", " ")], transaction(1, 1).to_string().into_bytes(), 400),
    ] {
        let (answered, problem) = post(&running, &headers, body).await;
        assert_eq!(answered, status, "{headers:?} {problem}");
        assert!(!problem["detail"].as_str().unwrap().is_empty());
    }
    assert_eq!(exact(&running).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_is_known_by_its_id_or_by_its_content() {
    let running = Running::start().await;
    running.send(&[transaction(1, 1)]).await;
    let mut changed = transaction(1, 1);
    changed["data"]["amount"] = json!(1_000);
    changed["data"]["note"] = json!("new");
    let (_, answer) = running.send(&[changed.clone(), transaction(1, 2), transaction(1, 2)]).await;
    assert_eq!(statuses(&answer), ["duplicate", "accepted", "duplicate"]);
    assert_eq!(answer["results"][0]["differences"], json!(["data.amount", "data.note"]));
    assert_eq!(answer["results"][2].get("differences"), None, "it is the same");

    let mut nameless = vec![transaction(1, 3), transaction(1, 3)];
    nameless.iter_mut().for_each(|event| {
        event.as_object_mut().unwrap().remove("event_id");
    });
    let body = json!({"events": nameless}).to_string().into_bytes();
    let (_, first) = post(&running, &[("idempotency-key", "order-17")], body.clone()).await;
    let (_, second) = post(&running, &[], body.clone()).await;
    assert_eq!((&first["accepted"], &second["duplicates"]), (&json!(2), &json!(2)));
    assert_eq!(first["results"][0]["event_id"], second["results"][0]["event_id"]);
    assert_eq!(exact(&running).await, 4);
}

/// Whatever a file is called, and wherever its lines stand: events without an id have
/// the same ids by every source, and those of equal content within one request differ.
#[tokio::test(flavor = "multi_thread")]
async fn an_overlap_of_events_without_ids_is_counted_once_by_whatever_source() {
    let running = Running::start().await;
    let nameless = |number: u32| {
        let mut event = transaction(1, number);
        event.as_object_mut().unwrap().remove("event_id");
        event["data"]["event_id"] = json!(number % 3);
        event
    };
    let export = |numbers: &[u32]| numbers.iter().map(|number| nameless(*number)).collect::<Vec<_>>();
    // Twice the same, and a third time in another spelling.
    let mut spelled = nameless(2);
    spelled["event_id"] = Value::Null;
    spelled["data"]["amount"] = serde_json::from_str("3.00").unwrap();
    let mut events = export(&[1, 2, 2, 3]);
    events.push(spelled);
    let (_, answer) = post(&running, &[NDJSON], lines(&events).into_bytes()).await;
    assert_eq!(answer["accepted"], 5, "{answer}");

    let batch = json!({"events": export(&[3, 2, 4])}).to_string();
    let again = json!({"Records": [message("1", &batch), message("2", &nameless(4).to_string())]});
    running.invoke_ingestion(&again).await.unwrap();
    assert_eq!(exact(&running).await, 6, "only the fourth is new");

    let objects = Objects::new(&running.stack.clients);
    let export = lines(&export(&[4, 2, 2, 2, 2, 5]));
    objects.put("incoming/second export.ndjson", export.clone().into_bytes(), "application/x-ndjson").await.unwrap();
    let progress = result(&running, "incoming/second export.ndjson", "complete").await;
    assert_eq!(progress["accepted"].as_u64().unwrap() + progress["duplicates"].as_u64().unwrap(), 6);
    assert_eq!(exact(&running).await, 8, "the fourth of the second, and the fifth");

    let file = running.folder.path().join("export.ndjson");
    std::fs::write(&file, export).unwrap();
    let tally = replay(&running.stack, vec![Source::open(&file).unwrap()]).await.unwrap();
    assert_eq!((tally.accepted, tally.duplicates), (0, 6));
    running.stop().await;
}

fn message(id: &str, body: &str) -> Value {
    json!({
        "messageId": id, "receiptHandle": "r", "body": body, "eventSource": "aws:sqs", "awsRegion": "us-east-1",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:events",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_keeps_the_good_and_quarantines_the_bad_until_they_are_replayed() {
    let running = Running::start().await;
    let mut nameless = transaction(1, 2);
    nameless.as_object_mut().unwrap().remove("event_id");
    let mut bad = transaction(1, 3);
    bad["data"]["transaction_type"] = json!("gift");
    let records = json!({"Records": [
        message("1", &transaction(1, 1).to_string()),
        message("2", &nameless.to_string()),
        message("3", "{broken"),
        message("4", &json!({"events": [bad, transaction(1, 4)]}).to_string()),
    ]});
    for _ in 0..2 {
        let answer = running.invoke_ingestion(&records).await.unwrap();
        assert_eq!(answer, json!({"batchItemFailures": []}));
    }
    assert_eq!(exact(&running).await, 3);
    let quarantine = Quarantine::new(&running.stack.clients);
    let kept = quarantine.list().await.unwrap();
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert!(kept.iter().all(|one| one.origin.road == "queue" && one.origin.source == "events"));

    let replay = json!({"replay": "quarantine"});
    let nothing = json!({"accepted": 0, "duplicates": 0, "rejected": 2});
    assert_eq!(running.invoke_ingestion(&replay).await.unwrap(), nothing);
    assert_eq!(running.invoke_ingestion(&replay).await.unwrap(), nothing);
    assert_eq!(quarantine.list().await.unwrap().len(), 2);

    // Somebody mends one of them.
    let broken = kept.iter().find(|one| one.body.contains("gift")).unwrap();
    let mended = learning_core::store::Quarantined { body: broken.body.replace("gift", "credit"), ..broken.clone() };
    quarantine.release(std::slice::from_ref(broken)).await.unwrap();
    quarantine.put(vec![mended]).await.unwrap();
    let answer = running.invoke_ingestion(&replay).await.unwrap();
    assert_eq!(answer, json!({"accepted": 1, "duplicates": 0, "rejected": 1}));
    assert_eq!(
        running.invoke_ingestion(&replay).await.unwrap(),
        json!({"accepted": 0, "duplicates": 0, "rejected": 1})
    );
    assert_eq!(exact(&running).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_connected_by_its_bus_and_by_the_stream_of_its_table() {
    let running = Running::start().await;
    let mut detail = transaction(1, 1);
    detail.as_object_mut().unwrap().remove("occurred_at");
    let event = json!({
        "version": "0", "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718", "detail-type": "transaction_creation",
        "source": "shop", "time": "2026-01-31T10:00:00Z", "detail": detail,
    });
    assert_eq!(running.invoke_ingestion(&event).await.unwrap(), json!({"events": 1}));

    let change = json!({
        "eventID": "1", "eventName": "INSERT", "eventSource": "aws:dynamodb", "awsRegion": "us-east-1",
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:1:table/payments/stream/2026-01-01T00:00:00.000",
        "dynamodb": {"SequenceNumber": "1", "StreamViewType": "NEW_IMAGE", "Keys": {"id": {"S": "p1"}}, "NewImage": {
            "id": {"S": "p1"}, "customer": {"S": "c7"}, "at": {"S": "2026-02-01T08:00:00Z"}, "total": {"N": "12.50"},
        }},
    });
    let stream = json!({"Records": [change]});
    let refused = running.invoke_ingestion(&stream).await.unwrap_err();
    assert!(refused.contains("payments has no mapping"), "{refused}");
    let mut settings = running.stack.settings.clone();
    settings.mappings = serde_json::from_value(json!({"payments": {
        "event_type": "=transaction_creation", "user_id": "customer", "occurred_at": "at",
        "data": {"transaction_id": "id", "amount": "total", "transaction_type": "=debit", "category": "=shopping"},
    }}))
    .unwrap();
    let state = event_ingestion::State::new(&running.stack.clients, &settings);
    for _ in 0..2 {
        let payload = serde_json::value::to_raw_value(&stream).unwrap();
        let event = LambdaEvent::new(payload, Default::default());
        let answer = event_ingestion::handle(&state, event).await.unwrap();
        assert_eq!(serde_json::to_value(answer).unwrap(), json!({"batchItemFailures": []}));
    }
    assert_eq!(exact(&running).await, 2);
}

async fn result(running: &Running, key: &str, status: &str) -> Value {
    let objects = Objects::new(&running.stack.clients);
    for _ in 0..600 {
        if let Some(bytes) = objects.get(&format!("{key}.result.json")).await.unwrap() {
            let progress: Value = serde_json::from_slice(&bytes).unwrap();
            if progress["status"] == status {
                return progress;
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{key} does not become {status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_under_incoming_is_taken_in_with_a_result_beside_it() {
    let running = Running::start().await;
    let objects = Objects::new(&running.stack.clients);
    let mut events: Vec<Value> = (0..1_200).map(|number| any_event(number % 5, number)).collect();
    events[700]["user_id"] = Value::Null;
    let body = format!("{}\n{{broken\n{}", lines(&events), events[3]);
    objects.put("incoming/a b.ndjson.gz", gzip(body.as_bytes()), "application/gzip").await.unwrap();
    let progress = result(&running, "incoming/a b.ndjson.gz", "complete").await;
    let told = |name: &str| progress[name].as_u64().unwrap();
    assert_eq!(["lines", "events", "rejected"].map(told), [1_203, 1_202, 2]);
    // The sweep may find the file at the same time: what one takes in is a duplicate to the other.
    assert_eq!(told("accepted") + told("duplicates"), 1_200);
    assert!(told("duplicates") >= 1);
    assert_eq!(progress["reasons"], json!({"invalid_format": 1, "user_id missing": 1}));
    let kept = Quarantine::new(&running.stack.clients).list().await.unwrap();
    assert_eq!(kept.iter().map(|one| one.origin.line).collect::<Vec<_>>(), [701, 1_202]);

    // What is taken in is gone, once its result is there; a repeated trigger finds the result alone.
    running.stack.settle().await.unwrap();
    assert_eq!(objects.get("incoming/a b.ndjson.gz").await.unwrap(), None);
    let again = json!({"Records": [{"eventSource": "aws:s3", "s3": {"object": {"key": "incoming/a+b.ndjson.gz"}}}]});
    assert_eq!(running.invoke_ingestion(&again).await.unwrap(), json!({"objects": 1}));
    assert_eq!(result(&running, "incoming/a b.ndjson.gz", "complete").await["lines"], progress["lines"]);

    let mut torn = gzip(lines(&events[..10]).as_bytes());
    torn.truncate(torn.len() - 9);
    objects.put("incoming/torn.gz", torn, "application/gzip").await.unwrap();
    let progress = result(&running, "incoming/torn.gz", "broken").await;
    assert!(progress["problem"].as_str().unwrap().contains("of the compressed data"), "{progress}");
    assert!(objects.get("incoming/torn.gz").await.unwrap().is_some(), "what is broken stays");
    assert_eq!(exact(&running).await, 1_199);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_stays_where_the_operator_says_so_and_another_of_its_name_is_taken_in_as_well() {
    let running = Running::start().await;
    // Nobody but this test announces files.
    running.stack.switch(Function::EventIngestion, false);
    let objects = Objects::new(&running.stack.clients);
    let mut settings = running.stack.settings.clone();
    settings.keep_incoming = true;
    let keeping = event_ingestion::State::new(&running.stack.clients, &settings);
    let letting_go = event_ingestion::State::new(&running.stack.clients, &running.stack.settings);
    let key = "incoming/daily.ndjson";
    let created = json!({"Records": [{"eventSource": "aws:s3", "s3": {"object": {"key": key}}}]});
    let announce = async |state: &event_ingestion::State| {
        let payload = serde_json::value::to_raw_value(&created).unwrap();
        event_ingestion::handle(state, LambdaEvent::new(payload, Default::default())).await.unwrap();
        objects.get(key).await.unwrap().is_some()
    };
    let put = async |events: &[Value]| {
        objects.put(key, lines(events).into_bytes(), "application/x-ndjson").await.unwrap();
    };
    put(&[transaction(1, 1)]).await;
    assert!(announce(&keeping).await && announce(&keeping).await);
    assert!(!announce(&letting_go).await, "it is complete, and should be gone since");
    put(&[transaction(1, 2), transaction(1, 3)]).await;
    assert!(!announce(&letting_go).await && !announce(&letting_go).await);
    let progress = result(&running, key, "complete").await;
    assert_eq!((&progress["accepted"], &progress["duplicates"]), (&json!(2), &json!(0)));
    running.stack.switch(Function::EventIngestion, true);
    assert_eq!(exact(&running).await, 3);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_does_not_fit_into_one_invocation_goes_on_in_the_next() {
    let running = Running::start().await;
    let objects = Objects::new(&running.stack.clients);
    let events: Vec<Value> = (0..1_300).map(|number| any_event(number % 5, number)).collect();
    // Not a name that the local stack announces before the test does.
    let state = event_ingestion::State::new(&running.stack.clients, &running.stack.settings);
    let key = "incoming/long.ndjson";
    let created = json!({"Records": [{"eventSource": "aws:s3", "s3": {"object": {"key": key}}}]});
    objects.put(key, lines(&events).into_bytes(), "application/x-ndjson").await.unwrap();
    let mut context = function_edge::Context::default();
    context.deadline = 1;
    let event = LambdaEvent::new(serde_json::value::to_raw_value(&created).unwrap(), context);
    event_ingestion::handle(&state, event).await.unwrap();
    let progress = result(&running, key, "complete").await;
    assert_eq!((&progress["lines"], &progress["rejected"]), (&json!(1_300), &json!(0)));
    assert_eq!(exact(&running).await, 1_300);
}

/// What is stored of each event, without the moment of its intake.
async fn stored(stack: &Stack) -> BTreeMap<(Uuid, Uuid), String> {
    let mut all = BTreeMap::new();
    for dataset in learning_core::dataset::Dataset::all() {
        let scan = EventScan::new(&stack.clients, 2);
        for user in scan.fold(dataset, None, Vec::new, |users, user| users.push(user)).await.unwrap().concat() {
            for stored in user.events {
                let event = stored.event;
                all.insert((event.user.0, event.id.0), format!("{event:?}"));
            }
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shuffled_repeated_split_stream_by_all_roads_ends_in_the_same_state() {
    let (plain, mixed) = (Running::start().await, Running::start().await);
    let events: Vec<Value> = (0..600).map(|number| any_event(number % 9, number)).collect();
    for batch in events.chunks(500) {
        assert_eq!(plain.send(batch).await.0, 202);
    }
    let mut again = events.clone();
    again.extend(events.iter().step_by(3).cloned());
    again.shuffle(&mut rand::rng());
    for (number, batch) in again.chunks(37).enumerate() {
        match number % 3 {
            0 => assert_eq!(mixed.send(batch).await.0, 202),
            1 => assert_eq!(post(&mixed, &[NDJSON], lines(batch).into_bytes()).await.0, 202),
            _ => {
                let records: Vec<Value> = batch.iter().map(|event| message("m", &event.to_string())).collect();
                let answer = mixed.invoke_ingestion(&json!({"Records": records})).await.unwrap();
                assert_eq!(answer, json!({"batchItemFailures": []}));
            }
        }
    }
    assert_eq!(exact(&plain).await, exact(&mixed).await);
    assert_eq!(stored(&plain.stack).await, stored(&mixed.stack).await);
    // Epochs may be closed at other moments; what they count together is the same.
    let counting = async |stack: &Stack| -> Vec<_> {
        let all = stack.overviews().await.unwrap().into_iter();
        all.map(|overview| (overview.open + overview.head.closed, overview.records)).collect()
    };
    assert_eq!(counting(&plain.stack).await, counting(&mixed.stack).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_needs_a_token_may_do_what_it_says_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let access = Access::guarded(folder.path()).unwrap();
    let Access::Guarded(key) = access.clone() else { unreachable!() };
    let options = Options { data_dir: folder.path().to_owned(), port: 0 };
    let stack = Stack::start_with(&options, access).await.unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let call = async |method: &str, path: &str, token: Option<String>, body: Option<Value>| {
        let mut request = client.request(method.parse().unwrap(), format!("{}{path}", stack.api));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), serde_json::from_slice::<Value>(&answer.bytes().await.unwrap()).unwrap())
    };
    let now = chrono::Utc::now();
    let token = |scopes: &[Scope], user| Some(key.token(scopes, user, now));
    let own: Uuid = transaction(1, 1)["user_id"].as_str().unwrap().parse().unwrap();
    let status = "/coaching/continuous-learning/status";

    assert_eq!(call("GET", status, None, None).await.0, 401);
    assert_eq!(call("GET", status, Some("forged".to_owned()), None).await.0, 401);
    assert_eq!(call("GET", status, token(&[Scope::WriteEvents], None), None).await.0, 403);
    assert_eq!(call("GET", status, token(&[Scope::ReadLearning], None), None).await.0, 200);
    assert_eq!(call("GET", "/coaching/continuous-learning/health", None, None).await.0, 200);

    let write = || token(&[Scope::WriteEvents], Some(own));
    let batch = json!({"events": [transaction(1, 1), transaction(2, 1)]});
    let (code, answer) = call("POST", "/coaching/events", write(), Some(batch)).await;
    assert_eq!((code, statuses(&answer)), (202, vec!["accepted", "rejected"]));
    assert_eq!(answer["results"][1]["errors"][0]["code"], "not_allowed");
    assert_eq!(call("POST", "/coaching/events", write(), Some(transaction(2, 2))).await.0, 403);
    let services = token(&[Scope::WriteEvents], None);
    assert_eq!(call("POST", "/coaching/events", services, Some(transaction(2, 2))).await.0, 202);
    let data = format!("/coaching/users/{own}/data");
    assert_eq!(call("DELETE", &data, write(), None).await.0, 403);
    assert_eq!(call("DELETE", &data, token(&[Scope::EraseData], Some(Uuid::nil())), None).await.0, 403);
    assert_eq!(call("DELETE", &data, token(&[Scope::EraseData], Some(own)), None).await.0, 202);
    stack.stop().await;
}
