"""Runs: plain functions of a connection in a transaction.

A row holds the record as it was put in, and in columns what changes: those win. What the
columns do not tell (`error` and `summary` that are NULL) the body tells.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from codeflow_engine.domain.bodies import Stored, decode, encode
from codeflow_engine.domain.run import RunRecord, RunStatus
from codeflow_engine.errors import StorageError
from codeflow_engine.storage.sql.bulk import BYTES, FLAG, NUMBER, REAL, TEXT, insertion
from codeflow_engine.storage.sql.columns import escape, microseconds, unescape
from codeflow_engine.storage.sql.damage import damaged, reading
from codeflow_engine.storage.sql.statements import among, bounded
from codeflow_engine.storage.sql.tables import RUNS

__all__ = [
    "INSERT",
    "check_moment",
    "find_runs",
    "get_runs",
    "moment_of",
    "names_json",
    "put_runs",
    "read_changed",
    "read_names",
    "read_runs",
    "run_row",
    "selected",
]

_COLUMNS = {
    "tenant": TEXT,
    "run_id": TEXT,
    "status": TEXT,
    "created_at": NUMBER,
    "updated_at": NUMBER,
    "body": TEXT,
    "workflow": TEXT,
    "key": TEXT,
    "parent": TEXT,
    "partition": TEXT,
    "rank": NUMBER,
    "wake_at": NUMBER,
    "waits_for": TEXT,
    "started_at": NUMBER,
    "deadline": NUMBER,
    "seconds_left": REAL,
    "recoveries": NUMBER,
    "cancelling": FLAG,
}

_REPLACED = ", ".join(f'"{name}" = excluded."{name}"' for name in [*_COLUMNS][2:])

_PUT = insertion(
    "codeflow_runs",
    _COLUMNS,
    f"(tenant, run_id) DO UPDATE SET {_REPLACED}, error = NULL, summary = NULL, "
    f"owner = CASE WHEN excluded.status = 'running' THEN t.owner END",
)

INSERT = insertion("codeflow_runs", {**_COLUMNS, "payload": BYTES}, "DO NOTHING")
"""Inserts what `run_row` gives with the payload; a row of the same id or key stays."""

_READ = (
    *(RUNS.c.tenant, RUNS.c.run_id, RUNS.c.created_at, RUNS.c.body, RUNS.c.status),
    *(RUNS.c.updated_at, RUNS.c.error, RUNS.c.summary, RUNS.c.wake_at, RUNS.c.waits_for),
    *(RUNS.c.started_at, RUNS.c.deadline, RUNS.c.seconds_left, RUNS.c.recoveries),
    RUNS.c.cancelling,
)


def run_row(run: RunRecord) -> tuple[Any, ...]:
    """Write a run as a row.

    Raises:
        StorageError: It cannot be stored; names the run.
    """
    name = f"run {run.run_id!r}"
    return (
        escape(run.tenant),
        escape(run.run_id),
        run.status.value,
        moment_of(name, run.created_at),
        moment_of(name, run.updated_at),
        encode(name, run),
        escape(run.workflow),
        *(None if text is None else escape(text) for text in (run.key, run.parent)),
        None if run.partition is None else escape(run.partition),
        -run.priority,
        moment_of(name, run.wake_at),
        names_json(run.waits_for),
        moment_of(name, run.started_at),
        moment_of(name, run.deadline),
        run.seconds_left,
        run.recoveries,
        run.cancelling,
    )


def put_runs(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert or replace runs; what the journal alone knows of one stays."""
    last = {row[:2]: row for row in rows}
    # Two writers that lock the same rows in the same order do not block each other for good.
    _PUT.execute(connection, [last[key] for key in sorted(last)])


def get_runs(connection: Connection, tenant: str, run_ids: Sequence[str]) -> tuple[RunRecord, ...]:
    """Read runs by id, in the order of the ids."""
    wanted = among(connection, RUNS.c.run_id, dict.fromkeys(run_ids))
    rows = connection.execute(selected().where(RUNS.c.tenant == tenant, wanted)).all()
    found = {run.run_id: run for run in read_runs(rows)}
    return tuple(found[run_id] for run_id in run_ids if run_id in found)


def find_runs(
    connection: Connection, tenant: str, status: RunStatus | None, limit: int
) -> tuple[RunRecord, ...]:
    """Read the newest runs, newest first."""
    statement = (
        selected()
        .where(RUNS.c.tenant == tenant)
        .order_by(RUNS.c.created_at.desc(), RUNS.c.run_id.desc())
        .limit(bounded(limit))
    )
    if status is not None:
        statement = statement.where(RUNS.c.status == status.value)
    return tuple(read_runs(connection.execute(statement).all()))


def selected(*more: Any) -> Select[Any]:
    """Select what `read_runs` reads, and more."""
    return select(*_READ, *more)


def read_runs(rows: Sequence[Row[Any]]) -> list[RunRecord]:
    """Read runs from rows that were `selected`."""
    return read_changed(rows, [{}] * len(rows))


def read_changed(rows: Sequence[Row[Any]], changes: Sequence[Mapping[str, Any]]) -> list[RunRecord]:
    """Read runs as `read_runs` does, each with some fields that are about to change."""
    stored: list[Stored] = [(f"run {row.run_id!r}", row.body) for row in rows]
    over = [{**_columns_of(row), **change} for row, change in zip(rows, changes, strict=True)]
    runs = decode(RunRecord, stored, over)
    for row, run in zip(rows, runs, strict=True):
        if (run.tenant, run.run_id, run.created_at) != (row.tenant, row.run_id, row.created_at):
            raise StorageError(
                f"run {row.run_id!r} is damaged: its columns and its body tell different things"
            )
    return runs


def names_json(names: Iterable[str]) -> str | None:
    """Write names of signals as the column `waits_for` holds them."""
    written = [escape(name) for name in names]
    return json.dumps(written, ensure_ascii=False) if written else None


def read_names(name: str, written: str | None) -> tuple[str, ...]:
    """Read names of signals that `names_json` has written.

    Raises:
        StorageError: They cannot be read; names the row.
    """
    if written is None:
        return ()
    with reading(name):
        names = json.loads(written)
        if isinstance(names, list):
            return tuple(map(unescape, names))
    raise damaged(name)


def check_moment(at: datetime) -> None:
    """See that a time names a moment.

    Raises:
        StorageError: It has no time zone.
    """
    if at.utcoffset() is None:
        raise StorageError("a time without a zone names no moment")


def moment_of(name: str, at: datetime | None) -> int | None:
    """Write a moment of a row as the microseconds since 1970.

    Raises:
        StorageError: It has no time zone; names the row.
    """
    try:
        return None if at is None else microseconds(at)
    except ValueError as error:
        raise StorageError(f"{name} cannot be stored: {error}") from None


def _columns_of(row: Row[Any]) -> dict[str, Any]:
    """Give what the columns tell, which counts instead of what the body tells."""
    told = {
        "status": row.status,
        "updated_at": row.updated_at,
        "wake_at": row.wake_at,
        "waits_for": read_names(f"run {row.run_id!r}", row.waits_for),
        "started_at": row.started_at,
        "deadline": row.deadline,
        "seconds_left": row.seconds_left,
        "recoveries": row.recoveries,
        "cancelling": row.cancelling,
    }
    for name, value in (("error", row.error), ("summary", row.summary)):
        if value is not None:
            with reading(f"run {row.run_id!r}"):
                told[name] = json.loads(value)
    return told
