//! `README.md`: the dataset card. Its head tells Hugging Face's `datasets` which
//! files are which split; the rest is for people.

use std::fmt::Write;

use serde_json::Value;

use super::words::{self, grouped};
use crate::preparation::{Manifest, Split};

pub fn card(manifest: &Manifest) -> String {
    let lineage = &manifest.lineage;
    let dataset = lineage.dataset;
    let mut card = String::from("---\nconfigs:\n");
    for (place, table) in manifest.tables.iter().enumerate() {
        // The library caches by this name and that of the folder, which many versions
        // share: only the digest tells them apart.
        let name = format!("{dataset}-{}-{}", table.table, short(&manifest.digest));
        let default = if place == 0 { "  default: true\n" } else { "" };
        let _ = write!(card, "- config_name: {name}\n{default}  data_files:\n");
        for split in Split::ALL.into_iter().filter(|split| is_in_its_table(manifest, &table.table, *split)) {
            let _ = writeln!(card, "  - split: {0}\n    path: {1}/{0}-*.parquet", split.name(), table.table);
        }
    }
    let _ = write!(
        card,
        "---\n\n# fincoach-{dataset}, version {}\n\n{}\n\nA row of `data/` is {}. The column to predict, or the reward, is `{}`.\n\n",
        lineage.version.0,
        words::description(dataset),
        words::row(dataset),
        manifest.target,
    );
    card.push_str(
        "```python\nimport pandas, polars, duckdb, datasets\n\n\
         pandas.read_parquet(\"data\")\n\
         polars.read_parquet(\"data/*.parquet\")\n\
         duckdb.sql(\"SELECT * FROM 'data/*.parquet'\")\n\
         datasets.load_dataset(\"parquet\", data_dir=\"data\")\n```\n\n",
    );
    splits(&mut card, manifest);
    columns(&mut card, manifest);
    quality(&mut card, manifest);
    let _ = write!(
        card,
        "## Where it comes from\n\n\
         - {} events of the epochs {} to {}; {} of them are new since {}.\n\
         - The latest of them is of {}: the *cut*. Nothing is computed from anything later.\n\
         - Digest {}; configuration {}; feature set {}; category table {}; written by version {} of the program.\n",
        grouped(lineage.input.events),
        lineage.first_epoch,
        lineage.last_epoch,
        grouped(lineage.new.events),
        lineage.parent.map_or_else(|| "the beginning".to_owned(), |parent| format!("version {}", parent.0)),
        manifest.statistics.get("cut").and_then(Value::as_str).unwrap_or("no believable time"),
        short(&manifest.digest),
        short(&lineage.configuration_hash),
        short(&manifest.feature_set.hash),
        short(&manifest.category_table_hash),
        manifest.code_version,
    );
    if let Some(reason) = &lineage.forced {
        let _ = writeln!(card, "- It was asked for with the reason: {}", one_line(reason));
    }
    card.push_str(
        "\n## Privacy\n\nUsers are keyed pseudonyms, useless outside the deployment. Free text, places, and the context \
         that senders attach are not in it. It is still personal data: treat it as such.\n",
    );
    card
}

/// Whether the files of a split lie in the folder of their table: those of a split
/// without rows do not.
fn is_in_its_table(manifest: &Manifest, table: &str, split: Split) -> bool {
    let of_split = manifest.files.iter().filter(|file| file.table == table && file.split == split);
    of_split.into_iter().any(|file| file.path.strip_prefix(table).is_some_and(|rest| rest.starts_with('/')))
}

fn splits(card: &mut String, manifest: &Manifest) {
    let tables: Vec<&str> = manifest.tables.iter().map(|table| table.table.as_str()).collect();
    let _ = writeln!(
        card,
        "## Splits\n\n| split | users | {} |\n|---|--:|{}",
        tables.join(" | "),
        "--:|".repeat(tables.len())
    );
    let counts = |split: Split, of: &str| manifest.statistics["splits"][split.name()][of].as_u64().unwrap_or_default();
    for split in Split::ALL {
        let rows: Vec<String> = tables.iter().map(|table| grouped(counts(split, table))).collect();
        let _ = writeln!(card, "| {} | {} | {} |", split.name(), grouped(counts(split, "users")), rows.join(" | "));
    }
    if manifest.files.iter().any(|file| !is_in_its_table(manifest, &file.table, file.split)) {
        card.push_str("\nA split without rows is a file with the schema below `empty/`: `datasets` cannot load one.\n");
    }
    let certificate = &manifest.certificate;
    card.push_str("\nA user is on one side only, by a keyed hash, and stays there from version to version.");
    if let (Some(column), Some(days)) = (&certificate.split_in_time_by, certificate.horizon_days) {
        let _ = write!(
            card,
            " The last {days} days before the cut are marked `horizon` in `{column}`: measure forecasts there."
        );
    }
    let _ = write!(
        card,
        " Checked while writing: {} subjects on one side each, {} rows with features from nothing later, {} labels after their row.\n\n",
        grouped(certificate.subjects),
        grouped(certificate.rows_with_features_as_of),
        grouped(certificate.rows_with_later_label),
    );
}

fn columns(card: &mut String, manifest: &Manifest) {
    card.push_str("## Columns\n\n");
    for table in &manifest.tables {
        let _ = writeln!(card, "`{}/`, sorted by {}:\n", table.table, table.sorted_by.join(", "));
        card.push_str("| column | type | null |\n|---|---|---|\n");
        for column in &table.columns {
            let null = if column.nullable { "where not known" } else { "never" };
            let _ = writeln!(card, "| {} | {} | {null} |", column.name, column.data_type);
        }
        card.push('\n');
    }
}

fn quality(card: &mut String, manifest: &Manifest) {
    card.push_str("## Quality\n\n");
    let metrics = &manifest.quality["metrics"];
    let Some(overall) = metrics["overall_score"].as_f64() else {
        card.push_str("Not assessed: there are no records.\n\n");
        return;
    };
    let _ = writeln!(
        card,
        "Overall {overall:.4} (completeness {:.4}, consistency {:.4}, validity {:.4}), of the very records in this version. `quality.json` says what lowered it.\n",
        metrics["completeness"].as_f64().unwrap_or_default(),
        metrics["consistency"].as_f64().unwrap_or_default(),
        metrics["validity"].as_f64().unwrap_or_default(),
    );
}

fn short(hash: &str) -> &str {
    hash.get(..16).unwrap_or(hash)
}

/// What somebody wrote must not become markup.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || "`<>[]|*_#".contains(c) { ' ' } else { c }).collect()
}
