"""Measures redaction on the corpus and on real texts; fails where a bound does not hold."""

import argparse
import collections
import datetime
import gzip
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile

import corpus

DATA = pathlib.Path("../shared/data")
# Least recall by kind; 0.99 unless it stands here.
RECALL = {"phone, national under its key": 0.95, "phone, number under its key": 0.95, "phone, national after a word": 0.95,
          "phone, national with separators": 0.95, "token": 0.95}
FALSE_POSITIVES = 0.001
THROUGHPUT = 200
MASK = re.compile(r"\[(card|iban|ssn|email|phone|secret|dropped|masked)\]")


def dumps(value):
    """JSON in which numbers keep their spelling."""
    if isinstance(value, corpus.Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{dumps(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dumps, value)) + "]"
    return json.dumps(value)


def redact(program, inputs):
    text = "".join(dumps(one) + "\n" for one in inputs)
    done = subprocess.run([program], input=text, capture_output=True, text=True, check=True)
    kept = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(kept) == len(inputs), (len(kept), len(inputs))
    return kept


def is_found(one, kept):
    text = MASK.sub("", kept if isinstance(kept, str) else json.dumps(kept, ensure_ascii=False))
    if one["digits"]:
        return not any(char.isdigit() for char in text)
    return not any(secret in text for secret in one["secrets"])


def texts():
    """Merchants, descriptions and ids of the real data."""
    for path in sorted(DATA.glob("*.ndjson.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                for key, value in json.loads(line)["data"].items():
                    if key in ("merchant_name", "description") or key.endswith(("_id", "_no", "_code")):
                        if value is not None:
                            yield key, value


def false_positives(program):
    unique = sorted(set(texts()), key=str)
    if not unique:
        return None
    inputs = [{"data": {key: value}} for key, value in unique]
    kinds = collections.defaultdict(lambda: [0, []])
    for (key, value), kept in zip(unique, redact(program, inputs)):
        kind = key if key in ("merchant_name", "description") else "ids and codes"
        kinds[kind][0] += 1
        if kept != {key: value}:
            kinds[kind][1].append((value, kept))
    return kinds


def throughput(program):
    with tempfile.NamedTemporaryFile("w", suffix=".ndjson") as file:
        for number, (_, value) in enumerate(texts()):
            if number < 200_000:
                file.write(json.dumps(value) + "\n")
        file.flush()
        done = subprocess.run([program, "--time", file.name], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--program", required=True)
    arguments.add_argument("--seed", type=int, default=20261128)
    arguments.add_argument("--release", action="store_true")
    arguments.add_argument("--missed", action="store_true", help="print what was not found")
    arguments.add_argument("--write", type=pathlib.Path, help="the page whose tables are replaced")
    given = arguments.parse_args()
    print(f"seed {given.seed}")
    cases = list(corpus.build(random.Random(given.seed)))
    counts, failures = collections.defaultdict(lambda: [0, 0]), []
    for one, kept in zip(cases, redact(given.program, [one["input"] for one in cases])):
        found = is_found(one, kept)
        counts[one["kind"]][0] += 1
        counts[one["kind"]][1] += found
        if not found and given.missed:
            print("missed", one["kind"], one.get("provider", ""), one["input"], "->", kept)
    table = ["| kind | cases | recall | bound |", "|---|---|---|---|"]
    for kind, (total, found) in sorted(counts.items()):
        bound = RECALL.get(kind, 0.99)
        table.append(f"| {kind} | {total:,} | {found / total:.4f} | {bound} |")
        if found / total < bound:
            failures.append(f"recall of {kind}: {found / total:.4f} < {bound}")
    table.append("")
    real = false_positives(given.program)
    if real is None:
        table.append("False positives: skipped, ../shared/data is not there.")
    else:
        table += ["| real texts, distinct | n | changed | per thousand |", "|---|---|---|---|"]
        for kind, (total, changed) in sorted(real.items()):
            table.append(f"| {kind} | {total:,} | {len(changed)} | {1000 * len(changed) / total:.2f} |")
            if len(changed) / total > FALSE_POSITIVES:
                failures.append(f"false positives in {kind}: {changed[:20]}")
            if given.missed:
                print("changed", changed)
        table.append("")
    if given.release and real is not None:
        measured = throughput(given.program)
        rate = measured["megabytes_per_second"]
        table.append(f"Throughput: {rate:.0f} MB/s on one core, over {measured['texts']:,} texts of {measured['bytes']:,} bytes.")
        if rate < THROUGHPUT:
            failures.append(f"throughput: {rate:.0f} MB/s < {THROUGHPUT}")
    print("\n".join(table))
    if given.write:
        page = given.write.read_text()
        commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=True).stdout.strip()
        line = f"{datetime.date.today()}, commit {commit}, seed {given.seed}."
        start, end = "<!-- report -->\n", "<!-- end of report -->"
        before, after = page.split(start)[0], page.split(end)[1]
        given.write.write_text(before + start + "\n" + line + "\n\n" + "\n".join(table).strip() + "\n\n" + end + after)
    for failure in failures:
        print("FAILED", failure)
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
