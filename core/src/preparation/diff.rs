//! What changed from one version to another: users and rows that came and went,
//! how the columns drifted, how the target shifted.

use std::collections::BTreeMap;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int8Type, Int32Type, TimestampMicrosecondType, UInt32Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use serde::Serialize;

use super::{Histogram, PreparationError, PreparedFile, Profile, Split, TableProfile};

/// Added, gone and kept, by subject and by row of `data/`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub users_added: u64,
    pub users_gone: u64,
    pub users_kept: u64,
    /// Of kept users, those with another row or one less or more.
    pub users_changed: u64,
    /// Rows that are not in the other version to the last bit.
    pub rows_added: u64,
    pub rows_gone: u64,
    pub rows_kept: u64,
}

/// How the distribution of a column moved.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Drift {
    pub column: String,
    /// Population stability index over ten bins of the earlier version: below 0.1
    /// hardly any drift, above 0.25 a strong one. `None` where either is empty.
    pub psi: Option<f64>,
    pub mean_before: Option<f64>,
    pub mean_after: Option<f64>,
}

/// How the target moved.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shift {
    pub target: String,
    #[serde(flatten)]
    pub numbers: Option<Drift>,
    /// Of a target that is a word: its shares before and after.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub shares: BTreeMap<String, (f64, f64)>,
}

/// Compares the rows of `data/`. The files of each version are below its folder.
///
/// # Errors
/// A file that cannot be read.
pub fn difference(
    (before, before_files): (&Path, &[PreparedFile]),
    (after, after_files): (&Path, &[PreparedFile]),
) -> Result<Difference, PreparationError> {
    let mut difference = Difference::default();
    for split in Split::ALL {
        let mut before = Subjects::open(before, before_files, split);
        let mut after = Subjects::open(after, after_files, split);
        let (mut old, mut new) = (before.next()?, after.next()?);
        loop {
            let order = match (&old, &new) {
                (None, None) => break,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(old), Some(new)) => old.subject.cmp(&new.subject),
            };
            if order.is_ne() {
                let (gone, added) = if order.is_lt() { (old.take(), None) } else { (None, new.take()) };
                difference.users_gone += u64::from(gone.is_some());
                difference.users_added += u64::from(added.is_some());
                difference.rows_gone += gone.map_or(0, |user| user.rows.len() as u64);
                difference.rows_added += added.map_or(0, |user| user.rows.len() as u64);
            } else if let (Some(old), Some(new)) = (old.take(), new.take()) {
                difference.compare(old.rows, new.rows);
            }
            if order.is_le() {
                old = before.next()?;
            }
            if order.is_ge() {
                new = after.next()?;
            }
        }
    }
    Ok(difference)
}

impl Difference {
    /// Rows are compared as multisets of hashes.
    fn compare(&mut self, mut old: Vec<u64>, mut new: Vec<u64>) {
        old.sort_unstable();
        new.sort_unstable();
        let mut kept = 0;
        let (mut o, mut n) = (0, 0);
        while let (Some(a), Some(b)) = (old.get(o), new.get(n)) {
            kept += usize::from(a == b);
            o += usize::from(a <= b);
            n += usize::from(a >= b);
        }
        self.users_kept += 1;
        self.users_changed += u64::from(kept < old.len().max(new.len()));
        self.rows_kept += kept as u64;
        self.rows_gone += (old.len() - kept) as u64;
        self.rows_added += (new.len() - kept) as u64;
    }
}

/// The rows of one subject, as hashes.
struct SubjectRows {
    subject: String,
    rows: Vec<u64>,
}

/// Reads a split's files of `data/`, subject by subject, in their order.
struct Subjects {
    files: std::vec::IntoIter<PathBuf>,
    reader: Option<ParquetRecordBatchReader>,
    batch: Option<RecordBatch>,
    row: usize,
}

impl Subjects {
    fn open(folder: &Path, files: &[PreparedFile], split: Split) -> Self {
        let mut paths: Vec<_> = files
            .iter()
            .filter(|file| file.table == "data" && file.split == split)
            .map(|file| folder.join(&file.path))
            .collect();
        paths.sort();
        Self { files: paths.into_iter(), reader: None, batch: None, row: 0 }
    }

    fn next(&mut self) -> Result<Option<SubjectRows>, PreparationError> {
        let mut current: Option<SubjectRows> = None;
        while self.load()? {
            let Some(batch) = &self.batch else { break };
            let subjects = batch.column(0).as_string::<i32>();
            while self.row < batch.num_rows() {
                let subject = subjects.value(self.row);
                let of_current =
                    current.get_or_insert_with(|| SubjectRows { subject: subject.to_owned(), rows: Vec::new() });
                if of_current.subject != subject {
                    return Ok(current);
                }
                of_current.rows.push(hash(batch.columns(), self.row));
                self.row += 1;
            }
        }
        Ok(current)
    }

    /// Makes sure that there is a row; answers whether there is.
    fn load(&mut self) -> Result<bool, PreparationError> {
        loop {
            if self.batch.as_ref().is_some_and(|batch| self.row < batch.num_rows()) {
                return Ok(true);
            }
            self.row = 0;
            self.batch = match &mut self.reader {
                Some(reader) => reader.next().transpose()?,
                None => None,
            };
            if self.batch.is_some() {
                continue;
            }
            let Some(path) = self.files.next() else { return Ok(false) };
            let file = File::open(&path).map_err(|source| PreparationError::File { path, source })?;
            self.reader = Some(ParquetRecordBatchReaderBuilder::try_new(file)?.build()?);
        }
    }
}

