//! A goal's events follow one another: one create, then updates, then one outcome
//! (achieved, failed or deleted), and nothing after it.

use std::collections::HashMap;

use super::Report;
use crate::event::{EventType, StoredEvent};
use crate::quality::Rules;

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Open,
    Ended,
}

pub fn order(_rules: &Rules, records: &[StoredEvent], report: &mut Report<'_>) {
    let mut stages = HashMap::<String, Stage>::new();
    for StoredEvent { event, .. } in records {
        if event.event_type != EventType::GoalModification {
            continue;
        }
        let (Some(id), Some(interaction)) = (event.data.get("goal_id"), event.interaction()) else { continue };
        let id = id.to_string();
        let stage = stages.get(&id).copied();
        let (holds, next) = match interaction {
            "create" => (stage.is_none(), Stage::Open),
            "update" => (stage == Some(Stage::Open), Stage::Open),
            "achieve" | "fail" | "delete" => (stage == Some(Stage::Open), Stage::Ended),
            _ => continue,
        };
        report.check(event, "interaction_type", "goal_order", holds);
        // What is out of order does not put the events that are in order in the wrong.
        if holds || stage.is_none() {
            stages.insert(id, next);
        }
    }
}
