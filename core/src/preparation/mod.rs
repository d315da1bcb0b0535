//! Prepared datasets: from a version's events to files that trainers load.
//!
//! A [`Builder`] takes in whole users, in any order, and spills them in sorted
//! runs where memory is short; then it merges the runs and writes the rows that
//! [`rows`] makes of each user. [`Manifest`] says what was written. The same
//! events under the same configuration give the same bytes, whatever the order
//! in which they came and however they were divided: no wall clock, no order of
//! arrival, no map order is in them.

mod builder;
mod certificate;
mod column;
mod diff;
mod documents;
mod gather;
mod judgement;
mod manifest;
mod profile;
mod pseudonym;
mod rows;
mod runs;
mod split;
mod table;
#[cfg(test)]
mod tests;
mod user;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use builder::{Builder, SegmentRun, Tallies};
pub use certificate::Certificate;
pub use diff::{Difference, Drift, Shift, difference};
pub use documents::{Document, documents, grouped};
pub use gather::Gather;
pub use manifest::{FeatureSet, Latest, Lineage, Manifest};
pub use profile::{Histogram, Numbers, Profile};
pub use pseudonym::{Subject, subject};
pub use split::Split;

/// Days at the end of a series that are set apart in time: the horizon that a
/// forecast is measured on.
pub const HORIZON_DAYS: u32 = 28;

/// What was written, in the order of paths.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    pub files: Vec<PreparedFile>,
    pub tables: Vec<TableSchema>,
    /// The column of `data/` that a model learns to predict, or is rewarded by.
    pub target: String,
    /// Of the dataset: what the manifest and the API tell.
    pub statistics: Map<String, Value>,
    /// Of every column, by table.
    pub profiles: Vec<TableProfile>,
    pub certificate: Certificate,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableProfile {
    pub table: String,
    pub columns: Vec<Profile>,
}

/// One Parquet file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparedFile {
    /// Relative to the version, e.g. `data/train-00000-of-00001.parquet`.
    pub path: String,
    /// Its folder, e.g. `data`.
    pub table: String,
    pub split: Split,
    pub rows: u64,
    pub bytes: u64,
    /// Of the whole file, hexadecimal.
    pub sha256: String,
}

/// The columns of a table, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSchema {
    pub table: String,
    pub columns: Vec<Column>,
    pub sorted_by: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    /// As Arrow spells it.
    #[serde(rename = "type")]
    pub data_type: String,
    pub nullable: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum PreparationError {
    #[error("this build knows no rows of {0}")]
    NoRows(crate::dataset::Dataset),
    #[error("two scans hold events of one user: the segments overlap")]
    OverlappingSegments,
    #[error("the rows would leak: {0}")]
    Leak(&'static str),
    #[error(transparent)]
    Unreadable(#[from] crate::features::Unreadable),
    #[error("a row came after its file was ended")]
    Closed,
    #[error("cannot write Parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    #[error("cannot build a batch of rows: {0}")]
    Arrow(#[from] arrow_schema::ArrowError),
    #[error("cannot use the file {path}: {source}")]
    File { path: std::path::PathBuf, source: std::io::Error },
}
