//! The documents beside a version's data: each for another reader, all made of the
//! manifest and the profiles, without any wall clock.

mod card;
mod croissant;
mod report;
mod words;

use serde_json::{Value, json};

pub use words::grouped;

use super::{Manifest, TableProfile};

/// A file beside `data/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Relative to the version.
    pub path: &'static str,
    pub content_type: &'static str,
    pub content: Vec<u8>,
}

/// Everything but the manifest itself, which is written last.
pub fn documents(manifest: &Manifest, profiles: &[TableProfile]) -> Vec<Document> {
    let mut statistics = manifest.statistics.clone();
    statistics.insert("tables".to_owned(), json!(profiles));
    let text = |path, content_type, content: String| Document { path, content_type, content: content.into_bytes() };
    vec![
        text("statistics.json", "application/json", pretty(&Value::Object(statistics))),
        text("quality.json", "application/json", pretty(&manifest.quality)),
        text("croissant.json", "application/ld+json", pretty(&croissant::croissant(manifest))),
        text("README.md", "text/markdown; charset=utf-8", card::card(manifest)),
        text("report.html", "text/html; charset=utf-8", report::report(manifest, profiles)),
    ]
}

/// Indented, with a line end.
fn pretty(json: &Value) -> String {
    format!("{json:#}\n")
}
