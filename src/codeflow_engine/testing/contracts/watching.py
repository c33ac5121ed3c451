"""What a test of a suite sees of a call: how long it takes, and what it holds up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

__all__ = ["LONGEST_STALL", "PATIENCE", "longest_stall", "well", "within"]

PATIENCE = 30.0
"""Seconds that a call may take before it counts as one that hangs."""

LONGEST_STALL = 0.5
"""Seconds for which a call may keep the event loop from everything else. It is far more
than a host would like, so that no test fails because the machine is slow."""

_TICK = 0.005


async def within[T](call: Awaitable[T], seconds: float = PATIENCE) -> T:
    """Wait for a call; one that hangs fails the test instead of holding it up."""
    deadline = asyncio.timeout(seconds)
    try:
        async with deadline:
            return await call
    except TimeoutError:
        if not deadline.expired():
            raise
    pytest.fail(f"the call has not returned within {seconds:g} s")


async def well[T](
    call: Awaitable[T],
    *but: type[Exception],
    seconds: float = PATIENCE,
    why: str = "it is no error",
) -> T:
    """Wait for a call that has to go well, or to raise one of some errors."""
    try:
        return await within(call, seconds)
    except but:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the test fails by its own words
        pytest.fail(f"{why}, and the call raised {error!r}")


async def longest_stall(call: Callable[[], Awaitable[object]]) -> float:
    """Measure for how many seconds a call keeps the event loop from everything else.

    It is called once more where that was long: the machine may have been busy, but not twice.
    """
    measured = await _stall(call)
    return measured if measured < LONGEST_STALL else min(measured, await _stall(call))


async def _stall(call: Callable[[], Awaitable[object]]) -> float:
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        before = time.perf_counter()
        while True:
            await asyncio.sleep(_TICK)
            now = time.perf_counter()
            longest = max(longest, now - before - _TICK)
            before = now

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    try:
        await call()
        # A stall is seen when the loop turns again.
        await asyncio.sleep(_TICK)
    finally:
        watching.cancel()
    return longest
