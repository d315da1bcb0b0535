"""Runs the three, side by side, and compares processor time and peak memory."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

program, events, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
others = Path(__file__).parent / "others.py"
work = Path(tempfile.mkdtemp())
COMMANDS = {
    "fincoach": [program, "spending", events, work / "fincoach"],
    "polars": [sys.executable, others, "polars", events, work / "polars.parquet"],
    "duckdb": [sys.executable, others, "duckdb", events, work / "duckdb.parquet"],
}


def run(command):
    """Its processor seconds, its peak memory in MB, and the first line that it printed."""
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(command, stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
        assert status == 0, f"{command} failed"
        out.seek(0)
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, out.readline().strip()


def size(path):
    return sum(file.stat().st_size for file in path.rglob("*.parquet")) if path.is_dir() else path.stat().st_size


cpu = {name: [] for name in COMMANDS}
memory = {name: [] for name in COMMANDS}
try:
    for _ in range(rounds):
        for name, command in COMMANDS.items():
            seconds, megabytes, said = run(command)
            cpu[name].append(seconds)
            memory[name].append(megabytes)
            if said:
                print(said)
    print(f"{os.path.getsize(events) / 1e6:.0f} MB of NDJSON, {rounds} rounds:")
    for name, command in COMMANDS.items():
        print(
            f"{name:8} {median(cpu[name]):6.2f} s of processor time ({min(cpu[name]):.2f} to {max(cpu[name]):.2f}),"
            f" {max(memory[name]):6.0f} MB at most, {size(command[-1]) / 1e6:.1f} MB of Parquet"
        )
    for name in ("polars", "duckdb"):
        print(
            f"of {name}: {median(cpu['fincoach']) / median(cpu[name]):.0%} of its processor time,"
            f" {max(memory['fincoach']) / max(memory[name]):.0%} of its memory"
        )
finally:
    shutil.rmtree(work)
