"""Make the tables of the journal, and the columns of runs that it needs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from alembic.operations import Operations
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    LargeBinary,
    Text,
    bindparam,
    column,
    select,
    table,
    text,
    update,
)

revision = "0002"
down_revision = "0001"

_KEY = Text().with_variant(Text(collation="C"), "postgresql")

_INTERRUPTED = (
    "WorkflowError: it was interrupted, and cannot go on: the version of codeflow-engine that "
    "began it kept no journal"
)

_PARTIAL: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "codeflow_runs_due": (
        "codeflow_runs",
        "status = 'pending'",
        ("tenant", "rank", "created_at", "run_id"),
    ),
    "codeflow_runs_wake": (
        "codeflow_runs",
        "wake_at IS NOT NULL",
        ("tenant", "status", "wake_at"),
    ),
    "codeflow_runs_started": (
        "codeflow_runs",
        "started_at IS NOT NULL",
        ("tenant", "workflow", "started_at"),
    ),
    "codeflow_runs_parent": ("codeflow_runs", "parent IS NOT NULL", ("tenant", "parent")),
    "codeflow_runs_key": ("codeflow_runs", '"key" IS NOT NULL', ("tenant", "key")),
    "codeflow_effects_open": ("codeflow_effects", "receipt IS NULL", ("tenant", "key")),
}
"""Indexes by name: their table, the rows that they hold, their columns."""

_UNIQUE = "codeflow_runs_key"

_BEFORE = {"waiting": "pending", "parked": "pending", "timed_out": "failed", "dead": "failed"}
"""What revision 0001 calls the statuses that it does not know."""

_FIELDS = (
    *("run_id", "workflow", "version", "tenant", "input", "status"),
    *("created_at", "updated_at", "error", "summary"),
)
"""What the body of a run holds in revision 0001."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PAGE = 500


def upgrade(op: Operations, schema: str | None) -> None:
    """Add columns to runs, end the runs that nobody can go on with, make the other tables."""
    for one in _columns():
        op.add_column("codeflow_runs", one, schema=schema)
    runs = table("codeflow_runs", column("status", Text), column("error", Text), schema=schema)
    going_on = runs.c.status.in_(["pending", "running"])
    op.execute(update(runs).where(going_on).values(status="failed", error=json.dumps(_INTERRUPTED)))
    _make_tables(op, schema)
    op.create_index("codeflow_effects_run", "codeflow_effects", ["tenant", "run_id"], schema=schema)
    op.create_index("codeflow_answers_put", "codeflow_answers", ["tenant", "put_at"], schema=schema)
    for name, (of, where, columns) in _PARTIAL.items():
        op.create_index(
            name,
            of,
            columns,
            unique=name == _UNIQUE,
            schema=schema,
            postgresql_where=text(where),
            sqlite_where=text(where),
        )


def downgrade(op: Operations, schema: str | None) -> None:
    """Remove the journal; runs stay, in the form that revision 0001 reads.

    What a run has worked on goes with the journal, so that one which has not ended is over
    after the way up again.
    """
    _rewrite_bodies(op, schema)
    for name, (of, _, _) in _PARTIAL.items():
        op.drop_index(name, of, schema=schema)
    for one in _columns():
        op.drop_column("codeflow_runs", one.name, schema=schema)
    for name in ("steps", "signals", "workers", "effects", "answers"):
        op.drop_table(f"codeflow_{name}", schema=schema)


def _columns() -> tuple[Column[Any], ...]:
    """Describe what runs have got, in the order in which they did."""
    zero = text("0")
    return (
        Column("workflow", _KEY, nullable=False, server_default=""),
        Column("key", _KEY),
        Column("parent", _KEY),
        Column("partition", _KEY),
        Column("rank", BigInteger, nullable=False, server_default=zero),
        Column("error", Text),
        Column("summary", Text),
        Column("wake_at", BigInteger),
        Column("waits_for", Text),
        Column("started_at", BigInteger),
        Column("deadline", BigInteger),
        Column("seconds_left", Double),
        Column("owner", _KEY),
        Column("fence", BigInteger, nullable=False, server_default=zero),
        Column("recoveries", BigInteger, nullable=False, server_default=zero),
        Column("cancelling", Boolean, nullable=False, server_default=text("false")),
        Column("payload", LargeBinary),
        Column("result", LargeBinary),
    )


def _make_tables(op: Operations, schema: str | None) -> None:
    op.create_table(
        "codeflow_steps",
        *_keys("tenant", "run_id", "name", "key"),
        Column("position", BigInteger, nullable=False),
        Column("kind", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("attempts", BigInteger, nullable=False),
        Column("started_at", BigInteger, nullable=False),
        Column("finished_at", BigInteger, nullable=False),
        Column("wake_at", BigInteger),
        Column("value", LargeBinary),
        Column("error", _KEY),
        schema=schema,
    )
    op.create_table(
        "codeflow_signals",
        *_keys("tenant", "run_id", "signal_id"),
        Column("number", BigInteger, nullable=False),
        Column("name", _KEY, nullable=False),
        Column("taken", Boolean, nullable=False),
        Column("body", Text, nullable=False),
        schema=schema,
    )
    op.create_table(
        "codeflow_workers",
        *_keys("worker"),
        Column("lease_until", BigInteger, nullable=False),
        Column("boot", Text, nullable=False),
        schema=schema,
    )
    op.create_table(
        "codeflow_effects",
        *_keys("tenant", "key"),
        Column("run_id", _KEY, nullable=False),
        Column("body", Text, nullable=False),
        Column("receipt", Text),
        schema=schema,
    )
    op.create_table(
        "codeflow_answers",
        *_keys("tenant", "key"),
        Column("put_at", BigInteger, nullable=False),
        Column("body", Text, nullable=False),
        schema=schema,
    )


def _keys(*names: str) -> Iterator[Column[str]]:
    return (Column(name, _KEY, primary_key=True) for name in names)


def _rewrite_bodies(op: Operations, schema: str | None) -> None:
    """Write into each body what the columns tell, page by page; they are of any size."""
    texts = ("tenant", "run_id", "status", "error", "summary", "body")
    runs = table(
        "codeflow_runs",
        *(column(name, Text) for name in texts),
        column("updated_at", BigInteger),
        schema=schema,
    )
    connection = op.get_bind()
    keys = (runs.c.tenant, runs.c.run_id)
    page = select(runs).order_by(*keys).limit(_PAGE)
    change = (
        update(runs)
        .where(runs.c.tenant == bindparam("t"), runs.c.run_id == bindparam("r"))
        .values(status=bindparam("s"), body=bindparam("b"))
    )
    rows = connection.execute(page).all()
    while rows:
        connection.execute(change, [_rewritten(row) for row in rows])
        last = rows[-1]
        later = (runs.c.tenant > last.tenant) | (
            (runs.c.tenant == last.tenant) & (runs.c.run_id > last.run_id)
        )
        rows = connection.execute(page.where(later)).all()


def _rewritten(row: Any) -> dict[str, str]:
    body = json.loads(row.body)
    status = _BEFORE.get(row.status, row.status)
    updated_at = _EPOCH + timedelta(microseconds=row.updated_at)
    body |= {"status": status, "updated_at": updated_at.isoformat()}
    for name, told in (("error", row.error), ("summary", row.summary)):
        if told is not None:
            body[name] = json.loads(told)
    kept = {name: body[name] for name in _FIELDS}
    written = json.dumps(kept, separators=(",", ":"))
    return {"t": row.tenant, "r": row.run_id, "s": status, "b": written}
