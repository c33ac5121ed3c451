"""This package's side of `bench_model_review.py`: reviews in one process, and what they take.

    python model_ours.py URL REPOSITORY COUNT [--storage URL]
    python model_ours.py URL REPOSITORY COUNT --at-once REPOSITORY
    python model_ours.py URL REPOSITORY COUNT --prepare FILE

It prints one line of JSON; to prepare is to make the tables in a file of SQLite. The change of
each review is another one, so that no answer is there already; what they take is measured, in
processor time of the process and of its children.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

from codeflow_engine import AsyncEngine, Review
from codeflow_engine.providers.llm.openai import OpenAI

MODEL = "gpt-5.1"
KEY = "sk-bench-6f1d2c9b7a4e83"
TICK = 0.002


async def main() -> None:
    """Review, and tell."""
    options = argparse.ArgumentParser()
    options.add_argument("url")
    options.add_argument("repository")
    options.add_argument("count", type=int)
    options.add_argument("--storage", default="memory")
    options.add_argument("--at-once", metavar="LARGE", help="one of the changes is of this one")
    options.add_argument("--prepare", metavar="FILE")
    chosen = options.parse_args()
    if chosen.prepare:
        async with AsyncEngine(storage=f"sqlite:///{chosen.prepare}") as engine:
            await engine.migrate()
        return
    llm = OpenAI(MODEL, api_key=KEY, base_url=chosen.url)
    async with AsyncEngine(llm=[llm], analyzers=[], storage=chosen.storage) as engine:
        if chosen.at_once:
            told = await at_once(engine, chosen.repository, chosen.count, chosen.at_once)
        else:
            told = await in_turn(engine, chosen.repository, chosen.count)
    told["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(told))


async def in_turn(engine: AsyncEngine, repository: str, count: int) -> dict[str, Any]:
    """Review one change after the other; tell of each but the first, or of the only one."""
    rows = []
    for number in range(1, count + 1):
        before = used()
        found = await review(engine, repository, number)
        own, children = (after - then for after, then in zip(used(), before, strict=True))
        rows.append(
            {
                "own": own,
                "children": children,
                "calls": found.usage.calls,
                "tokens": found.usage.input_tokens,
                "units": found.coverage.units,
                "findings": len(found.findings),
            }
        )
    return {"reviews": rows[1:] or rows}


async def at_once(engine: AsyncEngine, repository: str, count: int, large: str) -> dict[str, Any]:
    """Review many changes at the same time, and watch how long the loop is held meanwhile."""
    await review(engine, repository, 1)
    held = Held()
    watching = asyncio.create_task(held.watch())
    began = time.perf_counter()
    found = await asyncio.gather(
        review(engine, large, 1),
        *(review(engine, repository, number) for number in range(2, count + 2)),
    )
    seconds = time.perf_counter() - began
    watching.cancel()
    return {
        "held": held.longest,
        "held_wall": held.longest_wall,
        "seconds": seconds,
        "calls": sum(one.usage.calls for one in found),
    }


class Held:
    """How long others hold the loop, in seconds: by the clock, and of processor time.

    On a machine that others use, too, the clock tells of them. What the loop's own thread
    computes between two turns of a task is what a host would notice on a machine of its own.
    """

    longest: float = 0.0
    longest_wall: float = 0.0

    async def watch(self) -> None:
        """Come back to the loop again and again."""
        while True:
            cpu, wall = time.thread_time(), time.perf_counter()
            await asyncio.sleep(TICK)
            self.longest = max(self.longest, time.thread_time() - cpu)
            self.longest_wall = max(self.longest_wall, time.perf_counter() - wall - TICK)


async def review(engine: AsyncEngine, repository: str, number: int) -> Review:
    """Review one commit, all of it."""
    found = await engine.review(
        Path(repository), base=f"change-{number - 1}", head=f"change-{number}"
    )
    assert found.outcome == "reviewed", found.reason
    assert found.usage.calls, "no model was asked"
    return found


def used() -> tuple[float, float]:
    """Give seconds of processor time: of this process, and of its children that have ended."""
    one, other = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return one.ru_utime + one.ru_stime, other.ru_utime + other.ru_stime


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
