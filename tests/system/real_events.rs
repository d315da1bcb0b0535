//! Real events of real people, where they are at hand; else these tests say that
//! they skip them.

use serde_json::Value;

use crate::support::{program, real_events, run};

fn manifest(folder: &std::path::Path) -> Value {
    let path = folder.join("s3/fincoach-learning/prepared/spending/v000001/manifest.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn a_shop_fills_spending_once() {
    let Some((path, lines)) = real_events("transactions_online_retail.ndjson.gz") else { return };
    assert_eq!(lines.iter().filter(|byte| **byte == b'\n').count(), 22_190);
    let folder = tempfile::tempdir().unwrap();
    let file = path.to_str().unwrap();
    let (ok, out, err) = run(&mut program(folder.path(), &["--exit", "--events", file]));
    assert!(ok && out.contains("22,190 events accepted"), "{out}{err}");
    let statistics = &manifest(folder.path())["statistics"];
    assert_eq!((&statistics["transaction_count"], &statistics["user_count"]), (&22_190.into(), &4_372.into()));

    let counts = |out: &str| {
        let rows = out.lines().filter(|line| line.starts_with('│'));
        rows.map(|line| line.split('┆').skip(2).collect::<String>()).collect::<Vec<_>>()
    };
    let (ok, again, _) = run(&mut program(folder.path(), &["--exit", "--events", file]));
    assert!(ok && again.contains("0 events accepted (0 with warnings), 22,190 duplicates"), "{again}");
    assert_eq!(counts(&again), counts(&out), "no count and no version changes");
}

#[test]
fn transactions_of_nobody_are_kept_in_quarantine() {
    let Some((path, _)) = real_events("transactions_online_retail_missing_user.ndjson.gz") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (ok, out, _) =
        run(&mut program(folder.path(), &["--exit", "--allow-rejected", "--events", path.to_str().unwrap()]));
    assert!(ok && out.contains("3,710 rejected") && out.contains("3,710 × user_id missing"), "{out}");
    let (_, listed, _) = run(&mut program(folder.path(), &["quarantine", "--json"]));
    assert_eq!(listed.lines().count(), 3_710);
}

#[test]
fn a_real_account_shows_its_missing_categories() {
    let Some((path, _)) = real_events("transactions_moneyvis.ndjson.gz") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (ok, out, _) = run(&mut program(folder.path(), &["--exit", "--events", path.to_str().unwrap()]));
    assert!(ok && out.contains("6,567 events accepted (24 with warnings)"), "{out}");
    let quality = &manifest(folder.path())["quality"]["metrics"];
    assert_eq!(quality["missing_values_count"], 24);
    assert_eq!(quality["completeness"].as_f64().unwrap(), 1.0 - 24.0 / (4.0 * 6_567.0));
}
