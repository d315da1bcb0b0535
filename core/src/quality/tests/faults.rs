//! Clean records of each dataset, and every fault that its declared rules know.

use Dimension::{Completeness, Consistency, Validity};

use super::*;

/// The records of one user, without a fault.
pub type Clean = fn(u128) -> Vec<StoredEvent>;

/// One fault, and all that it is found as.
pub struct Fault {
    pub name: &'static str,
    pub plant: fn(&mut Vec<StoredEvent>),
    /// Dimension, `type.field`, rule, and how often.
    pub found: &'static [(Dimension, &'static str, &'static str, u64)],
    pub duplicates: u64,
}

const fn fault(
    name: &'static str,
    plant: fn(&mut Vec<StoredEvent>),
    found: &'static [(Dimension, &'static str, &'static str, u64)],
) -> Fault {
    Fault { name, plant, found, duplicates: 0 }
}

const fn duplicate(name: &'static str, plant: fn(&mut Vec<StoredEvent>)) -> Fault {
    Fault { name, plant, found: &[], duplicates: 1 }
}

fn set(record: &mut StoredEvent, field: &str, value: Value) {
    record.event.data.insert(field.to_owned(), value);
}

fn unset(record: &mut StoredEvent, field: &str) {
    record.event.data.remove(field);
}

/// At another time of the same day, so that it comes before or after other records.
fn at_minute(record: &mut StoredEvent, minute: i64) {
    record.event.occurred_at = "2026-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + Duration::minutes(minute);
}

fn in_the_future(record: &mut StoredEvent) {
    record.event.occurred_at = record.ingested_at + Duration::hours(1);
}

fn before_1970(record: &mut StoredEvent) {
    record.event.occurred_at = "1969-07-20T20:17:00Z".parse().unwrap();
}

/// The same record under another event id.
fn again(records: &mut Vec<StoredEvent>, place: usize) {
    let mut copy = records[place].clone();
    copy.event.id = EventId(Uuid::from_u128(copy.event.id.0.as_u128() + 500));
    records.push(copy);
}

fn several(user: u128, events: Vec<(&str, Value)>) -> Vec<StoredEvent> {
    let records = (1..).zip(events);
    records.map(|(n, (event_type, data))| record(user, user * 1_000 + n, 10 * n as i64, event_type, data)).collect()
}

fn spending(user: u128) -> Vec<StoredEvent> {
    let transaction = |n: u128| {
        let data = json!({
            "transaction_id": format!("t{user}-{n}"), "amount": 10, "transaction_type": "debit", "category": "groceries",
            "merchant_name": "Corner shop", "currency": "EUR", "balance_after": 1000 - 10 * n as i64,
            "time_precision": "second",
        });
        ("transaction_creation", data)
    };
    several(user, (1..=5).map(transaction).collect())
}

/// A view that tells nothing more, and the answer that tells what was recommended.
fn recommendation(user: u128) -> Vec<StoredEvent> {
    let interaction = |word: &str, more: Value| {
        let mut data = json!({"recommendation_id": format!("r{user}"), "interaction_type": word});
        more.as_object().unwrap().iter().for_each(|(key, value)| data[key] = value.clone());
        ("recommendation_interaction", data)
    };
    let told = json!({
        "action_id": 3, "propensity": 0.25, "reward": 0.5, "position": 1, "context": {"screen": "home"},
        "feedback_text": "thanks",
    });
    several(user, vec![interaction("view", json!({})), interaction("helpful", told)])
}

fn goal(user: u128) -> Vec<StoredEvent> {
    let step = |word: &str, current: u32| {
        let data = json!({
            "goal_id": format!("g{user}"), "interaction_type": word, "goal_amount": 100, "current_amount": current,
            "target_date": "2026-12-31", "goal_type": "holiday",
        });
        ("goal_modification", data)
    };
    several(user, vec![step("create", 0), step("update", 20), step("update", 60), step("achieve", 100)])
}

/// Records of all three types: two transactions, a feedback and a segment.
fn segmentation(user: u128) -> Vec<StoredEvent> {
    let feedback = recommendation(user).remove(1).event.data;
    let segment = json!({"segment_id": user as u64, "segment_name": "savers", "confidence": 0.9});
    let mut records = spending(user);
    records.truncate(2);
    let more = vec![("recommendation_interaction", Value::Object(feedback)), ("user_segment_update", segment)];
    records.extend(several(user, more).into_iter().zip(3..).map(|(mut stored, n)| {
        stored.event.id = EventId(Uuid::from_u128(user * 1_000 + n));
        stored
    }));
    records
}

