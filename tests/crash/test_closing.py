"""D42 and D43: engines that are forked, closed twice, or not closed at all."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from crash_database import statuses
from crash_life import Trace, told
from crash_roles import make_engine
from crash_schedule import Stand
from crash_waiting import until

from codeflow_engine.domain.run import RunStatus
from codeflow_engine.errors import ConfigurationError


def test_d42_an_engine_is_of_one_process(stand: Stand, world: str, url: str) -> None:
    """After a fork the copy says so at once, the first one goes on, and a new one works."""
    life = stand.life(world, url)

    assert stand.live("fork", life) == 0

    assert [line.of for line in told(life, "told")] == ["ConfigurationError", "1", "1"]
    assert statuses(url, world) == ["succeeded", "succeeded"]


async def test_d43_an_engine_may_be_closed_twice_and_early(
    stand: Stand, world: str, url: str
) -> None:
    """With runs under way it ends at once, leaves no thread, and the runs are anybody's."""
    before = set(threading.enumerate())
    life = stand.life(world, url)
    engine = make_engine(life, Trace(life))
    run = await engine.submit("hold", {"seconds": 20.0})
    await until(lambda: run.status is RunStatus.RUNNING)

    async with asyncio.timeout(10):
        await engine.aclose()
        await engine.aclose()

    await until(
        lambda: (
            not [
                one
                for one in set(threading.enumerate()) - before
                if one.name.startswith("codeflow")
            ]
        )
    )
    with pytest.raises(ConfigurationError, match="closed"):
        await engine.submit("hold", {"seconds": 0.0})
    assert statuses(url, world) == ["pending"]


SLOW = """
import asyncio, gc
from codeflow_engine import AsyncEngine, Engine

async def slow(ctx, given):
    await ctx.step("slow", asyncio.sleep, 60)

async def main():
    engine = AsyncEngine(storage="sqlite:///PATH")
    engine.workflow("slow")(slow)
    run = await engine.submit("slow", {})
    while run.status != "running":
        await asyncio.sleep(0.01)
    return engine

def begin():
    engine = Engine(storage="sqlite:///PATH")
    engine.workflow("slow")(slow)
    engine.submit("slow", {})
    return engine
"""

ENDS = {
    "left to asyncio": "asyncio.run(main())",
    "left to the end": "engine = asyncio.run(main())",
    "left to the collector": "asyncio.run(main()); gc.collect()",
    "left in a facade": "engine = begin()",
    "left to the collector in a facade": "begin(); gc.collect()",
}


USUAL = {"left in a facade"}
SOME_ENDS = [
    pytest.param(end, id=name, marks=() if name in USUAL else pytest.mark.fault)
    for name, end in ENDS.items()
]


@pytest.mark.parametrize("end", SOME_ENDS)
def test_d43_an_engine_that_nobody_closes_hangs_nobody(tmp_path: Path, end: str) -> None:
    """The program ends in time and in silence, and the run is there for the next one."""
    path = tmp_path / "x.db"
    script = SLOW.replace("PATH", str(path)) + end
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert statuses(f"sqlite:///{path}", "default")[0] in {"pending", "running"}
