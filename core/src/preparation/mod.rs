//! Prepared datasets: from a version's events to files that trainers load.
//!
//! [`SpendingBuilder`] gathers the transactions of each user and writes both
//! tables of the spending dataset; [`Manifest`] says what was written. The same
//! events under the same configuration give the same bytes, whatever the order
//! in which they came: no wall clock, no order of arrival, no map order is in
//! them.

mod manifest;
mod pseudonym;
mod spending;
mod split;
mod table;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use manifest::{Latest, Lineage, Manifest};
pub use pseudonym::{Subject, subject};
pub use spending::{SpendingBuilder, SpendingStatistics};
pub use split::Split;

/// Days at the end of a series that are set apart in time: the horizon that a
/// forecast is measured on.
pub const HORIZON_DAYS: u32 = 28;

/// What was written, in the order of paths.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    pub files: Vec<PreparedFile>,
    pub tables: Vec<TableSchema>,
    pub statistics: SpendingStatistics,
}

/// One Parquet file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparedFile {
    /// Relative to the version, e.g. `data/train-00000-of-00001.parquet`.
    pub path: String,
    /// The folder: `data` or `transactions`.
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
    #[error("two scans hold events of one user: the segments overlap")]
    OverlappingSegments,
    #[error("a transaction without a readable {0} is stored")]
    Unreadable(&'static str),
    #[error("cannot write Parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    #[error("cannot build a batch of rows: {0}")]
    Arrow(#[from] arrow_schema::ArrowError),
    #[error("cannot write {path}: {source}")]
    File { path: std::path::PathBuf, source: std::io::Error },
}
