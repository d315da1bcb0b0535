//! Exact counting when the store fails in every way that it can: what is answered
//! as accepted is what is stored is what is counted, to the event.
//!
//! `FAULT_EVENTS` sets how many events; 100,000 unless it is set.

mod proxy;

use std::collections::BTreeSet;

use fincoach_local::engine::Endpoints;
use fincoach_local::environment;
use fincoach_local::stack::{Options, Stack};
use function_edge::{Answer, LambdaEvent};
use learning_core::dataset::totals::Totals;
use learning_core::store::Counters;
use serde_json::{Value, json};
use uuid::Uuid;

use self::proxy::Proxy;

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
            "authorizer": {"jwt": {"claims": {"scope": "events:write", "sub": "s"}}},
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
