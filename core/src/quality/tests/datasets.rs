//! Every fault that the declared rules know, of each dataset: alone it lowers exactly
//! the dimensions that it belongs to, and planted by the hundred it is counted exactly.

use Dimension::{Completeness, Consistency, Validity};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::faults::{DATASETS, Fault};
use super::*;

/// What a judgement found: violations by dimension, field and rule, and duplicates.
type Found = (std::collections::BTreeMap<(String, String, String), u64>, u64);

fn key(dimension: Dimension, field: &str, rule: &str) -> (String, String, String) {
    (format!("{dimension:?}"), field.to_owned(), rule.to_owned())
}

fn found(judgement: &Judgement) -> Found {
    let parts = judgement.explanation.iter();
    let parts = parts.map(|part| (key(part.dimension, &part.field, &part.rule), part.violations));
    (parts.collect(), judgement.metrics.duplicate_count)
}

fn planted<'a>(faults: impl IntoIterator<Item = &'a Fault>) -> Found {
    let mut all = Found::default();
    for fault in faults {
        for (dimension, field, rule, count) in fault.found {
            *all.0.entry(key(*dimension, field, rule)).or_default() += count;
        }
        all.1 += fault.duplicates;
    }
    all
}

fn judged(dataset: Dataset, users: impl IntoIterator<Item = Vec<StoredEvent>>) -> Judgement {
    let mut state = QualityState::new(rules(dataset));
    users.into_iter().for_each(|mut user| state.observe_user(&mut user));
    state.finish(&weights()).unwrap()
}

#[test]
fn one_fault_lowers_exactly_the_dimensions_that_it_belongs_to_in_every_dataset() {
    for (dataset, clean, faults) in DATASETS {
        let flawless = judged(dataset, (1..=10).map(clean)).metrics;
        assert_eq!((flawless.overall_score, flawless.duplicate_count), (1.0, 0), "{dataset}");
        for fault in faults {
            let mut users: Vec<_> = (1..=10).map(clean).collect();
            (fault.plant)(&mut users[4]);
            let judgement = judged(dataset, users);
            assert_eq!(found(&judgement), planted([fault]), "{dataset}: {}", fault.name);
            let metrics = &judgement.metrics;
            for (dimension, score) in
                [(Completeness, metrics.completeness), (Validity, metrics.validity), (Consistency, metrics.consistency)]
            {
                let belongs = fault.found.iter().any(|(of, ..)| *of == dimension);
                assert_eq!(score < 1.0, belongs, "{dataset}: {}: {dimension:?} is {score}", fault.name);
            }
        }
    }
}

#[test]
fn every_planted_fault_of_every_dataset_is_counted_and_nothing_else() {
    const USERS: u128 = 4_000;
    for (dataset, clean, faults) in DATASETS {
        for (seed, share) in [(1, 0.001_f64), (2, 0.01), (3, 0.1)] {
            let mut draw = StdRng::seed_from_u64(seed);
            let mut all = Vec::new();
            let users = (1..=USERS).map(|user| {
                let mut records = clean(user);
                if draw.random_bool(share) {
                    let fault = &faults[draw.random_range(0..faults.len())];
                    (fault.plant)(&mut records);
                    all.push(fault);
                }
                records
            });
            let judgement = judged(dataset, users.collect::<Vec<_>>());
            assert!(!all.is_empty());
            assert_eq!(found(&judgement), planted(all), "{dataset}, {share}");
        }
    }
}
