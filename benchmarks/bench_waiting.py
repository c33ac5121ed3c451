"""Let 10,000 runs wait in one process, each inside a step, as on the answer of a model.

    python benchmarks/bench_waiting.py [--check] [--rounds N] [--runs N]

The work of the step waits at a gate that opens once all runs are there: what is measured is the
memory of the engine, and not that of an SDK. The peers in the same run are LangGraph, which
keeps its runs in memory alone, and 10,000 bare tasks of asyncio. Memory is what of the process
is resident; `each` is its growth over the runs, divided by their number. `busy` is what the
process takes of a core while everything waits. The processes take turns, and the table shows
medians. Target: at most 1 GB at the peak, with runs in memory and on SQLite. With `--check` a
missed target ends with exit code 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

from measure import finish, take_turns
from peers import peers
from server import DISK
from waiting import Gate, watch

from codeflow_engine import AsyncEngine
from codeflow_engine.runs.context import RunContext

LIMIT = 1_000_000_000
PACKAGES = ("langgraph>=1.2",)
HERE = Path(__file__).resolve().parent


def main() -> int:
    """Run the benchmark; give the exit code."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--check", action="store_true", help="exit 1 beyond a target")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--runs", type=int, default=10_000)
    options.add_argument("--ours", metavar="STORAGE", help="the measured process itself")
    options.add_argument("--bare", action="store_true", help="that of bare tasks")
    chosen = options.parse_args()
    if chosen.ours or chosen.bare:
        told = engine(chosen.ours, chosen.runs) if chosen.ours else bare(chosen.runs)
        print(json.dumps(asyncio.run(told)))
        return 0
    before = os.getloadavg()
    beside = peers("waiting", PACKAGES)
    this = [sys.executable, str(Path(__file__).resolve()), "--runs", str(chosen.runs)]
    fresh = " ".join(["rm -f runs.db* && exec", *this, "--ours", "sqlite:///runs.db"])
    commands = {
        "bare tasks": [*this, "--bare"],
        "langgraph memory": [beside.python, str(HERE / "waiting_peers.py"), str(chosen.runs)],
        "codeflow memory": [*this, "--ours", "memory"],
        "codeflow sqlite": ["sh", "-c", fresh],
    }
    with tempfile.TemporaryDirectory(dir=DISK) as folder:
        samples = take_turns(commands, rounds=chosen.rounds, cwd=folder)
    rows = {}
    print(f"{chosen.runs:,} runs wait, load {before[0]:.1f} to {os.getloadavg()[0]:.1f}")
    print(f"{'engine':<20}{'MB':>8}{'peak MB':>9}{'KB each':>9}{'to wait s':>11}{'busy':>7}")
    for name, taken in samples.items():
        told = [json.loads(sample.output) for sample in taken]
        row = {figure: statistics.median(one[figure] for one in told) for figure in told[0]}
        rows[name] = row
        print(
            f"{name:<20}{row['waiting'] / 1e6:>8.0f}{row['peak'] / 1e6:>9.0f}"
            f"{row['each'] / 1e3:>9.1f}{row['seconds_to_wait']:>11.2f}{row['busy']:>7.1%}"
        )
    problems = [
        f"{name} takes {row['peak'] / 1e6:.0f} MB, and at most {LIMIT / 1e6:.0f} is the target"
        for name, row in rows.items()
        if name.startswith("codeflow") and row["peak"] > LIMIT
    ]
    result = {"rounds": chosen.rounds, "runs": chosen.runs, "engines": rows}
    return finish("waiting", result, problems, check=chosen.check)


async def engine(storage: str, runs: int) -> dict[str, float]:
    """Let runs of an engine wait."""
    gate = Gate(runs)
    room = {"local": {"concurrency": runs}}
    async with AsyncEngine(storage=storage, backend_settings=room) as engine:

        async def answer(value: int) -> int:
            await gate.wait()
            return value + 1

        @engine.workflow("ask")
        async def ask(context: RunContext, given: dict[str, int]) -> int:
            return await context.step("answer", answer, given["value"])

        async def run() -> int:
            return await (await engine.submit("ask", {"value": 0})).result()

        return await watch(gate, run)


async def bare(runs: int) -> dict[str, float]:
    """Let bare tasks wait."""
    gate = Gate(runs)

    async def run() -> int:
        await gate.wait()
        return 1

    return await watch(gate, run)


if __name__ == "__main__":
    sys.exit(main())
