//! What a version is: its files with their checksums, where it comes from, and
//! what identifies its content.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Prepared, PreparedFile, SpendingStatistics, TableSchema};
use crate::dataset::{Counts, Dataset, Epoch, Version};
use crate::event::category::Category;

/// Raised whenever the same events would give other files.
const FORMAT: u32 = 1;

/// Where a version comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lineage {
    pub dataset: Dataset,
    pub version: Version,
    pub first_epoch: Epoch,
    pub last_epoch: Epoch,
    /// All events that were read.
    pub input: Counts,
    /// Those of them that are new since the parent.
    pub new: Counts,
    pub parent: Option<Version>,
    pub configuration_hash: String,
    /// Why it was prepared although the dataset was not ready.
    pub forced: Option<String>,
}

/// `manifest.json`: its presence makes the version. No wall clock is in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    pub lineage: Lineage,
    /// Of the program that wrote it.
    pub code_version: String,
    /// SHA-256 over the files, the configuration and the category table. The same
    /// events give the same digest, whichever version they are in.
    pub digest: String,
    pub files: Vec<PreparedFile>,
    pub tables: Vec<TableSchema>,
    pub category_table_hash: String,
    pub statistics: SpendingStatistics,
    /// The judgement of the very records of this version.
    pub quality: Value,
    pub certificate: Certificate,
}

/// What was checked of the splits while they were written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    pub split_by: String,
    /// Each was found on one side only; else the version is not written.
    pub subjects: u64,
    /// The column that parts the series in time.
    pub split_in_time_by: String,
    pub horizon_days: u32,
}

/// `latest.json`: the newest version of a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latest {
    pub dataset: Dataset,
    pub version: Version,
    /// Key of the manifest in the bucket.
    pub manifest: String,
    pub digest: String,
}

impl Manifest {
    pub fn new(lineage: Lineage, prepared: &Prepared, quality: Value) -> Self {
        let category_table_hash = Category::table_hash();
        Self {
            format: FORMAT,
            code_version: env!("CARGO_PKG_VERSION").to_owned(),
            digest: digest(&prepared.files, &lineage.configuration_hash, &category_table_hash),
            files: prepared.files.clone(),
            tables: prepared.tables.clone(),
            certificate: Certificate {
                split_by: "keyed hash of the user".to_owned(),
                subjects: prepared.statistics.user_count,
                split_in_time_by: "period".to_owned(),
                horizon_days: prepared.statistics.horizon_days,
            },
            statistics: prepared.statistics.clone(),
            category_table_hash,
            lineage,
            quality,
        }
    }
}

fn digest(files: &[PreparedFile], configuration_hash: &str, category_table_hash: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{FORMAT}\n{configuration_hash}\n{category_table_hash}\n"));
    for file in files {
        hash.update(format!("{} {}\n", file.sha256, file.path));
    }
    hex::encode(hash.finalize())
}
