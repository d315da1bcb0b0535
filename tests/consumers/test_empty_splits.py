"""A version of one user has rows in one split only, and loads all the same."""

import json
import os
import subprocess
from pathlib import Path

import datasets
import pandas
import polars
import pytest

from conftest import Version

DATASETS = {"LEARNING_THRESHOLD_SPENDING": "1"}


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone")
    events = folder / "events.ndjson"
    events.write_text("".join(json.dumps(event(day)) + "\n" for day in range(1, 4)))
    program = Path(os.environ["FINCOACH_PROGRAM"])
    command = [program, "--events", events, "--exit", "--port", "0", "--data-dir", folder / "data"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **DATASETS})
    assert done.returncode == 0, done.stderr
    return Version("spending", folder / "data")


def event(day):
    return {
        "event_id": f"22220000-0000-4000-8000-00000000000{day}",
        "user_id": "11110000-0000-4000-8000-000000000001",
        "event_type": "transaction_creation",
        "occurred_at": f"2025-06-0{day}T09:30:00Z",
        "data": {"transaction_id": f"t-{day}", "amount": 10, "transaction_type": "debit", "category": "Groceries"},
    }


def test_the_line_of_the_dataset_card_loads(alone, tmp_path):
    for table in alone.tables():
        loaded = datasets.load_dataset("parquet", data_dir=f"{alone.folder}/{table}", cache_dir=str(tmp_path))
        assert {split: loaded[split].num_rows for split in loaded} == {"train": 3}
        assert len(pandas.read_parquet(f"{alone.folder}/{table}")) == 3
    loaded = datasets.load_dataset(str(alone.folder), cache_dir=str(tmp_path))
    assert {split: loaded[split].num_rows for split in loaded} == {"train": 3}


def test_an_empty_split_is_a_file_with_the_schema(alone):
    for table in alone.tables():
        rows = polars.read_parquet(f"{alone.folder}/{table}/*.parquet")
        for split in ("validation", "test"):
            empty = polars.read_parquet(f"{alone.folder}/empty/{table}/{split}-*.parquet")
            assert (len(empty), empty.schema) == (0, rows.schema)
