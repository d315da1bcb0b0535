"""Every dataset and table in one line, from the folder and over S3."""

import hashlib

import datasets
import duckdb
import pandas
import polars
import pyarrow.dataset
import pyarrow.fs
import pyarrow.parquet

from conftest import ACCESS_KEY, SECRET_KEY

SPLITS = ["train", "validation", "test"]


def test_pandas(version, s3_options):
    for table in version.tables():
        local = pandas.read_parquet(f"{version.folder}/{table}")
        assert len(local) == version.rows(table) > 0
        remote = pandas.read_parquet(f"{version.url}/{table}", storage_options=s3_options)
        pandas.testing.assert_frame_equal(local, remote)


def test_one_line_is_enough_with_the_variables_that_the_program_prints(version):
    expected = version.rows("data")
    assert len(pandas.read_parquet(f"{version.url}/data")) == expected
    assert len(polars.read_parquet(f"{version.url}/data/*.parquet")) == expected


def test_polars(version, s3_url):
    options = {
        "aws_access_key_id": ACCESS_KEY,
        "aws_secret_access_key": SECRET_KEY,
        "aws_region": "us-east-1",
        "aws_endpoint_url": s3_url,
        "aws_allow_http": "true",
    }
    for table in version.tables():
        local = polars.read_parquet(f"{version.folder}/{table}/*.parquet")
        assert len(local) == version.rows(table)
        remote = polars.read_parquet(f"{version.url}/{table}/*.parquet", storage_options=options)
        assert local.equals(remote)


def test_duckdb(version, filesystem):
    # DuckDB's own S3 client is an extension that it downloads; through fsspec it needs none.
    connection = duckdb.connect()
    connection.register_filesystem(filesystem)
    for table in version.tables():
        local = duckdb.sql(f"SELECT count(*) FROM read_parquet('{version.folder}/{table}/*.parquet')").fetchall()
        assert local == [(version.rows(table),)]
        remote = connection.sql(f"SELECT count(*) FROM read_parquet('{version.url}/{table}/*.parquet')").fetchall()
        assert remote == local


def test_pyarrow(version, s3_url):
    s3 = pyarrow.fs.S3FileSystem(
        access_key=ACCESS_KEY,
        secret_key=SECRET_KEY,
        region="us-east-1",
        endpoint_override=s3_url,
        allow_bucket_creation=False,
    )
    for table in version.tables():
        local = pyarrow.parquet.read_table(f"{version.folder}/{table}")
        assert local.num_rows == version.rows(table)
        remote = pyarrow.dataset.dataset(f"{version.url.removeprefix('s3://')}/{table}", filesystem=s3).to_table()
        assert remote.equals(local)


def test_hugging_face_finds_three_splits(version, s3_options, tmp_path):
    cache = {"cache_dir": str(tmp_path)}
    for table in version.tables():
        loaded = datasets.load_dataset("parquet", data_dir=f"{version.folder}/{table}", **cache)
        assert {split: loaded[split].num_rows for split in loaded} == {s: version.rows(table, s) for s in SPLITS}
    # The dataset card says which files are which split.
    loaded = datasets.load_dataset(str(version.folder), **cache)
    assert {split: loaded[split].num_rows for split in loaded} == {s: version.rows("data", s) for s in SPLITS}
    files = {split: f"{version.url}/data/{split}-*.parquet" for split in SPLITS}
    remote = datasets.load_dataset("parquet", data_files=files, storage_options=s3_options, **cache)
    assert {split: remote[split].num_rows for split in remote} == {s: version.rows("data", s) for s in SPLITS}


def test_what_s3_serves_is_what_the_manifest_states(version, filesystem):
    for file in version.manifest["files"]:
        content = filesystem.cat(f"{version.url}/{file['path']}")
        assert len(content) == file["bytes"]
        assert hashlib.sha256(content).hexdigest() == file["sha256"]


def test_the_files_are_written_as_they_are_declared(version):
    for file in version.manifest["files"]:
        parquet = pyarrow.parquet.ParquetFile(f"{version.folder}/{file['path']}")
        table = next(table for table in version.manifest["tables"] if table["table"] == file["table"])
        assert parquet.schema_arrow.names == [column["name"] for column in table["columns"]]
        for group in range(parquet.num_row_groups):
            group = parquet.metadata.row_group(group)
            assert group.column(0).compression == "ZSTD"
            sorted_by = [group.column(column.column_index).path_in_schema for column in group.sorting_columns]
            assert sorted_by == table["sorted_by"]
        rows = parquet.read().to_pandas()
        assert rows[table["sorted_by"]].equals(rows[table["sorted_by"]].sort_values(table["sorted_by"]))


def test_a_user_is_in_one_split_only(version):
    for table in version.manifest["tables"]:
        seen = {}
        for split in SPLITS:
            rows = polars.read_parquet(f"{version.folder}/{table['table']}/{split}-*.parquet")
            for user in rows[table["sorted_by"][0]].unique():
                assert seen.setdefault(user, split) == split
