//! From states to scores, and to what lowered them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::tally::{ByField, Checks};
use super::{QualityState, Users};
use crate::dataset::settings::Weights;
use crate::event::EventId;

/// What is said of the records of a dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    pub metrics: Metrics,
    pub record_count: u64,
    /// Whose records they are.
    pub users: Users,
    /// What lowered the overall score, the heaviest first. The losses add up to
    /// 1 − overall score.
    pub explanation: Vec<Contribution>,
    /// Every field that was seen, as `type.field`.
    pub fields: BTreeMap<String, FieldReport>,
}

/// Scores lie in [0, 1].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    pub completeness: f64,
    pub consistency: f64,
    pub validity: f64,
    /// The weighted sum of the three.
    pub overall_score: f64,
    /// Numeric values more than 3 standard deviations from the mean of their field.
    pub anomaly_count: u64,
    /// Records whose content was seen before.
    pub duplicate_count: u64,
    /// Required fields that are not populated.
    pub missing_values_count: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    Completeness,
    Consistency,
    Validity,
}

/// One rule of one field, and what its violations cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contribution {
    pub dimension: Dimension,
    /// As `type.field`.
    pub field: String,
    pub rule: String,
    pub violations: u64,
    /// Checks of the field in this dimension.
    pub checks: u64,
    /// Its part of 1 − overall score.
    pub loss: f64,
    pub examples: Vec<EventId>,
}

/// One field in figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FieldReport {
    /// Records that hold a value in it; for optional fields, those checked.
    pub populated: u64,
    /// Records that do not though they should, by kind.
    pub missing: BTreeMap<String, u64>,
    /// Populated values that are not valid, by fault.
    pub invalid: BTreeMap<String, u64>,
    /// Valid ÷ populated values; `None` where there are none.
    pub valid_share: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<f64>,
    /// Sample standard deviation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standard_deviation: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anomalies: Option<u64>,
    /// Anomalies by median and MAD on a log scale.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub robust_anomalies: Option<u64>,
}

pub fn judge(state: &QualityState, weights: &Weights) -> Judgement {
    let consistency_fields = state.consistency.fields();
    let dimensions = [
        (Dimension::Completeness, &state.completeness.fields, weights.completeness),
        (Dimension::Consistency, &consistency_fields, weights.consistency),
        (Dimension::Validity, &state.validity.fields, weights.validity),
    ];
    let [completeness, consistency, validity] = dimensions.map(|(_, fields, _)| score(fields));
    let mut explanation: Vec<Contribution> =
        dimensions.iter().flat_map(|(dimension, fields, weight)| contributions(*dimension, fields, *weight)).collect();
    explanation.sort_by(|a, b| {
        b.loss.total_cmp(&a.loss).then_with(|| (a.dimension, &a.field, &a.rule).cmp(&(b.dimension, &b.field, &b.rule)))
    });
    let metrics = Metrics {
        completeness,
        consistency,
        validity,
        overall_score: weights.completeness * completeness
            + weights.consistency * consistency
            + weights.validity * validity,
        anomaly_count: state.anomalies.spreads().map(|(_, spread)| spread.beyond_three_sd).sum(),
        duplicate_count: state.duplicates.repeated.count,
        missing_values_count: state.completeness.fields.iter().map(|(_, checks)| checks.violated()).sum(),
    };
    Judgement { metrics, record_count: state.records(), users: state.users, explanation, fields: fields(state) }
}

/// 1 − violations ÷ checks. Where nothing could be checked, nothing is wrong.
fn score(fields: &ByField<Checks>) -> f64 {
    let (checks, violations) = totals(fields);
    if checks == 0 { 1.0 } else { 1.0 - violations as f64 / checks as f64 }
}

fn totals(fields: &ByField<Checks>) -> (u64, u64) {
    fields.iter().fold((0, 0), |(checks, violated), (_, field)| (checks + field.checks, violated + field.violated()))
}

fn contributions(dimension: Dimension, fields: &ByField<Checks>, weight: f64) -> impl Iterator<Item = Contribution> {
    let (all_checks, _) = totals(fields);
    fields.iter().flat_map(move |(field, checks)| {
        checks.violations.iter().map(move |(rule, violations)| Contribution {
            dimension,
            field: field.clone(),
            rule: rule.clone(),
            violations: violations.count,
            checks: checks.checks,
            loss: weight * violations.count as f64 / all_checks as f64,
            examples: violations.examples.iter().copied().collect(),
        })
    })
}

fn fields(state: &QualityState) -> BTreeMap<String, FieldReport> {
    let mut reports = BTreeMap::<String, FieldReport>::new();
    for (field, checks) in state.validity.fields.iter() {
        let report = reports.entry(field).or_default();
        report.invalid = counts(checks);
        let missing = report.invalid.remove("missing").unwrap_or_default();
        report.populated = checks.checks - missing;
        let invalid: u64 = report.invalid.values().sum();
        report.valid_share =
            (report.populated > 0).then(|| (report.populated - invalid) as f64 / report.populated as f64);
    }
    for (field, checks) in state.completeness.fields.iter() {
        reports.entry(field).or_default().missing = counts(checks);
    }
    for (field, spread) in state.anomalies.spreads() {
        let report = reports.entry(field).or_default();
        report.mean = Some(spread.mean);
        report.standard_deviation = spread.sd;
        report.anomalies = Some(spread.beyond_three_sd);
        report.robust_anomalies = spread.robust;
    }
    reports
}

fn counts(checks: &Checks) -> BTreeMap<String, u64> {
    checks.violations.iter().map(|(rule, violations)| (rule.clone(), violations.count)).collect()
}
