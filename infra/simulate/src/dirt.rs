//! What goes wrong between people and data: faults that are stored and lower the
//! quality, repetitions, and events that nobody can accept.

use serde_json::{Value, json};

use crate::draw::Draw;
use crate::event::order;

/// How many faults of each kind were planted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planted {
    /// Accepted with a warning.
    pub warned: u64,
    /// Accepted without one: the fault shows among other records only.
    pub unnoticed: u64,
    /// The same content under other ids.
    pub duplicates: u64,
    /// The very same event again.
    pub repeated: u64,
    /// To be refused.
    pub refused: u64,
}

/// Spoils a share of `events`, and adds repetitions (a tenth as many) and events
/// to be refused (a twentieth as many).
pub fn plant(mut events: Vec<Value>, share: f64, draw: &mut Draw) -> (Vec<Value>, Planted) {
    let mut planted = Planted::default();
    let mut transactions: Vec<usize> =
        (0..events.len()).filter(|place| events[*place]["event_type"] == "transaction_creation").collect();
    transactions.sort_by_cached_key(|place| order(&events[*place]));
    if transactions.is_empty() || share == 0.0 {
        return (events, planted);
    }
    let faults = ((events.len() as f64 * share) as usize).max(1);
    let mut spoiled = std::collections::BTreeSet::new();
    for _ in 0..faults.min(transactions.len()) {
        let place = draw.pick(&transactions);
        if spoiled.insert(place) {
            spoil(&mut events[place], draw, &mut planted);
        }
    }
    for _ in 0..faults / 10 {
        let event = events[draw.pick(&transactions)].clone();
        planted.repeated += 1;
        events.push(event);
        let mut event = events[draw.pick(&transactions)].clone();
        planted.duplicates += 1;
        event["event_id"] = json!(draw.uuid());
        event["data"]["transaction_id"] = json!(draw.uuid());
        events.push(event);
    }
    for _ in 0..faults / 20 {
        let mut event = events[draw.pick(&transactions)].clone();
        event["event_id"] = json!(draw.uuid());
        refuse(&mut event, draw);
        planted.refused += 1;
        events.push(event);
    }
    (events, planted)
}

/// A fault that is accepted.
fn spoil(event: &mut Value, draw: &mut Draw, planted: &mut Planted) {
    let amount = event["data"]["amount"].to_string();
    let (field, value, warned) = match draw.between(0, 8) {
        0 => ("category", Value::Null, true),
        1 => ("category", json!(""), true),
        2 => ("category", json!("Groceries "), false),
        3 => ("category", json!("Misc. #7"), false),
        4 => ("amount", json!(amount), true),
        5 => ("currency", json!("€"), true),
        6 => ("balance_after", json!(0), false),
        7 => {
            planted.warned += 1;
            event["occurred_at"] = json!("2099-01-01T00:00:00Z");
            return;
        }
        _ => ("amount", serde_json::from_str(&format!("-{amount}")).unwrap_or(json!(-1)), true),
    };
    event["data"][field] = value;
    *(if warned { &mut planted.warned } else { &mut planted.unnoticed }) += 1;
}

/// A fault that is not.
fn refuse(event: &mut Value, draw: &mut Draw) {
    match draw.between(0, 4) {
        0 => event["user_id"] = Value::Null,
        1 => event["data"]["transaction_id"] = Value::Null,
        2 => event["data"]["transaction_type"] = json!("transfer"),
        3 => event["data"]["amount"] = json!("abc"),
        _ => event["occurred_at"] = json!("yesterday"),
    }
}
