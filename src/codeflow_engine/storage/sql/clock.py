"""A clock that all processes share which use one database.

On PostgreSQL that is the server's clock. SQLite has processes of one machine alone: its
clock counts from the start of the machine, so that no change of the time of day moves it,
and what was written before that start is told by the id of the start.
"""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, cast, extract, func, literal

__all__ = ["SECOND", "boot", "now"]

SECOND = 1_000_000
"""Microseconds, in which it counts."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def now(connection: Connection) -> ColumnElement[int]:
    """Give the time, as a part of a statement."""
    if connection.dialect.name == "postgresql":
        seconds: Any = extract("epoch", func.clock_timestamp())
        return cast(seconds * SECOND, BigInteger)
    return literal(time.monotonic_ns() // 1000, BigInteger)


def boot(connection: Connection) -> str:
    """Name the start that the clock counts from; the server's counts from none."""
    return "" if connection.dialect.name == "postgresql" else _boot_id()


@cache
def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except OSError:
        return ""
