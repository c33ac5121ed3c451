"""Parts of statements that several operations are made of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import batched
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    Text,
    any_,
    bindparam,
    func,
    select,
    true,
)

from codeflow_engine.storage.sql.columns import escape

__all__ = ["MOST_ROWS", "among", "begins_with", "bounded", "chunks", "inserting", "upsert"]

MOST_ROWS = 2**31 - 1
"""More than any answer has; a larger number does not fit into a statement."""

_CHUNK = 500
"""Values in one statement; databases allow 32,766 at least, and plans of short ones are kept."""

_LAST_CHARACTER = "\U0010ffff"


def chunks[T](values: Iterable[T]) -> Iterator[tuple[T, ...]]:
    """Divide values into portions for one statement each."""
    return batched(values, _CHUNK)


def bounded(number: int) -> int:
    """Bring a limit into the range that databases take."""
    return max(0, min(number, MOST_ROWS))


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    replace: bool = True,
) -> None:
    """Insert rows; where there is one of the same key, replace it or leave it."""
    keys = [column.name for column in table.primary_key]
    by_key: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for row in rows:
        key = tuple(row[name] for name in keys)
        if replace:
            by_key[key] = row
        else:
            by_key.setdefault(key, row)
    if not by_key:
        return
    insert = inserting(connection)(table)
    if replace:
        others = {
            column.name: insert.excluded[column.name]
            for column in table.columns
            if not column.primary_key
        }
        statement = insert.on_conflict_do_update(index_elements=keys, set_=others)
    else:
        statement = insert.on_conflict_do_nothing(index_elements=keys)
    # Two writers that lock the same rows in the same order do not block each other for good.
    connection.execute(statement, [dict(by_key[key]) for key in sorted(by_key)])


def among(connection: Connection, column: Column[str], values: Iterable[str]) -> Any:
    """Say that a key is one of some, however many.

    They are one parameter: with one for each, a hundred thousand ids took about ten times
    as long, and databases have a limit.
    """
    written = [escape(value) for value in values]
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import ARRAY

        return column == any_(bindparam(None, written, type_=ARRAY(Text)))
    listed = func.json_each(json.dumps(written)).table_valued("value")
    return column.in_(select(listed.c.value))


def begins_with(column: Column[str], prefix: str) -> ColumnElement[bool]:
    """Say that a text begins with another one, to the letter, so that an index serves it.

    Not by LIKE: it has wildcards, and SQLite's does not tell cases apart.
    """
    if not prefix:
        return true()
    beginning = prefix.rstrip(_LAST_CHARACTER)
    if not beginning:
        return column >= prefix
    after = beginning[:-1] + chr(ord(beginning[-1]) + 1)
    return (column >= prefix) & (column < after)


def inserting(connection: Connection) -> Any:
    """Find the INSERT of a dialect, which knows ON CONFLICT."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert
    from sqlalchemy.dialects import sqlite

    return sqlite.insert