const CATEGORY: &str = "transaction_creation.category";
const BALANCE: &str = "transaction_creation.balance_after";
const TRANSACTION_TIME: &str = "transaction_creation.occurred_at";
const INTERACTION: &str = "recommendation_interaction.interaction_type";
const ACTION: &str = "recommendation_interaction.action_id";
const PROPENSITY: &str = "recommendation_interaction.propensity";
const INTERACTION_TIME: &str = "recommendation_interaction.occurred_at";
const STEP: &str = "goal_modification.interaction_type";
const GOAL_AMOUNT: &str = "goal_modification.goal_amount";
const GOAL_TIME: &str = "goal_modification.occurred_at";
const SEGMENT_NAME: &str = "user_segment_update.segment_name";
const CONFIDENCE: &str = "user_segment_update.confidence";

const OF_SPENDING: &[Fault] = &[
    fault(
        "category null",
        |r| set(&mut r[2], "category", json!(null)),
        &[(Completeness, CATEGORY, "null", 1), (Validity, CATEGORY, "missing", 1)],
    ),
    fault(
        "category empty",
        |r| set(&mut r[2], "category", json!("")),
        &[(Completeness, CATEGORY, "empty", 1), (Validity, CATEGORY, "missing", 1)],
    ),
    fault(
        "category blank",
        |r| set(&mut r[2], "category", json!(" \t")),
        &[(Completeness, CATEGORY, "blank", 1), (Validity, CATEGORY, "missing", 1)],
    ),
    fault(
        "category NaN",
        |r| set(&mut r[2], "category", json!("NaN")),
        &[(Completeness, CATEGORY, "nan", 1), (Validity, CATEGORY, "missing", 1)],
    ),
    fault(
        "category absent",
        |r| unset(&mut r[2], "category"),
        &[(Completeness, CATEGORY, "absent", 1), (Validity, CATEGORY, "missing", 1)],
    ),
    fault(
        "category a number",
        |r| set(&mut r[2], "category", json!(7)),
        &[(Validity, CATEGORY, "wrong_type", 1), (Consistency, CATEGORY, "one_type", 1)],
    ),
    fault(
        "merchant with a novel for a name",
        |r| set(&mut r[2], "merchant_name", json!("x".repeat(129))),
        &[(Validity, "transaction_creation.merchant_name", "too_long", 1)],
    ),
    fault(
        "amount a text",
        |r| set(&mut r[2], "amount", json!("10")),
        &[
            (Validity, "transaction_creation.amount", "wrong_type", 1),
            (Consistency, "transaction_creation.amount", "one_type", 1),
        ],
    ),
    fault(
        "amount negative, balance as it follows",
        |r| {
            set(&mut r[4], "amount", json!(-10));
            set(&mut r[4], "balance_after", json!(970));
        },
        &[(Validity, "transaction_creation.amount", "out_of_range", 1)],
    ),
    fault(
        "unknown precision",
        |r| set(&mut r[2], "time_precision", json!("minute")),
        &[(Validity, "transaction_creation.time_precision", "not_in_vocabulary", 1)],
    ),
    fault(
        "currency in small letters",
        |r| set(&mut r[2], "currency", json!("eur")),
        &[
            (Validity, "transaction_creation.currency", "invalid_format", 1),
            (Consistency, "transaction_creation.currency", "one_currency", 1),
        ],
    ),
    fault(
        "another currency",
        |r| set(&mut r[2], "currency", json!("USD")),
        &[(Consistency, "transaction_creation.currency", "one_currency", 1)],
    ),
    // It chains neither with the one before nor with the one after it.
    fault(
        "a wrong balance",
        |r| set(&mut r[2], "balance_after", json!(7)),
        &[(Consistency, BALANCE, "balance_chain", 2)],
    ),
    fault(
        "two cents too few in the end",
        |r| set(&mut r[4], "balance_after", json!(949.98)),
        &[(Consistency, BALANCE, "balance_chain", 1)],
    ),
    fault(
        "another transaction's id",
        |r| {
            let id = r[1].event.data["transaction_id"].clone();
            set(&mut r[2], "transaction_id", id);
        },
        &[(Consistency, "transaction_creation.transaction_id", "same_id_same_content", 1)],
    ),
    fault(
        "after its ingestion",
        |r| in_the_future(&mut r[4]),
        &[(Consistency, TRANSACTION_TIME, "not_after_ingestion", 1)],
    ),
    fault("before 1970", |r| before_1970(&mut r[0]), &[(Validity, TRANSACTION_TIME, "implausible_time", 1)]),
    duplicate("the same content again", |r| {
        unset(&mut r[2], "balance_after");
        again(r, 2);
        set(r.last_mut().unwrap(), "transaction_id", json!("another"));
    }),
];

