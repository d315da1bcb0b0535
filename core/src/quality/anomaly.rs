//! Anomalies: numeric values more than 3 sample standard deviations from their
//! mean. Beside it a robust count on a log scale, since 3-sigma misfires on the
//! skewed amounts of real spending, and is blinded by the very outliers it seeks.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::judgement::Draft;
use super::record::Record;
use super::tally::ByField;
use super::{Metric, Rules};
use crate::event::schema::Kind;

/// Size: 8 bytes a numeric value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Anomalies {
    columns: ByField<Column>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Column {
    values: Values,
    sum: ExactSum,
}

/// The values of a numeric field. Equal when they are the same ones, in whatever
/// order they came. Written as base64 of their bytes.
#[derive(Clone, Debug, Default)]
struct Values(Vec<f64>);

/// A sum of decimals without rounding: whole numbers by how many decimals they have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct ExactSum(BTreeMap<u32, i128>);

impl Metric for Anomalies {
    fn observe(&mut self, _rules: &Rules, record: &Record<'_>) {
        for (place, (field, reading)) in record.schema.fields.iter().zip(&record.fields).enumerate() {
            if let (Kind::Number { .. }, Some(number), Some(float)) = (&field.kind, reading.number, reading.float()) {
                let column = self.columns.of(record.place, place);
                column.values.0.push(float);
                column.sum.add(number);
            }
        }
    }

    fn merge(&mut self, _rules: &Rules, other: Self) {
        self.columns.merge(other.columns, |column, other| {
            // The longer one grows: appending to it moves fewer values.
            let (mut long, mut short) = (std::mem::take(&mut column.values.0), other.values.0);
            if long.len() < short.len() {
                std::mem::swap(&mut long, &mut short);
            }
            long.append(&mut short);
            column.values = Values(long);
            column.sum.merge(other.sum);
        });
    }

    fn report(&self, _rules: &Rules, draft: &mut Draft) {
        for (name, column) in self.columns.iter() {
            // Sorted, so that rounding does not depend on the order of the records.
            let sorted = column.values.sorted();
            let spread = spread(&sorted);
            draft.anomaly_count += spread.beyond_three_sd;
            let report = draft.field(name);
            report.mean = Some(spread.mean);
            report.standard_deviation = spread.sd;
            report.anomalies = Some(spread.beyond_three_sd);
            report.typical = typical(&sorted);
            report.robust_anomalies = report.typical.map(|typical| untypical(&sorted, typical));
            report.min = sorted.first().copied();
            report.max = sorted.last().copied();
            report.sum = column.sum.total();
        }
    }
}

/// A numeric field in figures.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Spread {
    mean: f64,
    /// `None` below two values.
    sd: Option<f64>,
    beyond_three_sd: u64,
}

/// `values` are sorted, and not empty.
fn spread(values: &[f64]) -> Spread {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let sd = (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt());
    let beyond = |sd: f64| {
        let inside = values.partition_point(|value| mean - value > 3.0 * sd);
        let above = values.partition_point(|value| value - mean <= 3.0 * sd);
        (inside + values.len() - above) as u64
    };
    Spread { mean, sd, beyond_three_sd: sd.map_or(0, beyond) }
}

/// The sizes that are typical of a field; others are far from them by ln |x|: more
/// than 2.9 robust standard deviations above the median, or 3.5 below it. Of values
/// that are log-normal, 0.2 % are as far; so are 0.2 % of normal ones with a
/// coefficient of variation of 0.1, whose logarithms lean to the left. A tenth of
/// outliers moves the median and widens the MAD so that the upper bound lies at 3.4
/// standard deviations: those of 20 times the median are found where the logarithms
/// have a standard deviation up to 0.85.
///
/// Zeros are no amounts: they are neither counted nor measured by, whatever their
/// share. The robust standard deviation is 1.4826 × MAD; where the MAD is 0, since
/// more than half of the values are equal, 1.2533 × the mean absolute deviation
/// (Iglewicz and Hoaglin 1993); where that is 0 too, the values do not differ
/// enough to say, and the answer is `None`.
pub(super) fn typical(sorted: &[f64]) -> Option<(f64, f64)> {
    const ABOVE: f64 = 2.9;
    const BELOW: f64 = 3.5;
    let mut logs: Vec<f64> = sorted.iter().filter(|value| **value != 0.0).map(|value| value.abs().ln()).collect();
    // Sizes of sorted values are at most two runs, one of them downwards: this sort sees it.
    logs.sort_by(f64::total_cmp);
    let centre = median(&logs)?;
    let unit = unit(&logs, centre);
    (unit > 0.0).then(|| ((centre - BELOW * unit).exp(), (centre + ABOVE * unit).exp()))
}

/// How many values are of no typical size.
fn untypical(sorted: &[f64], (least, most): (f64, f64)) -> u64 {
    let untypical = |value: &&f64| **value != 0.0 && !(least..=most).contains(&value.abs());
    sorted.iter().filter(untypical).count() as u64
}

