"""Leases of workers, on a clock that all of them share.

On PostgreSQL that is the server's clock. SQLite has processes of one machine alone: its
clock counts from the start of the machine, so that no change of the time of day moves a
lease, and a lease from before that start is over.
"""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    cast,
    delete,
    extract,
    func,
    literal,
    select,
    update,
)

from codeflow_engine.storage.sql.statements import inserting
from codeflow_engine.storage.sql.tables import WORKERS

__all__ = ["is_live", "renew", "retire"]

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_SECOND = 1_000_000
_LONGEST = 10**15
"""Microseconds of the longest lease, about thirty years."""


def renew(connection: Connection, worker: str, lease: float) -> None:
    """Give a worker a lease of so many seconds from now on."""
    most = max(0, int(min(lease * _SECOND, _LONGEST)))
    until = {"lease_until": _now(connection) + most, "boot": _boot(connection)}
    renewed = update(WORKERS).where(WORKERS.c.worker == worker).values(until)
    if connection.execute(renewed).rowcount:
        return
    _sweep(connection)
    new = inserting(connection)(WORKERS).values(worker=worker, **until)
    connection.execute(new.on_conflict_do_update(index_elements=["worker"], set_=until))


def retire(connection: Connection, worker: str) -> None:
    """End the lease of a worker; to have no row is to have no lease."""
    connection.execute(delete(WORKERS).where(WORKERS.c.worker == worker))


def is_live(connection: Connection) -> ColumnElement[bool]:
    """Say of a row of the workers that its lease is not over."""
    later = WORKERS.c.lease_until > _now(connection)
    return later & (WORKERS.c.boot == _boot(connection))


def _sweep(connection: Connection) -> None:
    """Remove leases that are over, when a new worker comes; none that somebody renews."""
    over = select(WORKERS.c.worker).where(~is_live(connection)).with_for_update(skip_locked=True)
    connection.execute(delete(WORKERS).where(WORKERS.c.worker.in_(over)))


def _now(connection: Connection) -> ColumnElement[int]:
    if connection.dialect.name == "postgresql":
        seconds: Any = extract("epoch", func.clock_timestamp())
        return cast(seconds * _SECOND, BigInteger)
    return literal(time.monotonic_ns() // 1000, BigInteger)


def _boot(connection: Connection) -> str:
    return "" if connection.dialect.name == "postgresql" else _boot_id()


@cache
def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except OSError:
        return ""
