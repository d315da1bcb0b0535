//! Senders that send again until they are told that their events are taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::process::client;

/// What must never be found anywhere afterwards.
pub const SECRETS: [&str; 3] = ["4111111111111111", "jane.doe@private.example", "hunter2-never-kept"];
/// One event in so many holds them.
const PLANTED: u32 = 50;

/// Which events are sent, and how.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub events: u32,
    pub senders: u32,
    pub users: u32,
    /// New ones in a request; a fifth of them is repeated with a later one.
    pub batch: u32,
}

/// What senders were told, together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    pub accepted: u64,
    pub duplicates: u64,
    /// Refused because their user was erased.
    pub erased: u64,
    pub requests: u64,
    /// Requests that were not answered with 202, and sent again.
    pub repeated: u64,
    pub seconds: f64,
    pub slowest: f64,
}

impl Load {
    pub fn user(&self, number: u32) -> Uuid {
        Uuid::from_u128(u128::from(number % self.users) + 1)
    }

    pub fn id(number: u32) -> Uuid {
        // Spread over the space of ids, as random ones are; odd, so no two are the same.
        Uuid::from_u128(u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
    }

    /// The same number, the same event; a user's are a mix of all kinds.
    pub fn event(&self, number: u32) -> Value {
        let of_user = number / self.users;
        let (event_type, data) = match of_user % 8 {
            // Created, and achieved eight of the user's events later.
            0 if of_user.is_multiple_of(16) => (
                "goal_modification",
                json!({"goal_id": format!("g{number}"), "interaction_type": "create", "goal_amount": 500,
                       "target_date": "2027-01-01"}),
            ),
            0 => {
                let goal = format!("g{}", number - 8 * self.users);
                ("goal_modification", json!({"goal_id": goal, "interaction_type": "achieve"}))
            }
            1 => (
                "recommendation_interaction",
                json!({"recommendation_id": format!("r{number}"), "interaction_type": "helpful"}),
            ),
            2 => ("page_view", json!({"page": "/home"})),
            _ => {
                let mut data = json!({
                    "transaction_id": format!("t{number}"), "amount": number % 90 + 1,
                    "transaction_type": if number.is_multiple_of(9) { "credit" } else { "debit" },
                    "category": "Groceries",
                });
                if number.is_multiple_of(PLANTED) {
                    data["description"] = json!(format!("card {} of {}", SECRETS[0], SECRETS[1]));
                    data["password"] = json!(SECRETS[2]);
                }
                ("transaction_creation", data)
            }
        };
        let start: chrono::DateTime<chrono::Utc> = "2024-01-01T00:00:00Z".parse().unwrap();
        json!({
            "event_id": Self::id(number), "user_id": self.user(number), "event_type": event_type,
            "occurred_at": start + chrono::Duration::hours(i64::from(of_user % 3_000) * 7), "data": data,
        })
    }

    /// Sends everything. `sent` counts the new events as they are taken.
    pub async fn send(self, port: &Arc<AtomicU16>, token: Option<&str>, sent: &Arc<AtomicU32>) -> Told {
        let begun = Instant::now();
        let senders = (0..self.senders).map(|sender| {
            let (port, sent, token) = (Arc::clone(port), Arc::clone(sent), token.map(str::to_owned));
            tokio::spawn(async move { self.one_sender(sender, &port, token.as_deref(), &sent).await })
        });
        let mut all = Told::default();
        for told in futures::future::join_all(senders).await {
            let told = told.unwrap();
            all.accepted += told.accepted;
            all.duplicates += told.duplicates;
            all.erased += told.erased;
            all.requests += told.requests;
            all.repeated += told.repeated;
            all.slowest = all.slowest.max(told.slowest);
        }
        all.seconds = begun.elapsed().as_secs_f64();
        all
    }

    async fn one_sender(&self, sender: u32, port: &AtomicU16, token: Option<&str>, sent: &AtomicU32) -> Told {
        let client = client();
        let mut told = Told::default();
        let share = self.events.div_ceil(self.senders);
        let (mut next, end) = (sender * share, ((sender + 1) * share).min(self.events));
        while next < end {
            let last = (next + self.batch).min(end);
            let mut events: Vec<Value> = (next..last).map(|number| self.event(number)).collect();
            // Some of its own that were sent before, and some of a neighbour, sent before or not.
            let repeats = (0..self.batch / 5).map(|step| {
                let own = sender * share + (next - sender * share + step * 7) % (last - sender * share).max(1);
                if step % 2 == 0 { own } else { (own + share) % self.events }
            });
            events.extend(repeats.map(|number| self.event(number)));
            post(&client, port, token, &json!({"events": events}).to_string(), &mut told).await;
            sent.fetch_add(last - next, Ordering::SeqCst);
            next = last;
        }
        told
    }
}

/// Posts a batch until it is taken.
async fn post(client: &reqwest::Client, port: &AtomicU16, token: Option<&str>, body: &str, told: &mut Told) {
    let begun = Instant::now();
    loop {
        assert!(begun.elapsed() < Duration::from_secs(300), "nobody took a batch for five minutes");
        let url = format!("http://127.0.0.1:{}/coaching/events", port.load(Ordering::SeqCst));
        let mut request = client.post(url).header("content-type", "application/json").body(body.to_owned());
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        told.requests += 1;
        if let Ok(answer) = request.timeout(Duration::from_secs(60)).send().await {
            let status = answer.status().as_u16();
            let text = answer.bytes().await;
            match (status, text) {
                (202, Ok(text)) => {
                    let answer: Value = serde_json::from_slice(&text).unwrap();
                    told.accepted += answer["accepted"].as_u64().unwrap();
                    told.duplicates += answer["duplicates"].as_u64().unwrap();
                    told.erased += erased(&answer);
                    told.slowest = told.slowest.max(begun.elapsed().as_secs_f64());
                    return;
                }
                (202 | 429 | 500..=599, _) => {}
                (_, text) => panic!("{status}: {text:?}"),
            }
        }
        told.repeated += 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The refused events of an answer, all of which must be of erased users.
fn erased(answer: &Value) -> u64 {
    let rejected = answer["rejected"].as_u64().unwrap();
    if rejected > 0 {
        for result in answer["results"].as_array().unwrap().iter().filter(|result| result["status"] == "rejected") {
            assert_eq!(result["errors"][0]["code"], "erased", "{result}");
        }
    }
    rejected
}
