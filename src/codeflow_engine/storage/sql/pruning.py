"""The end of old records."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Connection, delete, exists, select, tuple_

from codeflow_engine.contracts import Pruned
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.storage.sql.meter.accounts import remove
from codeflow_engine.storage.sql.meter.bookings import prune_bookings
from codeflow_engine.storage.sql.statements import among, bounded, chunks
from codeflow_engine.storage.sql.tables import (
    ANSWERS,
    DISMISSALS,
    EFFECTS,
    EVENTS,
    FINDINGS,
    REVIEWS,
    RUNS,
    SIGNALS,
    STEPS,
)

__all__ = ["prune"]

_ENDED = [status.value for status in RunStatus if status.is_terminal]
_PARENTS = RUNS.alias()


def prune(connection: Connection, tenant: str, before: datetime, limit: int) -> Pruned:
    """Remove what is old, the oldest first."""
    # First: whoever books locks the booking before the accounts, and so does this.
    bookings = prune_bookings(connection, tenant, before, limit)
    return Pruned(
        runs=_prune_runs(connection, tenant, before, limit),
        findings=_prune_rows(connection, FINDINGS.c.seen_at, tenant, before, limit),
        dismissals=_prune_rows(connection, DISMISSALS.c.expires_at, tenant, before, limit),
        answers=_prune_rows(connection, ANSWERS.c.put_at, tenant, before, limit),
        bookings=bookings,
    )


def _prune_runs(connection: Connection, tenant: str, before: datetime, limit: int) -> int:
    has_ended = (RUNS.c.tenant == tenant) & RUNS.c.status.in_(_ENDED)
    is_old = has_ended & (RUNS.c.updated_at < before)
    # Nobody but its own parent asks for a run: those further above need not be looked at.
    is_awaited = exists().where(
        _PARENTS.c.tenant == RUNS.c.tenant,
        _PARENTS.c.run_id == RUNS.c.parent,
        _PARENTS.c.status.not_in(_ENDED),
    )
    oldest = (
        select(RUNS.c.run_id)
        .where(is_old, ~is_awaited)
        .order_by(RUNS.c.updated_at, RUNS.c.run_id)
        .limit(bounded(limit))
    )
    some = among(connection, RUNS.c.run_id, connection.execute(oldest).scalars())
    # Asked once more, under the lock of the row: somebody may have taken a run up again.
    gone = delete(RUNS).where(is_old, ~is_awaited, some).returning(RUNS.c.run_id)
    ids = connection.execute(gone).scalars().all()
    for table in (EVENTS, REVIEWS, STEPS, SIGNALS, EFFECTS):
        theirs = among(connection, table.c.run_id, ids)
        connection.execute(delete(table).where(table.c.tenant == tenant, theirs))
    remove(connection, tenant, [f"run:{run_id}" for run_id in ids])
    return len(ids)


def _prune_rows(
    connection: Connection, time: Column[datetime], tenant: str, before: datetime, limit: int
) -> int:
    """Remove rows of a table by one of its columns."""
    table = time.table
    keys = [column for column in table.primary_key if column.name != "tenant"]
    is_old = (table.c.tenant == tenant) & (time < before)
    oldest = select(*keys).where(is_old).order_by(time, *keys).limit(bounded(limit))
    rows = [tuple(row) for row in connection.execute(oldest).all()]
    return sum(
        connection.execute(delete(table).where(is_old, tuple_(*keys).in_(chunk))).rowcount
        for chunk in chunks(rows)
    )
