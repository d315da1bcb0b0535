//! What the values of a column look like: for `statistics.json`, the report, and
//! drift between versions.

use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int8Type, Int32Type, UInt32Type};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use arrow_schema::{DataType, Field};
use serde::{Deserialize, Serialize};

/// Distinct texts that are counted; of a column with more, none are.
const DISTINCT_TEXTS: usize = 64;
/// Buckets of an octave: the two leading bits of the mantissa.
const MANTISSA_BITS: u32 = 2;

/// The profile of one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    pub column: String,
    pub count: u64,
    pub nulls: u64,
    /// Of numbers and truth values (as 0 and 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<Numbers>,
    /// Of texts of few kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub texts: Option<BTreeMap<String, u64>>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Numbers {
    pub count: u64,
    pub mean: f64,
    /// Sum of squared deviations from the mean.
    squares: f64,
    pub minimum: f64,
    pub maximum: f64,
    pub histogram: Histogram,
}

/// Values by bucket: quarters of octaves on either side of zero, which suit
/// amounts and ratios alike. Written as pairs of a bucket's lower end and its
/// count, in order of the values, empty buckets left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<(f64, u64)>", into = "Vec<(f64, u64)>")]
pub struct Histogram {
    /// By the leading bits of a float, in order of value; empty until the first value.
    counts: Vec<u64>,
}

/// Sign, exponent and leading bits of the mantissa; the negative ones first.
const BUCKETS: usize = 2 << (11 + MANTISSA_BITS);

/// The place of the bucket of a value, in order of the values.
fn bucket(value: f64) -> usize {
    let bits = (value.abs().to_bits() >> (52 - MANTISSA_BITS)) as usize;
    if value < 0.0 { BUCKETS / 2 - 1 - bits } else { BUCKETS / 2 + bits }
}

/// The end of a bucket that is nearer to zero.
fn inner_edge(bucket: usize) -> f64 {
    let edge = |bits: usize| f64::from_bits((bits as u64) << (52 - MANTISSA_BITS));
    if bucket < BUCKETS / 2 { -edge(BUCKETS / 2 - 1 - bucket) } else { edge(bucket - BUCKETS / 2) }
}

impl Histogram {
    fn add(&mut self, value: f64) {
        if self.counts.is_empty() {
            self.counts.resize(BUCKETS, 0);
        }
        self.counts[bucket(value)] += 1;
    }

    /// Buckets that hold something: their inner edge and their count, in order.
    pub fn iter(&self) -> impl Iterator<Item = (f64, u64)> {
        self.counts
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
            .map(|(place, count)| (inner_edge(place), *count))
    }
}

impl From<Histogram> for Vec<(f64, u64)> {
    fn from(histogram: Histogram) -> Self {
        histogram.iter().collect()
    }
}

impl From<Vec<(f64, u64)>> for Histogram {
    fn from(edges: Vec<(f64, u64)>) -> Self {
        let mut histogram = Histogram::default();
        for (edge, count) in edges {
            histogram.add(edge);
            // A bucket of negative values has its inner edge as its greatest value, hence inside.
            histogram.counts[bucket(edge)] += count - 1;
        }
        histogram
    }
}

impl Profile {
    pub fn of(field: &Field) -> Self {
        let is_number = matches!(
            field.data_type(),
            DataType::Float64
                | DataType::Float32
                | DataType::Int8
                | DataType::Int32
                | DataType::UInt32
                | DataType::Boolean
        );
        Self {
            column: field.name().clone(),
            count: 0,
            nulls: 0,
            numbers: is_number.then(Numbers::default),
            texts: (field.data_type() == &DataType::Utf8).then(BTreeMap::new),
        }
    }

