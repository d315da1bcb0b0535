//! Corrections of transactions, from the request that sends them to the features that
//! are served.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::Running;

const USER: u128 = 0x1111_0000_0000_4000_8000_0000_0000_000d;

fn sent(number: u128, at: &str, data: Value) -> Value {
    let event_type = if data.get("amount").is_some() { "transaction_creation" } else { "transaction_void" };
    json!({
        "event_id": Uuid::from_u128(USER + number), "user_id": Uuid::from_u128(USER), "event_type": event_type,
        "occurred_at": at, "data": data,
    })
}

fn dinner(id: &str, amount: u32) -> Value {
    json!({"transaction_id": id, "amount": amount, "transaction_type": "debit", "category": "Restaurants"})
}

async fn spent(running: &Running, as_of: &str) -> f64 {
    let (status, served) = running.get(&format!("features/{}?as_of={as_of}", Uuid::from_u128(USER))).await;
    assert_eq!(status, 200, "{served}");
    served["features"]["total_spending"].as_f64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_posted_transaction_a_repeat_and_a_void_are_served_as_of_their_time() {
    let running = Running::start().await;
    let mut posted = dinner("c-9", 48);
    posted["pending_transaction_id"] = json!("p-1");
    let events = [
        sent(4, "2025-06-06T12:00:00Z", json!({"transaction_id": "c-9", "reason": "disputed"})),
        sent(2, "2025-06-03T00:00:00Z", posted.clone()),
        sent(3, "2025-06-03T00:00:00Z", posted),
        sent(1, "2025-06-01T19:00:00Z", dinner("p-1", 40)),
    ];
    let (_, answer) = running.send(&events).await;
    assert_eq!((&answer["accepted"], &answer["rejected"]), (&json!(4), &json!(0)), "{answer}");
    for (as_of, expected) in [
        ("2025-06-01T00:00:00Z", 0.0),
        ("2025-06-02T00:00:00Z", 40.0),
        ("2025-06-04T00:00:00Z", 48.0),
        ("2025-06-06T12:00:00Z", 0.0),
    ] {
        assert_eq!(spent(&running, as_of).await, expected, "as of {as_of}");
    }
}
