//! Repeats, days of which no time is known, unmapped categories, large amounts.

use super::*;

/// A debit (or, below 0, a credit) that leaves a balance, on a day of June.
fn on_day(id: u128, day: u32, spent: i64, after: i64) -> StoredEvent {
    let direction = if spent < 0 { "credit" } else { "debit" };
    let mut stored = transaction(
        1,
        id,
        json!({
            "amount": spent.abs(), "transaction_type": direction, "balance_after": after, "time_precision": "day",
        }),
    );
    stored.event.occurred_at = format!("2026-06-{day:02}T00:00:00Z").parse().unwrap();
    stored
}

/// Three days, each of which chains: 1000, 970, 770, 950, 945 and so on, by what is spent.
fn three_days() -> Vec<StoredEvent> {
    let mut balance = 1_000;
    let mut records = Vec::new();
    for day in 1..=3 {
        for spent in [30, 200, -180, 5] {
            balance -= spent;
            records.push((day, spent, balance));
        }
    }
    records.into_iter().enumerate().map(|(n, (day, spent, after))| on_day(n as u128 + 1, day, spent, after)).collect()
}

/// How often balances do not chain, and how often that was checked.
fn broken(records: Vec<StoredEvent>) -> (u64, u64) {
    let judged = judge(Dataset::SPENDING, records);
    let part = judged.explanation.iter().find(|part| part.rule == "balance_chain");
    let checks = judged.losses.iter().find(|loss| loss.field.as_deref() == Some("transaction_creation.balance_after"));
    (part.map_or(0, |part| part.violations), checks.map_or(0, |loss| loss.checks))
}

fn with_ids(mut records: Vec<StoredEvent>, id: impl Fn(u128) -> u128) -> Vec<StoredEvent> {
    for record in &mut records {
        record.event.id = EventId(Uuid::from_u128(id(record.event.id.0.as_u128())));
    }
    records
}

#[test]
fn the_transactions_of_a_day_chain_in_any_order() {
    // Ids that put them in order, in the reverse order, and in a mixed one.
    for id in [|id| id, |id| 1_000 - id, |id| id * 7 % 13] {
        assert_eq!(broken(with_ids(three_days(), id)).0, 0);
    }
    let mut wrong = three_days();
    wrong[5].event.data.insert("balance_after".to_owned(), json!(1));
    let (violations, checks) = broken(with_ids(wrong, |id| 1_000 - id));
    // Neither it nor the one that comes after it chains; nor does the day after, where the day ends with it.
    // 11 balances have one before them; 12 have one type.
    assert!((2..=3).contains(&violations) && checks == 23, "{violations} of {checks}");
}

#[test]
fn a_day_is_that_of_the_sender_and_holds_its_timed_transactions_too() {
    // 22:00 in California is the next day in UTC, and belongs to the day that came before it.
    let mut records = vec![on_day(1, 1, 30, 970), on_day(2, 2, 5, 945), on_day(3, 2, 20, 950)];
    records[1].event.occurred_at = "2026-06-03T05:00:00Z".parse().unwrap();
    for record in &mut records {
        record.event.utc_offset_minutes = Some(-420);
        record.event.occurred_at += Duration::hours(7) * i32::from(record.event.id.0.as_u128() != 2);
    }
    records[1].event.data.remove("time_precision");
    assert_eq!(broken(records.clone()).0, 0);
    // At a known time, the order is known too.
    for record in &mut records {
        record.event.data.remove("time_precision");
    }
    records[2].event.occurred_at = "2026-06-03T05:30:00Z".parse().unwrap();
    assert_eq!(broken(records).0, 2);
}

#[test]
fn a_repeat_is_a_duplicate_and_no_break_of_the_chain() {
    let mut records = three_days();
    let repeats = with_ids(records.clone(), |id| id + 500);
    records.extend(repeats);
    let judged = judge(Dataset::SPENDING, records.clone());
    assert_eq!(judged.metrics.duplicate_count, 12);
    assert_eq!(broken(records).0, 0);
    assert_eq!(judged.metrics.consistency, 1.0);
}

#[test]
fn another_content_under_the_same_transaction_id_is_reported() {
    let mut records = three_days();
    let mut correction = records[3].clone();
    correction.event.id = EventId(Uuid::from_u128(900));
    correction.event.data.insert("amount".to_owned(), json!(6));
    correction.event.data.remove("balance_after");
    records.push(correction);
    let judged = judge(Dataset::SPENDING, records);
    let part = judged.explanation.iter().find(|part| part.rule == "same_id_same_content").unwrap();
    assert_eq!((part.violations, judged.metrics.duplicate_count), (1, 0));
}

#[test]
fn a_void_is_a_record_with_a_transaction_id() {
    let void = |id: u128, data: Value| record(1, id, 500, "transaction_void", data);
    let judged = judge(Dataset::SPENDING, vec![void(1, json!({"transaction_id": "t1-1", "reason": "reversed"}))]);
    assert_eq!((judged.record_count, judged.metrics.overall_score), (1, 1.0));
    let judged = judge(Dataset::SPENDING, vec![void(1, json!({"transaction_id": null}))]);
    assert_eq!(judged.metrics.missing_values_count, 1);
}

#[test]
fn categories_that_the_table_does_not_list_are_counted() {
    let of = |categories: &[Value]| {
        let records = (1u128..).zip(categories).map(|(id, category)| transaction(1, id, json!({"category": category})));
        judge(Dataset::SPENDING, records.collect()).fields["transaction_creation.category"].clone()
    };
    let report =
        of(&[json!("FOOD_FOR_LLAMAS"), json!("Groceries "), json!(null), json!("Llamas & Co."), json!("rent")]);
    assert_eq!((report.unmapped, report.unmapped_share), (Some(2), Some(0.5)));
    assert_eq!(of(&[json!("groceries")]).unmapped_share, Some(0.0));
    assert_eq!(of(&[json!(" ")]).unmapped_share, None);
}

#[test]
fn the_spread_of_large_amounts_is_that_of_small_ones() {
    let spread = |offset: u64| {
        let records = (0..8u128).map(|n| transaction(1, n + 1, json!({"amount": offset + n as u64})));
        judge(Dataset::SPENDING, records.collect()).fields["transaction_creation.amount"].standard_deviation.unwrap()
    };
    for offset in [0, 1_000_000_000_000_000] {
        assert!((spread(offset) - 6f64.sqrt()).abs() < 1e-12, "{} at {offset}", spread(offset));
    }
}
