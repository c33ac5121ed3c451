"""What the disk and the databases allow, for `bench_runs.py` to stand beside.

    python runs_floor.py SQLITE_FILE POSTGRES_ADDRESS --steps N --at-once N

It prints one line of JSON: what a flush of the disk and a commit of one row cost, and how
many steps per second a journal writes that is nothing else. That journal is the upper limit
of any: it writes one row a step, one transaction for all runs at once, and has no run row, no
fence, no events, no codec and no event loop.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import psycopg

FLUSHES = 100
WAVES = 40
TABLE = "CREATE TABLE floor (run INTEGER, step INTEGER, value TEXT, PRIMARY KEY (run, step))"
COPY = "INSERT INTO floor SELECT * FROM unnest(%s::int[], %s::int[], %s::text[])"


def main() -> int:
    """Measure; give the exit code."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("sqlite")
    options.add_argument("postgres")
    options.add_argument("--steps", type=int, required=True)
    options.add_argument("--at-once", type=int, required=True)
    chosen = options.parse_args()
    told = {"flush": flush(chosen.sqlite + ".flush")}
    for name, measured in (("sqlite", on_sqlite), ("postgres", on_postgres)):
        commit, wave = measured(getattr(chosen, name), chosen.at_once)
        told |= {f"{name}_commit": commit, f"{name}_journal": chosen.at_once / wave}
    print(json.dumps(told))
    return 0


def flush(path: str) -> float:
    """Give the seconds that a write of 4 KiB to the end of a file takes, to be on disk."""
    page = os.urandom(4096)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)

    def once(_: int) -> None:
        os.write(file, page)
        os.fdatasync(file)

    try:
        return middle(FLUSHES, once)
    finally:
        os.close(file)


def on_sqlite(path: str, at_once: int) -> tuple[float, float]:
    """Give the seconds of a commit of one row, and of one of a step of every run."""
    database = sqlite3.connect(path, isolation_level=None)
    for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", TABLE):
        database.execute(statement)

    def write(rows: list[tuple[int, int, str]]) -> None:
        database.execute("BEGIN IMMEDIATE")
        database.executemany("INSERT INTO floor VALUES (?, ?, ?)", rows)
        database.execute("COMMIT")

    return both(write, at_once)


def on_postgres(address: str, at_once: int) -> tuple[float, float]:
    """Do the same on a server."""
    with psycopg.connect(address) as database:
        database.execute("DROP TABLE IF EXISTS floor")
        database.execute(TABLE)
        database.commit()
        for setting in ("fsync", "synchronous_commit"):
            row = database.execute(f"SHOW {setting}").fetchone()
            assert row == ("on",), f"{setting} is {row}"

        def write(rows: list[tuple[int, int, str]]) -> None:
            columns: list[Any] = [list(column) for column in zip(*rows, strict=True)]
            database.execute(COPY, columns)
            database.commit()

        return both(write, at_once)


def both(write: Callable[[list[tuple[int, int, str]]], None], at_once: int) -> tuple[float, float]:
    """Measure commits of one row, then commits of as many rows as there are runs."""
    value = json.dumps({"value": 1})
    one = middle(FLUSHES, lambda number: write([(-1, number, value)]))
    wave = middle(WAVES, lambda number: write([(run, number, value) for run in range(at_once)]))
    return one, wave


def middle(times: int, work: Callable[[int], None]) -> float:
    """Give the median of the seconds that one call takes."""
    taken = []
    for number in range(times):
        began = time.perf_counter()
        work(number)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


if __name__ == "__main__":
    sys.exit(main())
