//! The features once more, written from their definitions alone: everything is
//! computed anew from the whole history, in floats. Slow, and for tests only.

use chrono::{DateTime, Datelike, Days, Duration, Timelike, Utc};

use super::{FEATURES, Features, Transaction};
use crate::event::category::Category;

pub fn features(history: &[Transaction], as_of: DateTime<Utc>) -> Features {
    let amount = |transaction: &Transaction| f64::try_from(transaction.amount).unwrap();
    let balance = |transaction: &Transaction| transaction.balance_after.map(|balance| f64::try_from(balance).unwrap());
    let known: Vec<&Transaction> = history.iter().filter(|t| t.plausible_time && t.occurred_at <= as_of).collect();
    let window: Vec<&Transaction> =
        known.iter().copied().filter(|t| t.occurred_at > as_of - Duration::days(30)).collect();
    let debits: Vec<&Transaction> = window.iter().copied().filter(|t| !t.credit).collect();
    let sum = |of: &dyn Fn(&Transaction) -> bool| debits.iter().filter(|t| of(t)).map(|t| amount(t)).sum::<f64>();
    let d = sum(&|_| true);
    let c: f64 = window.iter().filter(|t| t.credit).map(|t| amount(t)).sum();
    let current = known.iter().rev().find_map(|t| balance(t)).unwrap_or(0.0);
    let or_zero = |part: f64, whole: f64| if whole == 0.0 { 0.0 } else { part / whole };
    let count = debits.len() as f64;

    let daily: Vec<f64> = (0..30)
        .map(|back| {
            let date = as_of.date_naive().checked_sub_days(Days::new(back)).unwrap();
            sum(&|t| t.occurred_at.date_naive() == date)
        })
        .collect();
    let timed: Vec<&Transaction> = debits.iter().copied().filter(|t| t.time_of_day_known).collect();
    let timed_sum: f64 = timed.iter().map(|t| amount(t)).sum();
    let hasty = timed.windows(2).filter(|pair| pair[1].occurred_at - pair[0].occurred_at < Duration::hours(1)).count();
    let mut amounts: Vec<f64> = debits.iter().map(|t| amount(t)).collect();
    amounts.sort_by(f64::total_cmp);
    let large = amounts.iter().filter(|amount| **amount > 2.0 * median(&amounts)).count();
    let entropy: f64 = Category::ALL
        .map(|category| debits.iter().filter(|t| t.category == category).count() as f64)
        .into_iter()
        .filter(|of_category| *of_category > 0.0)
        .map(|of_category| -(of_category / count) * (of_category / count).ln())
        .sum();
    let mut lived = 0.0;
    let mut saved = 0.0;
    for span in 0..4 {
        let (from, to) = (as_of - Duration::days(7 * (span + 1)), as_of - Duration::days(7 * span));
        let inside: Vec<_> = known.iter().filter(|t| t.occurred_at > from && t.occurred_at <= to).collect();
        let credits: f64 = inside.iter().filter(|t| t.credit).map(|t| amount(t)).sum();
        let debits: f64 = inside.iter().filter(|t| !t.credit).map(|t| amount(t)).sum();
        lived += f64::from(u8::from(!inside.is_empty()));
        saved += f64::from(u8::from(!inside.is_empty() && credits - debits > -1e-6));
    }
    let balances: Vec<f64> = window.iter().filter_map(|t| balance(t)).collect();
    let of_balances = |of: &dyn Fn(f64) -> bool| {
        or_zero(balances.iter().filter(|balance| of(**balance)).count() as f64, balances.len() as f64)
    };
    let balance_mean = mean(&balances);
    let most_at = |of: &dyn Fn(&Transaction) -> Option<u64>| {
        debits.iter().map(|t| debits.iter().filter(|u| of(t).is_some() && of(t) == of(u)).count()).max().unwrap_or(0)
    };
    let mut cities: Vec<u64> = debits.iter().filter_map(|t| t.city).collect();
    cities.sort_unstable();
    cities.dedup();

    let mut all = vec![current, d, c, window.len() as f64];
    all.extend(Category::ALL.map(|category| sum(&|t| t.category == category)));
    all.push(((c - d) / c.max(1.0)).clamp(-1.0, 1.0));
    all.push(d / 30.0);
    all.push(or_zero(sum(&|t| t.occurred_at.weekday().number_from_monday() <= 5), d));
    all.push(or_zero(sum(&|t| t.occurred_at.weekday().number_from_monday() >= 6), d));
    all.push(or_zero(sum(&|t| t.time_of_day_known && t.occurred_at.hour() < 12), timed_sum));
    all.push(or_zero(sum(&|t| t.time_of_day_known && t.occurred_at.hour() >= 18), timed_sum));
    all.push(sd(&daily));
    all.push(or_zero(large as f64, count));
    all.push(or_zero(hasty as f64, timed.len() as f64));
    all.push(entropy / 11f64.ln());
    all.push(if mean(&daily) == 0.0 { 1.0 } else { 1.0 / (1.0 + sd(&daily) / mean(&daily).abs()) });
    all.push((1.0 - d / (0.8 * c).max(1.0)).clamp(0.0, 1.0));
    all.push(or_zero(saved, lived));
    all.push((current / (3.0 * d).max(1.0)).clamp(0.0, 10.0));
    all.push(of_balances(&|balance| balance < 0.0));
    all.push(or_zero(most_at(&|t| t.merchant) as f64, count));
    all.push(or_zero(cities.len() as f64, count));
    all.push(1.0 + 0.2 * (std::f64::consts::TAU * f64::from(as_of.month()) / 12.0).sin());
    all.push(sd(&balances));
    all.push(of_balances(&|balance| balance < if balance_mean > 0.0 { 0.2 * balance_mean } else { 0.0 }));
    assert_eq!(all.len(), FEATURES.len());
    all.try_into().unwrap()
}

fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

fn sd(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let mean = mean(values);
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64).sqrt()
}

fn median(sorted: &[f64]) -> f64 {
    match sorted.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => (sorted[even / 2 - 1] + sorted[even / 2]) / 2.0,
    }
}
