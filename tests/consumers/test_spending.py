"""The spending dataset: one line each, from the folder and over S3."""

import hashlib

import duckdb
import pandas
import polars
import pytest

TABLES = ["data", "transactions"]


@pytest.mark.parametrize("table", TABLES)
def test_pandas_loads_a_table_in_one_line(spending, s3_options, table):
    local = pandas.read_parquet(f"{spending.folder}/{table}")
    assert len(local) == spending.rows(table) > 0
    remote = pandas.read_parquet(f"{spending.url}/{table}", storage_options=s3_options)
    pandas.testing.assert_frame_equal(local, remote)


@pytest.mark.parametrize("table", TABLES)
def test_polars_loads_a_table_in_one_line(spending, s3_url, table):
    local = polars.read_parquet(f"{spending.folder}/{table}/*.parquet")
    assert len(local) == spending.rows(table)
    options = {
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
        "aws_region": "us-east-1",
        "aws_endpoint_url": s3_url,
        "aws_allow_http": "true",
    }
    remote = polars.read_parquet(f"{spending.url}/{table}/*.parquet", storage_options=options)
    assert local.equals(remote)


@pytest.mark.parametrize("table", TABLES)
def test_duckdb_loads_a_table_in_one_line(spending, filesystem, table):
    local = duckdb.sql(f"SELECT count(*) FROM read_parquet('{spending.folder}/{table}/*.parquet')").fetchall()
    assert local == [(spending.rows(table),)]
    # DuckDB's own S3 client is an extension that it downloads; through fsspec it needs none.
    connection = duckdb.connect()
    connection.register_filesystem(filesystem)
    remote = connection.sql(f"SELECT count(*) FROM read_parquet('{spending.url}/{table}/*.parquet')").fetchall()
    assert remote == local


def test_what_s3_serves_is_what_the_manifest_states(spending, filesystem):
    for file in spending.manifest["files"]:
        content = filesystem.cat(f"{spending.url}/{file['path']}")
        assert len(content) == file["bytes"]
        assert hashlib.sha256(content).hexdigest() == file["sha256"]


def test_a_user_is_in_one_split_only(spending):
    for table, subject in [("data", "unique_id"), ("transactions", "subject")]:
        seen = {}
        for split in ["train", "validation", "test"]:
            rows = polars.read_parquet(f"{spending.folder}/{table}/{split}-*.parquet")
            for user in rows[subject].unique():
                assert seen.setdefault(user, split) == split


def test_every_users_calendar_is_gap_free_and_ordered(spending):
    days = pandas.read_parquet(f"{spending.folder}/data")
    for _, user in days.groupby("unique_id"):
        steps = user["ds"].diff().dropna()
        assert (steps == pandas.Timedelta(days=1)).all()


def test_categories_add_up_to_the_days_total(spending):
    days = pandas.read_parquet(f"{spending.folder}/data")
    first, last = days.columns.get_loc("groceries"), days.columns.get_loc("other")
    difference = days.iloc[:, first : last + 1].sum(axis=1) - days["y"]
    assert difference.abs().max() < 1e-6
