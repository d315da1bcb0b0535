//! A judgement for people, on a terminal.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use learning_core::dataset::settings::Settings;
use learning_core::event::EventId;
use learning_core::quality::{FieldReport, Judgement};

use super::judge::Findings;
use crate::report::{grouped, short};

/// How many parts of the loss are shown; the JSON has all.
const PARTS: usize = 20;

/// All that was found.
pub fn all(findings: &Findings, settings: &Settings) -> String {
    let mut text = format!("{}\n", lines(findings));
    for (dataset, judgement) in &findings.judgements {
        text.push('\n');
        text.push_str(&one(dataset.name(), judgement, settings.quality_gate));
    }
    text
}

/// What became of the lines.
pub fn lines(findings: &Findings) -> String {
    let mut text = format!(
        "{} lines: {} would be refused, {} repeat an event, {} are no records of a dataset.",
        grouped(findings.lines),
        grouped(findings.refused_lines()),
        grouped(findings.repeated),
        grouped(findings.other)
    );
    if findings.differing.events > 0 {
        text.push_str(&format!(
            "\n  repeated: {} have other content than the first event of their id, which counts, e.g. {}",
            grouped(findings.differing.events),
            ids(findings.differing.examples.values())
        ));
    }
    if findings.duplicate_keys > 0 {
        let lines = grouped(findings.duplicate_keys);
        text.push_str(&format!("\n  {lines} lines have a key more than once in an object; the last value counts"));
    }
    for (reason, count) in &findings.refused {
        text.push_str(&format!("\n  refused: {} × {reason}", grouped(*count)));
    }
    text
}

fn ids<'a>(ids: impl Iterator<Item = &'a EventId>) -> String {
    ids.map(EventId::to_string).collect::<Vec<_>>().join(", ")
}

/// One sentence on what was judged.
pub fn subject(dataset: &str, judgement: &Judgement) -> String {
    let mut text = format!("{dataset}: {} records", grouped(judgement.record_count));
    if let Some(population) = &judgement.population {
        text.push_str(&format!(" of {} users", grouped(population.users)));
        if let (Some(oldest), Some(newest)) = (population.oldest, population.newest) {
            text.push_str(&format!(", {} to {}", oldest.date_naive(), newest.date_naive()));
        }
        text.push_str(&format!("; the largest user has {:.1} %", population.largest_user_share * 100.0));
    }
    text
}

/// A judgement of a dataset, beside the gate.
pub fn one(dataset: &str, judgement: &Judgement, gate: f64) -> String {
    let metrics = &judgement.metrics;
    let verdict = if metrics.overall_score >= gate { "passes" } else { "is BELOW" };
    let mut scores =
        table(&["completeness", "consistency", "validity", "overall", "anomalies", "duplicates", "missing"]);
    let counts = [metrics.anomaly_count, metrics.duplicate_count, metrics.missing_values_count].map(grouped);
    let dimensions = [metrics.completeness, metrics.consistency, metrics.validity, metrics.overall_score];
    scores.add_row(dimensions.map(|score| format!("{score:.6}")).into_iter().chain(counts));
    right(&mut scores, 0..7);
    let subject = subject(dataset, judgement);
    let mut text = format!("{subject}\n{scores}\nThe overall score {verdict} the gate of {gate}.\n");
    if !judgement.explanation.is_empty() {
        text.push_str(&format!("What lowers it:\n{}\n", losses(judgement)));
        if judgement.explanation.len() > PARTS {
            text.push_str(&format!(
                "… and {} smaller parts: see --format json.\n",
                judgement.explanation.len() - PARTS
            ));
        }
    }
    text.push_str(&format!("Fields:\n{}\n", fields(judgement)));
    for (name, field) in judgement.fields.iter().filter(|(_, field)| field.padded.is_some()) {
        let padded = field.padded.map(grouped).unwrap_or_default();
        text.push_str(&format!("Has blanks around it: {name}: {padded} values\n"));
    }
    for (name, unmapped, share) in unmapped(judgement) {
        text.push_str(&format!(
            "Not in the category table, trained on as other: {name}: {} values ({:.1} %)\n",
            grouped(unmapped),
            100.0 * share
        ));
    }
    for (path, counts) in &judgement.sentinels {
        let counts: Vec<String> =
            counts.iter().map(|(value, count)| format!("{} × {value:?}", grouped(*count))).collect();
        text.push_str(&format!("Stands for nothing, yet counts as populated: {path}: {}\n", counts.join(", ")));
    }
    text
}

/// Fields with categories that the mapping table does not list: their name, how many
/// and which share of the populated values.
pub fn unmapped(judgement: &Judgement) -> impl Iterator<Item = (&str, u64, f64)> {
    judgement.fields.iter().filter_map(|(name, field)| {
        let count = field.unmapped.filter(|count| *count > 0)?;
        Some((name.as_str(), count, field.unmapped_share?))
    })
}

fn losses(judgement: &Judgement) -> Table {
    let mut table =
        table(&["dimension", "field", "rule", "violations", "checks", "loss", "score if fixed", "for example"]);
    for part in judgement.explanation.iter().take(PARTS) {
        table.add_row([
            part.dimension.name().to_owned(),
            part.field.clone(),
            part.rule.clone(),
            grouped(part.violations),
            grouped(part.checks),
            format!("{:.6}", part.loss),
            format!("{:.6}", part.score_if_fixed),
            part.examples.first().map(ToString::to_string).unwrap_or_default(),
        ]);
    }
    right(&mut table, 3..7);
    table
}

fn fields(judgement: &Judgement) -> Table {
    let mut table = table(&[
        "field",
        "populated",
        "missing",
        "invalid",
        "distinct",
        "min",
        "median",
        "p95",
        "max",
        "mean",
        "3-sigma",
        "robust",
    ]);
    for (name, field) in &judgement.fields {
        table.add_row(row(name, field));
    }
    right(&mut table, 1..12);
    table
}

fn row(name: &str, field: &FieldReport) -> [String; 12] {
    let number = |number: Option<f64>| number.map(short).unwrap_or_default();
    let count = |count: Option<u64>| count.map(grouped).unwrap_or_default();
    [
        name.to_owned(),
        grouped(field.populated),
        grouped(field.missing.values().sum()),
        grouped(field.invalid.values().sum()),
        count(field.distinct),
        number(field.min),
        number(field.quantiles.map(|quantiles| quantiles.p50)),
        number(field.quantiles.map(|quantiles| quantiles.p95)),
        number(field.max),
        number(field.mean),
        count(field.anomalies),
        count(field.robust_anomalies),
    ]
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    table
}

fn right(table: &mut Table, columns: std::ops::Range<usize>) {
    for column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}
