//! The profile of each field, which is in no score: how many different values,
//! how they are distributed, which are frequent.

use std::collections::BTreeMap;
use std::collections::hash_map::{Entry, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use xxhash_rust::xxh3::xxh3_64;

use super::judgement::Draft;
use super::record::Record;
use super::sketch::{Distinct, Sketch};
use super::tally::ByField;
use super::{Metric, Rules};
use crate::event::cell::Cell;
use crate::event::number;
use crate::event::schema::Kind;

/// Size: per field 4 KB for the different values, up to 256 values with their
/// counts, and up to 50 KB for the distribution of numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Profile {
    fields: ByField<Column>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Column {
    distinct: Distinct,
    values: Values,
    #[serde(default)]
    padded: u64,
    #[serde(default)]
    numbers: Sketch,
}

/// A value that many records share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopValue {
    pub value: String,
    pub count: u64,
}

/// Quantiles of a numeric field: within 1 % of the true ones.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    pub p01: f64,
    pub p05: f64,
    pub p25: f64,
    pub p50: f64,
    pub p75: f64,
    pub p95: f64,
    pub p99: f64,
}

/// Values from `from` to `to`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    pub from: f64,
    pub to: f64,
    pub count: u64,
}

const TOP: usize = 20;
const BARS: usize = 24;
/// A value that fewer records share might tell of a person.
const SHARED_BY: u64 = 5;

impl Metric for Profile {
    fn observe(&mut self, _rules: &Rules, record: &Record<'_>) {
        for (place, (field, reading)) in record.schema.fields.iter().zip(&record.fields).enumerate() {
            if !reading.is_populated() {
                continue;
            }
            let text = match &reading.cell {
                Cell::Text(text) => text.as_ref(),
                Cell::Number(number) => &number::canonical(number),
                Cell::Bool(true) => "true",
                Cell::Bool(false) => "false",
                // What is nested has too many shapes to be counted by.
                Cell::Nested(_) | Cell::Absent | Cell::Null => continue,
            };
            let column = self.fields.of(record.place, place);
            let blank = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_whitespace);
            if blank(text.as_bytes().first()) || blank(text.as_bytes().last()) {
                column.padded += 1;
            }
            let hash = xxh3_64(text.as_bytes());
            column.distinct.add(hash);
            if let Some(float) = reading.float() {
                column.numbers.add(float);
            }
            match field.kind {
                // The values of an id are no classes.
                Kind::Id => {}
                _ => column.values.add(hash, text),
            }
        }
    }

    fn merge(&mut self, _rules: &Rules, other: Self) {
        self.fields.merge(other.fields, |column, other| {
            column.distinct.merge(other.distinct);
            column.values.merge(other.values);
            column.padded += other.padded;
            column.numbers.merge(&other.numbers);
        });
    }

    fn report(&self, _rules: &Rules, draft: &mut Draft) {
        for (name, column) in self.fields.iter() {
            let counts = column.values.counts();
            let schema = crate::event::schema::declared()[name.place];
            if let Some(counts) = counts.as_ref().filter(|_| schema.class == Some(name.field())) {
                draft.classes.insert(name.to_string(), counts.clone());
            }
            let report = draft.field(name);
            report.distinct = Some(column.distinct.estimate());
            report.padded = (column.padded > 0).then_some(column.padded);
            if let Some(counts) = counts {
                report.evenness = evenness(&counts);
                let shared = counts.into_iter().filter(|(_, count)| *count >= SHARED_BY);
                report.top = shared.map(|(value, count)| TopValue { value, count }).collect();
                report.top.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
                report.top.truncate(TOP);
            }
            if let Some(quantiles) = quantiles(&column.numbers) {
                report.quantiles = Some(quantiles);
                report.zeros = Some(column.numbers.zeros());
                report.negatives = Some(column.numbers.negatives());
                report.histogram = histogram(&column.numbers);
                report.sketch = Some(column.numbers.clone());
            }
        }
    }
}

fn quantiles(numbers: &Sketch) -> Option<Quantiles> {
    let at = |share| numbers.quantile(share);
    Some(Quantiles {
        p01: at(0.01)?,
        p05: at(0.05)?,
        p25: at(0.25)?,
        p50: at(0.5)?,
        p75: at(0.75)?,
        p95: at(0.95)?,
        p99: at(0.99)?,
    })
}

/// Neighbouring buckets put together to a few bars of about equal width on the
/// scale of the sketch, which is logarithmic.
fn histogram(numbers: &Sketch) -> Vec<Bar> {
    let buckets = numbers.buckets();
    let width = buckets.len().div_ceil(BARS).max(1);
    let bar = |together: &[(super::sketch::Bucket, u64)]| {
        let (first, last) = (together.first()?.0, together.last()?.0);
        let count = together.iter().map(|(_, count)| count).sum();
        Some(Bar { from: first.bounds().0, to: last.bounds().1, count })
    };
    buckets.chunks(width).filter_map(bar).collect()
}

fn evenness(counts: &BTreeMap<String, u64>) -> Option<f64> {
    if counts.len() < 2 {
        return None;
    }
    let all: u64 = counts.values().sum();
    let shares = counts.values().map(|count| *count as f64 / all as f64);
    let entropy: f64 = shares.map(|share| -share * share.ln()).sum();
    Some(entropy / (counts.len() as f64).ln())
}

/// Counts by value, of a field that has few; of one that has many, only that it
/// has: whether it does is the same in every order.
#[derive(Clone, Debug, PartialEq)]
enum Values {
    Few(HashMap<u64, (Box<str>, u64), BuildHasherDefault<AsIs>>),
    Many,
}

const FEW: usize = 256;

impl Default for Values {
    fn default() -> Self {
        Values::Few(HashMap::default())
    }
}

impl Values {
    /// Values are told apart by 64-bit hashes: among 256 of them, two are taken for
    /// one with a probability of some 10⁻¹⁵.
    fn add(&mut self, hash: u64, value: &str) {
        self.add_times(hash, value, 1);
    }

    fn add_times(&mut self, hash: u64, value: &str, times: u64) {
        let Values::Few(counts) = self else { return };
        let seen = counts.len();
        match counts.entry(hash) {
            Entry::Occupied(mut entry) => entry.get_mut().1 += times,
            Entry::Vacant(entry) if seen < FEW => {
                entry.insert((value.into(), times));
            }
            Entry::Vacant(_) => *self = Values::Many,
        }
    }

    fn merge(&mut self, other: Self) {
        match other {
            Values::Many => *self = Values::Many,
            Values::Few(counts) => {
                for (hash, (value, times)) in counts {
                    self.add_times(hash, &value, times);
                }
            }
        }
    }

    fn counts(&self) -> Option<BTreeMap<String, u64>> {
        match self {
            Values::Few(counts) => Some(counts.values().map(|(value, count)| (value.to_string(), *count)).collect()),
            Values::Many => None,
        }
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.counts().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Some(counts) = Option::<BTreeMap<String, u64>>::deserialize(deserializer)? else { return Ok(Values::Many) };
        let mut values = Values::default();
        counts.iter().for_each(|(value, times)| values.add_times(xxh3_64(value.as_bytes()), value, *times));
        Ok(values)
    }
}

/// The keys are hashes already.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Only ever asked for a u64; anything else is still a hash.
        self.0 = xxh3_64(bytes);
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
