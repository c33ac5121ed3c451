"""A host's own engine is used, never closed and never changed; a URL keeps its secrets."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool, StaticPool

from codeflow_engine.domain.run import RunEvent
from codeflow_engine.errors import (
    ConfigurationError,
    MissingDependencyError,
    StorageError,
    StorageUnavailableError,
)
from codeflow_engine.storage.sql import SQLCache, SQLSettings, SQLStorage
from codeflow_engine.storage.sql.target import Given
from sql_databases import Server
from stopwatch import stopwatch

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ENGINES = ("sqlite", "sqlite+aiosqlite", "postgresql+psycopg2", "postgresql+asyncpg")


def events(*numbers: int, run_id: str = "r1") -> list[RunEvent]:
    return [RunEvent(run_id=run_id, sequence=number, at=NOW) for number in numbers]


def chain(error: BaseException | None) -> str:
    """Write an error with all that it came from."""
    told = []
    while error is not None:
        told.append(repr(error))
        error = error.__cause__ or error.__context__
    return "\n".join(told)


@pytest.fixture
def make_engine(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Callable[..., Engine | AsyncEngine]:
    """Make engines on an empty database, as a host would."""
    name: str = request.param

    def make(**options: Any) -> Engine | AsyncEngine:
        if name.startswith("sqlite"):
            url = f"{name}:///{tmp_path / 'host.db'}"
        else:
            server: Server = request.getfixturevalue("postgres")
            database = request.getfixturevalue("postgres_database")
            url = server.url(database, name.split("+")[1])
        if name.endswith(("aiosqlite", "asyncpg")):
            return create_async_engine(url, **options)
        return create_engine(url, **options)

    return make


async def dispose(engine: Engine | AsyncEngine) -> None:
    if isinstance(engine, AsyncEngine):
        await engine.dispose()
    else:
        engine.dispose()


async def execute(engine: Engine | AsyncEngine, statement: str) -> Any:
    if isinstance(engine, AsyncEngine):
        async with engine.connect() as connection:
            return (await connection.execute(text(statement))).scalar()
    with engine.connect() as connection:
        return connection.execute(text(statement)).scalar()


@pytest.mark.parametrize("make_engine", ENGINES, indirect=True)
async def test_an_engine_of_a_host_is_left_as_it_was(
    make_engine: Callable[..., Engine | AsyncEngine],
) -> None:
    """Its pool is open after we closed, its settings are its own, no listener stays."""
    engine = make_engine(pool_size=1, max_overflow=0)
    sync = engine.sync_engine if isinstance(engine, AsyncEngine) else engine
    question = "PRAGMA busy_timeout" if sync.dialect.name == "sqlite" else "SHOW lock_timeout"
    level = "PRAGMA synchronous" if sync.dialect.name == "sqlite" else "SHOW transaction_isolation"
    journal = "PRAGMA journal_mode" if sync.dialect.name == "sqlite" else "SHOW search_path"
    before = [await execute(engine, one) for one in (question, level, journal)]
    listeners = _listeners(sync)
    pool = sync.pool

    storage = SQLStorage(engine)
    await storage.migrate()
    await storage.append_events("a", events(1))
    await storage.read_events("a", "r1")
    await storage.aclose()

    assert [await execute(engine, one) for one in (question, level, journal)] == before
    assert _listeners(sync) == listeners
    assert sync.pool is pool
    assert pool.checkedout() == 0  # type: ignore[attr-defined] # a QueuePool has it
    assert await execute(engine, "SELECT count(*) FROM codeflow_events") == 1
    await dispose(engine)


def _listeners(engine: Engine) -> dict[str, int]:
    counted = {}
    for target in (engine.dispatch, engine.pool.dispatch, engine.dialect.dispatch):
        for name in target._event_names:
            counted[f"{type(target).__name__}.{name}"] = len(list(getattr(target, name)))
    return counted


@pytest.mark.parametrize("make_engine", ENGINES, indirect=True)
async def test_a_pool_of_one_connection_serves_many_calls(
    make_engine: Callable[..., Engine | AsyncEngine],
) -> None:
    """No call holds a connection while it waits for another one."""
    engine = make_engine(pool_size=1, max_overflow=0, pool_timeout=30)
    storage, cache = SQLStorage(engine), SQLCache(engine)
    await storage.migrate()

    async with asyncio.timeout(30):
        await asyncio.gather(
            *(storage.append_events("a", events(number)) for number in range(1, 21)),
            *(storage.read_events("a", "r1") for _ in range(20)),
            *(cache.put({f"k{number}": b"v"}, ttl=60) for number in range(20)),
        )

    assert len(await storage.read_events("a", "r1")) == 20
    assert cache.failure is None
    for made in (storage, cache):
        await made.aclose()
    await dispose(engine)


@pytest.mark.parametrize("make_engine", ["sqlite", "postgresql+psycopg2"], indirect=True)
async def test_a_synchronous_engine_never_blocks_the_loop(
    make_engine: Callable[..., Engine | AsyncEngine],
) -> None:
    """While its database is locked by another, other tasks go on."""
    engine = make_engine()
    assert isinstance(engine, Engine)
    storage = SQLStorage(engine)
    await storage.migrate()
    threads: set[int] = set()
    event.listen(engine, "before_cursor_execute", lambda *_: threads.add(threading.get_ident()))
    with engine.connect() as other:
        lock = "BEGIN IMMEDIATE" if engine.dialect.name == "sqlite" else "LOCK codeflow_events"
        other.exec_driver_sql(lock)
        threads.clear()
        writing = asyncio.create_task(storage.append_events("a", events(1)))
        beats = 0
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            await asyncio.sleep(0.01)
            beats += 1
        assert not writing.done()
        other.rollback()
    await writing

    assert beats > 10
    assert threading.get_ident() not in threads
    assert threads
    await storage.aclose()
    assert not [one for one in threading.enumerate() if one.name.startswith("codeflow-sql")]
    engine.dispose()


@pytest.mark.parametrize("make_engine", ENGINES, indirect=True)
async def test_a_host_that_commits_each_statement_still_gets_whole_batches(
    make_engine: Callable[..., Engine | AsyncEngine],
) -> None:
    """Its level of isolation is not ours: a call that fails in the middle leaves nothing."""
    engine = make_engine(isolation_level="AUTOCOMMIT")
    storage = SQLStorage(engine)
    await storage.migrate()

    def fail(connection: Any) -> None:
        connection.execute(
            text("INSERT INTO codeflow_events VALUES ('a', 'r1', 1, 'RunEvent', '{}')")
        )
        raise StorageError("in the middle")

    with pytest.raises(StorageError, match="in the middle"):
        await storage._database.run(fail, write=True)

    assert await execute(engine, "SELECT count(*) FROM codeflow_events") == 0
    await storage.append_events("a", events(1))
    assert await execute(engine, "SELECT count(*) FROM codeflow_events") == 1
    await storage.aclose()
    await dispose(engine)


async def test_a_host_that_begins_by_itself_is_no_obstacle(tmp_path: Path) -> None:
    """SQLite does not nest transactions; a host's listener may have begun one already."""
    engine = create_engine(f"sqlite:///{tmp_path / 'host.db'}")
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    storage = SQLStorage(engine)
    await storage.migrate()

    await storage.append_events("a", events(1, 2))

    assert len(await storage.read_events("a", "r1")) == 2
    await storage.aclose()
    engine.dispose()


