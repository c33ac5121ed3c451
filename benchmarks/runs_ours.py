"""This package's side of `bench_runs.py`: durable steps per second on one storage.

    python runs_ours.py STORAGE --steps N --at-once N --seconds S

It prints one line of JSON, in the form of `runs_peers.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time

from codeflow_engine import AsyncEngine
from codeflow_engine.runs.context import RunContext


def main() -> int:
    """Measure; give the exit code."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("storage")
    options.add_argument("--steps", type=int, required=True)
    options.add_argument("--at-once", type=int, required=True)
    options.add_argument("--seconds", type=float, required=True)
    print(json.dumps(asyncio.run(measure(options.parse_args()))))
    return 0


async def measure(chosen: argparse.Namespace) -> dict[str, float]:
    """Run once to warm up, then as many as go at once, then as many as there is time for."""
    room = {"local": {"concurrency": chosen.at_once}}
    async with AsyncEngine(storage=chosen.storage, backend_settings=room) as engine:
        await engine.migrate()

        async def add(value: int) -> int:
            return value + 1

        @engine.workflow("count")
        async def count(context: RunContext, given: dict[str, int]) -> int:
            value = 0
            for _ in range(given["steps"]):
                value = await context.step("add", add, value)
            return value

        run = await engine.submit("count", {"steps": chosen.steps})
        assert await run.result() == chosen.steps
        burst = await timed(engine, chosen, seconds=0)
        steady = await timed(engine, chosen, seconds=chosen.seconds)
        await check(engine, chosen)
    return {"burst": burst, "steady": steady}


async def timed(engine: AsyncEngine, chosen: argparse.Namespace, *, seconds: float) -> float:
    """Keep so many runs going until the time is up, each at least once; give steps per second."""
    began = time.perf_counter()
    ended = 0

    async def one_after_another() -> None:
        nonlocal ended
        while True:
            run = await engine.submit("count", {"steps": chosen.steps})
            assert await run.result() == chosen.steps
            ended += 1
            if time.perf_counter() - began >= seconds:
                return

    await asyncio.gather(*(one_after_another() for _ in range(chosen.at_once)))
    return ended * chosen.steps / (time.perf_counter() - began)


async def check(engine: AsyncEngine, chosen: argparse.Namespace) -> None:
    """Fail unless every step of the last runs is in the journal."""
    for run in await engine.runs(limit=chosen.at_once):
        assert len(await run.steps()) == chosen.steps


if __name__ == "__main__":
    sys.exit(main())
