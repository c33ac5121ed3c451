"""New runs, each at most once; also within a transaction of the host."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Column, Connection

from codeflow_engine.domain.journal import Submission
from codeflow_engine.domain.run import RunRecord
from codeflow_engine.errors import StorageUnavailableError
from codeflow_engine.storage.sql.bulk import Options
from codeflow_engine.storage.sql.runs import INSERT, read_runs, run_row, selected
from codeflow_engine.storage.sql.statements import among
from codeflow_engine.storage.sql.tables import RUNS

__all__ = ["Submitted", "submit", "submitted"]

_TRIES = 3

type Submitted = tuple[RunRecord, tuple[Any, ...]]
"""A new run, and its row."""


def submitted(runs: Sequence[Submission]) -> list[Submitted]:
    """Write new runs as rows.

    Raises:
        StorageError: One cannot be stored; names it.
    """
    return [(one.record, (*run_row(one.record), one.payload)) for one in runs]


def submit(
    connection: Connection, runs: Sequence[Submitted], *, options: Options | None = None
) -> tuple[RunRecord, ...]:
    """Insert runs whose id and key are new; give each as it is stored, in the order given.

    Args:
        connection: In a transaction.
        runs: What `submitted` gave.
        options: As of a statement of SQLAlchemy; None for those of the connection.

    Raises:
        StorageUnavailableError: A run of the same key was removed each time that it was
            looked for.
    """
    # Two that insert the same keys in the same order do not block each other for good.
    rows = sorted((row for _, row in runs), key=_order)
    for _ in range(_TRIES):
        INSERT.execute(connection, rows, options=options)
        found = _stored(connection, [record for record, _ in runs], options)
        if len(found) == len(runs):
            return tuple(found)
    raise StorageUnavailableError("a run of the same key was removed while this one came")


def _order(row: tuple[Any, ...]) -> tuple[str, str, str]:
    named = dict(zip(INSERT.columns, row, strict=True))
    return named["tenant"], named["key"] or "", named["run_id"]


def _stored(
    connection: Connection, records: Sequence[RunRecord], options: Options | None
) -> list[RunRecord]:
    """Read what stands under the ids of runs, or else under their keys."""
    found: dict[tuple[str, str], RunRecord] = {}
    for tenant in {record.tenant for record in records}:
        theirs = [record for record in records if record.tenant == tenant]
        by_id = _look(connection, tenant, RUNS.c.run_id, {one.run_id for one in theirs}, options)
        known = {one.run_id: one for one in by_id}
        keys = {one.key for one in theirs if one.key is not None and one.run_id not in known}
        by_key = {one.key: one for one in _look(connection, tenant, RUNS.c.key, keys, options)}
        for one in theirs:
            stored = known.get(one.run_id) or by_key.get(one.key)
            if stored is not None:
                found[tenant, one.run_id] = stored
    places = [(record.tenant, record.run_id) for record in records]
    return [found[place] for place in places if place in found]


def _look(
    connection: Connection,
    tenant: str,
    column: Column[str],
    values: Collection[str],
    options: Options | None,
) -> list[RunRecord]:
    if not values:
        return []
    statement = selected().where(RUNS.c.tenant == tenant, among(connection, column, values))
    found = connection.execute(statement, execution_options=options or {})
    return read_runs(found.all())
