"""Records of steps, and the results of runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, null, select, update

from codeflow_engine.domain.journal import StepKind, StepRecord, StepState
from codeflow_engine.errors import StorageError
from codeflow_engine.storage.sql.bulk import BYTES, NUMBER, TEXT, insertion
from codeflow_engine.storage.sql.columns import escape, microseconds
from codeflow_engine.storage.sql.damage import DAMAGED, damaged, reading
from codeflow_engine.storage.sql.statements import among
from codeflow_engine.storage.sql.tables import RUNS, STEPS

__all__ = ["drop_values", "put_steps", "read_results", "read_steps", "step_row"]

_COLUMNS = {
    "tenant": TEXT,
    "run_id": TEXT,
    "name": TEXT,
    "key": TEXT,
    "position": NUMBER,
    "kind": TEXT,
    "state": TEXT,
    "attempts": NUMBER,
    "started_at": NUMBER,
    "finished_at": NUMBER,
    "wake_at": NUMBER,
    "value": BYTES,
    "error": TEXT,
}
_TYPES = (
    *(str, str, str, int, str, str, int, datetime, datetime),
    *(datetime | None, bytes | None, str | None),
)
"""Of what a row holds after the tenant."""

_KEY = 4
_STATE = [*_COLUMNS].index("state")
_REPLACED = ", ".join(f'"{name}" = excluded."{name}"' for name in [*_COLUMNS][_KEY:])

_PUT = insertion(
    "codeflow_steps",
    _COLUMNS,
    f'(tenant, run_id, name, "key") DO UPDATE SET {_REPLACED} '
    f"WHERE t.state = '{StepState.WAITING}'",
)


def step_row(tenant: str, step: StepRecord) -> tuple[Any, ...]:
    """Write a step as a row.

    Raises:
        StorageError: It cannot be stored; names the step.
    """
    try:
        return (
            tenant,
            escape(step.run_id),
            escape(step.name),
            escape(step.key),
            step.position,
            step.kind.value,
            step.state.value,
            step.attempts,
            microseconds(step.started_at),
            microseconds(step.finished_at),
            None if step.wake_at is None else microseconds(step.wake_at),
            step.value,
            None if step.error is None else escape(step.error),
        )
    except ValueError as error:
        name = f"step {step.name!r} of run {step.run_id!r}"
        raise StorageError(f"{name} cannot be stored: {error}") from None


def put_steps(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert steps, or replace those that are not final, also within one call."""
    last: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for row in rows:
        before = last.get(row[:_KEY])
        if before is None or before[_STATE] == StepState.WAITING:
            last[row[:_KEY]] = row
    _PUT.execute(connection, [*last.values()])


def read_steps(
    connection: Connection, tenant: str, run_ids: Iterable[str], *, values: bool
) -> Mapping[str, tuple[StepRecord, ...]]:
    """Read the steps of runs, sorted by position."""
    columns = [*STEPS.c][1:]
    if not values:
        columns = [null().label("value") if one is STEPS.c.value else one for one in columns]
    statement = (
        select(*columns)
        .where(STEPS.c.tenant == tenant, among(connection, STEPS.c.run_id, set(run_ids)))
        .order_by(STEPS.c.run_id, STEPS.c.position, STEPS.c.name, STEPS.c.key)
    )
    found: defaultdict[str, list[StepRecord]] = defaultdict(list)
    for row in connection.execute(statement):
        found[row.run_id].append(_step(row))
    return {run_id: tuple(some) for run_id, some in found.items()}


def read_results(
    connection: Connection, tenant: str, run_ids: Iterable[str]
) -> Mapping[str, bytes]:
    """Read the results of runs; those without one are left out."""
    columns = RUNS.c
    statement = select(columns.run_id, columns.result).where(
        columns.tenant == tenant,
        among(connection, columns.run_id, set(run_ids)),
        columns.result.is_not(None),
    )
    found = {row.run_id: row.result for row in connection.execute(statement)}
    for run_id, result in found.items():
        if result is DAMAGED:
            raise damaged(f"the result of run {run_id!r}")
    return found


def drop_values(connection: Connection, tenant: str, run_ids: Iterable[str]) -> None:
    """Forget what the steps of runs have returned."""
    theirs = among(connection, STEPS.c.run_id, set(run_ids))
    held = update(STEPS).where(STEPS.c.tenant == tenant, theirs, STEPS.c.value.is_not(None))
    connection.execute(held.values(value=None))


def _step(row: Row[Any]) -> StepRecord:
    name = f"step {row.name!r} of run {row.run_id!r}"
    if not all(map(isinstance, row, _TYPES)):
        raise damaged(name)
    with reading(name):
        kind, state = StepKind(row.kind), StepState(row.state)
    return StepRecord(
        run_id=row.run_id,
        name=row.name,
        key=row.key,
        position=row.position,
        kind=kind,
        state=state,
        attempts=row.attempts,
        started_at=row.started_at,
        finished_at=row.finished_at,
        wake_at=row.wake_at,
        value=row.value,
        error=row.error,
    )
