//! stub
use crate::dataset::settings::PseudonymKey;
use crate::dataset::*;
use crate::event::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;
pub struct Lineage {
    pub dataset: Dataset,
    pub version: Version,
    pub first_epoch: Epoch,
    pub last_epoch: Epoch,
    pub counts: Counts,
    pub new: Counts,
    pub parent: Option<Version>,
    pub configuration_hash: String,
    pub forced: Option<String>,
}
pub struct SpendingBuilder;
impl SpendingBuilder {
    pub fn new(_k: &PseudonymKey) -> Self {
        Self
    }
    pub fn add_user(&mut self, _u: UserId, _e: Vec<StoredEvent>) {}
    pub fn merge(&mut self, _o: Self) {}
    pub fn write(self, _d: &Path) -> Result<Prepared, std::io::Error> {
        Ok(Prepared { files: vec![], statistics: Value::Null })
    }
}
pub struct Prepared {
    pub files: Vec<PreparedFile>,
    pub statistics: Value,
}
pub struct PreparedFile {
    pub path: String,
    pub rows: u64,
    pub bytes: u64,
    pub sha256: String,
}
#[derive(Serialize, Deserialize)]
pub struct Manifest {
    pub digest: String,
}
impl Manifest {
    pub fn new(_l: &Lineage, _p: &Prepared, _q: Value) -> Self {
        Self { digest: String::new() }
    }
}
#[derive(Serialize, Deserialize)]
pub struct Latest {
    pub dataset: Dataset,
    pub version: Version,
    pub manifest: String,
    pub digest: String,
}
