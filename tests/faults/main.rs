//! Exact counting when the store fails in every way that it can: what is answered
//! as accepted is what is stored is what is counted, to the event.
//!
//! `FAULT_EVENTS` sets how many events; 100,000 unless it is set.

mod locks;
mod proxy;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use fincoach_local::engine::Endpoints;
use fincoach_local::environment;
use fincoach_local::stack::{Options, Stack};
use function_edge::{Answer, LambdaEvent};
use learning_core::dataset::totals::Totals;
use learning_core::store::{Counters, Quarantine};
use serde_json::{Value, json};
use uuid::Uuid;

use self::proxy::{Fault, Proxy};

const BATCH: u32 = 400;
const SENDERS: u32 = 6;
/// Of a hundred requests to the store.
const FAULTY: u32 = 12;

fn event(number: u32) -> Value {
    let (event_type, data) = match number % 5 {
        0 => ("recommendation_interaction", json!({"recommendation_id": number, "interaction_type": "click"})),
        1 => ("goal_modification", json!({"goal_id": number, "interaction_type": "update"})),
        2 => ("page_view", json!({"page": "/"})),
        _ => (
            "transaction_creation",
            json!({"transaction_id": number, "amount": 12.5, "transaction_type": "debit", "category": "Groceries"}),
        ),
    };
    json!({
        "event_id": Uuid::from_u128(u128::from(number) + 1), "user_id": Uuid::from_u128(u128::from(number % 997) + 1),
        "event_type": event_type, "occurred_at": "2026-01-31T10:00:00Z", "data": data,
    })
}

fn request(events: &[Value]) -> LambdaEvent<Box<function_edge::RawValue>> {
    let payload = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": "/coaching/events", "rawQueryString": "",
        "headers": {"content-type": "application/json"},
        "requestContext": {
            "accountId": "1", "apiId": "a", "domainName": "d", "domainPrefix": "p", "requestId": "r",
            "routeKey": "$default", "stage": "$default", "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 0,
            "http": {"method": "POST", "path": "/coaching/events", "protocol": "HTTP/1.1", "sourceIp": "1.1.1.1",
                     "userAgent": "t"},
            "authorizer": {"jwt": {"claims": {"scope": "events:write service", "sub": "s"}}},
        },
        "body": json!({"events": events}).to_string(), "isBase64Encoded": false,
    });
    LambdaEvent::new(serde_json::value::to_raw_value(&payload).unwrap(), Default::default())
}

