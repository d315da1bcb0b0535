//! Corrections, repeats, currencies and local time in the rows of each dataset.

use arrow_array::types::TimestampMicrosecondType;

use super::*;

/// A transaction of the bank: its event id, transaction_id, time and amount.
fn sent(event: u128, id: &str, at: &str, amount: f64) -> StoredEvent {
    with(transaction(event, at, json!(amount), "debit", json!("Groceries")), json!({"transaction_id": id}))
}

fn with(mut stored: StoredEvent, more: Value) -> StoredEvent {
    stored.event.data.extend(more.as_object().unwrap().clone());
    stored
}

fn void(event_id: u128, id: &str, at: &str) -> StoredEvent {
    event(event_id, "transaction_void", at, json!({"transaction_id": id}))
}

fn at_offset(mut stored: StoredEvent, minutes: i16) -> StoredEvent {
    stored.event.utc_offset_minutes = Some(minutes);
    stored
}

/// The date, spending and whether anything was observed, of each row of the calendar.
fn calendar(events: Vec<StoredEvent>) -> (Vec<(String, f64)>, Prepared) {
    let (prepared, rows) = rows_of(Dataset::SPENDING, &[(1, events)]);
    let days = rows.column_by_name("ds").unwrap().as_primitive::<TimestampMicrosecondType>();
    let day = |row| days.value_as_datetime(row).unwrap().date().to_string();
    (floats(&rows, "y").into_iter().enumerate().map(|(row, y)| (day(row), y)).collect(), prepared)
}

fn spent(events: Vec<StoredEvent>) -> Vec<f64> {
    calendar(events).0.into_iter().map(|(_, y)| y).collect()
}

/// A feature at a decision on each of some days.
fn observed(mut events: Vec<StoredEvent>, days: &[&str], feature: &str) -> Vec<f32> {
    for (number, day) in (0u128..).zip(days) {
        let data = json!({"recommendation_id": number, "interaction_type": "click", "action_id": 1, "terminal": true});
        events.push(event(9_000 + number, "recommendation_interaction", &format!("{day}T12:00:00Z"), data));
    }
    let (_, rows) = rows_of(Dataset::RECOMMENDATION, &[(1, events)]);
    let place = crate::features::FEATURES.iter().position(|name| *name == feature).unwrap();
    let lists = rows.column_by_name("observation").unwrap().as_fixed_size_list();
    (0..lists.len()).map(|row| lists.value(row).as_primitive::<Float32Type>().value(place)).collect()
}

#[test]
fn a_posted_transaction_takes_the_place_of_the_pending_one() {
    for name in ["replaces", "pending_transaction_id"] {
        let pending = sent(1, "p-1", "2025-06-01T19:00:00Z", 40.0);
        let posted = with(sent(2, "c-9", "2025-06-03T00:00:00Z", 48.0), json!({name: "p-1", "replaces_note": null}));
        let (days, prepared) = calendar(vec![pending.clone(), posted.clone()]);
        assert_eq!(days, [("2025-06-03".to_owned(), 48.0)]);
        assert_eq!(count(&prepared, "replaced_transaction_count"), 1);
        assert_eq!(count(&prepared, "transaction_count"), 1);
        // Before it was posted, the pending one was all that was known.
        let spending = observed(vec![pending, posted], &["2025-06-01", "2025-06-02", "2025-06-03"], "total_spending");
        assert_eq!(spending, [0.0, 40.0, 48.0]);
    }
}

#[test]
fn an_explicit_null_replaces_nothing() {
    let one = with(sent(1, "a", "2025-06-01T19:00:00Z", 4.0), json!({"replaces": null, "pending_transaction_id": " "}));
    assert_eq!(spent(vec![one, sent(2, "b", "2025-06-01T20:00:00Z", 5.0)]), [9.0]);
}

