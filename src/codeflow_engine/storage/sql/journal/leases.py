"""Leases of workers, on a clock that all of them share.

In a file of SQLite, a lease from before the start of the machine is over.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, delete, select, update

from codeflow_engine.storage.sql.clock import SECOND, boot, now
from codeflow_engine.storage.sql.statements import inserting
from codeflow_engine.storage.sql.tables import WORKERS

__all__ = ["is_live", "renew", "retire"]

_LONGEST = 10**15
"""Microseconds of the longest lease, about thirty years."""


def renew(connection: Connection, worker: str, lease: float) -> None:
    """Give a worker a lease of so many seconds from now on."""
    most = max(0, int(min(lease * SECOND, _LONGEST)))
    until = {"lease_until": now(connection) + most, "boot": boot(connection)}
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
    later = WORKERS.c.lease_until > now(connection)
    return later & (WORKERS.c.boot == boot(connection))


def _sweep(connection: Connection) -> None:
    """Remove leases that are over, when a new worker comes; none that somebody renews."""
    over = select(WORKERS.c.worker).where(~is_live(connection)).with_for_update(skip_locked=True)
    connection.execute(delete(WORKERS).where(WORKERS.c.worker.in_(over)))
