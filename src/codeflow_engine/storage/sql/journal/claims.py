"""Taking runs that are due."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Select,
    func,
    select,
)

from codeflow_engine.domain.journal import Claim
from codeflow_engine.domain.run import RunRecord, RunStatus
from codeflow_engine.errors import StorageError
from codeflow_engine.storage.sql.bulk import NUMBER, REAL, TEXT, change
from codeflow_engine.storage.sql.columns import escape, microseconds, moment
from codeflow_engine.storage.sql.damage import DAMAGED, damaged, reading
from codeflow_engine.storage.sql.journal.allowance import Allowance, claim_alone
from codeflow_engine.storage.sql.journal.due import Asked
from codeflow_engine.storage.sql.journal.leases import is_live
from codeflow_engine.storage.sql.journal.steps import read_steps
from codeflow_engine.storage.sql.runs import moment_of, read_changed, selected
from codeflow_engine.storage.sql.statements import among
from codeflow_engine.storage.sql.tables import EVENTS, RUNS, WORKERS

__all__ = ["claim"]

_SECOND = 1_000_000
_LAST_MOMENT = microseconds(datetime.max.replace(tzinfo=UTC))

_CLAIM = change(
    "codeflow_runs",
    {
        "updated_at": (NUMBER, "@"),
        "started_at": (NUMBER, "@"),
        "deadline": (NUMBER, "@"),
        "recoveries": (NUMBER, "@"),
        "owner": (TEXT, "@"),
        "fence": (NUMBER, "@"),
        "status": (TEXT, "@"),
        "wake_at": (NUMBER, "@"),
        "waits_for": (TEXT, "@"),
        "seconds_left": (REAL, "@"),
    },
    {"tenant": TEXT, "run_id": TEXT},
)
_TAKEN = (RunStatus.RUNNING.value, None, None, None)
"""Values of the last four columns."""

_WAITS = frozenset({RunStatus.PENDING, RunStatus.WAITING, RunStatus.PARKED})

_CLAIMED = selected(
    *(RUNS.c.workflow, RUNS.c.partition, RUNS.c.owner, RUNS.c.fence, RUNS.c.payload)
)


def claim(connection: Connection, asked: Asked, worker: str) -> tuple[Claim, ...]:
    """Take runs that are due; others are left out, in the order of the ids.

    Raises:
        StorageError: The worker has no lease.
    """
    tenant, now, run_ids = asked.tenant, asked.now, tuple(asked.run_ids or ())
    if asked.limits:
        claim_alone(connection, tenant)
    found = connection.execute(_under_lock(connection, tenant, run_ids)).all()
    rows = {row.run_id: row for row in found}
    # An owner that is damaged is gone.
    live = _live(connection, {worker, *(row.owner for row in found if isinstance(row.owner, str))})
    if worker not in live:
        raise StorageError(f"worker {worker!r} has no lease, and claims nothing without one")
    allowance = Allowance(connection, tenant, asked.limits, now)
    taken, changes = [], []
    for row in (rows[run_id] for run_id in dict.fromkeys(run_ids) if run_id in rows):
        is_held = row.status == RunStatus.RUNNING and row.owner == worker
        with reading(f"run {row.run_id!r}"):
            is_due = is_held or _is_due(row, now, live)
            if is_due and (allowance.retake(row) if is_held else allowance.take(row)):
                taken.append(row)
                changes.append(_begun(row, now, is_lost=row.owner not in live))
    records = read_changed(taken, changes)
    rows_now = [_row(one, worker, row.fence + 1) for row, one in zip(taken, records, strict=True)]
    _CLAIM.execute(connection, rows_now)
    return _claims(connection, tenant, taken, records)


def _under_lock(connection: Connection, tenant: str, run_ids: Iterable[str]) -> Select[Any]:
    return (
        _CLAIMED.where(RUNS.c.tenant == tenant, among(connection, RUNS.c.run_id, set(run_ids)))
        .order_by(RUNS.c.run_id)
        .with_for_update(key_share=True)
    )


def _live(connection: Connection, workers: set[str]) -> set[str]:
    known = among(connection, WORKERS.c.worker, workers)
    statement = select(WORKERS.c.worker).where(known, is_live(connection))
    return set(connection.execute(statement).scalars())


def _is_due(row: Row[Any], now: datetime, live: set[str]) -> bool:
    if row.payload is None:
        return False
    if row.status == RunStatus.RUNNING:
        return row.owner not in live
    return row.status in _WAITS and row.wake_at is not None and bool(row.wake_at <= now)


def _begun(row: Row[Any], now: datetime, *, is_lost: bool) -> dict[str, Any]:
    """Say what of a run becomes different where it is executed from now on."""
    if not isinstance(row.fence, int) or row.payload is DAMAGED:
        raise damaged(f"run {row.run_id!r}")
    deadline = row.deadline
    if deadline is None and row.seconds_left is not None:
        left = microseconds(now) + int(row.seconds_left * _SECOND)
        deadline = moment(min(left, _LAST_MOMENT))
    was_running = row.status == RunStatus.RUNNING
    return {
        "status": RunStatus.RUNNING,
        "updated_at": now,
        "wake_at": None,
        "waits_for": (),
        "started_at": row.started_at or now,
        "deadline": deadline,
        "seconds_left": None,
        "recoveries": row.recoveries + (was_running and is_lost),
    }


def _row(record: RunRecord, worker: str, fence: int) -> tuple[Any, ...]:
    times = (record.updated_at, record.started_at, record.deadline)
    written = (moment_of(f"run {record.run_id!r}", one) for one in times)
    key = (escape(record.tenant), escape(record.run_id))
    return (*written, record.recoveries, escape(worker), fence, *_TAKEN, *key)


def _claims(
    connection: Connection, tenant: str, rows: Sequence[Row[Any]], records: Sequence[RunRecord]
) -> tuple[Claim, ...]:
    """Read all that the new holder of runs needs."""
    if not records:
        return ()
    run_ids = [record.run_id for record in records]
    # Steps are written under a fence, and the first one is 1.
    begun = [row.run_id for row in rows if row.fence]
    steps = read_steps(connection, tenant, begun, values=True) if begun else {}
    last = (
        select(func.max(EVENTS.c.sequence))
        .where(EVENTS.c.tenant == RUNS.c.tenant, EVENTS.c.run_id == RUNS.c.run_id)
        .scalar_subquery()
    )
    theirs = RUNS.c.tenant == tenant, among(connection, RUNS.c.run_id, run_ids)
    statement = select(RUNS.c.run_id, last).where(*theirs)
    events = {row[0]: row[1] or 0 for row in connection.execute(statement)}
    for run_id, sequence in events.items():
        if not isinstance(sequence, int):
            raise damaged(f"an event of run {run_id!r}")
    return tuple(
        Claim(
            record=record,
            fence=row.fence + 1,
            payload=row.payload or b"",
            steps=steps.get(record.run_id, ()),
            last_event=events.get(record.run_id, 0),
        )
        for row, record in zip(rows, records, strict=True)
    )
