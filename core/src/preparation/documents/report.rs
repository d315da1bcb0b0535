//! `report.html`: the version for the eye, in one file that needs no network.

use std::fmt::Write;

use serde_json::Value;

use super::words::{self, grouped};
use crate::preparation::{Histogram, Manifest, Profile, Split, TableProfile};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}\
    h1{margin-bottom:0}table{border-collapse:collapse;margin:.5rem 0}td,th{border-bottom:1px solid #d8dee4;padding:.2rem .8rem;\
    text-align:right}td:first-child,th:first-child{text-align:left}.plots{display:grid;\
    grid-template-columns:repeat(auto-fill,minmax(15rem,1fr));gap:1rem}figure{margin:0}figcaption{font-size:13px}\
    svg{width:100%;height:5rem;background:#f6f8fa}rect{fill:#0969da}.note{color:#57606a}\
    @media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}svg{background:#161b22}td,th{border-color:#30363d}}";

pub fn report(manifest: &Manifest, profiles: &[TableProfile]) -> String {
    let lineage = &manifest.lineage;
    let title = format!("fincoach-{}, version {}", lineage.dataset, lineage.version.0);
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style></head><body>\n\
         <h1>{title}</h1>\n<p>{}</p>\n<p class=\"note\">{} events, cut {}, digest {}</p>\n",
        words::description(lineage.dataset),
        grouped(lineage.input.events),
        escape(manifest.statistics.get("cut").and_then(Value::as_str).unwrap_or("–")),
        manifest.digest,
    );
    splits(&mut html, manifest);
    quality(&mut html, manifest);
    counts(&mut html, manifest);
    for table in profiles {
        let _ = write!(html, "<h2>Columns of {}/</h2>\n<div class=\"plots\">\n", table.table);
        for profile in &table.columns {
            plot(&mut html, profile);
        }
        html.push_str("</div>\n");
    }
    html.push_str("</body></html>\n");
    html
}

fn splits(html: &mut String, manifest: &Manifest) {
    html.push_str("<h2>Splits</h2>\n<table><tr><th>split</th><th>users</th>");
    for table in &manifest.tables {
        let _ = write!(html, "<th>{}</th>", table.table);
    }
    html.push_str("</tr>\n");
    for split in Split::ALL {
        let counts = &manifest.statistics["splits"][split.name()];
        let _ = write!(html, "<tr><td>{}</td><td>{}</td>", split.name(), number(&counts["users"]));
        for table in &manifest.tables {
            let _ = write!(html, "<td>{}</td>", number(&counts[table.table.as_str()]));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</table>\n");
}

fn number(value: &Value) -> String {
    value.as_u64().map_or_else(|| "–".to_owned(), grouped)
}

fn quality(html: &mut String, manifest: &Manifest) {
    html.push_str("<h2>Quality</h2>\n");
    let metrics = &manifest.quality["metrics"];
    if metrics["overall_score"].as_f64().is_none() {
        html.push_str("<p>Not assessed: there are no records.</p>\n");
        return;
    }
    html.push_str("<table>");
    for name in ["overall_score", "completeness", "consistency", "validity"] {
        let _ = writeln!(html, "<tr><td>{name}</td><td>{:.4}</td></tr>", metrics[name].as_f64().unwrap_or_default());
    }
    html.push_str("</table>\n");
    let explanation = manifest.quality["explanation"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !explanation.is_empty() {
        html.push_str("<p>What lowered it most:</p>\n<table><tr><th>field</th><th>rule</th><th>violations</th><th>loss</th></tr>\n");
    }
    for contribution in explanation.iter().take(10) {
        let _ = writeln!(
            html,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{:.5}</td></tr>",
            escape(contribution["field"].as_str().unwrap_or_default()),
            escape(contribution["rule"].as_str().unwrap_or_default()),
            number(&contribution["violations"]),
            contribution["loss"].as_f64().unwrap_or_default(),
        );
    }
    if !explanation.is_empty() {
        html.push_str("</table>\n");
    }
}

/// Whatever numbers the dataset tells of itself.
fn counts(html: &mut String, manifest: &Manifest) {
    html.push_str("<h2>Counts</h2>\n<table>");
    for (name, value) in &manifest.statistics {
        match value {
            Value::Number(number) => {
                let _ = writeln!(html, "<tr><td>{}</td><td>{number}</td></tr>", escape(name));
            }
            Value::Object(counts) if name != "splits" => {
                for (word, count) in counts {
                    let _ = writeln!(html, "<tr><td>{}: {}</td><td>{count}</td></tr>", escape(name), escape(word));
                }
            }
            _ => {}
        }
    }
    html.push_str("</table>\n");
}

/// A column as a histogram or as bars, with a line of figures.
fn plot(html: &mut String, profile: &Profile) {
    let (bars, figures): (Vec<(String, u64)>, String) = match (&profile.numbers, &profile.texts) {
        (Some(numbers), _) if numbers.count > 0 => {
            let sd = numbers.standard_deviation().map_or_else(|| "–".to_owned(), |sd| format!("{sd:.4}"));
            let figures =
                format!("mean {:.4}, sd {sd}, from {:.4} to {:.4}", numbers.mean, numbers.minimum, numbers.maximum);
            (bins(&numbers.histogram), figures)
        }
        (_, Some(texts)) if !texts.is_empty() => {
            let bars = texts.iter().map(|(word, count)| (word.clone(), *count)).collect();
            (bars, format!("{} words", texts.len()))
        }
        _ => return,
    };
    let most = bars.iter().map(|(_, count)| *count).max().unwrap_or(1).max(1) as f64;
    let width = 100.0 / bars.len() as f64;
    let _ = write!(html, "<figure><svg viewBox=\"0 0 100 40\" preserveAspectRatio=\"none\" role=\"img\">");
    for (place, (label, count)) in bars.iter().enumerate() {
        let height = *count as f64 / most * 38.0;
        let _ = write!(
            html,
            "<rect x=\"{:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{height:.2}\"><title>{}: {count}</title></rect>",
            place as f64 * width,
            40.0 - height,
            width * 0.9,
            escape(label),
        );
    }
    let nulls = if profile.nulls > 0 { format!(", {} null", grouped(profile.nulls)) } else { String::new() };
    let _ = writeln!(
        html,
        "</svg><figcaption><b>{}</b><br>{figures}{nulls}</figcaption></figure>",
        escape(&profile.column)
    );
}

/// At most forty bars: neighbouring buckets are drawn as one.
fn bins(histogram: &Histogram) -> Vec<(String, u64)> {
    const BARS: usize = 40;
    let buckets: Vec<(f64, u64)> = histogram.iter().collect();
    let together = buckets.len().div_ceil(BARS).max(1);
    buckets
        .chunks(together)
        .map(|chunk| (format!("from {:.4}", chunk[0].0), chunk.iter().map(|(_, count)| count).sum()))
        .collect()
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped
}
