"""Bodies at the limits of what event-ingestion takes, as the events that Lambda hands it."""

import base64
import gzip
import json
import uuid

MIB = 1024 * 1024
EVENT = 64 * 1024


def transaction(number, **data):
    return {
        "event_id": str(uuid.uuid4()),
        "user_id": str(uuid.UUID(int=number % 5_000 + 1)),
        "event_type": "transaction_creation",
        "occurred_at": "2026-06-01T09:30:00Z",
        "data": {"transaction_id": f"t-{number}", "amount": 12.5, "transaction_type": "debit",
                 "category": "Groceries", **data},
    }


def invalid(number):
    """An event with a fault in every field of the envelope, and in its data."""
    return {"event_id": f"no-{number}", "user_id": "nobody", "event_type": "", "occurred_at": "yesterday",
            "schema_version": "one", "data": {"amount": "much", "transaction_type": "gift"}}


def lines(size, make):
    """NDJSON of as many events as fit."""
    made, total = [], 0
    while True:
        line = json.dumps(make(len(made))).encode() + b"\n"
        if total + len(line) > size:
            return b"".join(made)
        made.append(line)
        total += len(line)


def http(template, body, content_type, zipped=False):
    event = json.loads(json.dumps(template))
    event["headers"] = {"content-type": content_type, "host": "api.example.com"}
    if zipped:
        event["headers"]["content-encoding"] = "gzip"
    event["isBase64Encoded"] = zipped
    event["body"] = base64.b64encode(body).decode() if zipped else body.decode()
    return json.dumps(event, separators=(",", ":")).encode()


def queue(template, bodies):
    record = template["Records"][0]
    records = [{**record, "messageId": str(uuid.uuid4()), "body": body} for body in bodies]
    return json.dumps({"Records": records}, separators=(",", ":")).encode()


def nested(levels):
    return "[" * levels + "]" * levels


def all_of_them(one_event, messages):
    """Name, and the event; what is not taken is to be refused within the limits too."""
    ndjson, batch = "application/x-ndjson", "application/json"
    plain = lines(4 * MIB, transaction)
    large = lines(32 * MIB, transaction)
    # Free text, which is searched for what must be masked; of one event as much as it may have.
    text = {f"note_{n}": ("call 555-0100 or mail me, " * 2_000)[:30_000] for n in range(2)}
    longest = [json.dumps(transaction(n, **text)) for n in range(4 * MIB // (EVENT - 2_000))]
    deepest = transaction(0, context="deep")
    deepest = json.dumps(deepest).replace('"deep"', nested(15))
    eight_kib = [transaction(n, description="x" * 7_900) for n in range(500)]
    yield "one event", http(one_event, json.dumps(transaction(0)).encode(), batch)
    yield "NDJSON, 4 MiB", http(one_event, plain, ndjson)
    yield "NDJSON, gzip of 32 MiB", http(one_event, gzip.compress(large, 6), ndjson, zipped=True)
    yield "NDJSON, gzip of 32 MiB, all invalid", http(
        one_event, gzip.compress(lines(32 * MIB, invalid), 6), ndjson, zipped=True)
    yield "JSON, gzip of 32 MiB, too many events", http(
        one_event, gzip.compress(b'{"events":[' + large.replace(b"\n", b",")[:-1] + b"]}", 6), batch, zipped=True)
    yield "batch of 500, 4 MiB", http(one_event, json.dumps({"events": eight_kib}).encode()[: 4 * MIB], batch)
    yield "NDJSON of longest strings", http(one_event, "\n".join(longest).encode(), ndjson)
    yield "one string of 4 MiB", http(one_event, json.dumps(transaction(0, note="x" * (4 * MIB - 500))).encode(), batch)
    yield "deepest nesting that is taken", http(one_event, deepest.encode(), batch)
    yield "nesting of two million levels", http(one_event, nested(2 * MIB).encode(), batch)
    yield "nesting of two million levels in a batch", http(
        one_event, ('{"events":[' + nested(2 * MIB - 100) + "]}").encode(), batch)
    yield "100 messages, 5 MiB", queue(messages, (json.dumps({"events": [transaction(n * 7 + m, note="y" * 7_000)
                                                  for m in range(7)]}) for n in range(100)))
    yield "100 broken messages, 5 MiB", queue(messages, ("{" + "broken " * 7_200 for _ in range(100)))
