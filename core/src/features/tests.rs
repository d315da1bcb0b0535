use std::num::NonZeroU64;

use chrono::{DateTime, Duration, Utc};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rust_decimal::Decimal;
use serde_json::Value;
use uuid::Uuid;

use super::*;
use crate::event::category::Category;
use crate::event::{Event, EventId, EventType, StoredEvent, TimeBounds, UserId};

fn close(ours: &Features, theirs: &[f64]) -> Result<(), String> {
    assert_eq!(theirs.len(), FEATURES.len());
    for ((name, ours), theirs) in FEATURES.iter().zip(ours).zip(theirs) {
        if !ours.is_finite() || (ours - theirs).abs() > 1e-6 * theirs.abs().max(1e-3) {
            return Err(format!("{name} is {ours}, not {theirs}"));
        }
    }
    Ok(())
}

/// A history with bursts, silences, ties, days without time and implausible times.
fn drawn(seed: u64, length: usize) -> Vec<Transaction> {
    let mut draw = StdRng::seed_from_u64(seed);
    let start: DateTime<Utc> = "2025-11-20T00:00:00Z".parse().unwrap();
    let mut at = start;
    let mut history: Vec<Transaction> = (0..length)
        .map(|_| {
            at += match draw.random_range(0..10) {
                0 => Duration::zero(),
                1..4 => Duration::minutes(draw.random_range(1..90)),
                4..9 => Duration::minutes(draw.random_range(60..3_000)),
                _ => Duration::days(draw.random_range(3..40)),
            };
            Transaction {
                occurred_at: at,
                id: EventId(Uuid::from_u128(draw.random())),
                amount: Decimal::new(draw.random_range(0..200_000), 2),
                credit: draw.random_bool(0.25),
                category: Category::ALL[draw.random_range(0..Category::ALL.len())],
                category_given: CategoryGiven::Known,
                balance_after: draw.random_bool(0.7).then(|| Decimal::new(draw.random_range(-50_000..900_000), 2)),
                ingested_at: draw.random_range(0..3),
                transaction: NonZeroU64::new(draw.random()),
                replaces: None,
                currency: None,
                merchant: draw.random_bool(0.8).then(|| draw.random_range(1..7)).and_then(NonZeroU64::new),
                city: draw.random_bool(0.5).then(|| draw.random_range(1..5)).and_then(NonZeroU64::new),
                utc_offset_minutes: 0,
                time_of_day_known: draw.random_bool(0.8),
                plausible_time: draw.random_bool(0.98),
            }
        })
        .collect();
    history.sort_unstable_by_key(Transaction::order);
    history
}

/// Moments in order: at transactions, at edges of their windows, and in between.
fn moments(history: &[Transaction], seed: u64) -> Vec<DateTime<Utc>> {
    let mut draw = StdRng::seed_from_u64(seed ^ 0xa5);
    let around = [0, 0, 30 * 86_400, 30 * 86_400 - 1, 7 * 86_400, 28 * 86_400, 1, 40 * 86_400];
    let mut moments: Vec<_> = (0..12)
        .map(|_| {
            let of = &history[draw.random_range(0..history.len())];
            of.occurred_at + Duration::seconds(around[draw.random_range(0..around.len())])
        })
        .collect();
    moments.sort_unstable();
    moments
}

