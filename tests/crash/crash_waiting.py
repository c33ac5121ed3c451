"""Waits for what other processes, and other tasks, bring about."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable

__all__ = ["until", "wait_until"]

_LOOK = 0.02


def wait_until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"it is not so within {seconds} s"
        time.sleep(_LOOK)


async def until(
    condition: Callable[[], object | Awaitable[object]],
    seconds: float = 30.0,
    *,
    look: float = _LOOK,
) -> None:
    """Wait until something is so, while the loop goes on; look at it so often."""
    end = time.monotonic() + seconds
    while True:
        told = condition()
        if await told if inspect.isawaitable(told) else told:
            return
        assert time.monotonic() < end, f"it is not so within {seconds} s"
        await asyncio.sleep(look)
