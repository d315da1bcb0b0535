//! From what metrics report to scores, and to what lowered them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::drift::Drift;
use super::profile::{Bar, Quantiles, TopValue};
use super::record::Example;
use super::sketch::Sketch;
use super::tally::{ByField, Checks, Name, Violations};
use crate::dataset::settings::Weights;
use crate::event::{EventId, FaultCode};

/// What is said of the records of a dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    pub metrics: Metrics,
    pub record_count: u64,
    /// What lowered the overall score, the heaviest first. The losses add up to
    /// 1 − overall score.
    pub explanation: Vec<Contribution>,
    /// The same losses, by dimension and field.
    #[serde(default)]
    pub losses: Vec<Loss>,
    /// Records whose content was seen before: the first of them.
    #[serde(default)]
    pub duplicate_examples: Vec<EventId>,
    /// Every field that was seen, as `type.field`.
    pub fields: BTreeMap<String, FieldReport>,
    /// Values that stand for the absence of one ("?", "n/a"), by their path in
    /// `data`. They count as populated.
    #[serde(default)]
    pub sentinels: BTreeMap<String, BTreeMap<String, u64>>,
    /// Whose records these are, and of when.
    #[serde(default)]
    pub population: Option<super::population::Report>,
    /// How often each class comes, by `type.field`.
    #[serde(default)]
    pub classes: BTreeMap<String, BTreeMap<String, u64>>,
    /// How the records differ from those of the last prepared version; `None` where
    /// there is none to compare with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
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

impl Dimension {
    pub const ALL: [Dimension; 3] = [Dimension::Completeness, Dimension::Consistency, Dimension::Validity];

    pub fn name(self) -> &'static str {
        match self {
            Dimension::Completeness => "completeness",
            Dimension::Consistency => "consistency",
            Dimension::Validity => "validity",
        }
    }

    fn weight(self, weights: &Weights) -> f64 {
        match self {
            Dimension::Completeness => weights.completeness,
            Dimension::Consistency => weights.consistency,
            Dimension::Validity => weights.validity,
        }
    }
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
    /// The overall score if these values were as they should be. A required field
    /// that is empty lowers two dimensions, and filling it mends both.
    #[serde(default)]
    pub score_if_fixed: f64,
    /// None in a prepared version, which holds no ids of events.
    #[serde(default)]
    pub examples: Vec<EventId>,
}

impl Contribution {
    /// Names the rule in requests: `dimension:type.field:rule`.
    pub fn key(&self) -> String {
        format!("{}:{}:{}", self.dimension.name(), self.field, self.rule)
    }
}

/// What names duplicates where rules are named by [`Contribution::key`].
pub const DUPLICATE: &str = "duplicate";

/// What a dimension, or a field within it, lost of the overall score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Loss {
    pub dimension: Dimension,
    /// As `type.field`; `None`: all fields together.
    pub field: Option<String>,
    pub violations: u64,
    pub checks: u64,
    pub loss: f64,
}

/// One field in figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FieldReport {
    /// Records that hold a value in it.
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
    /// Beyond 3 standard deviations from the mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anomalies: Option<u64>,
    /// Not of a typical size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub robust_anomalies: Option<u64>,
    /// The least and the greatest typical size, by median and MAD on a log scale.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub typical: Option<(f64, f64)>,
    /// Different values, estimated: the standard error is 1.6 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distinct: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zeros: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub negatives: Option<u64>,
    /// Of a category: values that the mapping table does not list, which are trained on as `other`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmapped: Option<u64>,
    /// Unmapped ÷ populated values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmapped_share: Option<f64>,
    /// Texts with blanks around them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub padded: Option<u64>,
    /// The exact sum, in decimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sum: Option<String>,
    /// Within 1 % of the true ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantiles: Option<Quantiles>,
    /// The most frequent values, of fields that have few; none that is rare enough
    /// to tell of a person.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub top: Vec<TopValue>,
    /// Shannon entropy of the values ÷ its maximum, ln of how many there are; of
    /// fields that have few.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evenness: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub histogram: Vec<Bar>,
    /// What later versions are compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sketch: Option<Sketch>,
}

/// What metrics report, before it is weighed.
#[derive(Debug, Default)]
pub struct Draft {
    dimensions: BTreeMap<Dimension, ByField<Checks>>,
    fields: BTreeMap<Name, FieldReport>,
    pub anomaly_count: u64,
    pub missing_values_count: u64,
    pub duplicates: Violations,
    pub sentinels: BTreeMap<String, BTreeMap<String, u64>>,
    pub classes: BTreeMap<String, BTreeMap<String, u64>>,
    pub population: Option<super::population::Report>,
}

impl Draft {
    pub fn dimension(&mut self, dimension: Dimension, checks: ByField<Checks>) {
        self.dimensions.insert(dimension, checks);
    }

