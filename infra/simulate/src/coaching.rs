//! Recommendations and what people do with them; segments.

use chrono::{Datelike, Duration};
use serde_json::{Value, json};

use crate::draw::Draw;
use crate::event::{event, thousandths};
use crate::user::{PERSONAS, User};

const ACTIONS: [&str; 5] =
    ["continue_current_behavior", "spending_alert", "budget_suggestion", "savings_nudge", "positive_reinforcement"];

/// How likely the app chose each action, in thousandths, by persona: it sums to 1,000.
const POLICY: [[i64; 5]; 5] = [
    [250, 100, 200, 150, 300],
    [200, 200, 200, 200, 200],
    [100, 350, 300, 150, 100],
    [350, 50, 100, 100, 400],
    [50, 300, 350, 250, 50],
];

pub fn simulate(user: &User, draw: &mut Draw, events: &mut Vec<Value>) {
    let persona = PERSONAS.iter().position(|persona| persona.segment == user.persona.segment).unwrap_or_default();
    for day in user.days() {
        if draw.chance(8) {
            decision(user, &POLICY[persona], draw.moment(day, 7, 22), draw, events);
        }
        if day.day() == 28 {
            let data = json!({
                "segment_id": format!("segment-{persona}"),
                "segment_name": user.persona.segment,
                "confidence": thousandths(draw.between(550, 990)),
            });
            events.push(event(user.id, "user_segment_update", draw.moment(day, 2, 4), data, draw));
        }
    }
}

/// A recommendation is seen, and then perhaps answered.
fn decision(user: &User, policy: &[i64; 5], at: chrono::NaiveDateTime, draw: &mut Draw, events: &mut Vec<Value>) {
    let action = draw.weighted(policy);
    let id = draw.uuid();
    let position = draw.between(1, 3);
    let mut report = |interaction: &str, at, draw: &mut Draw| {
        let data = json!({
            "recommendation_id": id,
            "interaction_type": interaction,
            "action_id": action,
            "action_type": ACTIONS[action],
            "propensity": thousandths(policy[action]),
            "position": position,
            "context": {"screen": "home", "days_since_joining": (at_day(at) - user.joined).num_days()},
        });
        events.push(event(user.id, "recommendation_interaction", at, data, draw));
    };
    report("view", at, draw);
    if !draw.chance(55) {
        return;
    }
    let soon = at + Duration::seconds(draw.between(5, 600));
    if !draw.chance(user.persona.receptive) {
        report(if draw.chance(75) { "dismiss" } else { "not_helpful" }, soon, draw);
        return;
    }
    report("click", soon, draw);
    let later = soon + Duration::seconds(draw.between(60, 172_800));
    // What would happen after the last day is not known yet.
    if at_day(later) <= user.end && draw.chance(60) {
        report(if draw.chance(55) { "implemented" } else { "helpful" }, later, draw);
    }
}

fn at_day(at: chrono::NaiveDateTime) -> chrono::NaiveDate {
    at.date()
}
