//! How records differ from those of an earlier version: the population stability
//! index (PSI) of each field, Σ (p − q) · ln(p ÷ q) over classes of values.
//!
//! Numbers are put into ten classes of about equal size by the sketch of the
//! earlier version. The ends of a class are ends of buckets, which both sketches
//! share: a value falls into the same class in both, so the sketch adds no error.
//! What chance adds is known: without any drift, the PSI of samples of n and m
//! values in k classes is about (k − 1)(1/n + 1/m) (Yurdakul 2018). It is taken off
//! before the drift is judged by the usual sizes of effect, 0.1 and 0.25.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::judgement::{FieldReport, Judgement};
use super::sketch::{Bucket, Sketch};

/// How the records differ from those of a version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// What is compared with, e.g. `v000042`.
    pub baseline: String,
    /// The fields that could be compared, as `type.field`.
    pub fields: BTreeMap<String, FieldDrift>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldDrift {
    pub psi: f64,
    /// The part of it that chance alone would give.
    pub by_chance: f64,
    pub size: Size,
}

/// The size of the effect: what is beyond chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// Below 0.1.
    None,
    /// Below 0.25.
    Moderate,
    Major,
}

const CLASSES: usize = 10;

/// Compares each field that both judgements tell the distribution of.
pub fn between(baseline: String, earlier: &Judgement, now: &Judgement) -> Drift {
    let compared = earlier.fields.iter().filter_map(|(name, earlier)| {
        let counts = classes(earlier, now.fields.get(name)?)?;
        Some((name.clone(), psi(&counts)?))
    });
    Drift { baseline, fields: compared.collect() }
}

/// How many values each had in each class.
fn classes(earlier: &FieldReport, now: &FieldReport) -> Option<Vec<(u64, u64)>> {
    match (&earlier.sketch, &now.sketch) {
        (Some(earlier), Some(now)) => Some(of_numbers(earlier, now)),
        (None, None) if !earlier.top.is_empty() && !now.top.is_empty() => Some(of_values(earlier, now)),
        _ => None,
    }
}

fn of_numbers(earlier: &Sketch, now: &Sketch) -> Vec<(u64, u64)> {
    let buckets = earlier.buckets();
    let all = earlier.count();
    // Where each class ends; the last has no end.
    let mut ends: Vec<Bucket> = Vec::new();
    let mut passed = 0;
    for (bucket, count) in &buckets {
        passed += count;
        if passed < all && passed * CLASSES as u64 >= all * (ends.len() as u64 + 1) {
            ends.push(*bucket);
        }
    }
    let mut counts = vec![(0, 0); ends.len() + 1];
    let class = |bucket: Bucket| ends.partition_point(|end| *end < bucket);
    buckets.iter().for_each(|(bucket, count)| counts[class(*bucket)].0 += count);
    now.buckets().iter().for_each(|(bucket, count)| counts[class(*bucket)].1 += count);
    counts
}

/// The values that are told of either, and all others together.
fn of_values(earlier: &FieldReport, now: &FieldReport) -> Vec<(u64, u64)> {
    let mut counts = BTreeMap::<&str, (u64, u64)>::new();
    earlier.top.iter().for_each(|top| counts.entry(&top.value).or_default().0 += top.count);
    now.top.iter().for_each(|top| counts.entry(&top.value).or_default().1 += top.count);
    let told = counts.values().fold((0, 0), |(one, other), count| (one + count.0, other + count.1));
    let others = (earlier.populated.saturating_sub(told.0), now.populated.saturating_sub(told.1));
    counts.into_values().chain((others != (0, 0)).then_some(others)).collect()
}

/// `None` where one side has no values. Half a value is added to each class, so
/// that an empty one has a logarithm.
fn psi(counts: &[(u64, u64)]) -> Option<FieldDrift> {
    let (n, m) = counts.iter().fold((0, 0), |(n, m), count| (n + count.0, m + count.1));
    if n == 0 || m == 0 {
        return None;
    }
    let share = |count: u64, all: u64| (count as f64 + 0.5) / (all as f64 + 0.5 * counts.len() as f64);
    let terms = counts.iter().map(|(one, other)| {
        let (p, q) = (share(*other, m), share(*one, n));
        (p - q) * (p / q).ln()
    });
    let psi: f64 = terms.sum();
    let by_chance = (counts.len() - 1) as f64 * (1.0 / n as f64 + 1.0 / m as f64);
    let size = match psi - by_chance {
        beyond if beyond < 0.1 => Size::None,
        beyond if beyond < 0.25 => Size::Moderate,
        _ => Size::Major,
    };
    Some(FieldDrift { psi, by_chance, size })
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    fn sketch(values: impl Iterator<Item = f64>) -> Sketch {
        let mut sketch = Sketch::default();
        values.for_each(|value| sketch.add(value));
        sketch
    }

    fn drift(earlier: &Sketch, now: &Sketch) -> FieldDrift {
        psi(&of_numbers(earlier, now)).unwrap()
    }

    #[test]
    fn samples_of_one_distribution_do_not_drift_however_small_they_are() {
        for seed in 0..20 {
            let mut draw = StdRng::seed_from_u64(seed);
            let earlier = sketch((0..10_000).map(|_| draw.random::<f64>() * 100.0));
            for size in [100, 1_000, 10_000] {
                let now = sketch((0..size).map(|_| draw.random::<f64>() * 100.0));
                assert_eq!(drift(&earlier, &now).size, Size::None, "seed {seed}, {size} values");
            }
        }
    }

    #[test]
    fn the_index_is_that_of_the_formula() {
        // By hand, without the added halves: (0.7 − 0.5) ln(0.7/0.5) + (0.3 − 0.5) ln(0.3/0.5) = 0.16946.
        let drift = psi(&[(500_000, 700_000), (500_000, 300_000)]).unwrap();
        assert!((drift.psi - 0.169_459_7).abs() < 1e-5, "{drift:?}");
        assert_eq!(drift.size, Size::Moderate);
        assert_eq!(psi(&[(0, 5)]), None);
    }

    #[test]
    fn amounts_that_double_drift_and_zeros_that_appear_do() {
        let earlier = sketch((1..10_000).map(|n| f64::from(n % 100 + 1)));
        assert_eq!(drift(&earlier, &earlier).psi, 0.0);
        let doubled = sketch((1..10_000).map(|n| f64::from(n % 100 + 1) * 2.0));
        assert_eq!(drift(&earlier, &doubled).size, Size::Major);
        let zeros = sketch((1..10_000).map(|n| if n % 2 == 0 { 0.0 } else { f64::from(n % 100 + 1) }));
        assert_eq!(drift(&earlier, &zeros).size, Size::Major);
    }
}
