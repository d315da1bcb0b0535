//! The main job: from nothing to prepared data.

use std::path::Path;

use crate::support::{program, run};

const DATASETS: [&str; 4] = ["recommendation", "segmentation", "spending", "goal"];

#[test]
fn the_bundled_sample_is_replayed_once_and_prepared() {
    let folder = tempfile::tempdir().unwrap();
    let key = "cd".repeat(32);
    let (ok, out, err) = run(program(folder.path(), &["--exit"]).env("LEARNING_PSEUDONYM_KEY", &key));
    assert!(ok, "{err}");
    let row = |dataset: &str| out.lines().find(|line| line.contains(&format!("│ {dataset} "))).unwrap().to_owned();
    let version = |folder: &Path, dataset| folder.join(format!("s3/fincoach-learning/prepared/{dataset}/v000001"));
    for dataset in DATASETS {
        assert!(row(dataset).contains("v000001"), "{out}");
        let data = version(folder.path(), dataset).join("data");
        assert!(out.contains(&format!("pandas.read_parquet(\"{}\")", data.display())), "{out}");
        for entry in std::fs::read_dir(data).unwrap() {
            assert_eq!(entry.unwrap().path().extension().unwrap(), "parquet", "nothing but Parquet lies under data/");
        }
    }

    let (ok, again, _) = run(program(folder.path(), &["--exit"]).env("LEARNING_PSEUDONYM_KEY", &key));
    assert!(ok && again.contains("nothing is replayed"), "{again}");
    assert!(again.contains("v000001"), "{again}");

    // The same events and the same key give the same bytes on another machine.
    let elsewhere = tempfile::tempdir().unwrap();
    let (ok, ..) = run(program(elsewhere.path(), &["--exit"]).env("LEARNING_PSEUDONYM_KEY", &key));
    assert!(ok);
    for dataset in DATASETS {
        let manifest = |folder| std::fs::read_to_string(version(folder, dataset).join("manifest.json")).unwrap();
        assert_eq!(manifest(folder.path()), manifest(elsewhere.path()), "{dataset}");
    }
}
