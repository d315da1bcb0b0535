//! Behaviour that no dataset is trained on yet.

use serde_json::{Value, json};

use crate::draw::Draw;
use crate::event::{event, money};
use crate::user::User;

const PAGES: &[&str] = &["/home", "/budget", "/goals", "/insights", "/settings"];

pub fn simulate(user: &User, draw: &mut Draw, events: &mut Vec<Value>) {
    for day in user.days() {
        if draw.chance(4) {
            let data = json!({"page": draw.pick(PAGES), "seconds": draw.between(3, 240)});
            events.push(event(user.id, "page_view", draw.moment(day, 7, 23), data, draw));
        }
        if draw.between(1, 1_000) <= 4 {
            let data = json!({"product": "premium_month", "amount": money(499)});
            events.push(event(user.id, "purchase", draw.moment(day, 7, 23), data, draw));
        }
    }
}
