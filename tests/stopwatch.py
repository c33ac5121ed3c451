"""Tells how long something took on an event loop that turns, whatever else the machine does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["Stopwatch", "stopwatch"]

_TURN = 0.02
"""Seconds for which one turn of the loop counts at most."""


class Stopwatch:
    """Seconds in which an event loop has had its turns.

    A machine that stands still for others, or a long collection of garbage, is seen as one
    turn that takes long, and counts as a short one. Who waits is seen whole, since the loop
    goes on turning meanwhile.
    """

    def __init__(self) -> None:
        self.seconds: float = 0.0
        """What has passed at least: for limits from above."""

        self.lasted: float = 0.0
        """What the clock says: for limits from below."""

        self._seen = asyncio.get_running_loop().time()

    def look(self) -> None:
        """Count the turn that has ended."""
        now = asyncio.get_running_loop().time()
        self.seconds += min(now - self._seen, _TURN)
        self.lasted += now - self._seen
        self._seen = now


@asynccontextmanager
async def stopwatch() -> AsyncIterator[Stopwatch]:
    """Measure the block, which other tasks may share the loop with."""
    watch = Stopwatch()

    async def turn() -> None:
        while True:
            await asyncio.sleep(_TURN / 8)
            watch.look()

    turning = asyncio.create_task(turn())
    try:
        yield watch
    finally:
        watch.look()
        turning.cancel()
