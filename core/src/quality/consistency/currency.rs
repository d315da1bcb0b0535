//! One currency per user.

use std::collections::BTreeMap;

use super::Report;
use crate::event::StoredEvent;
use crate::event::schema::Population;
use crate::quality::Rules;

/// A record violates it where most of the user's records name another currency;
/// of equally frequent ones, the first by name is the user's.
pub fn one(_rules: &Rules, records: &[StoredEvent], report: &mut Report<'_>) {
    let named = || {
        records.iter().filter_map(|stored| {
            let value = stored.event.data.get("currency");
            let currency = value.filter(|_| Population::of(value) == Population::Populated)?;
            Some((&stored.event, currency.to_string()))
        })
    };
    let mut counts = BTreeMap::<String, u64>::new();
    for (_, currency) in named() {
        *counts.entry(currency).or_default() += 1;
    }
    let most = counts.values().max().copied().unwrap_or_default();
    let usual = counts.into_iter().find(|(_, count)| *count == most).map(|(currency, _)| currency);
    for (event, currency) in named() {
        report.check(event, "currency", "one_currency", Some(currency) == usual);
    }
}
