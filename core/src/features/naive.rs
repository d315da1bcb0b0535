//! The features once more, written from their definitions alone: everything is
//! computed anew from the whole history, in floats. Slow, and for tests only.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use chrono::{DateTime, Datelike, Days, Duration, NaiveDateTime, Timelike, Utc};

use super::{Currency, FEATURES, Features, Transaction, Void, chain};
use crate::event::category::Category;

/// Of a user's transactions as they are [`arranged`].
pub fn features(history: &[Transaction], voids: &[Void], as_of: DateTime<Utc>) -> Features {
    let past: Vec<&Transaction> = history.iter().filter(|t| t.plausible_time && t.occurred_at <= as_of).collect();
    let local =
        |at: DateTime<Utc>, minutes: i16| -> NaiveDateTime { at.naive_utc() + Duration::minutes(minutes.into()) };
    let now = local(as_of, past.last().map_or(0, |t| t.utc_offset_minutes));
    let date_and_time = |t: &Transaction| local(t.occurred_at, t.utc_offset_minutes);
    let known = in_main_currency(&past, &counting(&past, voids, as_of));

    let amount = |transaction: &Transaction| f64::try_from(transaction.amount).unwrap();
    let balance = |transaction: &Transaction| transaction.balance_after.map(|balance| f64::try_from(balance).unwrap());
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
            let date = now.date().checked_sub_days(Days::new(back)).unwrap();
            sum(&|t| date_and_time(t).date() == date)
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
    let most_at = |of: &dyn Fn(&Transaction) -> Option<NonZeroU64>| {
        debits.iter().map(|t| debits.iter().filter(|u| of(t).is_some() && of(t) == of(u)).count()).max().unwrap_or(0)
    };
    let mut cities: Vec<NonZeroU64> = debits.iter().filter_map(|t| t.city).collect();
    cities.sort_unstable();
    cities.dedup();

    let mut all = vec![current, d, c, window.len() as f64];
    all.extend(Category::ALL.map(|category| sum(&|t| t.category == category)));
    all.push(((c - d) / c.max(1.0)).clamp(-1.0, 1.0));
    all.push(d / 30.0);
    all.push(or_zero(sum(&|t| date_and_time(t).weekday().number_from_monday() <= 5), d));
    all.push(or_zero(sum(&|t| date_and_time(t).weekday().number_from_monday() >= 6), d));
    all.push(or_zero(sum(&|t| t.time_of_day_known && date_and_time(t).hour() < 12), timed_sum));
    all.push(or_zero(sum(&|t| t.time_of_day_known && date_and_time(t).hour() >= 18), timed_sum));
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
    all.push(1.0 + 0.2 * (std::f64::consts::TAU * f64::from(now.month()) / 12.0).sin());
    all.push(sd(&balances));
    all.push(of_balances(&|balance| balance < if balance_mean > 0.0 { 0.2 * balance_mean } else { 0.0 }));
    assert_eq!(all.len(), FEATURES.len());
    all.try_into().unwrap()
}

/// Which of the past transactions count as of a moment: nothing that has happened by
/// then corrects them.
fn counting(past: &[&Transaction], voids: &[Void], as_of: DateTime<Utc>) -> Vec<bool> {
    counting_of(past.iter().copied(), past, voids, as_of)
}

fn counting_of<'a>(
    of: impl IntoIterator<Item = &'a Transaction>,
    past: &[&Transaction],
    voids: &[Void],
    as_of: DateTime<Utc>,
) -> Vec<bool> {
    let is_corrected = |t: &Transaction| {
        let Some(own) = t.transaction else { return false };
        let voided = voids
            .iter()
            .any(|void| void.plausible_time && void.transaction == own && void.at <= as_of.timestamp_micros());
        let order = |t: &Transaction| (t.occurred_at, t.ingested_at, t.id);
        let replaced = past.iter().any(|other| match other.transaction == Some(own) {
            true => order(other) > order(t),
            false => other.replaces == Some(own),
        });
        voided || replaced
    };
    of.into_iter().map(|t| !is_corrected(t)).collect()
}

/// The counting transactions in the currency that most of them are in.
fn in_main_currency<'a>(past: &[&'a Transaction], counting: &[bool]) -> Vec<&'a Transaction> {
    let currency_at = |index: usize| -> Option<Currency> {
        let before = past[..=index].iter().rev().find_map(|t| t.currency);
        before.or_else(|| past.iter().find_map(|t| t.currency))
    };
    let mut counts = BTreeMap::new();
    for index in (0..past.len()).filter(|index| counting[*index]) {
        *counts.entry(currency_at(index)).or_insert(0) += 1;
    }
    let most = counts.values().max().copied();
    let main = counts.iter().find(|(_, count)| Some(**count) == most).map(|(currency, _)| *currency);
    let own = |index: &usize| counting[*index] && Some(currency_at(*index)) == main;
    (0..past.len()).filter(own).map(|index| past[index]).collect()
}

/// A user's transactions, given in order of time, then event id: those of each instant
/// in the order in which the balances of those that count at that instant chain.
pub fn arranged(history: &[Transaction], voids: &[Void]) -> Vec<Transaction> {
    let mut arranged = Vec::new();
    let mut before = None;
    for instant in history.chunk_by(|one, next| one.occurred_at == next.occurred_at) {
        let at = instant[0].occurred_at;
        let past: Vec<_> = history.iter().filter(|t| t.plausible_time && t.occurred_at <= at).collect();
        let counts = counting_of(instant, &past, voids, at);
        let signed = |t: &Transaction| if t.credit { t.amount } else { -t.amount };
        let step = |(t, counts): (&Transaction, &bool)| match *counts && t.plausible_time {
            true => chain::Step { change: Some(signed(t)), after: t.balance_after },
            false => chain::Step::default(),
        };
        let steps: Vec<_> = instant.iter().zip(&counts).map(step).collect();
        let is_chained = steps.iter().filter(|step| step.after.is_some()).count() > 1;
        let order = match is_chained {
            true => chain::order(before, &steps, rust_decimal::Decimal::new(1, 2)),
            false => (0..instant.len()).collect(),
        };
        before = order.iter().rev().find_map(|index| steps[*index].after).or(before);
        arranged.extend(order.into_iter().map(|index| instant[index].clone()));
    }
    arranged
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