@pytest.mark.parametrize(
    "engine",
    [
        create_engine("sqlite://"),
        create_engine("sqlite://", poolclass=StaticPool),
        create_async_engine("sqlite+aiosqlite://"),
    ],
    ids=["each-thread", "shared", "on-the-loop"],
)
def test_an_engine_that_cannot_be_shared_is_refused(engine: Given) -> None:
    """One connection for all callers mixes their transactions; one for each thread is many."""
    with pytest.raises(ConfigurationError, match="cannot be used, since its callers share one"):
        SQLStorage(engine)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("mysql://u:hunter2@h/db", "no database is used by 'mysql'; known are postgresql, "),
        ("postgres://u:hunter2@h/db", "no database is used by 'postgres'; known are"),
        ("hunter2", "this is no URL of a database"),
        ("postgresql://u:hunter2@h:port/db", "this is no URL of a database"),
        (3, "not by a int"),
    ],
)
def test_what_is_no_database_is_refused_without_a_secret(given: Any, told: str) -> None:
    """The message names what is known, and never the URL."""
    with pytest.raises(ConfigurationError, match=told) as caught:
        SQLStorage(given)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("fields", [{"pool_size": 0}, {"wait": float("nan")}, {"schema": "a;b"}])
def test_settings_that_cannot_work_are_refused(fields: dict[str, Any]) -> None:
    """When they are made, with the name of the setting."""
    with pytest.raises(ConfigurationError, match=next(iter(fields))):
        SQLSettings(**fields)