#[test]
fn it_does_not_matter_whether_the_posted_transaction_is_dated_before_the_pending_one() {
    let posted = with(sent(2, "c-9", "2025-06-03T00:00:00Z", 48.0), json!({"replaces": "p-1"}));
    assert_eq!(spent(vec![sent(1, "p-1", "2025-06-03T19:00:00Z", 40.0), posted]), [48.0]);
}

#[test]
fn a_void_takes_a_transaction_back_from_its_time_on() {
    let events = || {
        vec![
            sent(1, "a", "2025-06-01T09:00:00Z", 10.0),
            sent(2, "b", "2025-06-02T09:00:00Z", 20.0),
            void(3, "a", "2025-06-04T09:00:00Z"),
            void(4, "unknown", "2025-06-04T09:00:00Z"),
        ]
    };
    let (days, prepared) = calendar(events());
    assert_eq!(days, [("2025-06-02".to_owned(), 20.0)]);
    assert_eq!(count(&prepared, "voided_transaction_count"), 1);
    // The void is input: it decides where the version's data end.
    assert_eq!(prepared.statistics["cut"], "2025-06-04T09:00:00Z");
    let days = ["2025-06-02", "2025-06-03", "2025-06-04"];
    assert_eq!(observed(events(), &days, "total_spending"), [30.0, 30.0, 20.0]);
    assert_eq!(observed(events(), &days, "transaction_count"), [2.0, 2.0, 1.0]);
}

#[test]
fn a_void_holds_for_what_comes_later_and_never_brings_anything_back() {
    // The void of the posted one does not revive the pending one.
    let pending = sent(1, "p", "2025-06-01T09:00:00Z", 40.0);
    let posted = with(sent(2, "c", "2025-06-02T09:00:00Z", 48.0), json!({"replaces": "p"}));
    assert!(spent(vec![pending, posted, void(3, "c", "2025-06-03T09:00:00Z")]).is_empty());
    // A void that was sent ahead of its transaction, by a clock that goes slow.
    assert!(spent(vec![sent(1, "a", "2025-06-02T09:00:00Z", 1.0), void(2, "a", "2025-06-01T09:00:00Z")]).is_empty());
    // A void at a time that cannot be is none.
    assert_eq!(spent(vec![sent(1, "a", "2025-06-02T09:00:00Z", 1.0), void(2, "a", "2099-06-01T09:00:00Z")]), [1.0]);
}

#[test]
fn a_chain_of_replacements_leaves_the_last() {
    let chain = |ids: [u128; 3]| {
        vec![
            sent(ids[0], "a", "2025-06-01T09:00:00Z", 1.0),
            with(sent(ids[1], "b", "2025-06-02T09:00:00Z", 2.0), json!({"replaces": "a"})),
            with(sent(ids[2], "c", "2025-06-03T09:00:00Z", 4.0), json!({"replaces": "b"})),
        ]
    };
    for ids in [[1, 2, 3], [3, 1, 2], [3, 2, 1]] {
        assert_eq!(spent(chain(ids)), [4.0]);
        assert_eq!(
            observed(chain(ids), &["2025-06-01", "2025-06-02", "2025-06-03"], "total_spending"),
            [1.0, 2.0, 4.0]
        );
    }
}

#[test]
fn the_same_transaction_under_other_event_ids_is_one() {
    let mut events = Vec::new();
    for day in 1..=10u128 {
        let at = format!("2025-06-{day:02}T09:30:00Z");
        events.push(sent(day, &format!("bank-{day}"), &at, 10.0));
        events.push(sent(100 + day, &format!("bank-{day}"), &at, 10.0));
    }
    let (days, prepared) = calendar(events.clone());
    assert!(days.iter().all(|(_, y)| *y == 10.0) && days.len() == 10);
    assert_eq!((count(&prepared, "transaction_count"), count(&prepared, "repeated_transaction_count")), (10, 10));
    assert_eq!(observed(events, &["2025-06-10"], "transaction_count"), [10.0]);
}