/// What one sender was told.
#[derive(Default)]
struct Told {
    accepted: u64,
    duplicates: u64,
    /// Requests that were answered 429 or 503, and sent again.
    repeated: u64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn accepted_is_stored_is_counted_whatever_the_store_does() {
    let events: u32 = std::env::var("FAULT_EVENTS").map_or(100_000, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::start(&Options { data_dir: folder.path().to_owned(), port: 0 }).await.unwrap();
    let (proxy, url) = Proxy::start(&stack.engines.dynamodb, FAULTY).await;
    let clients = environment::clients_at(&Endpoints { dynamodb: url, ..stack.engines.endpoints() }, &stack.settings);
    let state = event_ingestion::State::new(&clients, &stack.settings);

    let batches: Vec<u32> = (0..events.div_ceil(BATCH)).collect();
    let told = futures::future::join_all((0..SENDERS).map(|sender| {
        let (state, batches) = (&state, &batches);
        async move {
            let mut told = Told::default();
            for batch in batches.iter().filter(|batch| *batch % SENDERS == sender) {
                let numbers = batch * BATCH..(batch * BATCH + BATCH).min(events);
                let events: Vec<Value> = numbers.map(event).collect();
                loop {
                    let Answer::Http(answer) = event_ingestion::handle(state, request(&events)).await.unwrap() else {
                        unreachable!("HTTP is answered as such")
                    };
                    match answer.status_code {
                        202 => {
                            let Some(lambda_http::Body::Text(body)) = &answer.body else { unreachable!() };
                            let summary: Value = serde_json::from_str(body).unwrap();
                            told.accepted += summary["accepted"].as_u64().unwrap();
                            told.duplicates += summary["duplicates"].as_u64().unwrap();
                            assert_eq!(summary["rejected"], 0, "{summary}");
                            break;
                        }
                        429 | 503 => {
                            assert!(answer.headers.contains_key("retry-after"));
                            told.repeated += 1;
                        }
                        other => panic!("{other}: {:?}", answer.body),
                    }
                }
            }
            told
        }
    }))
    .await;
    let sum = |part: fn(&Told) -> u64| told.iter().map(part).sum::<u64>();
    let (accepted, duplicates, repeated) = (sum(|t| t.accepted), sum(|t| t.duplicates), sum(|t| t.repeated));
    println!("accepted {accepted}, duplicates {duplicates}, requests repeated {repeated}");
    println!("injected {:?}", proxy.injected());
    assert!(proxy.injected().len() == 7, "every fault happened: {:?}", proxy.injected());

    let stored = stored(&stack).await;
    let mut totals = Totals::default();
    for shard in Counters::new(&stack.clients).read_all().await.unwrap() {
        totals.merge(shard.totals);
    }
    assert_eq!(stored, u64::from(events), "every event is stored");
    assert_eq!(totals.events(), stored, "what is counted is what is stored");
    // Only what a request had taken in before it was turned away comes back as a duplicate.
    assert_eq!(accepted + duplicates, stored);
    if repeated == 0 {
        assert_eq!(accepted, stored);
    }
    stack.stop().await;
}

/// What a store that does not answer for long makes of a request, and of messages.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_that_is_too_busy_or_away_makes_senders_come_back_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::start(&Options { data_dir: folder.path().to_owned(), port: 0 }).await.unwrap();
    let (proxy, url) = Proxy::start(&stack.engines.dynamodb, 0).await;
    let clients = environment::clients_at(&Endpoints { dynamodb: url, ..stack.engines.endpoints() }, &stack.settings);
    let state = event_ingestion::State::new(&clients, &stack.settings);
    let all: Vec<Value> = (0..200).map(event).collect();
    let (by_http, by_queue) = all.split_at(100);
    let messages: Vec<Value> = by_queue
        .chunks(20)
        .zip(1..)
        .map(|(events, id): (_, u32)| {
            json!({
                "messageId": id.to_string(), "receiptHandle": "r", "body": json!({"events": events}).to_string(),
                "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:events",
            })
        })
        .collect();
    let deliver = async || {
        let payload = serde_json::value::to_raw_value(&json!({"Records": messages})).unwrap();
        let answer = event_ingestion::handle(&state, LambdaEvent::new(payload, Default::default())).await.unwrap();
        let answer = serde_json::to_value(answer).unwrap();
        answer["batchItemFailures"].as_array().unwrap().len()
    };
    for (fault, status) in [
        (Fault::Throttle, 429),
        (Fault::TransactionConflict, 429),
        (Fault::Unavailable, 503),
        (Fault::InternalError, 503),
        (Fault::CutBefore, 503),
    ] {
        proxy.always(Some(fault));
        let Answer::Http(answer) = event_ingestion::handle(&state, request(by_http)).await.unwrap() else {
            unreachable!("HTTP is answered as such")
        };
        assert_eq!(answer.status_code, status, "{fault:?}: {:?}", answer.body);
        let seconds: u32 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!(seconds > 0);
        assert_eq!(stored(&stack).await, 0, "{fault:?}: no batch is half applied");
    }
    proxy.always(Some(Fault::Throttle));
    assert_eq!(deliver().await, messages.len(), "every message is brought again");
    // The work is done, and nobody hears of it: what is stored is stored once.
    proxy.always(Some(Fault::CutAfterEffect));
    assert_eq!(deliver().await, messages.len());

    proxy.always(None);
    let Answer::Http(answer) = event_ingestion::handle(&state, request(by_http)).await.unwrap() else { unreachable!() };
    assert_eq!(answer.status_code, 202);
    assert_eq!((deliver().await, deliver().await), (0, 0));
    let mut totals = Totals::default();
    for shard in Counters::new(&stack.clients).read_all().await.unwrap() {
        totals.merge(shard.totals);
    }
    assert_eq!((stored(&stack).await, totals.events()), (200, 200));
    assert!(Quarantine::new(&stack.clients).list().await.unwrap().is_empty(), "they were good all the time");
    stack.stop().await;
}

/// DynamoDB rejects a write of one item that a transaction holds. Closing an epoch is such
/// writes on the very items that every ingestion transaction holds.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn epochs_close_while_transactions_hold_their_counter_shards() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::start(&Options { data_dir: folder.path().to_owned(), port: 0 }).await.unwrap();
    let (proxy, url) = Proxy::start(&stack.engines.dynamodb, 0).await;
    let clients = environment::clients_at(&Endpoints { dynamodb: url, ..stack.engines.endpoints() }, &stack.settings);
    let state = event_ingestion::State::new(&clients, &stack.settings);
    let counters = Counters::new(&clients);
    // Creates the datasets.
    let first = event_ingestion::handle(&state, request(&[event(0)])).await.unwrap();
    assert!(matches!(first, Answer::Http(answer) if answer.status_code == 202));

    let dataset = learning_core::dataset::Dataset::all().next().unwrap();
    let is_closed = AtomicBool::new(false);
    let sending = async {
        let mut sent = 1;
        while !is_closed.load(Ordering::Relaxed) {
            let events: Vec<Value> = (sent..sent + 100).map(event).collect();
            let Answer::Http(answer) = event_ingestion::handle(&state, request(&events)).await.unwrap() else {
                unreachable!("HTTP is answered as such")
            };
            assert_eq!(answer.status_code, 202, "{:?}", answer.body);
            sent += 100;
        }
        sent
    };
    let closing = async {
        let mut epoch = learning_core::dataset::Epoch::FIRST;
        // Twelve times, and until a write has met a transaction.
        for closed in 1.. {
            counters.close(dataset, epoch).await.unwrap();
            epoch = epoch.next();
            assert!(closed < 500, "no write met a transaction: the test shows nothing");
            if closed >= 12 && proxy.conflicts() > 0 {
                break;
            }
        }
        is_closed.store(true, Ordering::Relaxed);
    };
    let (sent, ()) = tokio::join!(sending, closing);
    assert_eq!(stored(&stack).await, u64::from(sent));
    stack.stop().await;
}

/// Events in the table, counted by reading it all.
async fn stored(stack: &Stack) -> u64 {
    let mut ids = BTreeSet::new();
    let mut pages = stack
        .clients
        .dynamodb
        .scan()
        .table_name(&stack.settings.resources.events_table)
        .projection_expression("user_id, event_id")
        .consistent_read(true)
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        for item in page.unwrap().items() {
            let id = item["event_id"].as_s().unwrap();
            if Uuid::parse_str(id).is_ok() {
                assert!(ids.insert((item["user_id"].as_s().unwrap().clone(), id.clone())));
            }
        }
    }
    ids.len() as u64
}
