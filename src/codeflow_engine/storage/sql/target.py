"""What a database is given by: a URL, or an engine of the host."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, InvalidatePoolError, NoSuchModuleError
from sqlalchemy.pool import SingletonThreadPool, StaticPool

from codeflow_engine.errors import ConfigurationError, MissingDependencyError
from codeflow_engine.storage.sql.access import Access, OnLoop, OnThreads
from codeflow_engine.storage.sql.files import DatabaseFile
from codeflow_engine.storage.sql.settings import SQLSettings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

__all__ = ["Given", "Target", "resolve"]

type Given = "str | Engine | AsyncEngine"

_SYNCHRONOUS = {"sqlite": "sqlite", "sqlite+pysqlite": "sqlite", "postgresql+psycopg2": None}
_ON_LOOP = {
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}
_CONNECT_SECONDS = 10
_FRESH_SECONDS = 1.0
_RESTS_SINCE = "codeflow_rests_since"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A database, not opened yet."""

    access: Access
    place: str
    """What it is called in a message; without login."""

    dialect: str
    """`sqlite` or `postgresql`."""

    file: DatabaseFile | None = None
    """The file of a SQLite database that was given by URL."""

    reads_committed: bool = False
    """Whether every connection is at that level of isolation, and begins a transaction."""


def resolve(given: Given, settings: SQLSettings) -> Target:
    """Find out how a database is reached, without reaching for it.

    Raises:
        ConfigurationError: It is no URL of a database that can be used here, or an engine
            that several callers cannot use at once.
        MissingDependencyError: The driver is not installed.
    """
    if isinstance(given, str):
        target = _from_url(given, settings)
    elif isinstance(given, Engine):
        _check_engine(given)
        if given.dialect.is_async:
            raise ConfigurationError(
                "storage: an Engine with an asynchronous driver cannot be used; make it with "
                "create_async_engine"
            )
        access: Access = OnThreads(given, settings.pool_size)
        target = Target(access=access, place=_place(given.url), dialect=given.dialect.name)
    elif _is_async_engine(given):
        _check_engine(given.sync_engine)
        access = OnLoop(given, settings.pool_size)
        target = Target(access=access, place=_place(given.url), dialect=given.dialect.name)
    else:
        raise ConfigurationError(
            f"a database is given by a URL or an engine of SQLAlchemy, "
            f"not by a {type(given).__name__}"
        )
    if settings.schema is not None and target.dialect != "postgresql":
        raise ConfigurationError(f"schema: {target.dialect} has no schemas; leave it out")
    return target


def _from_url(text: str, settings: SQLSettings) -> Target:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # Without the text: it may hold a password.
        raise ConfigurationError("storage: this is no URL of a database") from None
    name = url.drivername
    if name not in _SYNCHRONOUS and name not in _ON_LOOP:
        known = ", ".join(sorted({*_SYNCHRONOUS, *_ON_LOOP}))
        raise ConfigurationError(f"storage: no database is used by {name!r}; known are {known}")
    url = url.set(drivername=_ON_LOOP.get(name) or _SYNCHRONOUS.get(name) or name)
    file = None
    if name.startswith("sqlite"):
        file = DatabaseFile(_path(url))
        url = url.set(database=str(file.path))
    options = _options(url, settings)

    def make_here() -> Engine:
        engine = _driven(lambda: create_engine(url, **options))
        _prepare_connections(engine, settings)
        return engine

    def make_on_loop() -> AsyncEngine:
        from sqlalchemy.ext.asyncio import create_async_engine

        engine = _driven(lambda: create_async_engine(url, **options))
        _prepare_connections(engine.sync_engine, settings)
        return engine

    access: Access = OnLoop(make_on_loop, settings.pool_size)
    if name in _SYNCHRONOUS:
        access = OnThreads(make_here, settings.pool_size)
    dialect = url.get_backend_name()
    return Target(
        access=access,
        place=_place(url),
        dialect=dialect,
        file=file,
        reads_committed=dialect == "postgresql",
    )