const OF_RECOMMENDATION: &[Fault] = &[
    fault(
        "propensity 0",
        |r| set(&mut r[1], "propensity", json!(0)),
        &[(Validity, PROPENSITY, "out_of_range", 1), (Consistency, PROPENSITY, "feedback_carries_propensity", 1)],
    ),
    fault(
        "propensity above 1, and one within beside it",
        |r| {
            set(&mut r[0], "propensity", json!(0.5));
            set(&mut r[1], "propensity", json!(1.5));
        },
        &[(Validity, PROPENSITY, "out_of_range", 1)],
    ),
    fault(
        "propensity a text",
        |r| set(&mut r[1], "propensity", json!("0.25")),
        &[
            (Validity, PROPENSITY, "wrong_type", 1),
            (Consistency, PROPENSITY, "feedback_carries_propensity", 1),
            (Consistency, PROPENSITY, "one_type", 1),
        ],
    ),
    fault(
        "propensity not told",
        |r| unset(&mut r[1], "propensity"),
        &[(Consistency, PROPENSITY, "feedback_carries_propensity", 1)],
    ),
    fault(
        "feedback on no action",
        |r| unset(&mut r[1], "action_id"),
        &[(Consistency, ACTION, "feedback_refers_to_action", 1)],
    ),
    fault(
        "feedback on a negative action",
        |r| set(&mut r[1], "action_id", json!(-1)),
        &[(Validity, ACTION, "out_of_range", 1), (Consistency, ACTION, "feedback_refers_to_action", 1)],
    ),
    fault(
        "unknown interaction",
        |r| set(&mut r[0], "interaction_type", json!("shrug")),
        &[(Validity, INTERACTION, "not_in_vocabulary", 1)],
    ),
    fault(
        "no interaction",
        |r| set(&mut r[0], "interaction_type", json!(null)),
        &[(Completeness, INTERACTION, "null", 1), (Validity, INTERACTION, "missing", 1)],
    ),
    fault(
        "context a text",
        |r| set(&mut r[1], "context", json!("home")),
        &[
            (Validity, "recommendation_interaction.context", "wrong_type", 1),
            (Consistency, "recommendation_interaction.context", "one_type", 1),
        ],
    ),
    fault(
        "half a position",
        |r| set(&mut r[1], "position", json!(1.5)),
        &[(Validity, "recommendation_interaction.position", "wrong_type", 1)],
    ),
    fault(
        "after its ingestion",
        |r| in_the_future(&mut r[1]),
        &[(Consistency, INTERACTION_TIME, "not_after_ingestion", 1)],
    ),
    fault("before 1970", |r| before_1970(&mut r[0]), &[(Validity, INTERACTION_TIME, "implausible_time", 1)]),
    duplicate("the same answer again", |r| again(r, 1)),
];

