"""Buckets of rates, which belong to no tenant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, select

from codeflow_engine.domain.budget import Rate
from codeflow_engine.storage import buckets
from codeflow_engine.storage.buckets import Bucket
from codeflow_engine.storage.sql.bulk import NUMBER, TEXT, change, insertion
from codeflow_engine.storage.sql.clock import boot, now
from codeflow_engine.storage.sql.columns import escape
from codeflow_engine.storage.sql.damage import reading
from codeflow_engine.storage.sql.meter.accounts import number
from codeflow_engine.storage.sql.statements import among
from codeflow_engine.storage.sql.tables import BUCKETS

__all__ = ["drain", "take"]

_INSERT = insertion("codeflow_buckets", {"bucket": TEXT, "boot": TEXT}, "DO NOTHING")
_CHANGE = change(
    "codeflow_buckets",
    {
        **dict.fromkeys(("level", "told_at", "full_at", "holds"), (NUMBER, "@")),
        "boot": (TEXT, "@"),
    },
    {"bucket": TEXT},
)


def take(connection: Connection, rates: Mapping[str, Rate]) -> float:
    """Take from all buckets and give 0; or take nothing, and give the seconds to wait."""
    known, at = _locked(connection, rates)
    taken, wait = buckets.take(known, rates, at)
    _put(connection, taken)
    return wait


def drain(connection: Connection, bucket: str, left: int, seconds: float) -> None:
    """Bring a bucket down to what a provider has counted."""
    known, at = _locked(connection, [bucket])
    _put(connection, {bucket: buckets.drain(known.get(bucket), left, seconds, at)})


def _locked(connection: Connection, names: Iterable[str]) -> tuple[Mapping[str, Bucket], int]:
    """Lock buckets; give those that are not full as unknown ones are, and the time then."""
    asked = sorted(map(escape, names))
    _INSERT.execute(connection, [(name, boot(connection)) for name in asked])
    rows = connection.execute(
        select(BUCKETS)
        .where(among(connection, BUCKETS.c.bucket, names))
        .order_by(BUCKETS.c.bucket)
        .with_for_update()
    ).all()
    # Asked when all are locked: nobody may have written a later time meanwhile.
    at = connection.execute(select(now(connection))).scalar_one()
    known = [row for row in rows if row.level is not None and row.boot == boot(connection)]
    return {row.bucket: _bucket(row) for row in known}, at


def _put(connection: Connection, told: Mapping[str, Bucket]) -> None:
    start = boot(connection)
    rows = [
        (one.level, one.at, one.full_at, one.holds, start, escape(name))
        for name, one in sorted(told.items())
    ]
    _CHANGE.execute(connection, rows)


def _bucket(row: Any) -> Bucket:
    with reading(f"bucket {row.bucket!r}"):
        level, told_at, full_at = map(number, (row.level, row.told_at, row.full_at))
        return Bucket(level, told_at, full_at, None if row.holds is None else number(row.holds))
