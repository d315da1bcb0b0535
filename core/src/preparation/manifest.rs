//! What a version is: its files with their checksums, where it comes from, and
//! what identifies its content.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::judgement::of_version;
use super::{Certificate, Prepared, PreparedFile, TableSchema};
use crate::dataset::{Counts, Dataset, Epoch, Version};
use crate::event::category::Category;
use crate::features::{FEATURES, feature_set_hash};

/// Raised whenever the same events would give other files.
const FORMAT: u32 = 2;

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
    /// Why it was prepared although the dataset was not ready, or anew.
    pub forced: Option<String>,
}

/// Which features the rows hold, where they hold any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureSet {
    pub hash: String,
    /// In the order of the observation.
    pub names: Vec<String>,
}

/// `manifest.json`: its presence makes the version. No wall clock is in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    pub lineage: Lineage,
    /// Of the program that wrote it.
    pub code_version: String,
    /// SHA-256 over the files, the configuration, the category table and the feature
    /// set. The same events give the same digest, whichever version they are in.
    pub digest: String,
    pub files: Vec<PreparedFile>,
    pub tables: Vec<TableSchema>,
    /// The column of `data/` that a model learns to predict, or is rewarded by.
    pub target: String,
    pub feature_set: FeatureSet,
    pub category_table_hash: String,
    pub statistics: Map<String, Value>,
    /// The judgement of the very records of this version, without anything that names them.
    pub quality: Value,
    pub certificate: Certificate,
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
        let feature_set = FeatureSet { hash: feature_set_hash(), names: FEATURES.map(str::to_owned).to_vec() };
        let decides = [&lineage.configuration_hash, &category_table_hash, &feature_set.hash];
        Self {
            format: FORMAT,
            code_version: env!("CARGO_PKG_VERSION").to_owned(),
            digest: digest(&prepared.files, decides),
            files: prepared.files.clone(),
            tables: prepared.tables.clone(),
            target: prepared.target.clone(),
            certificate: prepared.certificate.clone(),
            statistics: prepared.statistics.clone(),
            feature_set,
            category_table_hash,
            lineage,
            quality: of_version(quality),
        }
    }
}

fn digest(files: &[PreparedFile], decides: [&String; 3]) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{FORMAT}\n"));
    for hashed in decides {
        hash.update(format!("{hashed}\n"));
    }
    for file in files {
        hash.update(format!("{} {}\n", file.sha256, file.path));
    }
    hex::encode(hash.finalize())
}
