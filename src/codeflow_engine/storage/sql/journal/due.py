"""Which runs may be claimed: those whose time has come, and those whose worker is gone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    LargeBinary,
    Row,
    Select,
    cast,
    exists,
    literal_column,
    select,
    type_coerce,
    union_all,
)

from codeflow_engine.domain.journal import RunLimits
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.storage.sql.columns import KEY_TEXT, unescape
from codeflow_engine.storage.sql.damage import DAMAGED, Damaged
from codeflow_engine.storage.sql.journal.allowance import Allowance, Candidate
from codeflow_engine.storage.sql.journal.leases import is_live
from codeflow_engine.storage.sql.statements import among, bounded
from codeflow_engine.storage.sql.tables import RUNS, WORKERS

__all__ = ["Asked", "find_due"]

_PAGE = 200
_ORDER = (RUNS.c.rank, RUNS.c.created_at, RUNS.c.run_id)
_NUMBERS = (RUNS.c.rank, RUNS.c.created_at, RUNS.c.started_at)
_TEXTS = (RUNS.c.run_id, RUNS.c.workflow, RUNS.c.partition)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody who looks for work asks for."""

    tenant: str
    now: datetime
    """The engine's time."""

    run_ids: Collection[str] | None
    """Those to choose from; None for all."""

    limits: Mapping[str, RunLimits]


def find_due(connection: Connection, asked: Asked, limit: int) -> tuple[str, ...]:
    """Find runs that may be claimed, the highest priority first, then the oldest."""
    limit = bounded(limit)
    allowance = Allowance(connection, asked.tenant, asked.limits, asked.now)
    size = max(limit, _PAGE) if asked.limits else limit
    found: list[str] = []
    last: Row[Any] | None = None
    while len(found) < limit:
        # Without its input nobody can execute a run: it was only put in.
        conditions = [RUNS.c.tenant == asked.tenant, RUNS.c.payload.is_not(None)]
        if asked.run_ids is not None:
            conditions.append(among(connection, RUNS.c.run_id, set(asked.run_ids)))
        if last is not None:
            conditions.append(_is_after(connection, last))
        due = _due(connection, conditions, allowance, asked.now, size)
        rows = connection.execute(due).all()
        found += [one.run_id for one in _candidates(rows) if allowance.take(one)]
        if len(rows) < size:
            break
        last = rows[-1]
    return tuple(found[:limit])


def _place(connection: Connection) -> Mapping[str, ColumnElement[Any]]:
    """Say how to read the place of a run as it is stored.

    One row that cannot be read would hide all others: it is found like them, and whoever
    claims it is told. SQLite's driver reads no row with a text that is not UTF-8.
    """
    place: dict[str, ColumnElement[Any]] = {}
    for one in _NUMBERS:
        place[one.name] = type_coerce(one, BigInteger)
    is_lax = connection.dialect.name == "sqlite"
    for text in _TEXTS:
        place[text.name] = cast(text, LargeBinary) if is_lax else type_coerce(text, KEY_TEXT)
    return place


def _candidates(rows: Sequence[Row[Any]]) -> Iterator[Candidate]:
    for row in rows:
        run_id, workflow, partition = map(_text, (row.run_id, row.workflow, row.partition))
        # Without a name nobody can claim it.
        if isinstance(run_id, str):
            yield Candidate(run_id, workflow, partition, row.started_at)


def _text(stored: str | bytes | None) -> str | Damaged | None:
    try:
        text = stored.decode() if isinstance(stored, bytes) else stored
    except UnicodeDecodeError:
        return DAMAGED
    return None if text is None else unescape(text)


def _is_after(connection: Connection, last: Row[Any]) -> ColumnElement[bool]:
    """Say of a run that its turn is later than that of another one."""
    place = _place(connection)
    rank, created_at, run_id = (place[column.name] for column in _ORDER)
    same = (rank == last.rank) & (created_at == last.created_at)
    older = (rank == last.rank) & (created_at > last.created_at)
    is_after: ColumnElement[bool] = (rank > last.rank) | older | (same & (run_id > last.run_id))
    return is_after


def _due(
    connection: Connection,
    conditions: Sequence[ColumnElement[bool]],
    allowance: Allowance,
    now: datetime,
    size: int,
) -> Select[Any]:
    """Select the first runs that are due, out of those of each kind.

    Each kind has an index that gives them in order, or gives few of them. What is written
    out as a text is so that the database can see that the index holds such rows.
    """
    status = RUNS.c.status
    has_come = RUNS.c.wake_at <= now
    admits = allowance.admits()
    allowed = [] if admits is None else [admits]
    has_worker = exists().where(WORKERS.c.worker == RUNS.c.owner, is_live(connection))
    kinds = (
        (status == literal_column("'pending'"), has_come, *allowed),
        (status.in_([RunStatus.WAITING.value, RunStatus.PARKED.value]), has_come, *allowed),
        (status == RunStatus.RUNNING.value, ~has_worker, *allowed),
    )
    place = [column.label(name) for name, column in _place(connection).items()]
    firsts = [
        select(*place).where(*conditions, *kind).order_by(*_ORDER).limit(size).subquery()
        for kind in kinds
    ]
    all_of_them = union_all(*(select(first) for first in firsts)).subquery()
    order = [all_of_them.c[column.name] for column in _ORDER]
    return select(all_of_them).order_by(*order).limit(size)
