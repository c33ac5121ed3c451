"""What a test of a suite sees of processes: which of them are left."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

__all__ = ["children", "gone"]


def children() -> frozenset[int]:
    """List the processes that this one has started and that are there; none where unknown.

    Only Linux tells.
    """
    found: set[int] = set()
    for listing in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
        try:
            found.update(map(int, listing.read_text("ascii").split()))
        except OSError:  # the thread has ended
            continue
    return frozenset(found)


async def gone(before: frozenset[int], *, seconds: float = 1.0) -> bool:
    """Wait a moment for all processes to end that were not there before."""
    deadline = time.monotonic() + seconds
    while children() - before:
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True
