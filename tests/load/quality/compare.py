"""Runs the three, side by side, and compares: numbers, processor time, peak memory."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

program, events, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
here = Path(__file__).parent
COMMANDS = {
    "assess": [program, "assess", "--dataset", "spending", "--format", "json", events],
    "polars": [sys.executable, here / "with_polars.py", events],
    "duckdb": [sys.executable, here / "with_duckdb.py", events],
}
NUMBERS = [
    "completeness", "consistency", "validity", "anomaly_count", "duplicate_count", "missing_values_count",
]


def run(command):
    """What it printed, its processor seconds and its peak memory in MB."""
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
        assert status == 0, f"{command} failed"
        out.seek(0)
        return json.load(out), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


cpu = {name: [] for name in COMMANDS}
memory = {name: [] for name in COMMANDS}
for _ in range(rounds):
    said = {}
    for name, command in COMMANDS.items():
        said[name], seconds, megabytes = run(command)
        cpu[name].append(seconds)
        memory[name].append(megabytes)
    said["assess"] = said["assess"]["datasets"][0]["quality_metrics"]
    for name in ("polars", "duckdb"):
        for number in NUMBERS:
            ours, theirs = said["assess"][number], said[name][number]
            assert abs(ours - theirs) <= 1e-12 * max(1, abs(ours)), f"{number}: {ours}, but {theirs} by {name}"

print("the same six numbers:", {number: said["assess"][number] for number in NUMBERS})
for name in COMMANDS:
    print(f"{name:7} {median(cpu[name]):6.2f} s of processor time, {max(memory[name]):6.0f} MB at most ({rounds} rounds)")
faster = min(("polars", "duckdb"), key=lambda name: median(cpu[name]))
print(
    f"of {faster}, the faster one: {median(cpu['assess']) / median(cpu[faster]):.0%} of its processor time,",
    f"{max(memory['assess']) / max(memory[faster]):.0%} of its memory",
)
