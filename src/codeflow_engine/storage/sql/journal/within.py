"""New runs within a transaction of the host, on its connection and nothing else."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import UnboundExecutionError

from codeflow_engine.domain.journal import Submission
from codeflow_engine.domain.run import RunRecord
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.storage.sql.bulk import in_schema
from codeflow_engine.storage.sql.database import Place
from codeflow_engine.storage.sql.failures import classify, driver_errors
from codeflow_engine.storage.sql.journal.submitting import submit, submitted
from codeflow_engine.storage.sql.version import demand, read

__all__ = ["submit_on", "within"]

_TAKEN = "a Connection, Session, AsyncConnection or AsyncSession of SQLAlchemy"


async def within[T](transaction: Any, place: Place, work: Callable[[Connection], T]) -> T:
    """Run work on the connection of a transaction that the host has begun.

    Args:
        transaction: What the host has begun it with.
        place: The database that it has to be on.
        work: Called with the connection; it raises no error of a driver.

    Raises:
        ConfigurationError: This is no transaction, or it is one elsewhere.
    """
    kind = _kind(transaction)
    if kind is None:
        raise ConfigurationError(
            f"transaction: {_TAKEN} is needed, not a {type(transaction).__name__}"
        )
    if not transaction.in_transaction():
        raise ConfigurationError(
            f"transaction: this {kind} is in none; begin one first, so that the run is there "
            f"where it is committed, and only there"
        )
    if kind == "Connection":
        return await _in_thread(lambda: _checked(transaction, place, work))
    if kind == "Session":
        return await _in_thread(lambda: _checked(_of_session(transaction), place, work))
    is_session = kind == "AsyncSession"
    done: T = await transaction.run_sync(
        lambda sync: _checked(_of_session(sync) if is_session else sync, place, work)
    )
    return done


def submit_on(
    connection: Connection, runs: Sequence[Submission], place: Place
) -> tuple[RunRecord, ...]:
    """Insert runs in the transaction of a connection; what fails leaves it as it was.

    Args:
        connection: In a transaction, which goes on afterwards.
        runs: What to insert.
        place: The database that the connection is to.

    Raises:
        SchemaVersionError: The tables are those of another version.
        StorageError: The database failed.
    """
    rows = submitted(runs)
    try:
        _begin(connection)
        # PostgreSQL refuses everything after a statement that has failed, up to a savepoint.
        with connection.begin_nested():
            demand(read(connection, place.schema), place.name)
            return submit(connection, rows, options=in_schema(place.schema))
    except driver_errors() as error:
        # Without its cause: a driver's text may hold rows, and the login.
        failure = classify(error, place.name, connected=True)
    raise failure.error


def _kind(transaction: object) -> str | None:
    """Name what a transaction was begun with, without importing what the host has not."""
    if isinstance(transaction, Connection):
        return "Connection"
    known = (
        ("sqlalchemy.orm", "Session"),
        ("sqlalchemy.ext.asyncio", "AsyncConnection"),
        ("sqlalchemy.ext.asyncio", "AsyncSession"),
    )
    for module, name in known:
        if module in sys.modules and isinstance(transaction, getattr(sys.modules[module], name)):
            return name
    return None


async def _in_thread[T](work: Callable[[], T]) -> T:
    """Run work in a thread, to its end: the host's connection serves one thread at a time."""
    call = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(call)
    except asyncio.CancelledError:
        await asyncio.wait([call])
        raise


def _of_session(session: Any) -> Connection:
    try:
        connection: Connection = session.connection()
    except UnboundExecutionError:
        raise ConfigurationError(
            "transaction: this Session has no engine of its own; hand over the connection of "
            "the database that the runs are in"
        ) from None
    return connection


def _checked[T](connection: Connection, place: Place, work: Callable[[Connection], T]) -> T:
    if connection.dialect.name != place.dialect:
        raise ConfigurationError(
            f"transaction: it is on {connection.dialect.name}, and the runs are in {place.name}, "
            f"which is on {place.dialect}"
        )
    if connection.dialect.name == "postgresql" and _commits_each_statement(connection):
        raise ConfigurationError(
            "transaction: this connection commits each statement by itself (AUTOCOMMIT)"
        )
    return work(connection)


def _commits_each_statement(connection: Connection) -> bool:
    driver = connection.connection.dbapi_connection
    return driver is not None and connection.dialect.detect_autocommit_setting(driver)


def _begin(connection: Connection) -> None:
    """Begin on SQLite in fact, where the driver would wait for the first write.

    A savepoint outside of a transaction would commit at its end.
    """
    if connection.dialect.name == "sqlite":
        driver = connection.connection.driver_connection
        if not getattr(driver, "in_transaction", False):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
