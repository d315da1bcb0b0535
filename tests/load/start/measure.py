"""Measures how the functions start and what memory they take; see run."""

import argparse
import json
import os
import statistics
import sys
import uuid

sys.path.append("infra")

import bodies
from runtime import Function
from sizes import FUNCTIONS, zipped

TYPICAL = {"event-ingestion": "http-one-event", "quality-assessment": "http-quality-metrics",
           "readiness-check": "http-status", "data-preparation": "http-prepare-data"}
MIB = bodies.MIB
# What is to be held; beyond it the exit is 1.
MOST_INIT, MOST_PEAK, MOST_PEAK_AT_LIMITS, MOST_ANSWER = 3.0, 64 * MIB, 128 * MIB, 6 * MIB
missed = []


def check(holds, what):
    if not holds:
        missed.append(what)


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def milliseconds(values):
    return f"{statistics.median(values) * 1000:.2f} / {percentile(values, 0.99) * 1000:.2f}"


def payload(function, name):
    with open(f"events/{function}/{name}.json", encoding="utf-8") as file:
        return json.load(file)


def typical(function):
    """An invocation of the kind that is measured; each of ingestion's has a new event."""
    if function == "bare":
        return b"{}"
    event = payload(function, TYPICAL[function])
    if function == "event-ingestion":
        event["body"] = json.dumps({**json.loads(event["body"]), "event_id": str(uuid.uuid4())})
    return json.dumps(event).encode()


def starts(programs, environment, log, count, warm):
    """All functions by turns, so that whatever else the machine does meets them alike."""
    names = list(programs)
    init, first, again, peak = ({name: [] for name in names} for _ in range(4))
    for start in range(count + 1):
        for name in names:
            function = Function(programs[name], environment, log)
            took = [function.invoke(typical(name)) for _ in range(warm + 1 if start == count else 1)]
            if not all(well for _, well, _ in took):
                sys.exit(f"{name} fails: {took[-1][2][:500]!r}")
            # The first of all reads the program from disk; nobody's does so later.
            if start > 0:
                init[name].append(function.init)
                first[name].append(took[0][0])
            if start == count:
                again[name] = [seconds for seconds, _, _ in took[1:]]
                peak[name] = function.peak()
            function.stop()
    print(f"\nOf {count} starts by turns, and {warm} invocations after one; median / p99 in ms, sizes in MB.\n")
    print("| function | init | init ÷ bare | first invocation | further ones | peak memory, MiB | program | zip |")
    print("|---|---|---|---|---|---|---|---|")
    for name in names:
        ratio = statistics.median(init[name]) / statistics.median(init["bare"])
        size, packed = os.path.getsize(programs[name]), zipped(programs[name])
        print(f"| {name} | {milliseconds(init[name])} | {ratio:.2f} | {milliseconds(first[name])} "
              f"| {milliseconds(again[name])} | {peak[name] / MIB:.1f} | {size / 1e6:.1f} | {packed / 1e6:.1f} |")
        if name == "event-ingestion":
            check(ratio <= MOST_INIT, f"init of {name} takes {ratio:.2f} × the bare one's")
            check(peak[name] < MOST_PEAK, f"{name} takes {peak[name] / MIB:.1f} MiB")


def limits(program, environment, log, wanted):
    print("\n| event-ingestion takes, in a process of its own | event, MiB | answer | answer, MiB | s | peak memory, MiB |")
    print("|---|---|---|---|---|---|")
    one_event = payload("event-ingestion", "http-one-event")
    messages = payload("event-ingestion", "sqs-good-and-bad")
    for name, event in bodies.all_of_them(one_event, messages):
        if wanted and wanted not in name:
            continue
        function = Function(program, environment, log)
        seconds, well, answer = function.invoke(event)
        peak = function.peak()
        # Whatever it was, the function goes on.
        survived = function.invoke(typical("event-ingestion"))[1]
        function.stop()
        said = json.loads(answer)
        summary = json.loads(said["body"]) if "body" in said else said
        counts = " ".join(f"{summary[key]} {key}" for key in ("accepted", "rejected") if key in summary)
        status = f"{said.get('statusCode', 'done')} {counts}" if well else f"error {said.get('errorType')}"
        print(f"| {name} | {len(event) / MIB:.1f} | {status.strip()} | {len(answer) / MIB:.2f} "
              f"| {seconds:.2f} | {peak / MIB:.1f} |", flush=True)
        check(well and survived, f"{name}: {answer[:300]!r}")
        check(peak < MOST_PEAK_AT_LIMITS, f"{name}: {peak / MIB:.1f} MiB")
        check(len(answer) < MOST_ANSWER, f"{name}: an answer of {len(answer)} bytes, more than Lambda returns")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("functions", help="the folder with a folder for each function, and its bootstrap in that")
    arguments.add_argument("bare", help="the program of the function that does nothing")
    arguments.add_argument("--starts", type=int, default=50)
    arguments.add_argument("--warm", type=int, default=500)
    arguments.add_argument("--body", metavar="TEXT", help="no starts: only the bodies whose name holds this")
    given = arguments.parse_args()
    programs = {"bare": given.bare}
    programs |= {name: os.path.join(given.functions, name, "bootstrap") for name in FUNCTIONS}
    environment = {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "LEARNING_"))}
    with open("target/start.log", "wb") as log:
        if not given.body:
            starts(programs, environment, log, given.starts, given.warm)
        limits(programs["event-ingestion"], environment, log, given.body)
    for miss in missed:
        print(f"MISSED: {miss}", file=sys.stderr)
    sys.exit(1 if missed else 0)


main()
