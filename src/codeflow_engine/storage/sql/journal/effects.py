"""The outbox: effects that are planned, and the receipts for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from codeflow_engine.domain.bodies import decode, encode
from codeflow_engine.domain.effect import Effect, Receipt
from codeflow_engine.storage.sql.bulk import TEXT, change, insertion
from codeflow_engine.storage.sql.columns import escape
from codeflow_engine.storage.sql.runs import check_moment
from codeflow_engine.storage.sql.statements import among, bounded
from codeflow_engine.storage.sql.tables import EFFECTS

__all__ = [
    "effect_row",
    "find_receipts",
    "find_unsettled",
    "plan",
    "receipt_row",
    "settle",
]

_PLAN = insertion(
    "codeflow_effects",
    {"tenant": TEXT, "key": TEXT, "run_id": TEXT, "body": TEXT},
    "DO NOTHING",
)
_SETTLE = change(
    "codeflow_effects",
    {"receipt": (TEXT, "@")},
    {"tenant": TEXT, "key": TEXT},
    where="t.receipt IS NULL",
)


def effect_row(tenant: str, run_id: str, effect: Effect) -> tuple[Any, ...]:
    """Write an effect that a run has planned as a row."""
    body = encode(f"effect {effect.key!r}", effect)
    return tenant, escape(effect.key), escape(run_id), body


def receipt_row(tenant: str, receipt: Receipt) -> tuple[Any, ...]:
    """Write a receipt as a change of the row of its effect."""
    name = f"the receipt of effect {receipt.key!r}"
    check_moment(receipt.at)
    return encode(name, receipt), tenant, escape(receipt.key)


def plan(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert effects; one that is planned already stays as it is."""
    # Several runs may plan the same effects: in one order, so that none blocks the other.
    _PLAN.execute(connection, sorted(rows, key=lambda row: row[:2]))


def settle(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Write receipts to effects without one; the first of a call stays, too."""
    first = {row[1:]: row for row in reversed(rows)}
    _SETTLE.execute(connection, [first[key] for key in sorted(first)])


def find_receipts(connection: Connection, tenant: str, keys: Sequence[str]) -> tuple[Receipt, ...]:
    """Read receipts by key of the effect, in the order of the keys."""
    columns = EFFECTS.c
    statement = select(columns.key, columns.receipt).where(
        columns.tenant == tenant,
        columns.receipt.is_not(None),
        among(connection, columns.key, set(keys)),
    )
    rows = connection.execute(statement).all()
    stored = [(f"the receipt of effect {row.key!r}", row.receipt) for row in rows]
    pairs = zip(rows, decode(Receipt, stored), strict=True)
    found = {row.key: receipt for row, receipt in pairs}
    return tuple(found[key] for key in keys if key in found)


def find_unsettled(
    connection: Connection, tenant: str, run_id: str | None, limit: int
) -> tuple[Effect, ...]:
    """Read planned effects without a receipt, sorted by key."""
    columns = EFFECTS.c
    statement = (
        select(columns.key, columns.body)
        .where(columns.tenant == tenant, columns.receipt.is_(None))
        .order_by(columns.key)
        .limit(bounded(limit))
    )
    if run_id is not None:
        statement = statement.where(columns.run_id == run_id)
    rows = connection.execute(statement).all()
    return tuple(decode(Effect, [(f"effect {row.key!r}", row.body) for row in rows]))
