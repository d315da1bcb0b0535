//! Versions as tables.

use serde_json::Value;

use super::datasets::{array, number, score, text};
use crate::report::table;

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
            text(&version["created_at"]),
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
        text(&version["created_at"]),
        score(&version["quality_score"]),
        table(["file", "split", "rows", "bytes", "sha256"], files, &[2, 3]),
        load(&version["manifest"]),
    )
}

/// Every figure that differs, by its path.
pub fn diff(answer: &Value) -> String {
    let mut rows = Vec::new();
    for part in ["changes", "drift", "target"] {
        leaves(part, &answer[part], &mut rows);
    }
    let title = format!("From v{} to v{}:", text(&answer["from"]), text(&answer["to"]));
    format!("{title}\n{}", table(["what", "value"], rows, &[1]))
}

fn leaves(path: &str, value: &Value, rows: &mut Vec<[String; 2]>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| leaves(&format!("{path}.{name}"), value, rows)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(place, item)| leaves(&format!("{path}[{place}]"), item, rows));
        }
        leaf => rows.push([path.to_owned(), number(leaf)]),
    }
}

/// The line of Python that loads a version.
fn load(manifest: &Value) -> String {
    let folder = text(manifest).trim_end_matches("manifest.json").to_owned();
    format!("    import pandas; data = pandas.read_parquet(\"{folder}data/\")")
}
