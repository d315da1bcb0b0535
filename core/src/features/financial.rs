//! The 35 financial features.

use std::f64::consts::PI;

use super::fixed::Fixed;
use super::local::LocalTime;
use super::window::{Account, SPANS, WINDOW_DAYS, Window};

/// The names, in the order that is a contract with the models.
pub const FEATURES: [&str; 35] = [
    "current_balance",
    "total_spending",
    "total_income",
    "transaction_count",
    "groceries_spending",
    "dine_out_spending",
    "entertainment_spending",
    "bills_spending",
    "transport_spending",
    "shopping_spending",
    "health_spending",
    "fitness_spending",
    "savings_spending",
    "income_spending",
    "other_spending",
    "savings_rate",
    "spending_velocity",
    "weekday_spending_ratio",
    "weekend_spending_ratio",
    "morning_spending_ratio",
    "evening_spending_ratio",
    "spending_volatility",
    "large_transaction_ratio",
    "impulse_buying_score",
    "category_diversity",
    "spending_consistency",
    "budget_adherence_score",
    "savings_consistency",
    "emergency_fund_ratio",
    "debt_indicator",
    "merchant_loyalty_score",
    "location_diversity",
    "seasonal_spending_factor",
    "balance_volatility",
    "financial_stress_indicator",
];

/// In the order of [`FEATURES`]; always finite.
pub type Features = [f64; FEATURES.len()];

/// The features as of the window's moment. Amounts are in the user's main currency,
/// ratios without unit; docs/FEATURES.md has the definitions.
pub fn financial(window: &Window<'_>) -> Features {
    let account = window.main_account();
    let held = &account.held;
    let local = window.local_time();
    let days = WINDOW_DAYS as f64;
    let spent = held.debit_sum.to_f64();
    let income = held.credit_sum.to_f64();
    let balance = account.balance.to_f64();
    let (daily_mean, daily_sd) = daily(account, local);
    let [
        groceries,
        dine_out,
        entertainment,
        bills,
        transport,
        shopping,
        health,
        fitness,
        savings,
        income_debits,
        other,
    ] = held.by_category.map(Fixed::to_f64);
    let weekday_sum = held.debit_sum.minus(held.weekend_sum);
    let (balance_sd, stressed) = balances(account);
    [
        balance,
        spent,
        income,
        held.transactions as f64,
        groceries,
        dine_out,
        entertainment,
        bills,
        transport,
        shopping,
        health,
        fitness,
        savings,
        income_debits,
        other,
        ((income - spent) / income.max(1.0)).clamp(-1.0, 1.0),
        spent / days,
        ratio(weekday_sum, held.debit_sum),
        ratio(held.weekend_sum, held.debit_sum),
        ratio(held.morning_sum, held.timed_sum),
        ratio(held.evening_sum, held.timed_sum),
        daily_sd,
        share(held.debit_amounts.above_twice_the_median(), held.debits),
        share(held.hasty, held.timed.len()),
        diversity(&held.debits_by_category),
        if daily_mean == 0.0 { 1.0 } else { consistency(daily_mean, daily_sd) },
        (1.0 - spent / (0.8 * income).max(1.0)).clamp(0.0, 1.0),
        savings_consistency(account),
        (balance / (3.0 * spent).max(1.0)).clamp(0.0, 10.0),
        share(held.balances.below(0.0), held.balances.len()),
        share(held.merchants.most(), held.debits),
        share(held.cities.distinct(), held.debits),
        1.0 + 0.2 * (2.0 * PI * f64::from(local.month()) / 12.0).sin(),
        balance_sd,
        stressed,
    ]
}

/// 0 where there is nothing to be a part of.
fn ratio(part: Fixed, whole: Fixed) -> f64 {
    if whole == Fixed::ZERO { 0.0 } else { part.to_f64() / whole.to_f64() }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Mean and sample standard deviation of the totals of the 30 local dates that end on
/// the moment's, zero days included.
fn daily(account: &Account, local: LocalTime) -> (f64, f64) {
    let dates = local.day - (WINDOW_DAYS as i32 - 1)..=local.day;
    let totals = || account.held.daily.iter().filter(|day| dates.contains(&day.day)).map(|day| day.sum.to_f64());
    let mean = totals().sum::<f64>() / WINDOW_DAYS as f64;
    let empty = WINDOW_DAYS as f64 - totals().count() as f64;
    let squares = totals().map(|total| (total - mean).powi(2)).sum::<f64>() + empty * mean.powi(2);
    (mean, (squares / (WINDOW_DAYS - 1) as f64).sqrt())
}

/// 1 ÷ (1 + sd ÷ mean). Refunds booked as negative debits can make the mean
/// negative; its size counts then, so that the result stays within (0, 1].
fn consistency(mean: f64, sd: f64) -> f64 {
    1.0 / (1.0 + sd / mean.abs())
}

/// Shannon entropy of the counts, 1 when they are all equal.
fn diversity(counts: &[usize]) -> f64 {
    let all: usize = counts.iter().sum();
    let shares = counts.iter().filter(|count| **count > 0).map(|count| *count as f64 / all as f64);
    // From 0.0, because the sum of no negative numbers is −0.0.
    let entropy = shares.fold(0.0, |sum, share| sum - share * share.ln());
    entropy / (counts.len() as f64).ln()
}

/// The share of the spans with transactions in which credits reach the debits.
fn savings_consistency(account: &Account) -> f64 {
    let spans: [_; SPANS] = account.spans;
    let lived = spans.iter().filter(|span| span.transactions > 0);
    let saved = lived.clone().filter(|span| span.net >= Fixed::ZERO).count();
    share(saved, lived.count())
}

/// Sample standard deviation of the balances, and the share of them that are
/// below a fifth of their mean (below 0 where that is not positive).
fn balances(account: &Account) -> (f64, f64) {
    let balances = &account.held.balances;
    if balances.is_empty() {
        return (0.0, 0.0);
    }
    let count = balances.len() as f64;
    let mean = account.held.balance_sum.to_f64() / count;
    let bound = if mean > 0.0 { 0.2 * mean } else { 0.0 };
    let stressed = share(balances.below(bound), balances.len());
    if balances.len() < 2 {
        return (0.0, stressed);
    }
    let squares: f64 = balances.iter().map(|balance| (balance - mean).powi(2)).sum();
    ((squares / (count - 1.0)).sqrt(), stressed)
}