/// What a sender may do to a history: some of the transactions replace, correct or
/// repeat another, whichever comes first; some are voided, also before they happened;
/// clocks differ, and so do currencies.
fn corrected(mut history: Vec<Transaction>, seed: u64) -> (Vec<Transaction>, Vec<Void>) {
    let mut draw = StdRng::seed_from_u64(seed ^ 0xc0);
    let (zones, currencies) = ([0, 0, -480, 330, 840, -720], ["EUR", "GBP", "JPY"].map(Currency::from_name));
    let zone = zones[draw.random_range(0..zones.len())];
    let is_abroad = draw.random_bool(0.3);
    let share = [0.0, 0.02, 0.2, 0.5][draw.random_range(0..4)];
    for index in 0..history.len() {
        let other = history[draw.random_range(0..history.len())].clone();
        let own = &mut history[index];
        own.utc_offset_minutes = if draw.random_bool(0.1) { zones[draw.random_range(0..zones.len())] } else { zone };
        own.currency = if is_abroad { currencies[draw.random_range(0..3)] } else { None };
        if draw.random_bool(0.3) {
            own.currency = None;
        }
        if draw.random_bool(share) {
            match draw.random_range(0..3) {
                0 => own.replaces = other.transaction,
                1 => own.transaction = other.transaction,
                _ => *own = Transaction { id: own.id, ingested_at: own.ingested_at, ..other },
            }
        }
    }
    let voids = (0..history.len()).filter(|_| draw.random_bool(share / 2.0)).collect::<Vec<_>>();
    let voids = voids.into_iter().map(|index| Void {
        at: history[index].occurred_at.timestamp_micros() + draw.random_range(-1i64..40) * 86_400_000_000,
        id: EventId(Uuid::from_u128(draw.random())),
        transaction: history[index].transaction.unwrap(),
        plausible_time: draw.random_bool(0.9),
    });
    let voids = voids.collect();
    history.sort_unstable_by_key(Transaction::order);
    (history, voids)
}

#[test]
fn a_thousand_users_have_the_features_of_the_naive_definition() {
    for seed in 0..1_000 {
        let history = drawn(seed, 1 + (seed as usize * 7) % 160);
        assert_naive(&history, &[], seed);
    }
}

#[test]
fn a_thousand_users_with_corrections_have_the_features_of_the_naive_definition() {
    let mut ended = 0;
    for seed in 0..1_000 {
        let (history, voids) = corrected(drawn(seed, 1 + (seed as usize * 7) % 160), seed);
        ended += assert_naive(&history, &voids, seed);
    }
    assert!(ended > 5_000, "only {ended} transactions were corrected");
}

fn assert_naive(history: &[Transaction], voids: &[Void], seed: u64) -> usize {
    let ledger = Ledger::new(history.to_vec(), voids);
    let arranged = naive::arranged(history, voids);
    let mut window = Window::new(&ledger);
    for as_of in moments(history, seed) {
        window.advance(as_of);
        let checked = close(&financial(&window), &naive::features(&arranged, voids, as_of));
        assert_eq!(checked, Ok(()), "user {seed} as of {as_of}");
        assert!(window.latest().is_none_or(|latest| latest <= as_of));
    }
    ledger.ends().len()
}

#[test]
fn the_golden_vectors_of_the_independent_script_hold() {
    let golden: Value = serde_json::from_str(include_str!("golden/golden.json")).unwrap();
    let mut rows = 0;
    for user in golden["users"].as_array().unwrap() {
        let events: Vec<_> = user["transactions"].as_array().unwrap().iter().map(stored).collect();
        let history = Transaction::of_user(&events, TimeBounds::default()).unwrap();
        let ledger = Ledger::new(history, &[]);
        let mut window = Window::new(&ledger);
        for row in user["rows"].as_array().unwrap() {
            window.advance(row["as_of"].as_str().unwrap().parse().unwrap());
            let expected: Vec<f64> = row["features"].as_array().unwrap().iter().map(|f| f.as_f64().unwrap()).collect();
            assert_eq!(close(&financial(&window), &expected), Ok(()), "as of {}", row["as_of"]);
            rows += 1;
        }
    }
    assert!(rows > 30, "only {rows} golden rows");
}

fn stored(json: &Value) -> StoredEvent {
    let event = Event {
        id: EventId(json["event_id"].as_str().unwrap().parse().unwrap()),
        user: UserId(Uuid::nil()),
        event_type: EventType::TransactionCreation,
        occurred_at: json["occurred_at"].as_str().unwrap().parse().unwrap(),
        utc_offset_minutes: None,
        schema_version: 1,
        data: json["data"].as_object().unwrap().clone(),
        extra: Default::default(),
    };
    StoredEvent::new(event, "2027-01-01T00:00:00Z".parse().unwrap())
}

