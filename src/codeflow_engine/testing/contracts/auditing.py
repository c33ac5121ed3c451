"""What the interpreter itself tells of a call: its audit events."""

from __future__ import annotations

import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

__all__ = ["io_seen", "starts_seen"]

_STARTS = frozenset(
    {
        *("os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system"),
        *("pty.spawn", "subprocess.Popen"),
    }
)
"""Events that start a program (Python's documentation, "Audit events table")."""

_IO = frozenset(
    {
        *("open", "os.listdir", "os.mkdir", "os.scandir", "socket.bind", "socket.connect"),
        *("socket.getaddrinfo", "sqlite3.connect", "subprocess.Popen"),
    }
)
"""Events that are I/O, or start it."""


@dataclass(frozen=True, slots=True, eq=False)
class _Watch:
    events: Collection[str]
    thread: int | None
    """The thread that is watched; None watches all."""

    seen: list[str] = field(default_factory=list)


_watches: list[_Watch] = []
"""Who is watching now. An audit hook cannot be removed: there is one for the process."""


@cache
def _listen() -> None:
    def note(event: str, arguments: tuple[object, ...]) -> None:
        for watch in tuple(_watches):
            if event in watch.events and watch.thread in {None, threading.get_ident()}:
                watch.seen.append(f"{event} {arguments[0]!r}" if arguments else event)

    sys.addaudithook(note)


@contextmanager
def _watching(watch: _Watch) -> Iterator[list[str]]:
    _listen()
    _watches.append(watch)
    try:
        yield watch.seen
    finally:
        _watches.remove(watch)


@contextmanager
def io_seen() -> Iterator[list[str]]:
    """Collect the I/O that this thread does meanwhile."""
    with _watching(_Watch(_IO, threading.get_ident())) as seen:
        yield seen


@contextmanager
def starts_seen() -> Iterator[list[str]]:
    """Collect the programs that this process starts meanwhile, on any thread."""
    with _watching(_Watch(_STARTS, None)) as seen:
        yield seen
