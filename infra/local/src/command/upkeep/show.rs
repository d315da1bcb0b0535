//! What was done, for people.

use serde_json::Value;

use super::super::datasets::{array, number, text, time};
use crate::report::table;

pub fn replayed(answer: &Value) -> String {
    format!(
        "{} accepted, {} stored already, {} still in quarantine",
        number(&answer["accepted"]),
        number(&answer["duplicates"]),
        number(&answer["rejected"]),
    )
}

pub fn receipt(receipt: &Value) -> String {
    let mut lines = vec![
        format!("Receipt {}: the data of user {} are erased.", text(&receipt["erasure_id"]), text(&receipt["user_id"])),
        format!(
            "{} events and {} originals in quarantine, asked for at {}, gone at {}.",
            number(&receipt["events"]),
            number(&receipt["quarantined"]),
            time(&receipt["requested_at"]),
            time(&receipt["erased_at"]),
        ),
    ];
    let versions = array(receipt, "versions");
    if versions.is_empty() {
        lines.push("No prepared version held anything of the user.".to_owned());
    } else {
        let rows = versions.iter().map(|part| {
            let withdrawn: Vec<String> = array(part, "withdrawn").iter().map(|version| format!("v{version}")).collect();
            let models: Vec<String> = array(part, "models")
                .iter()
                .map(|model| {
                    format!("{} {} (v{})", text(&model["model_id"]), text(&model["model_version"]), model["version"])
                })
                .collect();
            let successor = part["successor"].as_u64().map_or_else(|| "–".to_owned(), |version| format!("v{version}"));
            let or_none = |list: Vec<String>| if list.is_empty() { "–".to_owned() } else { list.join(", ") };
            [text(&part["dataset"]), or_none(withdrawn), successor, or_none(models)]
        });
        lines.push(table(["dataset", "withdrawn", "replaced by", "trained on them"], rows, &[]).to_string());
    }
    lines.push("Not covered:".to_owned());
    lines.extend(array(receipt, "not_covered").iter().map(|what| format!("  {}", text(what))));
    lines.join("\n")
}