/// A hash of a row's values; the types are those that tables are built of.
fn hash(columns: &[ArrayRef], row: usize) -> u64 {
    let mut hasher = DefaultHasher::new();
    for column in columns {
        column.is_null(row).hash(&mut hasher);
        if column.is_null(row) {
            continue;
        }
        match column.data_type() {
            DataType::Utf8 => column.as_string::<i32>().value(row).hash(&mut hasher),
            DataType::Float64 => column.as_primitive::<Float64Type>().value(row).to_bits().hash(&mut hasher),
            DataType::Float32 => column.as_primitive::<Float32Type>().value(row).to_bits().hash(&mut hasher),
            DataType::Int8 => column.as_primitive::<Int8Type>().value(row).hash(&mut hasher),
            DataType::Int32 => column.as_primitive::<Int32Type>().value(row).hash(&mut hasher),
            DataType::UInt32 => column.as_primitive::<UInt32Type>().value(row).hash(&mut hasher),
            DataType::Boolean => column.as_boolean().value(row).hash(&mut hasher),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                column.as_primitive::<TimestampMicrosecondType>().value(row).hash(&mut hasher);
            }
            DataType::FixedSizeList(..) => {
                let values = column.as_fixed_size_list().value(row);
                for value in values.as_primitive::<Float32Type>().values() {
                    value.to_bits().hash(&mut hasher);
                }
            }
            // A column of another type has no values that differ, as far as is known here.
            _ => {}
        }
    }
    hasher.finish()
}

impl Drift {
    /// The drift of every numeric column of `data/` that both versions have.
    pub fn of(before: &[TableProfile], after: &[TableProfile]) -> Vec<Drift> {
        let before: BTreeMap<_, _> = data(before).map(|profile| (profile.column.as_str(), profile)).collect();
        data(after).filter_map(|after| Drift::of_column(before.get(after.column.as_str())?, after)).collect()
    }

    fn of_column(before: &Profile, after: &Profile) -> Option<Drift> {
        let (old, new) = (before.numbers.as_ref()?, after.numbers.as_ref()?);
        Some(Drift {
            column: after.column.clone(),
            psi: (old.count > 0 && new.count > 0).then(|| psi(&old.histogram, &new.histogram)),
            mean_before: (old.count > 0).then_some(old.mean),
            mean_after: (new.count > 0).then_some(new.mean),
        })
    }
}

impl Shift {
    /// How the target's column moved; `None` where a version has no such column.
    pub fn of(target: &str, before: &[TableProfile], after: &[TableProfile]) -> Option<Shift> {
        let find = |tables| data(tables).find(|profile| profile.column == target);
        let (before, after) = (find(before)?, find(after)?);
        let mut shares = BTreeMap::<String, (f64, f64)>::new();
        if let (Some(old), Some(new)) = (&before.texts, &after.texts) {
            let share = |texts: &BTreeMap<String, u64>, word: &String| {
                let all: u64 = texts.values().sum();
                if all == 0 { 0.0 } else { texts.get(word).copied().unwrap_or_default() as f64 / all as f64 }
            };
            for word in old.keys().chain(new.keys()) {
                shares.insert(word.clone(), (share(old, word), share(new, word)));
            }
        }
        Some(Shift { target: target.to_owned(), numbers: Drift::of_column(before, after), shares })
    }
}

fn data(tables: &[TableProfile]) -> impl Iterator<Item = &Profile> {
    tables.iter().filter(|table| table.table == "data").flat_map(|table| &table.columns)
}

/// Population stability index, Σ (q − p)·ln(q ÷ p) over up to ten bins that hold
/// about a tenth of `before` each. A bin without values counts as one of a
/// ten-thousandth, as is usual: the logarithm of 0 would be infinite.
fn psi(before: &Histogram, after: &Histogram) -> f64 {
    const BINS: f64 = 10.0;
    const LEAST: f64 = 1e-4;
    let mut buckets = BTreeMap::<OrderedEdge, (u64, u64)>::new();
    for (edge, count) in before.iter() {
        buckets.entry(OrderedEdge(edge)).or_default().0 += count;
    }
    for (edge, count) in after.iter() {
        buckets.entry(OrderedEdge(edge)).or_default().1 += count;
    }
    let (all_before, all_after) =
        buckets.values().fold((0, 0), |(old, new), (before, after)| (old + before, new + after));
    let mut index = 0.0;
    let mut bin = (0, 0);
    let mut close = |bin: (u64, u64)| {
        let p = (bin.0 as f64 / all_before as f64).max(LEAST);
        let q = (bin.1 as f64 / all_after as f64).max(LEAST);
        index += (q - p) * (q / p).ln();
    };
    for (before, after) in buckets.into_values() {
        bin = (bin.0 + before, bin.1 + after);
        if bin.0 as f64 >= all_before as f64 / BINS {
            close(bin);
            bin = (0, 0);
        }
    }
    if bin != (0, 0) {
        close(bin);
    }
    index
}

/// Edges of buckets are numbers, never NaN.
#[derive(PartialEq)]
struct OrderedEdge(f64);

impl Eq for OrderedEdge {}

impl PartialOrd for OrderedEdge {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for OrderedEdge {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}
