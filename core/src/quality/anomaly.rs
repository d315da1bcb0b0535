//! Anomalies: numeric values more than 3 sample standard deviations from their
//! mean. Beside it a robust count on a log scale, since 3-sigma misfires on the
//! skewed amounts of real spending.

use serde::{Deserialize, Serialize};

use super::tally::ByField;
use super::{Metric, Rules};
use crate::event::StoredEvent;
use crate::event::schema::{Kind, decimal, schema};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Anomalies {
    columns: ByField<Column>,
}

/// The values of a numeric field: 8 bytes each.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Column(Vec<f64>);

/// States are equal when they hold the same values, in whatever order they came.
impl PartialEq for Column {
    fn eq(&self, other: &Self) -> bool {
        self.sorted() == other.sorted()
    }
}

impl Column {
    fn sorted(&self) -> Vec<f64> {
        let mut values = self.0.clone();
        values.sort_unstable_by(f64::total_cmp);
        values
    }
}

/// A numeric field in figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub mean: f64,
    /// Sample standard deviation; `None` below two values.
    pub sd: Option<f64>,
    pub beyond_three_sd: u64,
    /// `None` where the values do not differ enough to say.
    pub robust: Option<u64>,
}

impl Metric for Anomalies {
    fn observe(&mut self, _rules: &Rules, records: &[StoredEvent]) {
        for StoredEvent { event, .. } in records {
            let Some(schema) = schema(&event.event_type) else { continue };
            for field in schema.fields.iter().filter(|field| matches!(field.kind, Kind::Number { .. })) {
                let number = event.data.get(field.name).and_then(decimal).and_then(|number| f64::try_from(number).ok());
                if let Some(number) = number {
                    self.columns.of(event, field.name).0.push(number);
                }
            }
        }
    }

    fn merge(&mut self, other: Self) {
        self.columns.merge(other.columns, |column, other| column.0.extend(other.0));
    }
}

impl Anomalies {
    /// The figures of each numeric field, as `type.field`.
    pub fn spreads(&self) -> impl Iterator<Item = (String, Spread)> {
        // Sorted, so that rounding does not depend on the order of the records.
        self.columns.iter().map(|(field, column)| (field, spread(&column.sorted())))
    }
}

/// `values` are sorted, and not empty.
fn spread(values: &[f64]) -> Spread {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let sd = (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt());
    let beyond = |sd: f64| values.iter().filter(|value| (*value - mean).abs() > 3.0 * sd).count() as u64;
    Spread { mean, sd, beyond_three_sd: sd.map_or(0, beyond), robust: robust(values) }
}

/// Values whose modified z-score on ln(1 + |x|) is beyond 3.5 (Iglewicz and
/// Hoaglin 1993): from the median, in units of 1.4826 × MAD. Where the MAD is 0,
/// since more than half of the values are equal, in units of 1.2533 × the mean
/// absolute deviation; where that is 0 too, there is no saying.
fn robust(values: &[f64]) -> Option<u64> {
    let mut logs: Vec<f64> = values.iter().map(|value| value.abs().ln_1p()).collect();
    logs.sort_unstable_by(f64::total_cmp);
    let centre = median(&logs)?;
    let mut deviations: Vec<f64> = logs.iter().map(|log| (log - centre).abs()).collect();
    deviations.sort_unstable_by(f64::total_cmp);
    let mad = median(&deviations)? * 1.4826;
    let mean = deviations.iter().sum::<f64>() / deviations.len() as f64 * 1.2533;
    let unit = if mad > 0.0 { mad } else { mean };
    (unit > 0.0).then(|| deviations.iter().filter(|deviation| **deviation / unit > 3.5).count() as u64)
}

fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len() % 2 == 1 { upper } else { f64::midpoint(sorted[middle - 1], upper) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_sigma_and_the_robust_count_by_hand() {
        // Mean 10.45…, sample sd 2.13…: only 20 is beyond 3 sd of 20 tens and one twenty.
        let mut values = vec![10.0; 20];
        values.push(20.0);
        let spread = spread(&values);
        assert!((spread.mean - 220.0 / 21.0).abs() < 1e-12);
        assert!((spread.sd.unwrap() - 2.182_178_902_359_924).abs() < 1e-12);
        assert_eq!(spread.beyond_three_sd, 1);
        // The MAD is 0; by the mean absolute deviation the twenty stands out.
        assert_eq!(spread.robust, Some(1));
    }

    #[test]
    fn values_that_do_not_differ_have_no_anomalies() {
        assert_eq!(spread(&[5.0]), Spread { mean: 5.0, sd: None, beyond_three_sd: 0, robust: None });
        assert_eq!(spread(&[5.0, 5.0]).robust, None);
    }
}