#[test]
fn nothing_known_is_zero_but_for_what_is_defined_otherwise() {
    let ledger = Ledger::new(Vec::new(), &[]);
    let mut window = Window::new(&ledger);
    window.advance("2026-03-01T00:00:00Z".parse().unwrap());
    let features = financial(&window);
    for (name, value) in FEATURES.iter().zip(features) {
        let expected = match *name {
            "spending_consistency" | "budget_adherence_score" => 1.0,
            "seasonal_spending_factor" => 1.2,
            _ => 0.0,
        };
        assert!((value - expected).abs() < 1e-12, "{name} is {value}");
        assert!(value.is_sign_positive(), "{name} is negative zero");
    }
}

#[test]
fn descriptions_and_names_of_merchants_are_folded() {
    let read = |data: Value| {
        let json = serde_json::json!({
            "event_id": Uuid::nil(), "occurred_at": "2026-01-01T00:00:00Z",
            "data": data,
        });
        let mut event = stored(&json);
        event.event.data.insert("amount".into(), 1.into());
        event.event.data.insert("transaction_type".into(), "debit".into());
        Transaction::read(&event, TimeBounds::default()).unwrap().merchant
    };
    let json = |field: &str, text: &str| serde_json::json!({field: text});
    assert_eq!(read(json("description", "TESCO STORES  3021")), read(json("description", "Tesco Stores 17")));
    assert_eq!(read(json("merchant_name", " Baker")), read(json("merchant_name", "BAKER")));
    assert_ne!(read(json("merchant_name", "Pier 1")), read(json("merchant_name", "Pier 2")));
    assert_eq!(read(json("merchant_name", "  ")), None);
}

#[test]
fn the_hash_of_the_feature_set_is_known() {
    assert_eq!(feature_set_hash().len(), 64);
    let mut names: Vec<_> = FEATURES.iter().chain(&GOAL_FEATURES).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 42, "no two features share a name");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_happens_later_changes_no_earlier_feature(seed in any::<u64>(), length in 2..120usize, kept in 1..119usize) {
        let (history, voids) = corrected(drawn(seed, length), seed);
        let as_of = history[kept.min(length - 1) - 1].occurred_at;
        let earlier: Vec<_> = history.iter().filter(|transaction| transaction.occurred_at <= as_of).cloned().collect();
        let earlier_voids: Vec<_> = voids.iter().filter(|void| void.at <= as_of.timestamp_micros()).copied().collect();
        let features = |history: &[Transaction], voids: &[Void]| {
            let ledger = Ledger::new(history.to_vec(), voids);
            let mut window = Window::new(&ledger);
            window.advance(as_of);
            financial(&window)
        };
        prop_assert_eq!(features(&earlier, &earlier_voids), features(&history, &voids));
    }

    #[test]
    fn the_way_to_a_moment_leaves_no_trace(seed in any::<u64>(), length in 1..120usize) {
        let (history, voids) = corrected(drawn(seed, length), seed);
        let moments = moments(&history, seed);
        let ledger = Ledger::new(history, &voids);
        let mut stepwise = Window::new(&ledger);
        for as_of in &moments {
            stepwise.advance(*as_of);
        }
        let mut at_once = Window::new(&ledger);
        at_once.advance(*moments.last().unwrap());
        prop_assert_eq!(financial(&stepwise), financial(&at_once));
    }

    #[test]
    fn the_order_of_arrival_does_not_matter(seed in any::<u64>(), length in 1..80usize) {
        let (history, voids) = corrected(drawn(seed, length), seed);
        let reversed = history.iter().rev().cloned().collect();
        let voids_reversed: Vec<_> = voids.iter().rev().copied().collect();
        prop_assert_eq!(Ledger::new(reversed, &voids_reversed), Ledger::new(history, &voids));
    }
}
