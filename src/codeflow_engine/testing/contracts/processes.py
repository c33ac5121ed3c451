"""What a test of a suite sees of processes: which are started, and which are left."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

__all__ = ["children", "gone", "starts_seen"]

_STARTS = (
    *("os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system"),
    *("pty.spawn", "subprocess.Popen"),
)
"""Events of the interpreter that start a program (Python's documentation, "Audit events table")."""

_watches: list[list[str]] = []
"""What is being written down. An audit hook cannot be removed: there is one."""


@cache
def _listen() -> None:
    def note(event: str, arguments: tuple[object, ...]) -> None:
        if _watches and event in _STARTS:
            told = f"{event} {arguments[0]!r}" if arguments else event
            for seen in _watches:
                seen.append(told)

    sys.addaudithook(note)


@contextmanager
def starts_seen() -> Iterator[list[str]]:
    """Collect the programs that this process starts meanwhile, on any thread."""
    _listen()
    seen: list[str] = []
    _watches.append(seen)
    try:
        yield seen
    finally:
        _watches[:] = [one for one in _watches if one is not seen]


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
