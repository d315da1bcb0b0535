"""Croissant metadata, by the library that reads them elsewhere."""

import json

import mlcroissant
import pytest
import requests


def test_it_validates_and_iterates(version):
    dataset = mlcroissant.Dataset(str(version.folder / "croissant.json"))
    assert not dataset.metadata.ctx.issues.errors
    for table in version.tables():
        assert sum(1 for _ in dataset.records(table)) == version.rows(table)


def test_it_is_handed_over_by_links_and_its_checksums_are_checked(versions, api, tmp_path):
    version = versions["segmentation"]
    listed = requests.get(f"{api}/datasets", timeout=10).json()["datasets"]
    dataset_id = next(dataset["id"] for dataset in listed if dataset["dataset_type"] == "segmentation")
    number = version.manifest["lineage"]["version"]
    handed = requests.get(f"{api}/datasets/{dataset_id}/versions/{number}", timeout=10).json()
    assert handed["content"] == version.manifest
    for file in handed["links"]["files"]:
        path = tmp_path / file["path"]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(requests.get(file["url"], timeout=10).content)

    # As it is published, each file is checked against its sha256; so a tampered one is refused.
    croissant = json.loads((tmp_path / "croissant.json").read_text())
    for file in croissant["distribution"]:
        if file["@type"] == "cr:FileObject":
            file["contentUrl"] = next(link["url"] for link in handed["links"]["files"] if link["path"] == file["@id"])
    for field in croissant["recordSet"][0]["field"]:
        field["source"] = {"fileObject": {"@id": "data/train-00000-of-00001.parquet"}, "extract": field["source"]["extract"]}
    rows = mlcroissant.Dataset(croissant).records("data")
    assert sum(1 for _ in rows) == version.rows("data", "train")
    for file in croissant["distribution"]:
        if file["@type"] == "cr:FileObject":
            file["sha256"] = "0" * 64
    with pytest.raises(Exception) as refused:
        next(iter(mlcroissant.Dataset(croissant).records("data")))
    assert "hash" in f"{refused.value.__cause__!r}".lower()


def test_a_model_that_was_trained_is_reported(versions, api):
    listed = requests.get(f"{api}/datasets", timeout=10).json()["datasets"]
    for dataset in listed:
        url = f"{api}/datasets/{dataset['id']}/versions/1/trained"
        report = {"model_id": "suite", "model_version": "1", "metrics": {"rows": 1}}
        assert requests.post(url, json=report, timeout=10).status_code in (200, 201)
    for dataset in requests.get(f"{api}/datasets", timeout=10).json()["datasets"]:
        assert dataset["last_training_date"]
