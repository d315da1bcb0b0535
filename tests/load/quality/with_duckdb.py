"""The six numbers of the spending dataset, as one would script them with DuckDB.

Transactions as `simulate` writes them; the definitions are those of docs/QUALITY.md.
"""

import json
import sys

import duckdb

FIELDS = [
    "transaction_id", "transaction_type", "category", "merchant_name", "currency", "location_city", "location_country",
]
struct = ", ".join([f"{field} VARCHAR" for field in FIELDS] + ["amount JSON", "balance_after JSON"])
filled = lambda name: f"(trim({name}) <> '')"
content = [name for name in FIELDS if name != "transaction_id"] + ["amount", "balance_after", "moment"]

db = duckdb.connect()
db.execute(
    f"""
    CREATE TABLE events AS
    WITH lines AS (
        SELECT * FROM read_json($path, format = 'newline_delimited', columns = {{
            event_id: 'VARCHAR', user_id: 'VARCHAR', occurred_at: 'VARCHAR', data: 'STRUCT({struct})'}})
    ), read AS (
        SELECT try_cast(event_id AS UUID) AS event_id, try_cast(user_id AS UUID) AS user_id,
            try_cast(occurred_at AS TIMESTAMPTZ) AS moment, {", ".join(f"data.{name} AS {name}" for name in FIELDS)},
            try_cast(data.amount->>'$' AS DOUBLE) AS amount, json_type(data.amount) = 'VARCHAR' AS quoted,
            try_cast(data.balance_after->>'$' AS DOUBLE) AS balance_after, row_number() OVER () AS line
        FROM lines
    )
    SELECT DISTINCT ON (user_id, event_id) * FROM read
    WHERE user_id IS NOT NULL AND {filled("transaction_id")} AND moment IS NOT NULL AND amount IS NOT NULL
        AND transaction_type IN ('debit', 'credit')
    ORDER BY user_id, event_id, line
    """,
    {"path": sys.argv[1]},
)
optional = ["merchant_name", "currency", "location_city", "location_country"]
row = db.execute(
    f"""
    WITH totals AS (
        SELECT count(*) AS n, count(*) - count(*) FILTER ({filled("category")}) AS missing,
            {" + ".join(f"count(*) FILTER ({filled(name)})" for name in optional)} + count(balance_after) AS optional,
            count(*) FILTER ({filled("currency")}) AS currencies, count(*) FILTER (quoted) AS quoted,
            count(*) FILTER (quoted OR amount < 0)
                + count(*) FILTER ({filled("currency")} AND NOT regexp_full_match(currency, '[A-Z]{{3}}'))
                + count(*) FILTER (moment < TIMESTAMPTZ '1970-01-01 00:00:00+00') AS invalid,
            count(*) FILTER (moment > now() + INTERVAL 5 MINUTE) AS future,
            avg(amount) AS amount_mean, stddev_samp(amount) AS amount_sd,
            avg(balance_after) AS balance_mean, stddev_samp(balance_after) AS balance_sd
        FROM events
    ), chain AS (
        SELECT abs(lag(balance) OVER (PARTITION BY user_id ORDER BY moment, event_id) + change - balance) AS off FROM (
            SELECT user_id, moment, event_id, round(balance_after * 100)::BIGINT AS balance,
                CASE transaction_type WHEN 'credit' THEN 1 ELSE -1 END * round(amount * 100)::BIGINT AS change
            FROM events)
    ), chained AS (SELECT count(off) AS checks, count(*) FILTER (off > 1) AS broken FROM chain
    ), usual AS (
        SELECT sum(most) AS usual FROM (SELECT max(c) AS most FROM (
            SELECT user_id, currency, count(*) AS c FROM events WHERE {filled("currency")} GROUP BY ALL) GROUP BY user_id)
    ), contents AS (
        SELECT user_id, transaction_id, hash({", ".join(content)}) AS content, moment, event_id FROM events
    ), same AS (
        SELECT count(*) FILTER (content <> first) AS other FROM (SELECT content, first_value(content) OVER (
            PARTITION BY user_id, transaction_id ORDER BY moment, event_id) AS first FROM contents)
    ), repeated AS (
        SELECT (SELECT n FROM totals) - count(*) AS duplicates
        FROM (SELECT DISTINCT user_id, {", ".join(content)} FROM events)
    ), beyond AS (
        SELECT count(*) FILTER (abs(amount - amount_mean) > 3 * amount_sd)
            + count(*) FILTER (abs(balance_after - balance_mean) > 3 * balance_sd) AS anomalies
        FROM events, totals
    )
    SELECT 1 - missing / (4 * n),
        1 - (future + least(quoted, n - quoted) + broken + currencies - usual + other)
            / (n + 4 * n - missing + optional + checks + currencies + n),
        1 - (missing + invalid) / (5 * n + optional), anomalies, duplicates, missing
    FROM totals, chained, usual, same, repeated, beyond
    """
).fetchone()
names = ["completeness", "consistency", "validity", "anomaly_count", "duplicate_count", "missing_values_count"]
print(json.dumps(dict(zip(names, [*map(float, row[:3]), *map(int, row[3:])]))))
