"""D42 and D43: engines that are forked, closed twice, or not closed at all."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import textwrap
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
        lambda: not [
            one for one in set(threading.enumerate()) - before if one.name.startswith("codeflow")
        ]
    )
    with pytest.raises(ConfigurationError, match="closed"):
        await engine.submit("hold", {"seconds": 0.0})
    assert statuses(url, world) == ["pending"]


@pytest.mark.parametrize("end", ["pass", "del engine; gc.collect()", "loop.close()"])
def test_d43_an_engine_that_nobody_closes_hangs_nobody(tmp_path: Path, end: str) -> None:
    """The program ends in time and in silence, and the run is there for the next one."""
    script = f"""
        import asyncio, gc, sys
        from codeflow_engine import AsyncEngine

        async def slow(ctx, given):
            await ctx.step("slow", asyncio.sleep, 60)

        async def main():
            engine = AsyncEngine(storage="sqlite:///{tmp_path / "x.db"}")
            engine.workflow("slow")(slow)
            run = await engine.submit("slow", {{}})
            while run.status != "running":
                await asyncio.sleep(0.01)
            return engine

        loop = asyncio.new_event_loop()
        engine = loop.run_until_complete(main())
        {end}
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "Task was destroyed" not in ran.stderr
    assert "Traceback" not in ran.stderr
    gc.collect()
