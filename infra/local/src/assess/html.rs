//! A judgement as one HTML file: it loads nothing, so it opens anywhere.

use learning_core::dataset::Dataset;
use learning_core::dataset::settings::Settings;
use learning_core::quality::{FieldReport, Judgement};

use super::judge::Findings;
use super::table::{lines, subject};
use super::{plot, table};
use crate::report::{grouped, short};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em;color:#222}\
table{border-collapse:collapse;margin:1em 0;font-size:13px}th,td{border-bottom:1px solid #ddd;padding:.25em .7em;\
text-align:right;vertical-align:top}th:first-child,td:first-child,.l{text-align:left}svg{display:block}\
svg text{font:11px system-ui,sans-serif;fill:#444}rect{fill:#3a6ea5}.below{color:#a02020}.passes{color:#207020}\
pre{white-space:pre-wrap;color:#555}";

/// The report on all datasets.
pub fn report(files: &[&str], findings: &Findings, settings: &Settings) -> String {
    let files: Vec<String> = files.iter().map(|file| escaped(file)).collect();
    let datasets: String =
        findings.judgements.iter().map(|(dataset, judgement)| section(*dataset, judgement, settings)).collect();
    format!(
        "<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' content='width=device-width'>\
         <title>Data quality</title><style>{STYLE}</style><h1>Data quality of {}</h1><pre>{}</pre>{datasets}</html>\n",
        files.join(", "),
        escaped(&lines(findings))
    )
}

fn section(dataset: Dataset, judgement: &Judgement, settings: &Settings) -> String {
    let metrics = &judgement.metrics;
    let (class, verdict) =
        if metrics.overall_score >= settings.quality_gate { ("passes", "passes") } else { ("below", "is below") };
    let scores = [
        ("overall", metrics.overall_score),
        ("completeness", metrics.completeness),
        ("consistency", metrics.consistency),
        ("validity", metrics.validity),
    ];
    let scores = scores.map(|(name, score)| (name.to_owned(), score, format!("{score:.6}")));
    let losses: Vec<(String, f64, String)> = judgement
        .explanation
        .iter()
        .take(20)
        .map(|part| {
            (
                format!("{} · {} · {}", part.dimension.name(), part.field, part.rule),
                part.loss,
                format!("{:.6}", part.loss),
            )
        })
        .collect();
    let lowered = if losses.is_empty() {
        "<p>Nothing lowers the score.</p>".to_owned()
    } else {
        format!("<h3>What lowers the score</h3>{}{}", plot::bars(&losses), parts(judgement))
    };
    let fields: String = judgement.fields.iter().map(|(name, field)| row(name, field)).collect();
    format!(
        "<h2>{}</h2><p class='{class}'>The overall score of {:.4} {verdict} the gate of {}. {} values beyond 3 standard \
         deviations, {} duplicates, {} missing values.</p>{}{lowered}<h3>Fields</h3><table><tr><th>field<th>populated\
         <th>missing<th>invalid<th>distinct<th>3-sigma<th>robust<th class='l'>values</tr>{fields}</table>{}",
        escaped(&subject(dataset.name(), judgement)),
        metrics.overall_score,
        settings.quality_gate,
        grouped(metrics.anomaly_count),
        grouped(metrics.duplicate_count),
        grouped(metrics.missing_values_count),
        plot::bars(&scores),
        unmapped(judgement) + &sentinels(judgement)
    )
}

fn parts(judgement: &Judgement) -> String {
    let rows: String = judgement
        .explanation
        .iter()
        .map(|part| {
            let examples: Vec<String> = part.examples.iter().map(ToString::to_string).collect();
            format!(
                "<tr><td>{}<td class='l'>{}<td class='l'>{}<td>{}<td>{}<td>{:.6}<td>{:.6}<td class='l'><details><summary>\
                 {}</summary>{}</details></tr>",
                part.dimension.name(),
                escaped(&part.field),
                escaped(&part.rule),
                grouped(part.violations),
                grouped(part.checks),
                part.loss,
                part.score_if_fixed,
                examples.len(),
                examples.join("<br>")
            )
        })
        .collect();
    format!(
        "<table><tr><th>dimension<th class='l'>field<th class='l'>rule<th>violations<th>checks<th>loss<th>score if fixed\
         <th class='l'>examples</tr>{rows}</table>"
    )
}

fn row(name: &str, field: &FieldReport) -> String {
    let count = |count: Option<u64>| count.map(grouped).unwrap_or_default();
    let values = match &field.quantiles {
        Some(quantiles) => format!(
            "{}min {}, median {}, p95 {}, max {}, mean {}",
            plot::histogram(&field.histogram),
            field.min.map(short).unwrap_or_default(),
            short(quantiles.p50),
            short(quantiles.p95),
            field.max.map(short).unwrap_or_default(),
            field.mean.map(short).unwrap_or_default()
        ),
        None => {
            let top: Vec<String> = field
                .top
                .iter()
                .take(6)
                .map(|top| format!("{} × {}", grouped(top.count), escaped(&top.value)))
                .collect();
            top.join("<br>")
        }
    };
    format!(
        "<tr><td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td class='l'>{values}</tr>",
        escaped(name),
        grouped(field.populated),
        grouped(field.missing.values().sum()),
        grouped(field.invalid.values().sum()),
        count(field.distinct),
        count(field.anomalies),
        count(field.robust_anomalies)
    )
}

fn unmapped(judgement: &Judgement) -> String {
    let line = |(name, count, share)| {
        format!(
            "<p>{} of the values of {} ({:.1} %) are not in the category table and are trained on as other.</p>",
            grouped(count),
            escaped(name),
            100.0 * share
        )
    };
    table::unmapped(judgement).map(line).collect()
}

fn sentinels(judgement: &Judgement) -> String {
    let rows: String = judgement
        .sentinels
        .iter()
        .flat_map(|(path, counts)| counts.iter().map(move |(value, count)| (path, value, count)))
        .map(|(path, value, count)| {
            format!("<tr><td>{}<td class='l'>{}<td>{}</tr>", escaped(path), escaped(value), grouped(*count))
        })
        .collect();
    if rows.is_empty() {
        return rows;
    }
    format!(
        "<h3>Values that stand for nothing, yet count as populated</h3><table><tr><th>where<th class='l'>value<th>records</tr>{rows}</table>"
    )
}

/// Text that cannot be taken for markup.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
