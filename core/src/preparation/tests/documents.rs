use super::*;
use crate::dataset::{Epoch, Version};

fn manifest(dataset: Dataset, users: &[(u128, Vec<StoredEvent>)]) -> (Manifest, Vec<TableProfile>) {
    let (prepared, _folder) = write_of(dataset, users);
    let lineage = Lineage {
        dataset,
        version: Version(3),
        first_epoch: Epoch::FIRST,
        last_epoch: Epoch(3),
        input: Default::default(),
        new: Default::default(),
        parent: Some(Version(2)),
        configuration_hash: "c".repeat(64),
        forced: Some("<script>alert(1)</script>".to_owned()),
    };
    let quality = json!({
        "metrics": {"overall_score": 0.9, "completeness": 1.0, "consistency": 0.8, "validity": 0.9},
        "explanation": [{"field": "a<b", "rule": "r", "violations": 3, "loss": 0.1}],
    });
    (Manifest::new(lineage, &prepared, quality), prepared.profiles)
}

fn named(dataset: Dataset, path: &str) -> String {
    let segment = json!({"segment_id": 1, "segment_name": "<b>bold</b>"});
    let mut events: Vec<_> = (0..12u128)
        .map(|n| transaction(n + 1, &format!("2026-01-{:02}T09:00:00Z", 2 * n + 1), json!(n), "debit", json!("Rent")))
        .collect();
    events.push(event(99, "user_segment_update", "2026-01-20T00:00:00Z", segment));
    let (manifest, profiles) = manifest(dataset, &[(1, events)]);
    let documents = documents(&manifest, &profiles);
    String::from_utf8(documents.into_iter().find(|document| document.path == path).unwrap().content).unwrap()
}

#[test]
fn the_report_opens_offline_and_holds_no_markup_of_others() {
    for dataset in Dataset::all() {
        let report = named(dataset, "report.html");
        assert!(report.contains("<svg") || dataset != Dataset::SEGMENTATION, "{dataset}");
        for outside in ["http://", "https://", "<script", "<link", "src=", "<b>bold", "a<b"] {
            assert!(!report.contains(outside), "{outside} is in the report of {dataset}");
        }
    }
    assert!(named(Dataset::SEGMENTATION, "report.html").contains("&lt;b&gt;bold"));
}

#[test]
fn the_card_names_every_column_and_the_splits_of_every_table() {
    for dataset in Dataset::all() {
        let card = named(dataset, "README.md");
        let (manifest, _) = manifest(dataset, &[]);
        for table in &manifest.tables {
            assert!(card.contains(&format!("path: {}/train-*.parquet", table.table)));
            for column in &table.columns {
                assert!(card.contains(&format!("| {} |", column.name)), "{} of {dataset}", column.name);
            }
        }
        assert!(!card.contains("<script"));
    }
}

#[test]
fn croissant_lists_every_file_with_its_checksum_and_every_column() {
    let croissant: Value = serde_json::from_str(&named(Dataset::RECOMMENDATION, "croissant.json")).unwrap();
    let distribution = croissant["distribution"].as_array().unwrap();
    assert_eq!(distribution.iter().filter(|one| one["@type"] == "cr:FileObject").count(), 3);
    assert!(distribution.iter().all(|one| one["@type"] == "cr:FileSet" || one["sha256"].as_str().unwrap().len() == 64));
    let fields = croissant["recordSet"][0]["field"].as_array().unwrap();
    let observation = fields.iter().find(|field| field["@id"] == "data/observation").unwrap();
    assert_eq!((&observation["dataType"], &observation["arrayShape"]), (&json!("cr:Float32"), &json!("35")));
}

#[test]
fn statistics_hold_the_profiles_that_drift_is_measured_by() {
    let statistics: Value = serde_json::from_str(&named(Dataset::SPENDING, "statistics.json")).unwrap();
    let tables: Vec<TableProfile> = serde_json::from_value(statistics["tables"].clone()).unwrap();
    let y = tables[0].columns.iter().find(|profile| profile.column == "y").unwrap();
    assert_eq!(y.numbers.as_ref().unwrap().count, statistics["day_count"].as_u64().unwrap());
}
