"""Tells for how long an event loop was held up, whatever else the machine does."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

__all__ = ["Hold", "watching_loop"]


@dataclass
class Hold:
    """The longest time in which nothing else could go on."""

    seconds: float = 0.0
    """Of the processor, and of the whole process: a thread that keeps the lock of the
    interpreter holds up the loop as well, and a slow machine does not count."""


@contextlib.asynccontextmanager
async def watching_loop() -> AsyncIterator[Hold]:
    """Look at the loop for as long as the block."""
    hold = Hold()
    seen = time.process_time()

    def look() -> None:
        nonlocal seen
        now = time.process_time()
        hold.seconds, seen = max(hold.seconds, now - seen), now

    async def go_on() -> None:
        while True:
            await asyncio.sleep(0.001)
            look()

    looking = asyncio.create_task(go_on())
    try:
        yield hold
    finally:
        look()
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking
