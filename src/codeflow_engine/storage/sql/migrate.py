"""Migrations: bring the tables of a database from one revision to another.

The functions take a synchronous `Connection`, so that a host calls them from where it
migrates its own tables; with an `AsyncEngine`, through `await connection.run_sync(upgrade)`.
Alembic is imported when one of them is called.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection
from sqlalchemy.schema import CreateSchema

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.storage.sql.database import begun
from codeflow_engine.storage.sql.locks import hold
from codeflow_engine.storage.sql.tables import TABLE_NAMES, VERSION_TABLE
from codeflow_engine.storage.sql.version import SchemaState, SchemaVersion, demand, read

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

__all__ = ["SchemaState", "SchemaVersion", "check", "downgrade", "include_name", "sql", "upgrade"]

_LOCK_WAIT = 30.0


def check(connection: Connection, *, schema: str | None = None) -> SchemaVersion:
    """Read which form the tables have, and change nothing."""
    with nullcontext() if connection.in_transaction() else connection.begin():
        return read(connection, schema)


def upgrade(
    connection: Connection, *, schema: str | None = None, lock_wait: float = _LOCK_WAIT
) -> None:
    """Bring the tables into the form of this version, whole or not at all; repeatable.

    It runs in the transaction of the connection where there is one, else in one of its own,
    and under a lock, so that of several processes one migrates and the others wait.

    Args:
        connection: To the database.
        schema: Schema of PostgreSQL that holds the tables; it is made where it is missing.
        lock_wait: Seconds to wait for another process that migrates.

    Raises:
        SchemaVersionError: A newer version of the package has migrated it already.
    """
    with _alone(connection, lock_wait):
        version = read(connection, schema)
        if version.state is SchemaState.NEWER:
            demand(version, "the database")
        if version.state is SchemaState.CURRENT:
            return
        if schema is not None:
            connection.execute(CreateSchema(schema, if_not_exists=True))
        script = _script()
        _run(connection, schema, lambda found: script._upgrade_revs("head", found))  # noqa: SLF001 - what Alembic's own commands call


def downgrade(
    connection: Connection,
    revision: str,
    *,
    schema: str | None = None,
    lock_wait: float = _LOCK_WAIT,
) -> None:
    """Bring the tables back to an older revision, such as `0001`; `base` removes them."""
    with _alone(connection, lock_wait):
        script = _script()
        _run(connection, schema, lambda found: script._downgrade_revs(revision, found))  # noqa: SLF001 - the same


def sql(dialect: str, *, schema: str | None = None, found: str | None = None) -> str:
    """Write the migration as a script, for people who apply it by hand.

    Args:
        dialect: `postgresql` or `sqlite`.
        schema: Schema of PostgreSQL that holds the tables.
        found: The revision that the database has; None where it has no tables.

    Raises:
        ConfigurationError: There is no such dialect.
    """
    from alembic.migration import MigrationContext

    if dialect not in {"postgresql", "sqlite"}:
        raise ConfigurationError(f"no script for {dialect!r}; known are postgresql and sqlite")
    script = _script()
    text = io.StringIO()
    context = MigrationContext.configure(
        dialect_name=dialect,
        opts={
            "as_sql": True,
            "output_buffer": text,
            "literal_binds": True,
            "starting_rev": found,
            "fn": lambda found, _: script._upgrade_revs("head", found),  # noqa: SLF001 - the same
            **_table_options(schema),
        },
    )
    with context.begin_transaction():
        if schema is not None:
            context.execute(CreateSchema(schema, if_not_exists=True))
        _walk(context, schema)
    return text.getvalue()


def include_name(
    name: str | None,
    kind: str,
    parents: object,  # noqa: ARG001 - Alembic's form, a mapping with keys of its own type
) -> bool:
    """Leave the tables of this package out of a host's own history.

    Hand it to `context.configure(include_name=...)` in the `env.py` of the host: without it
    `alembic revision --autogenerate` proposes to drop them.
    """
    return not (kind == "table" and name in TABLE_NAMES)


@contextmanager
def _alone(connection: Connection, lock_wait: float) -> Iterator[None]:
    with nullcontext() if connection.in_transaction() else begun(connection, write=True):
        hold(connection, lock_wait)
        yield


def _script() -> ScriptDirectory:
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(Path(__file__).parent / "migrations"))


def _run(connection: Connection, schema: str | None, steps: Any) -> None:
    from alembic.migration import MigrationContext

    options = {"fn": lambda found, _: steps(found), **_table_options(schema)}
    _walk(MigrationContext.configure(connection, opts=options), schema)


def _walk(context: Any, schema: str | None) -> None:
    from alembic.operations import Operations

    # Handed in, and not through `alembic.op`: that one is a global of the process, and two
    # engines may migrate at once.
    context.run_migrations(op=Operations(context), schema=schema)


def _table_options(schema: str | None) -> Mapping[str, Any]:
    return {"version_table": VERSION_TABLE, "version_table_schema": schema}
