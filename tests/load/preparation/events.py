"""Prints transactions of many users, in order of time, as NDJSON; always the same."""

import random
import sys
from datetime import datetime, timedelta, timezone

CATEGORIES = ["Groceries", "Dine Out", "Rent", "Travel", "Amazon", "Clothes", "Paycheck", "Gym"]


def main(count):
    draw = random.Random(1)
    users = [f"{draw.getrandbits(128):032x}" for _ in range(max(1, count // 200))]
    users = [f"{u[:8]}-{u[8:12]}-4{u[13:16]}-8{u[17:20]}-{u[20:]}" for u in users]
    at, step = datetime(2024, 1, 1, tzinfo=timezone.utc), timedelta(days=365) / count
    write = sys.stdout.write
    for number in range(count):
        at += step
        cents = draw.randrange(1, 30_000)
        write(
            f'{{"event_id":"{number:08x}-0000-4000-8000-{number:012x}","user_id":"{draw.choice(users)}",'
            f'"event_type":"transaction_creation","occurred_at":"{at.strftime("%Y-%m-%dT%H:%M:%S.%f")}Z",'
            f'"data":{{"transaction_id":"t{number}","amount":{cents // 100}.{cents % 100:02},'
            f'"transaction_type":"{"credit" if number % 9 == 0 else "debit"}",'
            f'"category":"{CATEGORIES[number % len(CATEGORIES)]}","merchant_name":"Merchant {draw.randrange(500)}",'
            f'"balance_after":{draw.randrange(500_000) / 100},"currency":"EUR"}}}}\n'
        )


main(int(sys.argv[1]))
