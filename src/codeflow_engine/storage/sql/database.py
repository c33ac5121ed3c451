"""One database: opened on first use, and asked again after failures that pass."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection
from tenacity import AsyncRetrying, RetryCallState, retry_if_result, wait_random_exponential

from codeflow_engine.errors import CodeflowError
from codeflow_engine.storage.sql.failures import Again, Failure, classify, driver_errors
from codeflow_engine.storage.sql.settings import SQLSettings
from codeflow_engine.storage.sql.target import Given, resolve
from codeflow_engine.storage.sql.version import (
    SchemaState,
    SchemaVersion,
    create,
    demand,
    read,
)

__all__ = ["Database", "Place", "begun"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the tables are, for who comes with a connection of its own."""

    name: str
    """What the database is called in a message."""

    dialect: str
    schema: str | None


class Database:
    """Runs operations in transactions, on whatever the host has given.

    Args:
        given: A URL, or an engine of the host.
        settings: How to use it.
        is_patient: Whether to go on trying while it cannot be reached.
    """

    def __init__(self, given: Given, settings: SQLSettings, *, is_patient: bool = True) -> None:
        self._settings = settings
        self._wait = settings.wait if is_patient else 0.0
        self._target = resolve(given, settings)
        self._is_checked = False
        by_url = self._target.file is not None
        self._migrates = by_url if settings.migrate is None else settings.migrate

    async def run[T](
        self,
        operation: Callable[[Connection], T],
        *,
        write: bool = False,
        repeatable: bool = True,
    ) -> T:
        """Run an operation in one transaction, once the tables are known to be right.

        Args:
            operation: Called with a connection in a transaction; maybe more than once.
            write: Whether it writes.
            repeatable: Whether it may run again where the first time may have been kept.

        Raises:
            StorageError: It failed, and nothing of it was kept; but where the connection
                was lost in the middle, that is not known.
        """

        def work(connection: Connection) -> T:
            self._settle(connection)
            with begun(connection, write=write):
                return operation(connection)

        alone = write and self._target.dialect == "sqlite"
        return await self._retry(work, repeatable=repeatable, creates=self._migrates, alone=alone)

    async def migrate(self) -> None:
        """Bring the tables into the form of this version.

        Raises:
            StorageError: As for `run`.
        """
        from codeflow_engine.storage.sql.migrate import upgrade

        def work(connection: Connection) -> None:
            upgrade(connection, schema=self._settings.schema, lock_wait=self._settings.lock_wait)

        await self._retry(work, repeatable=True, creates=True)
        self._is_checked = True

    async def version(self) -> SchemaVersion:
        """Read which form the tables have.

        Raises:
            StorageError: As for `run`.
        """
        file = self._target.file
        if file is not None and not file.exists():
            return SchemaVersion(state=SchemaState.ABSENT, found=None)

        def work(connection: Connection) -> SchemaVersion:
            with begun(connection, write=False):
                return read(connection, self._settings.schema)

        return await self._retry(work, repeatable=True, creates=False)

    @property
    def place(self) -> Place:
        """Where the tables are."""
        return Place(
            name=self._target.place, dialect=self._target.dialect, schema=self._settings.schema
        )

    @property
    def serves_any_loop(self) -> bool:
        """Whether it may be called on several event loops at the same time."""
        return self._target.access.serves_any_loop

    async def leave_loop(self) -> None:
        """Close what serves the running event loop alone."""
        await self._target.access.leave_loop()

    async def aclose(self) -> None:
        """Close what was opened here."""
        await self._target.access.aclose()

    async def _retry[T](
        self,
        work: Callable[[Connection], T],
        *,
        repeatable: bool,
        creates: bool,
        alone: bool = False,
    ) -> T:
        allowed = {Again.CONFLICT, Again.UNREACHABLE} | ({Again.LOST} if repeatable else set())
        began = time.monotonic()
        end = await self._attempt(work, creates, alone)
        if isinstance(end, Failure) and end.again in allowed:
            again = partial(self._attempt, work, creates, alone)
            end = await self._go_on(end, again, allowed, began)
        if isinstance(end, Failure):
            # Without its cause: a driver's text may hold rows, and the login.
            raise end.error
        return end

    async def _go_on[T](
        self,
        first: Failure,
        attempt: Callable[[], Awaitable[T | Failure]],
        allowed: Collection[Again],
        began: float,
    ) -> T | Failure:
        """Try again after a first attempt; nearly every call needs none of this machinery."""
        ends: list[Failure] = [first]

        async def next_end() -> T | Failure:
            return ends.pop() if ends else await attempt()

        def is_over(state: RetryCallState) -> bool:
            end = _end(state)
            is_conflict = isinstance(end, Failure) and end.again is Again.CONFLICT
            limit = self._settings.lock_wait if is_conflict else self._wait
            return time.monotonic() - began >= limit

        retrying = AsyncRetrying(
            retry=retry_if_result(lambda end: isinstance(end, Failure) and end.again in allowed),
            wait=wait_random_exponential(multiplier=0.02, max=1),
            stop=is_over,
            retry_error_callback=_end,
        )
        last: T | Failure = await retrying(next_end)
        return last

    async def _attempt[T](
        self,
        work: Callable[[Connection], T],
        creates: bool,  # noqa: FBT001 - called by position
        alone: bool,  # noqa: FBT001 - the same
    ) -> T | Failure:
        is_connected = False

        def watched(connection: Connection) -> T:
            nonlocal is_connected
            is_connected = True
            return work(self._configured(connection))

        try:
            preparation = self._preparation(creates=creates)
            return await self._target.access.call(watched, preparation, alone=alone)
        except CodeflowError:
            raise
        except driver_errors() as error:
            return classify(error, self._target.place, connected=is_connected)

    def _preparation(self, *, creates: bool) -> Callable[[], None] | None:
        """Give what has to be done about a file before each use; it may block."""
        file = self._target.file
        if file is None:
            return None

        def prepare() -> None:
            if creates:
                file.create()
            elif not file.exists():
                demand(SchemaVersion(state=SchemaState.ABSENT, found=None), self._target.place)
            file.check()

        return prepare

    def _configured(self, connection: Connection) -> Connection:
        """Set options of this connection alone; the pool undoes them when it comes back."""
        schema = self._settings.schema
        if schema is not None:
            connection = connection.execution_options(schema_translate_map={None: schema})
        if self._target.dialect == "postgresql" and not self._target.reads_committed:
            # A host's engine may commit each statement by itself, or be stricter than needed.
            connection = connection.execution_options(isolation_level="READ COMMITTED")
        return connection

    def _settle(self, connection: Connection) -> None:
        """See that the tables are of this version; make them so where that is allowed."""
        if self._is_checked:
            return
        schema = self._settings.schema
        with begun(connection, write=False):
            version = read(connection, schema)
        if self._migrates and version.state is SchemaState.ABSENT and schema is None:
            self._create(connection)
        elif self._migrates and version.state in {SchemaState.ABSENT, SchemaState.OUTDATED}:
            from codeflow_engine.storage.sql.migrate import upgrade

            upgrade(connection, schema=schema, lock_wait=self._settings.lock_wait)
        else:
            demand(version, self._target.place)
        self._is_checked = True

    def _create(self, connection: Connection) -> None:
        """Make the tables without Alembic, which takes longer to import than all the rest."""
        from codeflow_engine.storage.sql.locks import hold

        with begun(connection, write=True):
            hold(connection, self._settings.lock_wait)
            version = read(connection, self._settings.schema)
            if version.state is SchemaState.ABSENT:
                create(connection)
            else:
                demand(version, self._target.place)


def _end(state: RetryCallState) -> Any:
    return state.outcome.result() if state.outcome else None


@contextmanager
def begun(connection: Connection, *, write: bool) -> Iterator[None]:
    """Begin a transaction, and commit it at the end.

    One that writes takes SQLite's lock for writers at once: a reader that turns into a
    writer later fails where another one has written between.
    """
    with connection.begin():
        if write and connection.dialect.name == "sqlite":
            driver = connection.connection.driver_connection
            # A host's engine may have begun by itself, and SQLite does not nest.
            if not getattr(driver, "in_transaction", False):
                connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield
