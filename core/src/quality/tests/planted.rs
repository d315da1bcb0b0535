//! Planted truth: records whose faults are counted as they are made, and amounts
//! whose outliers are known.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::*;

/// How many of each fault were planted.
#[derive(Debug, Default, PartialEq)]
struct Planted {
    null: u64,
    blank: u64,
    wrong_type: u64,
    bad_vocabulary: u64,
    out_of_range: u64,
    broken_chain: u64,
    repeated: u64,
}

const USERS: u128 = 20;
const EACH: u128 = 1_000;

/// Records of which a share has one fault each, no two faulty ones in a row.
fn dirty(share: f64, seed: u64) -> (Vec<Vec<StoredEvent>>, Planted) {
    let mut draw = StdRng::seed_from_u64(seed);
    let mut planted = Planted::default();
    let mut users = Vec::new();
    for user in 1..=USERS {
        let mut records: Vec<_> = (1..=EACH).map(|id| transaction(user, id, json!({}))).collect();
        // Every field that may be faulty is there, and of one type where it is not.
        for (n, record) in records.iter_mut().enumerate().filter(|(n, _)| n % 2 == 0) {
            record.event.data.insert("merchant_name".into(), json!(format!("m{n}")));
        }
        let mut places: Vec<usize> = (1..EACH as usize - 1).step_by(2).collect();
        places.shuffle(&mut draw);
        for place in places.into_iter().take((EACH as f64 * share) as usize) {
            let data = &mut records[place].event.data;
            let (field, value, counted) = match draw.random_range(0..7) {
                0 => ("category", json!(null), &mut planted.null),
                1 => ("category", json!(" "), &mut planted.blank),
                2 => ("merchant_name", json!(7), &mut planted.wrong_type),
                3 => ("time_precision", json!("minute"), &mut planted.bad_vocabulary),
                // Without a balance, a wrong amount breaks no chain.
                4 => {
                    data.insert("balance_after".into(), json!(null));
                    ("amount", json!(-10), &mut planted.out_of_range)
                }
                5 => ("balance_after", json!(-77_777), &mut planted.broken_chain),
                _ => {
                    let mut again = records[place].clone();
                    again.event.id = EventId(Uuid::from_u128(1_000_000 + user * 1_000 + place as u128));
                    again.event.data.insert("transaction_id".into(), json!(format!("again-{user}-{place}")));
                    // Twice the same, without a balance that would not chain.
                    for one in [&mut records[place], &mut again] {
                        one.event.data.insert("balance_after".into(), json!(null));
                    }
                    records.push(again);
                    planted.repeated += 1;
                    continue;
                }
            };
            data.insert(field.into(), value);
            *counted += 1;
        }
        records.shuffle(&mut draw);
        users.push(records);
    }
    (users, planted)
}

#[test]
fn every_planted_fault_is_counted_and_nothing_else() {
    for (seed, share) in [(1, 0.001_f64), (2, 0.01), (3, 0.05), (4, 0.1)] {
        let (users, planted) = dirty(share, seed);
        let mut state = QualityState::new(rules(Dataset::SPENDING));
        users.into_iter().for_each(|mut user| state.observe_user(&mut user));
        let judgement = state.finish(&weights()).unwrap();
        let count = |dimension: Dimension, rule: &str| {
            let parts = judgement.explanation.iter().filter(|part| part.dimension == dimension && part.rule == rule);
            parts.map(|part| part.violations).sum::<u64>()
        };
        let broken = count(Dimension::Consistency, "balance_chain");
        let found = Planted {
            null: count(Dimension::Completeness, "null"),
            blank: count(Dimension::Completeness, "blank"),
            wrong_type: count(Dimension::Validity, "wrong_type"),
            bad_vocabulary: count(Dimension::Validity, "not_in_vocabulary"),
            out_of_range: count(Dimension::Validity, "out_of_range"),
            // A wrong balance chains neither with the one before nor with the one after it.
            broken_chain: broken / 2,
            repeated: judgement.metrics.duplicate_count,
        };
        assert_eq!(found, planted, "{share}");
        assert_eq!(broken % 2, 0);
        assert_eq!(judgement.metrics.missing_values_count, planted.null + planted.blank);
        assert_eq!(count(Dimension::Validity, "missing"), planted.null + planted.blank);
        assert_eq!(count(Dimension::Consistency, "one_type"), planted.wrong_type);
    }
}

/// How amounts are drawn.
type Draws = fn(&mut StdRng) -> f64;

/// From the standard normal distribution (Box and Muller).
fn normal(draw: &mut StdRng) -> f64 {
    let (u, v): (f64, f64) = (1.0 - draw.random::<f64>(), draw.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

const AMOUNTS: [(&str, Draws); 7] = [
    ("normal, variation 0.1", |draw| 50.0 * (1.0 + 0.1 * normal(draw))),
    ("normal, variation 0.02", |draw| 5_000.0 * (1.0 + 0.02 * normal(draw))),
    ("log-normal, 0.3", |draw| 20.0 * (0.3 * normal(draw)).exp()),
    ("log-normal, 0.6, small", |draw| 0.4 * (0.6 * normal(draw)).exp()),
    ("log-normal, 0.8", |draw| 40.0 * (0.8 * normal(draw)).exp()),
    ("30 % zeros", |draw| if draw.random_bool(0.3) { 0.0 } else { 40.0 * (0.7 * normal(draw)).exp() }),
    ("80 % zeros", |draw| if draw.random_bool(0.8) { 0.0 } else { 40.0 * (0.7 * normal(draw)).exp() }),
];

/// The sizes that are typical of amounts.
fn typical(amounts: &[f64]) -> (f64, f64) {
    let mut sorted = amounts.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    super::super::anomaly::typical(&sorted).unwrap()
}

const DRAWN: usize = 20_000;

#[test]
fn clean_amounts_have_hardly_any_anomalies() {
    for (name, amounts) in AMOUNTS {
        let mut draw = StdRng::seed_from_u64(7);
        let amounts: Vec<f64> = (0..DRAWN).map(|_| amounts(&mut draw)).collect();
        let (least, most) = typical(&amounts);
        let found = amounts.iter().filter(|amount| **amount != 0.0 && !(least..=most).contains(*amount)).count();
        assert!(found as f64 <= 0.003 * DRAWN as f64, "{name}: {found} of {DRAWN} clean amounts");
    }
}

#[test]
fn outliers_of_twenty_times_the_median_are_found_up_to_a_tenth_of_all() {
    for (name, amounts) in AMOUNTS {
        for share in [0.001, 0.01, 0.05, 0.1] {
            let mut draw = StdRng::seed_from_u64(11);
            let mut amounts: Vec<f64> = (0..DRAWN).map(|_| amounts(&mut draw)).collect();
            // Zeros are no amounts: neither for the median nor for the share.
            let mut sorted: Vec<f64> = amounts.iter().copied().filter(|amount| *amount != 0.0).collect();
            sorted.sort_by(f64::total_cmp);
            let median = sorted[sorted.len() / 2];
            let planted = (sorted.len() as f64 * share / (1.0 - share)) as usize;
            let outliers: Vec<f64> = (0..planted).map(|_| median * (20.0 + 30.0 * draw.random::<f64>())).collect();
            amounts.extend(&outliers);
            let (_, most) = typical(&amounts);
            let found = outliers.iter().filter(|outlier| **outlier > most).count();
            assert!(found as f64 >= 0.95 * planted as f64, "{name}, {share}: {found} of {planted}");
        }
    }
}
