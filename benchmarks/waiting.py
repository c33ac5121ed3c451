"""Lets many runs wait at a gate, and measures the process meanwhile."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

__all__ = ["Gate", "watch"]

IDLE = 5.0


class Gate:
    """Where the work of a step waits, as it would for the answer of a model."""

    def __init__(self, runs: int) -> None:
        """Let through nobody before so many are here."""
        self.runs = runs
        self.full = asyncio.Event()
        self.open = asyncio.Event()
        self._here = 0

    async def wait(self) -> None:
        """Wait until it opens."""
        self._here += 1
        if self._here == self.runs:
            self.full.set()
        await self.open.wait()


async def watch(gate: Gate, run: Callable[[], Awaitable[int]]) -> dict[str, float]:
    """Start the runs, measure once all of them wait, then let them end.

    Memory is in bytes. `busy` is the share of one core that the process takes for some
    seconds in which every run waits.
    """
    before = memory("VmRSS")
    began = time.perf_counter()
    runs = [asyncio.ensure_future(run()) for _ in range(gate.runs)]
    full = asyncio.ensure_future(gate.full.wait())
    await asyncio.wait([full, *runs], return_when=asyncio.FIRST_COMPLETED)
    if not full.done():
        raise SystemExit("a run has ended before all of them waited")
    waited = time.perf_counter() - began
    gc.collect()
    waiting = memory("VmRSS")
    cpu = time.process_time()
    await asyncio.sleep(IDLE)
    busy = (time.process_time() - cpu) / IDLE
    began = time.perf_counter()
    gate.open.set()
    assert await asyncio.gather(*runs) == [1] * gate.runs
    return {
        "before": before,
        "waiting": waiting,
        "each": (waiting - before) / gate.runs,
        "peak": memory("VmHWM"),
        "seconds_to_wait": waited,
        "busy": busy,
        "seconds_to_end": time.perf_counter() - began,
    }


def memory(name: str) -> int:
    """Give the memory of this process in bytes, such as `VmRSS`."""
    with Path("/proc/self/status").open() as status:
        return next(int(line.split()[1]) for line in status if line.startswith(name)) * 1024
