"""Sorts transactions by user and time into zstd Parquet, as one does it with polars and DuckDB."""

import sys


def with_polars(source, target):
    import polars

    events = polars.scan_ndjson(source).unnest("data").sort("user_id", "occurred_at")
    events.sink_parquet(target, compression="zstd", row_group_size=100_000)


def with_duckdb(source, target):
    import duckdb

    duckdb.sql(
        f"""COPY (SELECT * EXCLUDE (data), data.* FROM read_json('{source}', format = 'newline_delimited')
                  ORDER BY user_id, occurred_at)
            TO '{target}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 100000)"""
    )


{"polars": with_polars, "duckdb": with_duckdb}[sys.argv[1]](sys.argv[2], sys.argv[3])