#[test]
fn an_id_is_the_same_as_number_and_as_text() {
    let number = with(sent(1, "", "2025-06-01T09:30:00Z", 10.0), json!({"transaction_id": 42}));
    let decimal = with(sent(2, "", "2025-06-01T09:30:00Z", 10.0), json!({"transaction_id": 42.0}));
    assert_eq!(spent(vec![number, sent(3, " 42", "2025-06-01T09:30:00Z", 10.0), decimal]), [10.0]);
}

#[test]
fn other_content_under_the_same_id_is_a_correction_from_its_time_on() {
    let events = || {
        vec![
            sent(1, "a", "2025-06-01T09:00:00Z", 10.0),
            sent(2, "a", "2025-06-03T09:00:00Z", 12.0),
            sent(3, "a", "2025-06-05T09:00:00Z", 13.0),
        ]
    };
    assert_eq!(spent(events()), [13.0]);
    let days = ["2025-06-02", "2025-06-04", "2025-06-06"];
    assert_eq!(observed(events(), &days, "total_spending"), [10.0, 12.0, 13.0]);
    // Of corrections at the same moment, the one that was ingested last holds, whatever its event id.
    let mut first = sent(9, "a", "2025-06-01T09:00:00Z", 10.0);
    first.ingested_at -= chrono::Duration::days(1);
    assert_eq!(spent(vec![first, sent(1, "a", "2025-06-01T09:00:00Z", 12.0)]), [12.0]);
}

#[test]
fn a_user_is_not_sufficient_by_repeats_and_voided_transactions() {
    let day = |n: u128| format!("2025-06-{:02}T09:00:00Z", 2 * n + 1);
    let habit = |distinct: u128| -> Vec<StoredEvent> {
        (0..10).map(|n| sent(n + 1, &(n % distinct).to_string(), &day(n), 10.0)).collect()
    };
    let rows = |events: Vec<StoredEvent>| rows_of(Dataset::SEGMENTATION, &[(1, events)]).1.num_rows();
    assert_eq!(rows(habit(10)), 1);
    assert_eq!(rows(habit(9)), 0);
    let mut events = habit(10);
    events.push(void(99, "9", "2025-06-25T09:00:00Z"));
    assert_eq!(rows(events), 0);
}

#[test]
fn amounts_of_two_currencies_are_not_added() {
    let events = |yen: u128, dollars: u128| -> Vec<StoredEvent> {
        let in_currency = |n: u128, amount: f64, currency: &str| {
            with(sent(n, &n.to_string(), &format!("2025-06-{n:02}T09:30:00Z"), amount), json!({"currency": currency}))
        };
        let yen = (1..=yen).map(|n| in_currency(2 * n - 1, 100_000.0, "JPY"));
        yen.chain((1..=dollars).map(|n| in_currency(2 * n, 10.0, "USD"))).collect()
    };
    let (days, prepared) = calendar(events(9, 10));
    assert_eq!(days.iter().map(|(_, y)| y).sum::<f64>(), 100.0);
    assert_eq!(prepared.statistics["calendar_currencies"], json!({"USD": 1}));
    assert_eq!(count(&prepared, "other_currency_transaction_count"), 9);
    assert_eq!(count(&prepared, "transaction_count"), 19, "the table of transactions has all, with their currency");
    // Of equally many, the first by name.
    assert_eq!(spent(events(10, 10)).iter().sum::<f64>(), 1_000_000.0);
    assert_eq!(observed(events(10, 9), &["2025-06-20"], "total_spending"), [1_000_000.0]);
    assert_eq!(observed(events(9, 10), &["2025-06-01", "2025-06-21"], "transaction_count"), [1.0, 10.0]);
}

#[test]
fn a_transaction_without_a_currency_is_in_that_of_the_one_before() {
    let unnamed = |n: u128| sent(n, &n.to_string(), &format!("2025-06-{n:02}T09:30:00Z"), 1.0);
    let named = |n: u128, currency: &str| with(unnamed(n), json!({"currency": currency}));
    let events = vec![unnamed(1), named(2, "GBP"), unnamed(3), named(4, "usd"), unnamed(5)];
    assert_eq!(spent(events).iter().sum::<f64>(), 3.0);
}

