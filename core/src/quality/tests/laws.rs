//! Laws: any order of records and any partition of users gives the same states.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::faults::DATASETS;
use super::*;

/// A transaction with faults of every kind.
fn dirty() -> impl Strategy<Value = (u128, u128, Value)> {
    let category = prop_oneof![Just(json!("groceries")), Just(json!(null)), Just(json!(" ")), Just(json!(7))];
    let amount = prop_oneof![(-5i64..500).prop_map(|n| json!(n)), Just(json!("12.50")), Just(json!(1e6))];
    let currency = prop_oneof![Just(json!("EUR")), Just(json!("£")), Just(json!("USD"))];
    let balance = prop_oneof![Just(json!(null)), (-50i64..50).prop_map(|n| json!(n))];
    (1..5u128, 1..60u128, category, amount, currency, balance).prop_map(
        |(user, id, category, amount, currency, balance)| {
            let data = json!({
                "transaction_id": format!("t{}", id % 7), "amount": amount, "transaction_type": "debit",
                "category": category, "currency": currency, "balance_after": balance,
            });
            (user, id, data)
        },
    )
}

/// The state of `records` when user n is observed by state n mod `states`, in the
/// order in which they come; each state is written and read on the way.
fn state_apart(dataset: Dataset, records: &[StoredEvent], states: u128) -> QualityState {
    let users: BTreeSet<u128> = records.iter().map(|stored| stored.event.user.0.as_u128()).collect();
    let parts = (0..states).map(|part| {
        let mut state = QualityState::new(rules(dataset));
        for user in users.iter().filter(|user| *user % states == part) {
            let mut own: Vec<_> =
                records.iter().filter(|stored| stored.event.user.0.as_u128() == *user).cloned().collect();
            state.observe_user(&mut own);
        }
        let text = serde_json::to_string(&state).unwrap();
        let read: QualityState = serde_json::from_str(&text).unwrap();
        assert_eq!(read, state, "a state survives being written and read");
        read
    });
    merged(parts.collect())
}

/// The state of `records` when they are dealt to `states` one by one, and the
/// traces of each user go to yet another state: as files are read.
fn state_dealt(dataset: Dataset, records: &[StoredEvent], states: usize) -> QualityState {
    let mut parts: Vec<_> = (0..=states).map(|_| QualityState::new(rules(dataset))).collect();
    let mut traces = BTreeMap::<UserId, Vec<Trace>>::new();
    for (place, stored) in records.iter().enumerate() {
        let record = Record::of(stored).unwrap();
        parts[place % states].observe(&record);
        let trace = record.trace();
        let mut bytes = Vec::new();
        trace.write(&mut bytes);
        let read = Trace::read(bytes.as_slice().try_into().unwrap());
        assert_eq!(read, trace, "a trace survives being written and read");
        traces.entry(stored.event.user).or_default().push(read);
    }
    traces.values_mut().for_each(|user| parts[states].observe_traces(user));
    merged(parts)
}

/// Merged last to first.
fn merged(states: Vec<QualityState>) -> QualityState {
    let merge = |mut merged: QualityState, state| {
        merged.merge(state);
        merged
    };
    states.into_iter().rev().reduce(merge).unwrap()
}

/// Any order and any partition give the same state and judgement, and its parts add up.
fn hold(dataset: Dataset, records: &[StoredEvent], states: usize) -> Result<(), TestCaseError> {
    let mut reversed = records.to_vec();
    reversed.reverse();
    let state = state_apart(dataset, records, 1);
    prop_assert_eq!(&state, &state_apart(dataset, &reversed, states as u128));
    prop_assert_eq!(&state, &state_dealt(dataset, &reversed, states));
    let judgement = state.finish(&weights()).unwrap();
    prop_assert_eq!(&judgement, &state_dealt(dataset, records, states).finish(&weights()).unwrap());

    let metrics = judgement.metrics;
    for score in [metrics.completeness, metrics.consistency, metrics.validity, metrics.overall_score] {
        prop_assert!((0.0..=1.0).contains(&score));
    }
    let lost = 1.0 - metrics.overall_score;
    prop_assert!((judgement.explanation.iter().map(|part| part.loss).sum::<f64>() - lost).abs() < 1e-9);
    for part in &judgement.explanation {
        prop_assert!(part.score_if_fixed > metrics.overall_score && part.score_if_fixed <= 1.0);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_laws_hold_for_transactions_with_many_faults(
        mut drawn in proptest::collection::vec(dirty(), 1..60).prop_shuffle(),
        states in 1..5usize,
    ) {
        // An id is one event.
        drawn.sort_by_key(|(user, id, _)| (*user, *id));
        drawn.dedup_by_key(|(user, id, _)| (*user, *id));
        let records: Vec<_> = drawn
            .iter()
            .map(|(user, id, data)| {
                let id_of_all = user * 1_000 + id;
                record(*user, id_of_all, i64::try_from(id / 3).unwrap(), "transaction_creation", data.clone())
            })
            .collect();
        hold(Dataset::SPENDING, &records, states)?;
    }

    #[test]
    fn the_laws_hold_for_every_dataset_and_every_fault(
        place in 0..DATASETS.len(),
        faults in proptest::collection::vec(any::<prop::sample::Index>(), 1..12),
        order in any::<u64>(),
        states in 1..5usize,
    ) {
        let (dataset, clean, known) = DATASETS[place];
        let users = (1..).zip(&faults).map(|(user, fault)| {
            let mut records = clean(user);
            (known[fault.index(known.len())].plant)(&mut records);
            records
        });
        let mut records: Vec<_> = users.flatten().collect();
        records.shuffle(&mut StdRng::seed_from_u64(order));
        hold(dataset, &records, states)?;
    }
}