fn unit(sorted: &[f64], centre: f64) -> f64 {
    let mad = 1.4826 * median_deviation(sorted, centre);
    if mad > 0.0 {
        return mad;
    }
    let deviations: f64 = sorted.iter().map(|log| (log - centre).abs()).sum();
    1.2533 * deviations / sorted.len() as f64
}

fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len() % 2 == 1 { upper } else { f64::midpoint(sorted[middle - 1], upper) })
}

/// The median distance from the centre: the two sides are sorted already, and are
/// walked outwards until half of the values are passed.
fn median_deviation(sorted: &[f64], centre: f64) -> f64 {
    let mut up = sorted.partition_point(|value| *value < centre);
    let mut down = up;
    let mut nearest = || {
        let above = sorted.get(up).map(|value| value - centre);
        let below = down.checked_sub(1).map(|down| centre - sorted[down]);
        match (above, below) {
            (Some(above), Some(below)) if above <= below => {
                up += 1;
                above
            }
            (_, Some(below)) => {
                down -= 1;
                below
            }
            (Some(above), None) => {
                up += 1;
                above
            }
            (None, None) => 0.0,
        }
    };
    let middle = sorted.len() / 2;
    let mut last = (0.0, 0.0);
    for _ in 0..=middle {
        last = (last.1, nearest());
    }
    if sorted.len() % 2 == 1 { last.1 } else { f64::midpoint(last.0, last.1) }
}

impl Values {
    fn sorted(&self) -> Vec<f64> {
        let mut values = self.0.clone();
        values.sort_unstable_by(f64::total_cmp);
        values
    }
}

impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        self.sorted() == other.sorted()
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self.0.iter().flat_map(|value| value.to_le_bytes()).collect();
        serializer.serialize_str(&STANDARD_NO_PAD.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let bytes = STANDARD_NO_PAD.decode(text.as_bytes()).map_err(de::Error::custom)?;
        let (values, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(de::Error::custom("the values of a column are cut off"));
        }
        Ok(Self(values.iter().map(|value| f64::from_le_bytes(*value)).collect()))
    }
}

impl ExactSum {
    /// Exact up to 2^31 values of the greatest size; beyond that it saturates.
    fn add(&mut self, number: Decimal) {
        let sum = self.0.entry(number.scale()).or_default();
        *sum = sum.saturating_add(number.mantissa());
    }

    fn merge(&mut self, other: Self) {
        for (scale, value) in other.0 {
            let sum = self.0.entry(scale).or_default();
            *sum = sum.saturating_add(value);
        }
    }

    /// `None` where it has more digits than a decimal holds.
    fn total(&self) -> Option<String> {
        let parts = self.0.iter().map(|(scale, value)| Decimal::try_from_i128_with_scale(*value, *scale).ok());
        let total = parts.reduce(|total, part| total?.checked_add(part?))??;
        Some(total.normalize().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_sigma_and_the_robust_count_by_hand() {
        // Mean 10.47…, sample sd 2.18…: only 20 is beyond 3 sd of 20 tens and one twenty.
        let mut values = vec![10.0; 20];
        values.push(20.0);
        let spread = spread(&values);
        assert!((spread.mean - 220.0 / 21.0).abs() < 1e-12);
        assert!((spread.sd.unwrap() - 2.182_178_902_359_924).abs() < 1e-12);
        assert_eq!(spread.beyond_three_sd, 1);
        // The MAD is 0; by the mean absolute deviation the twenty stands out.
        assert_eq!(untypical(&values, typical(&values).unwrap()), 1);
    }

    #[test]
    fn values_that_do_not_differ_have_no_anomalies() {
        assert_eq!(spread(&[5.0]), Spread { mean: 5.0, sd: None, beyond_three_sd: 0 });
        assert_eq!(typical(&[5.0, 5.0]), None);
        assert_eq!(typical(&[0.0, 0.0]), None);
    }

    #[test]
    fn the_median_deviation_is_the_median_of_the_deviations() {
        for values in [&[1.0, 2.0, 4.0, 8.0][..], &[1.0, 1.0, 1.0, 5.0], &[3.0], &[-2.0, 0.0, 7.0], &[1.0, 9.0]] {
            let centre = median(values).unwrap();
            let mut deviations: Vec<f64> = values.iter().map(|value| (value - centre).abs()).collect();
            deviations.sort_unstable_by(f64::total_cmp);
            assert_eq!(median_deviation(values, centre), median(&deviations).unwrap(), "{values:?}");
        }
    }

    #[test]
    fn sums_are_exact() {
        let mut sum = ExactSum::default();
        for _ in 0..10 {
            sum.add("0.1".parse().unwrap());
        }
        sum.add("0.00000000001".parse().unwrap());
        assert_eq!(sum.total().unwrap(), "1.00000000001");
    }
}