    pub fn field(&mut self, name: Name) -> &mut FieldReport {
        self.fields.entry(name).or_default()
    }

    pub fn failing(&self, rule: &str) -> Option<Vec<Example>> {
        if rule == DUPLICATE {
            return (self.duplicates.count > 0).then(|| self.duplicates.examples.clone());
        }
        let mut parts = rule.splitn(3, ':');
        let (dimension, field, rule) = (parts.next()?, parts.next()?, parts.next()?);
        let dimension = Dimension::ALL.into_iter().find(|known| known.name() == dimension)?;
        let (_, checks) = self.dimensions.get(&dimension)?.iter().find(|(name, _)| name.to_string() == field)?;
        checks.violations.get(rule).map(|violations| violations.examples.clone())
    }

    pub fn judge(mut self, records: u64, weights: &Weights) -> Judgement {
        let checks = Dimension::ALL.map(|dimension| self.dimensions.remove(&dimension).unwrap_or_default());
        let [completeness, consistency, validity] = checks.each_ref().map(score);
        let overall_score =
            weights.completeness * completeness + weights.consistency * consistency + weights.validity * validity;
        let mut explanation = Vec::new();
        let mut losses = Vec::new();
        for (dimension, fields) in Dimension::ALL.into_iter().zip(&checks) {
            let (all, violated) = totals(fields);
            // Where nothing could be checked, nothing is lost.
            let cost = |violations: u64| dimension.weight(weights) * violations as f64 / all.max(1) as f64;
            losses.push(Loss { dimension, field: None, violations: violated, checks: all, loss: cost(violated) });
            for (name, checks) in fields.iter() {
                let violations = checks.violated();
                if violations > 0 {
                    let field = Some(name.to_string());
                    losses.push(Loss { dimension, field, violations, checks: checks.checks, loss: cost(violations) });
                }
                explanation.extend(checks.violations.iter().map(|(rule, seen)| Contribution {
                    dimension,
                    field: name.to_string(),
                    rule: rule.to_string(),
                    violations: seen.count,
                    checks: checks.checks,
                    loss: cost(seen.count),
                    score_if_fixed: 0.0,
                    examples: seen.examples.iter().map(|example| example.event).collect(),
                }));
            }
        }
        mend(&mut explanation, overall_score);
        explanation.sort_by(|a, b| {
            b.loss
                .total_cmp(&a.loss)
                .then_with(|| (a.dimension, &a.field, &a.rule).cmp(&(b.dimension, &b.field, &b.rule)))
        });
        losses.sort_by(|a, b| a.dimension.cmp(&b.dimension).then_with(|| b.loss.total_cmp(&a.loss)));
        Judgement {
            metrics: Metrics {
                completeness,
                consistency,
                validity,
                overall_score,
                anomaly_count: self.anomaly_count,
                duplicate_count: self.duplicates.count,
                missing_values_count: self.missing_values_count,
            },
            record_count: records,
            explanation,
            losses,
            duplicate_examples: self.duplicates.examples.iter().map(|example| example.event).collect(),
            fields: self.fields.into_iter().map(|(name, report)| (name.to_string(), report)).collect(),
            sentinels: self.sentinels,
            population: self.population,
            classes: self.classes,
            drift: None,
        }
    }
}

/// 1 − violations ÷ checks. Where nothing could be checked, nothing is wrong.
fn score(fields: &ByField<Checks>) -> f64 {
    let (checks, violations) = totals(fields);
    if checks == 0 { 1.0 } else { 1.0 - violations as f64 / checks as f64 }
}

fn totals(fields: &ByField<Checks>) -> (u64, u64) {
    fields.iter().fold((0, 0), |(checks, violated), (_, field)| (checks + field.checks, violated + field.violated()))
}

/// Works out what mending each part would give. An empty required field is a part
/// of completeness (by its kind) and of validity (`missing`): mending one mends as
/// many of the other.
fn mend(parts: &mut [Contribution], overall_score: f64) {
    let missing = FaultCode::Missing.as_str();
    let mut empty = BTreeMap::<String, (u64, f64, f64)>::new();
    for part in parts.iter() {
        let (count, completeness, validity) = empty.entry(part.field.clone()).or_default();
        match part.dimension {
            Dimension::Completeness => {
                *count += part.violations;
                *completeness += part.loss;
            }
            Dimension::Validity if part.rule == missing => *validity += part.loss,
            _ => {}
        }
    }
    for part in parts {
        let (count, completeness, validity) = empty[&part.field];
        let elsewhere = match part.dimension {
            Dimension::Completeness => validity * part.violations as f64 / count.max(1) as f64,
            Dimension::Validity if part.rule == missing => completeness,
            _ => 0.0,
        };
        part.score_if_fixed = (overall_score + part.loss + elsewhere).min(1.0);
    }
}
