"""What the suite is run against: see `run`, which starts it."""

import json
import os
from pathlib import Path

import pytest
import s3fs

BUCKET = "fincoach-learning"
# Those of the stack's data folder, as the program prints them.
ACCESS_KEY, SECRET_KEY = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]


@pytest.fixture(scope="session")
def s3_url():
    return os.environ["FINCOACH_S3"]


@pytest.fixture
def s3_options(s3_url):
    """`storage_options` of pandas and of everything else that goes through fsspec; a new
    one for each test, since `datasets` writes into it."""
    return {"key": ACCESS_KEY, "secret": SECRET_KEY, "client_kwargs": {"endpoint_url": s3_url}}


@pytest.fixture
def filesystem(s3_options):
    return s3fs.S3FileSystem(**s3_options)


class Version:
    """A prepared version: where it lies, and its manifest."""

    def __init__(self, dataset, data=None):
        bucket = Path(data or os.environ["FINCOACH_DATA"]) / "s3" / BUCKET
        latest = json.loads((bucket / "prepared" / dataset / "latest.json").read_text())
        self.key = latest["manifest"].removesuffix("/manifest.json")
        self.folder = bucket / self.key
        self.url = f"s3://{BUCKET}/{self.key}"
        self.manifest = json.loads((self.folder / "manifest.json").read_text())

    def rows(self, table, split=None):
        files = (file for file in self.manifest["files"] if file["table"] == table)
        return sum(file["rows"] for file in files if split in (None, file["split"]))

    def tables(self):
        return [table["table"] for table in self.manifest["tables"]]

    def features(self):
        return self.manifest["feature_set"]["names"]


DATASETS = ["recommendation", "segmentation", "spending", "goal"]


@pytest.fixture(scope="session")
def versions():
    """The newest version of every dataset."""
    return {dataset: Version(dataset) for dataset in DATASETS}


@pytest.fixture(scope="session", params=DATASETS)
def version(request, versions):
    """Each dataset in turn."""
    return versions[request.param]


@pytest.fixture(scope="session")
def spending(versions):
    return versions["spending"]


@pytest.fixture(scope="session")
def api():
    return os.environ["FINCOACH_API"] + "/coaching/continuous-learning"
