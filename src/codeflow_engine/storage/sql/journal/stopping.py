"""What people say about runs from outside: that they shall end, or go on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, tuple_, update

from codeflow_engine.domain.journal import Signal, StepState
from codeflow_engine.domain.run import RunRecord, RunStatus
from codeflow_engine.storage.sql.journal import signals
from codeflow_engine.storage.sql.journal.locking import Standing, locked
from codeflow_engine.storage.sql.runs import get_runs
from codeflow_engine.storage.sql.statements import among
from codeflow_engine.storage.sql.tables import RUNS, SIGNALS, STEPS

__all__ = ["cancel", "resume"]

_STOPPED = frozenset(
    {
        RunStatus.PARKED,
        RunStatus.FAILED,
        RunStatus.CANCELLED,
        RunStatus.TIMED_OUT,
        RunStatus.DEAD,
    }
)
"""What a run can be resumed from."""


def cancel(
    connection: Connection, tenant: str, run_ids: Sequence[str], now: datetime
) -> tuple[RunRecord, ...]:
    """Ask for the end of runs and of all that they started, and give them all."""
    family = _family(connection, tenant, run_ids)
    parents = {parent for parent in family.values() if parent is not None}
    rows = locked(connection, tenant, {*family, *parents})
    going = [row for run_id, row in rows.items() if run_id in family and not row.is_over]
    held = [row.run_id for row in going if row.status == RunStatus.RUNNING]
    idle = [row for row in going if row.status != RunStatus.RUNNING]
    if held:
        _update(connection, tenant, held, {"cancelling": True})
    if idle:
        over = {"status": RunStatus.CANCELLED.value, "updated_at": now, "cancelling": True}
        rest = dict.fromkeys(("wake_at", "waits_for", "seconds_left", "deadline", "owner"))
        _update(connection, tenant, [row.run_id for row in idle], {**over, **rest})
        _tell_parents(connection, tenant, rows, idle, now)
    started = [run_id for run_id in family if run_id not in run_ids]
    return get_runs(connection, tenant, [*run_ids, *started])


def resume(
    connection: Connection,
    tenant: str,
    run_ids: Sequence[str],
    now: datetime,
    seconds: float | None,
) -> tuple[RunRecord, ...]:
    """Let runs go on that have ended without success, or are parked; give all asked for."""
    rows = locked(connection, tenant, run_ids)
    # Without its input nobody can execute a run: it was only put in.
    stopped = [row for row in rows.values() if row.status in _STOPPED and row.has_payload]
    _forget_failures(
        connection, tenant, [row.run_id for row in stopped if row.status == RunStatus.FAILED]
    )
    if stopped:
        pending = {
            "status": RunStatus.PENDING.value,
            "updated_at": now,
            "wake_at": now,
            "seconds_left": seconds,
            "error": "null",
            "recoveries": 0,
            "cancelling": False,
        }
        rest = dict.fromkeys(("waits_for", "deadline", "owner"))
        _update(connection, tenant, [row.run_id for row in stopped], {**pending, **rest})
        _forget_ends(connection, tenant, [row.run_id for row in stopped])
    return get_runs(connection, tenant, run_ids)


def _family(
    connection: Connection, tenant: str, run_ids: Iterable[str]
) -> Mapping[str, str | None]:
    """Find runs and all that they started, each with its parent."""
    columns = RUNS.c
    mine = select(columns.run_id, columns.parent).where(columns.tenant == tenant)
    known: dict[str, str | None] = {}
    rows = connection.execute(mine.where(among(connection, columns.run_id, set(run_ids)))).all()
    while new := {run_id: parent for run_id, parent in rows if run_id not in known}:
        known |= new
        rows = connection.execute(mine.where(among(connection, columns.parent, new))).all()
    return known


def _update(
    connection: Connection, tenant: str, run_ids: Collection[str], values: Mapping[str, Any]
) -> None:
    theirs = among(connection, RUNS.c.run_id, run_ids)
    connection.execute(update(RUNS).where(RUNS.c.tenant == tenant, theirs).values(**values))


def _tell_parents(
    connection: Connection,
    tenant: str,
    rows: Mapping[str, Standing],
    ended: Iterable[Standing],
    now: datetime,
) -> None:
    """Send the parents of runs the signal of their end, and wake those that wait for it."""
    told = [
        signals.sent(
            tenant,
            Signal(
                run_id=row.parent,
                signal_id=f"child:{row.run_id}",
                name=f"child:{row.run_id}",
                sent_at=now,
            ),
        )
        for row in ended
        if row.parent is not None and row.parent in rows
    ]
    signals.add(connection, tenant, told)
    ids = {row.run_id for row in ended}
    waits = signals.waits_of(rows, (run_id for run_id, _ in told if run_id not in ids))
    signals.wake(connection, tenant, rows, waits)


def _forget_ends(connection: Connection, tenant: str, run_ids: Collection[str]) -> None:
    """Take the signals that tell these runs of the end of what they had started."""
    columns = SIGNALS.c
    theirs = among(connection, columns.run_id, run_ids)
    told = update(SIGNALS).where(columns.tenant == tenant, theirs)
    connection.execute(told.where(columns.name.startswith("child:")).values(taken=True))


def _forget_failures(connection: Connection, tenant: str, run_ids: Collection[str]) -> None:
    """Remove the record of the step that ended each of these runs, the last that failed."""
    columns = STEPS.c
    failed = (
        select(columns.run_id, columns.name, columns.key)
        .where(columns.tenant == tenant, among(connection, columns.run_id, run_ids))
        .where(columns.state == StepState.FAILED.value)
        .order_by(columns.position)
    )
    last = {row.run_id: tuple(row) for row in connection.execute(failed)}
    for key in last.values():
        this = tuple_(columns.run_id, columns.name, columns.key).in_([key])
        connection.execute(delete(STEPS).where(columns.tenant == tenant, this))