const OF_GOAL: &[Fault] = &[
    fault("an update before the goal is made", |r| at_minute(&mut r[1], 1), &[(Consistency, STEP, "goal_order", 1)]),
    fault(
        "both updates before the goal is made",
        |r| {
            at_minute(&mut r[1], 1);
            at_minute(&mut r[2], 2);
        },
        &[(Consistency, STEP, "goal_order", 2)],
    ),
    fault("an update after the outcome", |r| at_minute(&mut r[2], 60), &[(Consistency, STEP, "goal_order", 1)]),
    fault(
        "made twice",
        |r| set(&mut r[2], "interaction_type", json!("create")),
        &[(Consistency, STEP, "goal_order", 1)],
    ),
    fault(
        "two outcomes",
        |r| set(&mut r[2], "interaction_type", json!("fail")),
        &[(Consistency, STEP, "goal_order", 1)],
    ),
    fault(
        "never made",
        |r| {
            r.remove(0);
        },
        &[(Consistency, STEP, "goal_order", 1)],
    ),
    fault(
        "unknown step",
        |r| set(&mut r[1], "interaction_type", json!("won")),
        &[(Validity, STEP, "not_in_vocabulary", 1)],
    ),
    fault(
        "no step",
        |r| set(&mut r[1], "interaction_type", json!(" ")),
        &[(Completeness, STEP, "blank", 1), (Validity, STEP, "missing", 1)],
    ),
    fault(
        "amount negative",
        |r| set(&mut r[0], "goal_amount", json!(-1)),
        &[(Validity, GOAL_AMOUNT, "out_of_range", 1)],
    ),
    fault(
        "amount a text",
        |r| set(&mut r[0], "goal_amount", json!("100")),
        &[(Validity, GOAL_AMOUNT, "wrong_type", 1), (Consistency, GOAL_AMOUNT, "one_type", 1)],
    ),
    fault(
        "no such date",
        |r| set(&mut r[0], "target_date", json!("2026-02-30")),
        &[(Validity, "goal_modification.target_date", "invalid_format", 1)],
    ),
    fault("after its ingestion", |r| in_the_future(&mut r[3]), &[(Consistency, GOAL_TIME, "not_after_ingestion", 1)]),
    fault("before 1970", |r| before_1970(&mut r[0]), &[(Validity, GOAL_TIME, "implausible_time", 1)]),
    duplicate("the same update again", |r| again(r, 1)),
];

const OF_SEGMENTATION: &[Fault] = &[
    fault(
        "confidence above 1",
        |r| set(&mut r[3], "confidence", json!(1.01)),
        &[(Validity, CONFIDENCE, "out_of_range", 1)],
    ),
    fault(
        "confidence below 0",
        |r| set(&mut r[3], "confidence", json!(-0.1)),
        &[(Validity, CONFIDENCE, "out_of_range", 1)],
    ),
    fault(
        "confidence a text",
        |r| set(&mut r[3], "confidence", json!("high")),
        &[(Validity, CONFIDENCE, "wrong_type", 1), (Consistency, CONFIDENCE, "one_type", 1)],
    ),
    fault(
        "segment without a name",
        |r| set(&mut r[3], "segment_name", json!("")),
        &[(Completeness, SEGMENT_NAME, "empty", 1), (Validity, SEGMENT_NAME, "missing", 1)],
    ),
    fault(
        "segment without an id",
        |r| unset(&mut r[3], "segment_id"),
        &[
            (Completeness, "user_segment_update.segment_id", "absent", 1),
            (Validity, "user_segment_update.segment_id", "missing", 1),
        ],
    ),
    fault(
        "segment named by a number",
        |r| set(&mut r[3], "segment_name", json!(4)),
        &[(Validity, SEGMENT_NAME, "wrong_type", 1), (Consistency, SEGMENT_NAME, "one_type", 1)],
    ),
    fault(
        "feedback on no action",
        |r| unset(&mut r[2], "action_id"),
        &[(Consistency, ACTION, "feedback_refers_to_action", 1)],
    ),
    fault(
        "a wrong balance",
        |r| set(&mut r[1], "balance_after", json!(7)),
        &[(Consistency, BALANCE, "balance_chain", 1)],
    ),
    fault(
        "category null",
        |r| set(&mut r[1], "category", json!(null)),
        &[(Completeness, CATEGORY, "null", 1), (Validity, CATEGORY, "missing", 1)],
    ),
    fault(
        "segment after its ingestion",
        |r| in_the_future(&mut r[3]),
        &[(Consistency, "user_segment_update.occurred_at", "not_after_ingestion", 1)],
    ),
    fault(
        "segment before 1970",
        |r| before_1970(&mut r[3]),
        &[(Validity, "user_segment_update.occurred_at", "implausible_time", 1)],
    ),
    duplicate("the same segment again", |r| again(r, 3)),
];

pub const DATASETS: [(Dataset, Clean, &[Fault]); 4] = [
    (Dataset::SPENDING, spending, OF_SPENDING),
    (Dataset::RECOMMENDATION, recommendation, OF_RECOMMENDATION),
    (Dataset::GOAL, goal, OF_GOAL),
    (Dataset::SEGMENTATION, segmentation, OF_SEGMENTATION),
];
