"""New runs, each at most once; also within a transaction of the host."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
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
    records = [record for record, _ in runs]
    missing = list(runs)
    for _ in range(_TRIES):
        # Two that insert the same keys in the same order do not block each other for good.
        rows = sorted(_first(missing), key=_order)
        if INSERT.execute(connection, rows, options=options) == len(runs):
            # All of them are new, as nearly always: they stand there as they were given.
            return tuple(records)
        stored = _stored(connection, records, options)
        found = [one for one in stored if one is not None]
        if len(found) == len(runs):
            return tuple(found)
        missing = [one for one, there in zip(runs, stored, strict=True) if there is None]
    raise StorageUnavailableError("a run of the same key was removed while this one came")


def _first(runs: Sequence[Submitted]) -> Iterator[tuple[Any, ...]]:
    """Give the rows of runs; of several with one id or key, that of the first."""
    taken: set[tuple[str, ...]] = set()
    for record, row in runs:
        names = {("id", record.tenant, record.run_id)}
        if record.key is not None:
            names.add(("key", record.tenant, record.key))
        if names.isdisjoint(taken):
            taken |= names
            yield row


def _order(row: tuple[Any, ...]) -> tuple[str, str, str]:
    named = dict(zip(INSERT.columns, row, strict=True))
    return named["tenant"], named["key"] or "", named["run_id"]


def _stored(
    connection: Connection, records: Sequence[RunRecord], options: Options | None
) -> list[RunRecord | None]:
    """Read what stands under the id of each run, or else under its key; None for nothing."""
    by_id: dict[tuple[str, str], RunRecord] = {}
    by_key: dict[tuple[str, str | None], RunRecord] = {}
    for tenant in {record.tenant for record in records}:
        theirs = [record for record in records if record.tenant == tenant]
        ids = {one.run_id for one in theirs}
        for found in _look(connection, tenant, RUNS.c.run_id, ids, options):
            by_id[tenant, found.run_id] = found
        left = [one for one in theirs if (tenant, one.run_id) not in by_id]
        keys = {one.key for one in left if one.key is not None}
        for found in _look(connection, tenant, RUNS.c.key, keys, options):
            by_key[tenant, found.key] = found
    return [
        by_id.get((one.tenant, one.run_id)) or by_key.get((one.tenant, one.key)) for one in records
    ]


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
