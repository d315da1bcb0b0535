//! How things stand, for people.

use std::path::Path;

use anyhow::Result;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use learning_core::dataset::Dataset;
use learning_core::event::FaultCode;
pub use learning_core::preparation::grouped;
use learning_core::store::{Quarantined, VersionRecord, Versions};
use learning_core::usecase::Overview;

use crate::exports::exports;
use crate::replay::{Counts, Tally};
use crate::stack::Stack;

/// What a replay did, in a few lines.
pub fn replay(tally: &Tally) -> String {
    let mut lines = vec![format!(
        "{} events accepted ({} with warnings), {} duplicates, {} rejected.",
        grouped(tally.accepted),
        grouped(tally.warned),
        grouped(tally.duplicates),
        grouped(tally.refused()),
    )];
    if tally.sources.len() > 1 {
        lines.extend(tally.sources.iter().map(|(name, counts)| {
            let Counts { accepted, duplicates, rejected } = *counts;
            let [accepted, duplicates, rejected] = [accepted, duplicates, rejected].map(grouped);
            format!("  {name}: {accepted} accepted, {duplicates} duplicates, {rejected} rejected")
        }));
    }
    if !tally.differing.is_none() {
        lines.push(format!(
            "  duplicates: {} have other content than the event of the same id, which stands: {}",
            grouped(tally.differing.events),
            tally.differing.names(),
        ));
    }
    let mut rejected = tally.rejected.clone();
    for line in &tally.broken {
        *rejected.entry(broken(line.fault.code).to_owned()).or_default() += 1;
    }
    lines.extend(rejected.iter().map(|(reason, count)| format!("  rejected: {} × {reason}", grouped(*count))));
    lines.extend(tally.unreadable.iter().map(|problem| format!("  not read to its end: {problem}")));
    if tally.quarantined() > 0 {
        lines.push("  What was rejected is in quarantine with its reasons: `cargo run -- quarantine` lists it.".into());
    }
    lines.join("\n")
}

/// Why a line was not sent.
fn broken(code: FaultCode) -> &'static str {
    match code {
        FaultCode::WrongEncoding => "line that is not UTF-8",
        FaultCode::TooLarge => "line that is too long",
        _ => "broken line",
    }
}

/// The datasets as a table, with the newest version of each and how to load it.
///
/// # Errors
/// Whatever the store says.
pub async fn datasets(stack: &Stack, data_dir: &Path, tally: Option<&Tally>) -> Result<String> {
    let versions = Versions::new(&stack.clients);
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["dataset", "new events", "counted / threshold", "quality", "state", "version", "rows"]);
    for column in [1, 2, 3, 6] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut notes = Vec::new();
    for overview in stack.overviews().await? {
        let dataset = overview.head.dataset;
        let version = match overview.head.last_version {
            Some(version) => versions.read(dataset, version).await?,
            None => None,
        };
        let fed = tally.map_or(0, |tally| tally.fed.get(dataset.name()).copied().unwrap_or_default());
        table.add_row([
            dataset.name().to_owned(),
            if tally.is_some() { grouped(fed) } else { "–".to_owned() },
            format!("{} / {}", grouped(overview.open.counting), grouped(stack.settings.threshold(dataset))),
            overview.quality_score().map_or_else(|| "not assessed".to_owned(), |score| format!("{score:.4}")),
            overview.head.state.name().to_owned(),
            version.as_ref().map_or_else(|| "–".to_owned(), |version| version.version.to_string()),
            version.as_ref().map_or_else(|| "–".to_owned(), |version| grouped(version.rows)),
        ]);
        notes.push(note(&overview, version.as_ref(), stack, data_dir));
    }
    Ok(format!("{table}\n{}", notes.join("\n")))
}

/// Where the files of a dataset lie and how to load them, or what it waits for.
fn note(overview: &Overview, version: Option<&VersionRecord>, stack: &Stack, data_dir: &Path) -> String {
    let dataset = overview.head.dataset;
    let Some(version) = version else { return format!("{dataset}: {}", waits_for(overview, stack)) };
    let key = version.manifest.trim_end_matches("manifest.json");
    let folder = data_dir.join("s3").join(&stack.settings.resources.bucket).join(key);
    format!(
        "{dataset}: {}\n    import pandas; {} = pandas.read_parquet(\"{}\")",
        folder.display(),
        rows_are(dataset),
        folder.join("data").display()
    )
}

/// What one row of a dataset's `data/` is, as a name for a variable.
fn rows_are(dataset: Dataset) -> &'static str {
    match dataset {
        Dataset::RECOMMENDATION => "decisions",
        Dataset::SEGMENTATION => "users",
        Dataset::SPENDING => "days",
        Dataset::GOAL => "goals",
        _ => "rows",
    }
}

fn waits_for(overview: &Overview, stack: &Stack) -> String {
    let readiness = overview.readiness(&stack.settings);
    if readiness.ready && !overview.head.dataset.spec().preparable {
        return "ready to train on; this build knows no rows of it and cannot prepare it.".to_owned();
    }
    let failed: Vec<&str> =
        readiness.gates.iter().filter(|gate| !gate.passed).map(|gate| gate.explanation.as_str()).collect();
    if failed.is_empty() { "ready.".to_owned() } else { failed.join(" ") }
}

/// Quarantine as a table, one line each.
pub fn quarantine(all: &[Quarantined]) -> String {
    if all.is_empty() {
        return "Nothing is in quarantine.".to_owned();
    }
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["from", "line", "reasons"]);
    for one in all {
        let reasons: Vec<&str> = one.errors.iter().map(|fault| fault.message.as_str()).collect();
        table.add_row([one.origin.source.clone(), one.origin.line.to_string(), reasons.join("; ")]);
    }
    format!("{table}\n{} in quarantine.", grouped(all.len() as u64))
}

/// The addresses of a running stack, and what a shell needs to reach its engines.
pub fn addresses(stack: &Stack, data_dir: &Path) -> String {
    format!(
        "API       {api}/coaching/events, {api}/coaching/continuous-learning/status\n\
         S3        {s3}  bucket {bucket}\n\
         DynamoDB  {dynamodb}\n\
         bus       {bus}\n\
         data      {folder}\n\n\
         To reach S3, DynamoDB and the bus from a shell or from Python (`env` prints this again):\n{exports}",
        api = stack.api,
        s3 = stack.engines.s3,
        bucket = stack.settings.resources.bucket,
        dynamodb = stack.engines.dynamodb,
        bus = stack.engines.bus,
        folder = data_dir.display(),
        exports = exports(&stack.api, &stack.engines.endpoints()),
    )
}

/// A table for people; the columns in `right` hold numbers.
pub fn table<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>, right: &[usize]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header);
    rows.into_iter().for_each(|row| {
        table.add_row(row);
    });
    for column in right {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// A number with four digits, or as many as stand before its point.
pub fn short(number: f64) -> String {
    match number.abs() {
        0.0 => "0".to_owned(),
        size if !(1e-4..1e9).contains(&size) => format!("{number:.3e}"),
        size => {
            let decimals = (3 - size.log10().floor() as i32).max(0) as usize;
            let text = format!("{number:.decimals$}");
            if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_are_short() {
        for (number, text) in [
            (0.0, "0"),
            (12.5, "12.5"),
            (-1234.5678, "-1235"),
            (0.012_341, "0.01234"),
            (1e12, "1.000e12"),
            (168_469.6, "168470"),
        ] {
            assert_eq!(super::short(number), text);
        }
    }
}