def _path(url: URL) -> Path:
    database = url.database or ""
    if database in {"", ":memory:"} or database.startswith("file:") or "mode" in url.query:
        raise ConfigurationError(
            "storage: a SQLite database needs a plain path of a file; "
            "for one in memory, use the storage 'memory'"
        )
    if "\0" in database:
        raise ConfigurationError("storage: a path cannot hold a NUL")
    return Path(os.path.abspath(database))  # noqa: PTH100 - `Path.absolute` leaves `..` in


def _options(url: URL, settings: SQLSettings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "pool_size": settings.pool_size,
        "max_overflow": 0,
        "pool_timeout": settings.lock_wait,
        "hide_parameters": True,
    }
    if url.get_backend_name() == "sqlite":
        options["connect_args"] = {"timeout": settings.lock_wait, "check_same_thread": False}
        return options
    options["isolation_level"] = "READ COMMITTED"
    name = "timeout" if url.drivername.endswith("asyncpg") else "connect_timeout"
    connect = options["connect_args"] = {}
    if name not in url.query:
        connect[name] = _CONNECT_SECONDS
    if not settings.prepare:
        connect.update(_unprepared(url.drivername))
    return options


def _unprepared(driver: str) -> dict[str, Any]:
    """Keep a driver from naming prepared statements; psycopg2 never does."""
    if driver.endswith("asyncpg"):
        return {
            "statement_cache_size": 0,
            "prepared_statement_cache_size": 0,
            # SQLAlchemy prepares each statement once more. The driver would count names
            # upwards, in each session from the same number on.
            "prepared_statement_name_func": lambda: f"codeflow_{secrets.token_hex(8)}",
        }
    return {"prepare_threshold": None} if driver.endswith("psycopg") else {}


def _prepare_connections(engine: Engine, settings: SQLSettings) -> None:
    if engine.dialect.name != "sqlite":
        _ping_after_rest(engine)
        return

    def prepare(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        # The wait comes first: the switch to WAL needs a lock.
        cursor.execute(f"PRAGMA busy_timeout = {int(settings.lock_wait * 1000)}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    event.listen(engine, "connect", prepare)


def _ping_after_rest(engine: Engine) -> None:
    """See that a connection is alive that has not been used for a while.

    SQLAlchemy's own `pool_pre_ping` does so each time, which is three of eight round trips of
    a short transaction.
    """

    def rest(_driver: Any, record: Any) -> None:
        record.info[_RESTS_SINCE] = time.monotonic()

    def wake(driver: Any, record: Any, _lent: Any) -> None:
        since = record.info.get(_RESTS_SINCE)
        if since is None or time.monotonic() - since < _FRESH_SECONDS:
            return
        try:
            engine.dialect.do_ping(driver)
        except engine.dialect.loaded_dbapi.Error as error:
            # Others of its age are as dead; the pool takes a new one.
            raise InvalidatePoolError from error

    event.listen(engine, "checkin", rest)
    event.listen(engine, "checkout", wake)


def _driven[T](make: Callable[[], T]) -> T:
    try:
        return make()
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        requires = "codeflow-engine[postgres]"
        raise MissingDependencyError(
            f"the driver of the database is not installed ({error}); "
            f"install it with: pip install '{requires}'",
            requires=requires,
        ) from None


def _is_async_engine(given: object) -> bool:
    # Who has made one has imported the module; nobody else has to, since it brings the ORM.
    module = sys.modules.get("sqlalchemy.ext.asyncio")
    return module is not None and isinstance(given, module.AsyncEngine)


def _check_engine(engine: Engine) -> None:
    if engine.dialect.name not in {"sqlite", "postgresql"}:
        raise ConfigurationError(
            f"storage: an engine on {engine.dialect.name} cannot be used; "
            f"known are postgresql and sqlite"
        )
    if isinstance(engine.pool, StaticPool | SingletonThreadPool):
        raise ConfigurationError(
            f"storage: an engine with a {type(engine.pool).__name__} cannot be used, since its "
            f"callers share one connection, or each thread sees a database of its own; "
            f"for SQLite give one on a file, or use the storage 'memory'"
        )


def _place(url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        return f"the database {url.database}"
    port = f":{url.port}" if url.port else ""
    return f"the database {url.database or ''!r} at {url.host or 'localhost'}{port}"
