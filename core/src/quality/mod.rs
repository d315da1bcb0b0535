//! stub to be replaced
use crate::dataset::Dataset;
use crate::dataset::settings::{Settings, Weights};
use crate::event::{EventId, StoredEvent};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub dataset: Dataset,
}
impl Rules {
    pub fn new(dataset: Dataset, _s: &Settings) -> Self {
        Self { dataset }
    }
    pub fn hash(&self, _w: &Weights) -> String {
        String::new()
    }
}
pub struct QualityState;
impl QualityState {
    pub fn new(_: Rules) -> Self {
        Self
    }
    pub fn observe_user(&mut self, _: &mut Vec<StoredEvent>) {}
    pub fn merge(&mut self, _: Self) {}
    pub fn finish(&self, _: &Weights) -> Option<Judgement> {
        None
    }
}
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    pub metrics: Metrics,
    pub record_count: u64,
    pub explanation: Vec<Contribution>,
    pub fields: BTreeMap<String, String>,
}
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    pub completeness: f64,
    pub consistency: f64,
    pub validity: f64,
    pub overall_score: f64,
    pub anomaly_count: u64,
    pub duplicate_count: u64,
    pub missing_values_count: u64,
}
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contribution {
    pub dimension: String,
    pub field: String,
    pub rule: String,
    pub violations: u64,
    pub checks: u64,
    pub loss: f64,
    pub examples: Vec<EventId>,
}
