#!/usr/bin/env python3
"""Golden vectors of the 35 features, by a second implementation.

Reads nothing; prints one JSON document with a few users' transactions and their
features at some moments, computed from docs/FEATURES.md with Python's own
decimals, dates and statistics. It shares no code with the crate. After a change
of a definition:

    python3 golden.py > golden.json
"""
import json
import math
import random
import statistics
from collections import Counter
from datetime import datetime, timedelta, timezone
from decimal import Decimal

CATEGORIES = ["groceries", "dine_out", "entertainment", "bills", "transport", "shopping",
              "health", "fitness", "savings", "income", "other"]
NAMES = {"Groceries ": "groceries", "Dine Out": "dine_out", "cinema": "entertainment", "Rent": "bills",
         "fuel": "transport", "Amazon": "shopping", "Pharmacy": "health", "GYM": "fitness",
         "pension": "savings", "Paycheck": "income", "Llamas": "other", "": "other"}


def when(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def features(transactions, as_of):
    known = sorted((t for t in transactions if when(t["occurred_at"]) <= as_of),
                   key=lambda t: (when(t["occurred_at"]), t["event_id"]))
    window = [t for t in known if when(t["occurred_at"]) > as_of - timedelta(days=30)]
    debits = [t["data"] | {"at": when(t["occurred_at"])} for t in window if t["data"]["transaction_type"] == "debit"]
    amount = lambda data: Decimal(str(data["amount"]))
    D = sum((amount(d) for d in debits), Decimal(0))
    C = sum((amount(t["data"]) for t in window if t["data"]["transaction_type"] == "credit"), Decimal(0))
    balances_ever = [t["data"]["balance_after"] for t in known if "balance_after" in t["data"]]
    balances = [Decimal(str(t["data"]["balance_after"])) for t in window if "balance_after" in t["data"]]
    current = Decimal(str(balances_ever[-1])) if balances_ever else Decimal(0)
    share = lambda part, whole: float(part) / float(whole) if whole else 0.0
    by_category = {c: sum((amount(d) for d in debits if NAMES[d["category"]] == c), Decimal(0)) for c in CATEGORIES}
    dates = [as_of.date() - timedelta(days=back) for back in range(30)]
    daily = [sum((amount(d) for d in debits if d["at"].date() == date), Decimal(0)) for date in dates]
    timed = [d for d in debits if d.get("time_precision") != "day"]
    timed_sum = sum((amount(d) for d in timed), Decimal(0))
    median = statistics.median([amount(d) for d in debits]) if debits else 0
    hasty = sum(1 for a, b in zip(timed, timed[1:]) if b["at"] - a["at"] < timedelta(hours=1))
    counts = Counter(NAMES[d["category"]] for d in debits)
    entropy = -sum(n / len(debits) * math.log(n / len(debits)) for n in counts.values())
    spans = []
    for span in range(4):
        low, high = as_of - timedelta(days=7 * span + 7), as_of - timedelta(days=7 * span)
        inside = [t["data"] for t in known if low < when(t["occurred_at"]) <= high]
        if inside:
            net = sum((amount(d) if d["transaction_type"] == "credit" else -amount(d) for d in inside), Decimal(0))
            spans.append(net >= 0)
    sd_daily, mean_daily = statistics.stdev(map(float, daily)), float(sum(daily)) / 30
    merchants = Counter((d.get("merchant_name") or d.get("description") or "").strip().lower() for d in debits)
    merchants.pop("", None)
    cities = {d["location_city"].strip().lower() for d in debits if d.get("location_city")}
    mean_balance = sum(balances, Decimal(0)) / len(balances) if balances else Decimal(0)
    stress = Decimal("0.2") * mean_balance if mean_balance > 0 else Decimal(0)
    d, c, b = float(D), float(C), float(current)
    clip = lambda x, low, high: max(low, min(high, x))
    return [
        b, d, c, float(len(window)), *(float(by_category[name]) for name in CATEGORIES),
        clip((c - d) / max(c, 1), -1, 1), d / 30,
        share(sum((amount(x) for x in debits if x["at"].weekday() < 5), Decimal(0)), D),
        share(sum((amount(x) for x in debits if x["at"].weekday() >= 5), Decimal(0)), D),
        share(sum((amount(x) for x in timed if x["at"].hour < 12), Decimal(0)), timed_sum),
        share(sum((amount(x) for x in timed if x["at"].hour >= 18), Decimal(0)), timed_sum),
        sd_daily,
        share(sum(1 for x in debits if amount(x) > 2 * median), len(debits)),
        share(hasty, len(timed)),
        entropy / math.log(11),
        1 / (1 + sd_daily / mean_daily) if D else 1.0,
        clip(1 - d / max(0.8 * c, 1), 0, 1),
        share(sum(spans), len(spans)),
        clip(b / max(3 * d, 1), 0, 10),
        share(sum(1 for x in balances if x < 0), len(balances)),
        share(max(merchants.values(), default=0), len(debits)),
        share(len(cities), len(debits)),
        1 + 0.2 * math.sin(2 * math.pi * as_of.month / 12),
        statistics.stdev(map(float, balances)) if len(balances) > 1 else 0.0,
        share(sum(1 for x in balances if x < stress), len(balances)),
    ]


def user(draw, number, days, density):
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    balance, out = Decimal(draw.randrange(-20_000, 200_000)) / 100, []
    for n in range(int(days * density)):
        at = start + timedelta(seconds=draw.randrange(days * 86_400))
        cents = draw.choice([draw.randrange(1, 5_000), draw.randrange(1, 90_000)])
        out.append((at, cents, draw.random() < 0.2))
    rows = []
    for n, (at, cents, credit) in enumerate(sorted(out)):
        amount = Decimal(cents) / 100
        balance += amount if credit else -amount
        data = {"transaction_id": f"{number}-{n}", "amount": float(amount), "category": draw.choice(list(NAMES)),
                "transaction_type": "credit" if credit else "debit"}
        if draw.random() < 0.7:
            data["balance_after"] = float(balance)
        if draw.random() < 0.6:
            data["merchant_name"] = draw.choice(["Corner Shop", "corner shop ", "Baker", "Kiosk"])
        elif draw.random() < 0.5:
            data["description"] = draw.choice(["TRAIN FARE", "Bakery"])
        if draw.random() < 0.5:
            data["location_city"] = draw.choice(["Swansea", "Cardiff", "swansea"])
        if draw.random() < 0.2:
            data["time_precision"] = "day"
        rows.append({"event_id": f"00000000-0000-0000-{number:04}-{n:012}",
                     "occurred_at": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "data": data})
    return rows


def main():
    draw = random.Random(35)
    users = []
    for number, (days, density) in enumerate([(120, 2), (60, 0.2), (40, 12), (10, 1), (90, 0.05), (1, 0)]):
        transactions = user(draw, number, days, density)
        moments = [datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=draw.randrange((days + 40) * 86_400))
                   for _ in range(6)]
        moments += [when(t["occurred_at"]) for t in transactions[-1:]]
        users.append({"transactions": transactions, "rows": [
            {"as_of": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "features": features(transactions, at)}
            for at in sorted(moments)]})
    print(json.dumps({"users": users}, indent=None, separators=(",", ":")))


if __name__ == "__main__":
    main()
