//! Versions as tables.

use serde_json::Value;

use super::datasets::{array, number, score, text, time};
use crate::report::{short, table};

pub fn prepared(answer: &Value) -> String {
    let what = if answer["created"] == false { "Nothing is new; the last version is" } else { "Prepared:" };
    format!(
        "{what} v{} of {}, {} counted, {}\n{}",
        text(&answer["version"]),
        text(&answer["dataset_type"]),
        number(&answer["data_count"]),
        text(&answer["manifest"]),
        load(&answer["manifest"]),
    )
}

pub fn all(answer: &Value) -> String {
    let rows = array(answer, "versions").iter().map(|version| {
        [
            format!("v{}", text(&version["version"])),
            time(&version["created_at"]),
            number(&version["rows"]),
            number(&version["input_events"]),
            number(&version["new_events"]),
            score(&version["quality_score"]),
            text(&version["forced"]),
        ]
    });
    table(["version", "made", "rows", "events", "of them new", "quality", "forced"], rows, &[2, 3, 4, 5]).to_string()
}

pub fn one(version: &Value) -> String {
    let files = array(&version["links"], "files").iter().map(|file| {
        [
            text(&file["path"]),
            text(&file["split"]),
            number(&file["rows"]),
            number(&file["bytes"]),
            text(&file["sha256"]),
        ]
    });
    format!(
        "v{} of {}, made {}, quality {}\n{}\n{}",
        text(&version["version"]),
        text(&version["dataset_type"]),
        time(&version["created_at"]),
        score(&version["quality_score"]),
        table(["file", "split", "rows", "bytes", "sha256"], files, &[2, 3]),
        load(&version["manifest"]),
    )
}

/// Columns of drift that are shown: those that have moved most.
const MOST_MOVED: usize = 12;

/// What was added and what is gone, and the columns that have moved most.
pub fn diff(answer: &Value) -> String {
    let changes = answer["changes"].as_object().into_iter().flatten();
    let changes = changes.map(|(name, count)| [name.replace('_', " "), number(count)]);
    let mut moved: Vec<&Value> = array(answer, "drift").iter().collect();
    let psi = |column: &Value| column["psi"].as_f64().unwrap_or_default();
    moved.sort_by(|a, b| psi(b).total_cmp(&psi(a)));
    let more = moved.len().saturating_sub(MOST_MOVED);
    let target = Some(&answer["target"]).filter(|target| target.is_object());
    let rows = target.into_iter().chain(moved.into_iter().take(MOST_MOVED)).map(|column| {
        let figure = |name: &str| column[name].as_f64().map_or_else(|| "–".to_owned(), short);
        let name = text(&column["column"]);
        let name = if column.get("target").is_some() { format!("{name} (target)") } else { name };
        [name, figure("mean_before"), figure("mean_after"), figure("psi")]
    });
    let mut lines = vec![
        format!("From v{} to v{}:", text(&answer["from"]), text(&answer["to"])),
        table(["what", "count"], changes, &[1]).to_string(),
        "The columns that have moved most, by the population stability index (from 0.25 on it is much):".to_owned(),
        table(["column", "mean before", "mean after", "psi"], rows, &[1, 2, 3]).to_string(),
    ];
    if more > 0 {
        lines.push(format!("{more} more columns; --format json shows all."));
    }
    lines.join("\n")
}

/// The line of Python that loads a version.
fn load(manifest: &Value) -> String {
    let folder = text(manifest).trim_end_matches("manifest.json").to_owned();
    format!("    import pandas; data = pandas.read_parquet(\"{folder}data/\")")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn a_difference_shows_what_moved_most_first() {
        let drift: Vec<_> = (0..20)
            .map(|n| json!({"column": format!("c{n}"), "psi": f64::from(n) / 10.0, "mean_before": 1.0, "mean_after": 2.5}))
            .collect();
        let shown = super::diff(&json!({
            "from": 1, "to": 2, "changes": {"rows_added": 1234, "rows_gone": 0}, "drift": drift,
            "target": {"target": "label", "column": "label", "psi": 0.0, "mean_before": 0.5, "mean_after": 0.5},
        }));
        assert!(shown.contains("1,234") && shown.contains("label (target)"), "{shown}");
        let place = |name: &str| shown.find(&format!("│ {name} ")).unwrap_or_else(|| panic!("no {name}: {shown}"));
        assert!(place("label (target)") < place("c19") && place("c19") < place("c18"));
        assert!(!shown.contains("│ c7 ") && shown.contains("8 more columns"), "{shown}");
    }
}
