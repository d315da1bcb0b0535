//! Savings goals: set, pursued, reached or not.

use chrono::{Days, NaiveDate};
use serde_json::{Value, json};

use crate::draw::Draw;
use crate::event::{event, money};
use crate::user::User;

const TYPES: &[&str] = &["emergency_fund", "vacation", "debt_payoff", "home", "car"];

pub fn simulate(user: &User, draw: &mut Draw, events: &mut Vec<Value>) {
    for _ in 0..draw.between(0, 3) {
        let created = draw.day(user.joined, user.end);
        goal(user, created, draw, events);
    }
}

fn goal(user: &User, created: NaiveDate, draw: &mut Draw, events: &mut Vec<Value>) {
    let id = draw.uuid();
    let amount = draw.between(3, 40) * user.salary / 2_000 * 100;
    let duration = draw.between(21, 150);
    let target = created + Days::new(duration as u64);
    let kind = draw.pick(TYPES);
    let mut report = |interaction: &str, day: NaiveDate, hour: i64, saved: i64, draw: &mut Draw| {
        let data = json!({
            "goal_id": id,
            "interaction_type": interaction,
            "goal_amount": money(amount),
            "current_amount": money(saved),
            "target_date": target.to_string(),
            "goal_type": kind,
        });
        events.push(event(user.id, "goal_modification", draw.moment(day, hour, hour + 1), data, draw));
    };
    report("create", created, 12, 0, draw);
    if draw.chance(7) {
        let day = created + Days::new(draw.between(1, 20) as u64);
        if day <= user.end {
            report("delete", day, 20, 0, draw);
        }
        return;
    }
    let will_reach = draw.chance(35 + 2 * user.persona.saves);
    let pace = if will_reach { 100 } else { draw.between(15, 85) };
    let mut day = created + Days::new(draw.between(7, 25) as u64);
    while day < target && day <= user.end {
        let elapsed = (day - created).num_days();
        report("update", day, 18, amount * pace / 100 * elapsed / duration, draw);
        day = day + Days::new(draw.between(10, 30) as u64);
    }
    if target <= user.end {
        let saved = if will_reach { amount } else { amount * pace / 100 };
        report(if will_reach { "achieve" } else { "fail" }, target, 21, saved, draw);
    }
}