    pub fn observe(&mut self, array: &ArrayRef) {
        self.count += array.len() as u64;
        self.nulls += array.null_count() as u64;
        if let Some(numbers) = &mut self.numbers {
            match array.data_type() {
                DataType::Float64 => numbers.add_array(array.as_primitive::<Float64Type>()),
                DataType::Float32 => numbers.add_array(array.as_primitive::<Float32Type>()),
                DataType::Int8 => numbers.add_array(array.as_primitive::<Int8Type>()),
                DataType::Int32 => numbers.add_array(array.as_primitive::<Int32Type>()),
                DataType::UInt32 => numbers.add_array(array.as_primitive::<UInt32Type>()),
                DataType::Boolean => {
                    let flags: Vec<_> =
                        array.as_boolean().iter().flatten().map(|flag| f64::from(u8::from(flag))).collect();
                    numbers.add_all(&flags);
                }
                _ => {}
            }
        }
        if let Some(texts) = &mut self.texts {
            // Few kinds are found faster by looking at each than in a tree.
            let mut counts: Vec<(&str, u64)> = Vec::new();
            for text in array.as_string::<i32>().iter().flatten() {
                match counts.iter().position(|(known, _)| *known == text) {
                    Some(place) => counts[place].1 += 1,
                    None if counts.len() == DISTINCT_TEXTS => {
                        self.texts = None;
                        return;
                    }
                    None => counts.push((text, 1)),
                }
            }
            for (text, count) in counts {
                match texts.get_mut(text) {
                    Some(sum) => *sum += count,
                    None => drop(texts.insert(text.to_owned(), count)),
                }
            }
            if texts.len() > DISTINCT_TEXTS {
                self.texts = None;
            }
        }
    }
}

impl Numbers {
    fn add_array<T: ArrowPrimitiveType<Native: Into<f64>>>(&mut self, array: &PrimitiveArray<T>) {
        match array.null_count() {
            0 => self.add_all(array.values()),
            _ => self.add_all(&array.iter().flatten().collect::<Vec<_>>()),
        }
    }

    /// Takes in a batch: its own mean and squares in two passes, merged with those of
    /// earlier ones (Chan, Golub and LeVeque 1979).
    fn add_all<T: Copy + Into<f64>>(&mut self, values: &[T]) {
        let Some(first) = values.first().map(|first| (*first).into()) else { return };
        if self.count == 0 {
            (self.minimum, self.maximum) = (first, first);
        }
        self.minimum = fold(values, self.minimum, |least, value| least.min(value), f64::min);
        self.maximum = fold(values, self.maximum, |most, value| most.max(value), f64::max);
        values.iter().for_each(|value| self.histogram.add((*value).into()));
        let (before, added) = (self.count as f64, values.len() as f64);
        let mean = fold(values, 0.0, |sum, value| sum + value, |one, other| one + other) / added;
        let squares = fold(values, 0.0, |sum, value| sum + (value - mean).powi(2), |one, other| one + other);
        let delta = mean - self.mean;
        self.count += values.len() as u64;
        self.mean += delta * added / self.count as f64;
        self.squares += squares + delta * delta * before * added / self.count as f64;
    }

    /// Sample standard deviation; `None` below two values.
    pub fn standard_deviation(&self) -> Option<f64> {
        (self.count > 1).then(|| (self.squares / (self.count - 1) as f64).sqrt())
    }
}

/// Folds values in several lanes, which a processor does at once: always the same
/// ones, so that rounding is the same each time. `start` begins every lane.
fn fold<T: Copy + Into<f64>>(
    values: &[T],
    start: f64,
    step: impl Fn(f64, f64) -> f64,
    join: impl Fn(f64, f64) -> f64,
) -> f64 {
    let mut lanes = [start; 8];
    let (rows, rest) = values.as_chunks::<8>();
    for row in rows {
        for (lane, value) in lanes.iter_mut().zip(row) {
            *lane = step(*lane, (*value).into());
        }
    }
    for (lane, value) in lanes.iter_mut().zip(rest) {
        *lane = step(*lane, (*value).into());
    }
    lanes.into_iter().reduce(join).unwrap_or(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_survives_being_written() {
        let mut numbers = Numbers::default();
        numbers.add_all(&[0.0, -0.0, 1.0, 1.1, 1.3, -1.0, -5.0, 1e30, f64::from(f32::MIN_POSITIVE)]);
        let edges: Vec<_> = numbers.histogram.iter().collect();
        assert!(edges.is_sorted_by(|a, b| a.0 < b.0), "{edges:?}");
        assert_eq!(edges.iter().map(|(_, count)| count).sum::<u64>(), 9);
        assert!(edges.contains(&(0.0, 2)) && edges.contains(&(1.0, 2)) && edges.contains(&(1.25, 1)), "{edges:?}");
        let text = serde_json::to_string(&numbers).unwrap();
        assert_eq!(serde_json::from_str::<Numbers>(&text).unwrap(), numbers);
    }
}
