"""Statements that write many rows at once, for what every step of every run goes through.

They are texts that the driver executes as they are. On SQLite the rows are handed over one
by one within one call; on PostgreSQL all of them are one parameter, in JSON, which is one
round trip for any number of them, and the only form that no driver takes apart in Python.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection

__all__ = [
    "BYTES",
    "FLAG",
    "NUMBER",
    "REAL",
    "TEXT",
    "Bulk",
    "Options",
    "Question",
    "Row",
    "change",
    "in_schema",
    "insertion",
]

TEXT = "text"
NUMBER = "bigint"
FLAG = "boolean"
REAL = "double precision"
BYTES = "bytea"

type Row = tuple[Any, ...]

type Options = Mapping[str, Any]
"""Execution options of SQLAlchemy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulk:
    """One statement in the words of both databases."""

    columns: Mapping[str, str]
    """What a row holds, in order: names with types of PostgreSQL."""

    sqlite: str
    postgresql: str
    """With `{schema}` before each table, and `?` for the parameter."""

    def execute(
        self, to: Connection, rows: Sequence[Row], *, options: Options | None = None
    ) -> int:
        """Write rows, and count those that were there to be changed, or are new.

        Args:
            to: A connection in a transaction.
            rows: Each with a value for each column.
            options: As of a statement of SQLAlchemy; None for those of the connection.
        """
        if not rows:
            return 0
        if to.dialect.name == "sqlite":
            return to.exec_driver_sql(self.sqlite, [*rows]).rowcount
        statement = _worded(to, self.postgresql, options)
        return to.exec_driver_sql(statement, (self._as_json(rows),)).rowcount

    def _as_json(self, rows: Sequence[Row]) -> str:
        names = tuple(self.columns)
        named = [dict(zip(names, row, strict=True)) for row in rows]
        for name in (name for name, kind in self.columns.items() if kind is BYTES):
            for row in named:
                if row[name] is not None:
                    row[name] = b64encode(row[name]).decode("ascii")
        return json.dumps(named, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A SELECT in the words of both databases, with `{schema}` and `?` as above."""

    sqlite: str
    postgresql: str

    def ask(self, by: Connection, *values: str) -> Sequence[Sequence[Any]]:
        """Read rows, which hold what the driver gives."""
        if by.dialect.name == "sqlite":
            return by.exec_driver_sql(self.sqlite, values).all()
        return by.exec_driver_sql(_worded(by, self.postgresql, None), values).all()


def insertion(table: str, columns: Mapping[str, str], conflict: str) -> Bulk:
    """Put together an INSERT.

    Args:
        table: Its name.
        columns: Names and types of what each row gives.
        conflict: What follows `ON CONFLICT`; it calls the row that is there `t`.
    """
    names = ", ".join(map(_quoted, columns))
    marks = ", ".join("?" for _ in columns)
    values = ", ".join(_value(name, kind) for name, kind in columns.items())
    return Bulk(
        columns=columns,
        sqlite=f"INSERT INTO {table} AS t ({names}) VALUES ({marks}) ON CONFLICT {conflict}",  # noqa: S608 - our own names
        postgresql=f"INSERT INTO {{schema}}{table} AS t ({names}) "  # noqa: S608 - the same
        f"SELECT {values} FROM {_recordset(columns)} ON CONFLICT {conflict}",
    )


def change(
    table: str, sets: Mapping[str, tuple[str, str]], keys: Mapping[str, str], *, where: str = ""
) -> Bulk:
    """Put together an UPDATE.

    Args:
        table: Its name.
        sets: For each column its type, and what it becomes, with `@` for the value of the
            row; it calls the row that is there `t`. First in a row stand these, in order.
        keys: Names and types of what tells the row; they stand last.
        where: A further condition.
    """
    columns = {name: kind for name, (kind, _) in sets.items()} | dict(keys)
    more = f" AND {where}" if where else ""

    def worded(value: Mapping[str, str]) -> str:
        changes = ", ".join(
            f"{_quoted(name)} = {form.replace('@', value[name])}"
            for name, (_, form) in sets.items()
        )
        return f"SET {changes}"

    marks = dict.fromkeys(columns, "?")
    values = {name: _value(name, kind) for name, kind in columns.items()}
    here = " AND ".join(f"t.{_quoted(name)} = ?" for name in keys)
    there = " AND ".join(f"t.{_quoted(name)} = r.{_quoted(name)}" for name in keys)
    return Bulk(
        columns=columns,
        sqlite=f"UPDATE {table} AS t {worded(marks)} WHERE {here}{more}",
        postgresql=f"UPDATE {{schema}}{table} AS t {worded(values)} "
        f"FROM {_recordset(columns)} WHERE {there}{more}",
    )


def in_schema(schema: str | None) -> Options:
    """Give the options of a statement that looks for our tables in a schema; None for any."""
    return {"schema_translate_map": {None: schema}}


def _worded(connection: Connection, statement: str, options: Options | None) -> str:
    given = connection.get_execution_options() if options is None else options
    schema: str | None = (given.get("schema_translate_map") or {}).get(None)
    return _written(statement, schema, connection.dialect.driver)


@cache
def _written(statement: str, schema: str | None, driver: str) -> str:
    prefix = "" if schema is None else f"{_quoted(schema)}."
    first, *others = statement.replace("{schema}", prefix).split("?")
    is_numbered = driver == "asyncpg"
    marks = (f"${number}" if is_numbered else "%s" for number in range(1, len(others) + 1))
    return first + "".join(mark + other for mark, other in zip(marks, others, strict=True))


def _recordset(columns: Mapping[str, str]) -> str:
    # Through text: a driver that knows the type JSON might write the text as JSON once more.
    kinds = (f"{_quoted(name)} {TEXT if kind is BYTES else kind}" for name, kind in columns.items())
    return f"json_to_recordset(CAST(CAST(? AS text) AS json)) AS r ({', '.join(kinds)})"


def _value(name: str, kind: str) -> str:
    return f"decode(r.{_quoted(name)}, 'base64')" if kind is BYTES else f"r.{_quoted(name)}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