def test_a_schema_needs_a_database_that_has_them(tmp_path: Path) -> None:
    """SQLite has none."""
    with pytest.raises(ConfigurationError, match="sqlite has no schemas"):
        SQLStorage(f"sqlite:///{tmp_path}/x.db", SQLSettings(schema="cf"))


def test_a_constructor_touches_nothing(tmp_path: Path) -> None:
    """No file, no thread, no connection."""
    threads = threading.active_count()

    SQLStorage(f"sqlite:///{tmp_path}/deep/x.db")
    SQLCache("postgresql://nobody@127.0.0.1:1/none")

    assert list(tmp_path.iterdir()) == []
    assert threading.active_count() == threads


async def test_a_missing_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the extra of this package, when it is first needed."""
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    storage = SQLStorage("postgresql+asyncpg://u:hunter2@127.0.0.1/db")

    with pytest.raises(MissingDependencyError, match="codeflow-engine\\[postgres\\]") as caught:
        await storage.find_runs("a")

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg", "psycopg2"])
async def test_d15_a_database_that_is_away_is_waited_for_and_then_an_error(driver: str) -> None:
    """For as long as the settings say; the message names the place and never the password."""
    url = f"postgresql+{driver}://ada:hunter2@127.0.0.1:1/reviews"
    storage = SQLStorage(url, SQLSettings(wait=0.5))

    async with stopwatch() as watch:
        with pytest.raises(StorageUnavailableError, match=r"'reviews' at 127\.0\.0\.1:1") as caught:
            await storage.find_runs("a")

    assert watch.lasted > 0.2
    assert watch.seconds < 8
    assert caught.value.retryable
    assert "hunter2" not in chain(caught.value)
    await storage.aclose()


async def test_a_login_that_is_refused_is_not_tried_again(
    postgres: Server, postgres_database: str
) -> None:
    """Waiting does not help; the code of the database says why."""
    url = postgres.url(f"{postgres_database}x", "asyncpg")
    storage = SQLStorage(url, SQLSettings(wait=30))

    with pytest.raises(StorageError, match="has no such database \\(3D000\\)") as caught:
        await storage.find_runs("a")

    assert not caught.value.retryable
    await storage.aclose()


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
async def test_a_login_that_is_refused_without_a_code_says_where_to_look(
    postgres: Server, postgres_database: str, driver: str
) -> None:
    """Libpq tells no code, so it may pass; the message does not say that nobody answers."""
    storage = SQLStorage(postgres.url(f"{postgres_database}x", driver), SQLSettings(wait=0))

    with pytest.raises(StorageUnavailableError, match="refuses the connection: look at user"):
        await storage.find_runs("a")

    await storage.aclose()


def test_an_engine_on_a_second_loop_is_refused(postgres: Server, postgres_database: str) -> None:
    """Its connections belong to the first one; without a pool there are none that stay."""
    url = postgres.url(postgres_database, "asyncpg")
    pooled, without = create_async_engine(url), create_async_engine(url, poolclass=NullPool)
    first, second = SQLStorage(pooled), SQLStorage(without)

    async def use() -> None:
        await second.migrate()
        assert await second.find_runs("a") == ()
        assert await first.find_runs("a") == ()
        await pooled.dispose()

    asyncio.run(use())
    with pytest.raises(ConfigurationError, match="used on another event loop already"):
        asyncio.run(use())


def test_an_engine_with_the_wrong_kind_of_driver_is_refused() -> None:
    """A synchronous engine on an asynchronous driver works nowhere."""
    with pytest.raises(ConfigurationError, match="make it with create_async_engine"):
        SQLStorage(create_engine("postgresql+asyncpg://h/db"))


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg", "psycopg2"])
async def test_an_error_of_a_statement_never_quotes_a_row(
    postgres: Server, postgres_database: str, driver: str
) -> None:
    """Databases quote the failing row; our message has their code, and no cause."""
    storage = SQLStorage(postgres.url(postgres_database, driver), SQLSettings(migrate=True))
    await storage.append_events("a", events(1))
    insert = text(
        "INSERT INTO codeflow_events (tenant, run_id, sequence, kind) "
        "VALUES ('a', 'hunter2', 1, 'k')"
    )

    with pytest.raises(StorageError, match=r"refused the statement \(23502\)") as caught:
        await storage._database.run(lambda by: by.execute(insert), write=True)

    assert "hunter2" not in chain(caught.value)
    await storage.aclose()


@pytest.fixture
async def in_file(tmp_path: Path) -> AsyncIterator[SQLStorage]:
    """Give a storage in a file that was used already."""
    storage = SQLStorage(f"sqlite:///{tmp_path}/x.db")
    await storage.append_events("a", events(1))
    yield storage
    await storage.aclose()


async def test_d42_a_child_of_a_fork_opens_its_own_connections(
    in_file: SQLStorage, recwarn: pytest.WarningsRecorder
) -> None:
    """Threads do not survive a fork, and a connection must not be shared."""
    recwarn.clear()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            threading.Thread(target=_write_on_a_loop_of_its_own, args=(in_file,)).start()
            for thread in threading.enumerate():
                if thread is not threading.current_thread():
                    thread.join(90)
            code = 0
        finally:
            os._exit(code)
    _, status = await asyncio.to_thread(os.waitpid, child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert len(await in_file.read_events("a", "r1")) == 2
    recwarn.clear()


def _write_on_a_loop_of_its_own(storage: SQLStorage) -> None:
    async def write() -> None:
        await storage.append_events("a", events(2))
        await storage.aclose()

    asyncio.run(write())


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
def test_a_storage_by_url_works_on_one_loop_after_another(
    postgres: Server, postgres_database: str, driver: str
) -> None:
    """Connections belong to a loop; each one gets its own."""
    storage = SQLStorage(postgres.url(postgres_database, driver), SQLSettings(migrate=True))

    async def use(number: int) -> int:
        await storage.append_events("a", events(number))
        found = await storage.read_events("a", "r1")
        await storage.aclose()
        return len(found)

    assert [asyncio.run(use(number)) for number in (1, 2)] == [1, 2]


async def test_a_cancelled_call_leaves_a_storage_that_works(
    postgres: Server, postgres_database: str
) -> None:
    """The cancellation goes through, and the connection is not lost."""
    settings = SQLSettings(migrate=True, pool_size=1)
    storage = SQLStorage(postgres.url(postgres_database), settings)
    await storage.append_events("a", events(1))
    slow = asyncio.create_task(
        storage._database.run(lambda by: by.execute(text("SELECT pg_sleep(30)")).all())
    )
    await asyncio.sleep(0.2)

    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow

    async with asyncio.timeout(10):
        assert len(await storage.read_events("a", "r1")) == 1
    await storage.aclose()


async def test_nothing_is_logged_by_us(
    in_file: SQLStorage, caplog: pytest.LogCaptureFixture
) -> None:
    """Statements and rows belong into no log."""
    with caplog.at_level(logging.INFO):
        await in_file.append_events("a", events(3))

    assert caplog.records == []
