//! The main job: from nothing to prepared data.

use crate::support::{program, run};

#[test]
fn the_bundled_sample_is_replayed_once_and_prepared() {
    let folder = tempfile::tempdir().unwrap();
    let key = "cd".repeat(32);
    let (ok, out, err) = run(program(folder.path(), &["--exit"]).env("LEARNING_PSEUDONYM_KEY", &key));
    assert!(ok, "{err}");
    let row = |dataset: &str| out.lines().find(|line| line.contains(&format!("│ {dataset} "))).unwrap().to_owned();
    assert!(row("spending").contains("v000001"), "{out}");
    for dataset in ["recommendation", "segmentation", "goal"] {
        assert!(row(dataset).contains("ready"), "{out}");
    }
    assert!(out.contains("pandas.read_parquet("), "{out}");
    let version = folder.path().join("s3/fincoach-learning/prepared/spending/v000001");
    let manifest = std::fs::read_to_string(version.join("manifest.json")).unwrap();
    for entry in std::fs::read_dir(version.join("data")).unwrap() {
        assert_eq!(entry.unwrap().path().extension().unwrap(), "parquet", "nothing but Parquet lies under data/");
    }

    let (ok, again, _) = run(program(folder.path(), &["--exit"]).env("LEARNING_PSEUDONYM_KEY", &key));
    assert!(ok && again.contains("nothing is replayed"), "{again}");
    assert!(again.contains("v000001"), "{again}");

    // The same events and the same key give the same bytes on another machine.
    let elsewhere = tempfile::tempdir().unwrap();
    let (ok, ..) = run(program(elsewhere.path(), &["--exit"]).env("LEARNING_PSEUDONYM_KEY", &key));
    assert!(ok);
    let other = elsewhere.path().join("s3/fincoach-learning/prepared/spending/v000001/manifest.json");
    assert_eq!(manifest, std::fs::read_to_string(other).unwrap());
}
