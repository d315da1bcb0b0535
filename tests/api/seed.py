"""Fills a fresh local stack so that every operation has something to answer, and writes
the configuration of schemathesis with the ids of what is there: `seed.py URL TOKEN CONFIG`.

A parameter is one of them in half of the cases, and anything else in the other half.
"""

import json
import pathlib
import sys
import urllib.request
import uuid

LEARNING = "/coaching/continuous-learning/"


def ask(method, path, body=None):
    request = urllib.request.Request(URL + path, method=method, headers={"Authorization": f"Bearer {TOKEN}"})
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def user(number):
    return str(uuid.UUID(int=number))


def event(number, by, kind, data):
    at = f"2026-{1 + number // 28 % 6:02}-{1 + number % 28:02}T12:{number % 60:02}:00Z"
    return {"event_id": str(uuid.UUID(int=1000 + number)), "user_id": user(by), "event_type": kind, "occurred_at": at, "data": data}


def events(first, count):
    """Of every dataset; every tenth transaction lacks its category, which a rule fails."""
    for number in range(first, first + count):
        by = 1 + number % 3
        yield event(4 * number, by, "transaction_creation", {
            "transaction_id": str(number), "amount": 1 + number % 90, "transaction_type": "debit",
            "category": None if number % 10 == 0 else "Groceries",
        })
        yield event(4 * number + 1, by, "recommendation_interaction", {
            "recommendation_id": str(number), "interaction_type": "helpful", "action_id": number % 5, "propensity": 0.2,
        })
        kind = ["create", "achieve"][number % 2]
        yield event(4 * number + 2, by, "goal_modification", {
            "goal_id": f"{by}-{number // 2}", "interaction_type": kind, "goal_amount": 100, "target_date": "2026-12-01",
        })


def send(batch):
    answer = ask("POST", "/coaching/events", {"events": list(batch)})
    assert answer["rejected"] == 0, answer


def seed():
    """The known values of each parameter, by its place and name."""
    send(events(0, 20))
    datasets = {one["dataset_type"]: one["id"] for one in ask("GET", LEARNING + "datasets")["datasets"]}
    ids = [datasets[name] for name in ("spending", "goal", "recommendation")]
    for more in (20, 40):
        for dataset in ids:
            ask("POST", LEARNING + "prepare-data", {"dataset_id": dataset, "force": True, "reason": "a description is tried"})
        send(events(more, 20))
    assessed = [ask("POST", LEARNING + "assess-quality", {"dataset_id": dataset}) for dataset in ids]
    rules = [part["key"] for one in assessed for part in one["explanation"]]
    assert rules, "a rule is failed"
    erased = ask("DELETE", f"/coaching/users/{user(99)}/data")
    return {
        "path.dataset_id": ids, "body.dataset_id": ids, "path.version": [1, 2], "path.other": [1, 2],
        "path.assessment_id": [one["assessment_id"] for one in assessed], "query.rule": [rules[0], "duplicate"],
        "path.user_id": [user(1), user(2)],
    }, {"path.user_id": [user(99)], "path.erasure_id": [erased["erasure_id"]]}


def write(target):
    everywhere, of_erasures = seed()
    lines = [pathlib.Path(__file__).with_name("schemathesis.toml").read_text()]
    bindings = {"": everywhere, "erasure-": of_erasures}
    for prefix, values in bindings.items():
        for parameter, known in values.items():
            lines.append(f'[dictionaries.{prefix}{parameter.replace(".", "-")}]\nvalues = {json.dumps(known)}\n')
    bind = lambda prefix, values: ", ".join(
        f'"{parameter}" = {{ dictionary = "{prefix}{parameter.replace(".", "-")}", probability = 0.5 }}' for parameter in values
    )
    lines.insert(0, f"parameters = {{ {bind('', everywhere)} }}\n")
    lines.append(f'[[operations]]\ninclude-operation-id = "getErasure"\nparameters = {{ {bind("erasure-", of_erasures)} }}\n')
    pathlib.Path(target).write_text("\n".join(lines))


URL, TOKEN, CONFIG = sys.argv[1:]
write(CONFIG)