#[test]
fn days_and_hours_are_those_of_the_sender() {
    // Four Saturday evenings in California, which are Sunday mornings in UTC.
    let evening = |n: u128, at: &str| at_offset(sent(n, &n.to_string(), at, 10.0), -480);
    let events = vec![
        evening(1, "2025-06-08T04:00:00Z"),
        evening(2, "2025-06-15T04:00:00Z"),
        evening(3, "2025-06-22T04:00:00Z"),
        evening(4, "2025-06-29T04:00:00Z"),
    ];
    for (feature, expected) in [
        ("evening_spending_ratio", 1.0),
        ("morning_spending_ratio", 0.0),
        ("weekend_spending_ratio", 1.0),
        ("weekday_spending_ratio", 0.0),
    ] {
        assert_eq!(observed(events.clone(), &["2025-06-30"], feature), [expected], "{feature}");
    }
    let spent: Vec<_> = calendar(events).0.into_iter().filter(|(_, y)| *y > 0.0).map(|(day, _)| day).collect();
    assert_eq!(spent, ["2025-06-07", "2025-06-14", "2025-06-21", "2025-06-28"]);
}

#[test]
fn a_sender_who_travels_west_spends_on_the_day_before() {
    let (days, _) = calendar(vec![
        at_offset(sent(1, "a", "2025-06-07T20:00:00Z", 1.0), 14 * 60),
        at_offset(sent(2, "b", "2025-06-07T21:00:00Z", 2.0), -480),
        at_offset(sent(3, "c", "2025-06-08T20:00:00Z", 4.0), -480),
    ]);
    assert_eq!(days, [("2025-06-07".to_owned(), 2.0), ("2025-06-08".to_owned(), 5.0)]);
}

#[test]
fn the_balance_of_a_day_is_that_at_the_end_of_its_chain() {
    // 100 → 70 → 90 → 40, in an order that no id tells; only the date is known.
    let on_day = |event: u128, amount: f64, kind: &str, after: f64| {
        let stored = transaction(event, "2025-06-02T00:00:00Z", json!(amount), kind, json!("Groceries"));
        with(stored, json!({"balance_after": after, "time_precision": "day"}))
    };
    let before = with(sent(1, "1", "2025-06-01T00:00:00Z", 5.0), json!({"balance_after": 100}));
    let day = [(30.0, "debit", 70.0), (20.0, "credit", 90.0), (50.0, "debit", 40.0)];
    for ids in [[2, 3, 4], [2, 4, 3], [3, 2, 4], [3, 4, 2], [4, 2, 3], [4, 3, 2]] {
        let of_day = day.iter().zip(ids).map(|((amount, kind, after), id)| on_day(id, *amount, kind, *after));
        let events = [before.clone()].into_iter().chain(of_day).collect();
        assert_eq!(observed(events, &["2025-06-02"], "current_balance"), [40.0], "{ids:?}");
    }
}

#[test]
fn a_goal_of_nothing_has_finite_features() {
    let goal = |id: u128, at: &str, word: &str| {
        let data = json!({
            "goal_id": "g", "interaction_type": word, "goal_amount": 0, "current_amount": 0, "target_date": "2025-01-01",
        });
        event(id, "goal_modification", at, data)
    };
    let events = vec![goal(1, "2025-01-01T00:00:00Z", "create"), goal(2, "2025-02-01T00:00:00Z", "achieve")];
    let (_, rows) = rows_of(Dataset::GOAL, &[(1, events)]);
    assert_eq!(rows.num_rows(), 1);
    for column in rows.columns().iter().filter_map(|column| column.as_primitive_opt::<Float32Type>()) {
        assert!(column.iter().flatten().all(f32::is_finite));
    }
}
