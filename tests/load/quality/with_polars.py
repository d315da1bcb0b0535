"""The six numbers of the spending dataset, as one would script them with polars.

Transactions as `simulate` writes them; the definitions are those of docs/QUALITY.md.
"""

import json
import sys
from datetime import datetime, timedelta, timezone

import polars as pl

TEXT = [
    "transaction_id", "transaction_type", "category", "merchant_name", "currency", "location_city", "location_country",
]
FIELDS = [*TEXT, "amount", "balance_after"]
REQUIRED = ["transaction_id", "amount", "transaction_type", "category"]
path = sys.argv[1]

schema = {
    "event_id": pl.String, "user_id": pl.String, "event_type": pl.String, "occurred_at": pl.String,
    "data": pl.Struct({field: pl.String for field in FIELDS}),
}
events = pl.read_ndjson(path, schema=schema).unnest("data")
# Read as text, an amount no longer tells whether it was a number: the line does.
lines = pl.read_csv(path, has_header=False, separator="\x01", quote_char=None, new_columns=["line"])
events = events.with_columns(quoted=lines["line"].str.contains('"amount":"', literal=True))
del lines

filled = lambda name: pl.col(name).is_not_null() & (pl.col(name).str.strip_chars() != "")
events = (
    events.with_columns(
        at=pl.col("occurred_at").str.to_datetime(time_zone="UTC", strict=False),
        amount=pl.col("amount").cast(pl.Float64, strict=False),
        balance_after=pl.col("balance_after").cast(pl.Float64, strict=False),
    )
    .filter(
        pl.col("user_id").is_not_null() & filled("transaction_id") & pl.col("at").is_not_null()
        & pl.col("amount").is_not_null() & pl.col("transaction_type").is_in(["debit", "credit"])
    )
    .unique(["user_id", "event_id"], keep="first", maintain_order=True)
    .drop("occurred_at", "event_type")
)
n = events.height
populated = events.select(
    *[filled(name).sum().alias(name) for name in TEXT], pl.col("amount", "balance_after").is_not_null().sum()
).row(0, named=True)
missing = sum(n - populated[name] for name in REQUIRED)
completeness = 1 - missing / (n * len(REQUIRED))

# The time of the event, the required fields, and optional ones where populated.
checks = n + n * len(REQUIRED) + sum(populated[name] for name in FIELDS if name not in REQUIRED)
invalid = missing + events.select(
    (pl.col("quoted") | (pl.col("amount") < 0)).sum()
    + (filled("currency") & ~pl.col("currency").str.contains("^[A-Z]{3}$")).sum()
    + (pl.col("at") < datetime(1970, 1, 1, tzinfo=timezone.utc)).sum()
).item()
validity = 1 - invalid / checks

cents = lambda name: (pl.col(name) * 100).round().cast(pl.Int64)
signed = pl.when(pl.col("transaction_type") == "credit").then(cents("amount")).otherwise(-cents("amount"))
chained = events.sort("user_id", "at", "event_id").select(
    off=(cents("balance_after").shift(1).over("user_id") + signed - cents("balance_after")).abs()
)
currencies = events.filter(filled("currency")).group_by("user_id", "currency").len()
usual = currencies.group_by("user_id").agg(pl.col("len").max())["len"].sum()
content = ["user_id", "at", *[name for name in FIELDS if name != "transaction_id"]]
hashed = events.select("user_id", "transaction_id", content=pl.struct(content).hash())
inconsistent = (
    int((events["at"] > datetime.now(timezone.utc) + timedelta(minutes=5)).sum())
    + min(int(events["quoted"].sum()), n - int(events["quoted"].sum()))
    + int((chained["off"] > 1).sum())
    + populated["currency"] - usual
    + hashed.select((pl.col("content") != pl.col("content").first().over("user_id", "transaction_id")).sum()).item()
)
checks = n + sum(populated.values()) + int(chained["off"].count()) + populated["currency"] + populated["transaction_id"]
consistency = 1 - inconsistent / checks

beyond = lambda name: ((pl.col(name) - pl.col(name).mean()).abs() > 3 * pl.col(name).std()).sum()
anomalies = events.select(beyond("amount") + beyond("balance_after")).item()
duplicates = n - events.select(pl.struct(content).n_unique()).item()
print(json.dumps({
    "completeness": completeness, "consistency": consistency, "validity": validity,
    "anomaly_count": int(anomalies), "duplicate_count": duplicates, "missing_values_count": missing,
}))
