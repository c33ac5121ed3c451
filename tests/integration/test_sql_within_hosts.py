"""Runs within transactions of hosts that do not fit, that wait, or that begin in their own way."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from host_handles import SYNCHRONOUS, Host, begin, submission
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import Session

from codeflow_engine.domain.run import RunRecord
from codeflow_engine.errors import (
    ConfigurationError,
    SchemaVersionError,
    StorageUnavailableError,
)
from codeflow_engine.storage.memory import MemoryStorage
from codeflow_engine.storage.sql import SQLSettings, SQLStorage, migrate
from sql_databases import Server


@pytest.mark.parametrize("given", ["text", None, object(), 3])
async def test_what_is_no_transaction_is_refused(tmp_path: Path, given: object) -> None:
    """With the names of those that are; an engine is none, either."""
    storage = SQLStorage(f"sqlite:///{tmp_path / 'x.db'}")
    told = "a Connection, Session, AsyncConnection or AsyncSession of SQLAlchemy is needed"

    with pytest.raises(ConfigurationError, match=told):
        await storage.submit_within(given, [submission("r1")])
    with pytest.raises(ConfigurationError, match="not a Engine"):
        await storage.submit_within(create_engine("sqlite://"), [submission("r1")])


async def test_a_transaction_on_another_kind_of_database_is_refused(
    tmp_path: Path, postgres: Server, postgres_database: str
) -> None:
    """Before anything is written there, or read."""
    storage = SQLStorage(postgres.url(postgres_database))
    engine = create_engine(f"sqlite:///{tmp_path / 'other.db'}")

    told = pytest.raises(ConfigurationError, match="it is on sqlite, and the runs are in")
    with engine.begin() as connection, told:
        await storage.submit_within(connection, [submission("r1")])

    engine.dispose()


async def test_a_session_without_an_engine_is_refused(tmp_path: Path) -> None:
    """It cannot tell which database its transaction is on."""
    storage = SQLStorage(f"sqlite:///{tmp_path / 'x.db'}")

    told = pytest.raises(ConfigurationError, match="has no engine of its own")
    with Session() as session, session.begin(), told:
        await storage.submit_within(session, [submission("r1")])


@pytest.mark.parametrize("driver", ["psycopg2", "psycopg", "asyncpg"])
async def test_a_connection_that_commits_each_statement_is_refused(
    postgres: Server, postgres_database: str, driver: str
) -> None:
    """Its rollback would leave the run."""
    url = postgres.url(postgres_database, driver)
    options: dict[str, Any] = {"isolation_level": "AUTOCOMMIT"}
    kind = "AsyncConnection" if driver == "asyncpg" else "Connection"
    engine: Engine | AsyncEngine = (
        create_async_engine(url, **options)
        if driver == "asyncpg"
        else create_engine(url, **options)
    )
    storage = SQLStorage(engine)
    await storage.migrate()

    async with begin(engine, kind, commits=False) as handle:
        with pytest.raises(ConfigurationError, match="AUTOCOMMIT"):
            await storage.submit_within(handle, [submission("r1")])

    assert await storage.find_runs("a") == ()
    await storage.aclose()
    if (disposed := engine.dispose()) is not None:
        await disposed


@pytest.mark.parametrize("isolation", [None, "SERIALIZABLE", "AUTOCOMMIT"])
@pytest.mark.parametrize("begins", ["by-itself", "as-the-driver-does"])
async def test_every_way_of_a_host_to_begin_on_sqlite_is_one(
    tmp_path: Path, isolation: str | None, begins: str
) -> None:
    """The driver's own way, the host's listener, or none: what is rolled back is not there."""
    options: dict[str, Any] = {} if isolation is None else {"isolation_level": isolation}
    engine = create_engine(f"sqlite:///{tmp_path / 'host.db'}", **options)
    if begins == "by-itself":
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    storage = SQLStorage(engine)
    await storage.migrate()

    async with begin(engine, "Connection", commits=False) as handle:
        await storage.submit_within(handle, [submission("r1")])
    nothing = await storage.find_runs("a")
    async with begin(engine, "Connection", commits=True) as handle:
        await storage.submit_within(handle, [submission("r2")])

    assert nothing == ()
    assert [one.run_id for one in await storage.find_runs("a")] == ["r2"]
    await storage.aclose()
    engine.dispose()


async def test_a_savepoint_of_the_host_takes_the_run_back_with_it(
    postgres: Server, postgres_database: str
) -> None:
    """A run is as much part of it as the host's own rows."""
    host = Host(postgres.url(postgres_database, "psycopg"), "AsyncSession")
    await host.prepare()

    async with host.begin() as session:
        await host.storage.submit_within(session, [submission("kept")])
        inner = await session.begin_nested()
        await host.storage.submit_within(session, [submission("gone")])
        await inner.rollback()

    assert await host.runs() == ["kept"]
    await host.aclose()


@pytest.mark.parametrize("driver", ["psycopg2", "psycopg", "asyncpg"])
async def test_no_connection_is_opened_beside_that_of_the_host(
    postgres: Server, postgres_database: str, driver: str
) -> None:
    """The server sees one, from the first submission to the last; also where it is an URL."""
    url = postgres.url(postgres_database, driver)
    host = Host(url, "AsyncConnection" if driver == "asyncpg" else "Connection")
    await host.prepare()
    by_url = SQLStorage(url)

    async with host.begin() as handle:
        for number in range(5):
            for storage in (host.storage, by_url):
                await storage.submit_within(handle, [submission(f"r{number}")])
                assert len(postgres.clients(postgres_database)) == 1

    assert len(await host.runs()) == 5
    await host.aclose()


async def test_a_schema_of_its_own_is_found_whatever_the_host_maps(
    postgres: Server, postgres_database: str
) -> None:
    """The settings of the storage say where the tables are, not the options of a connection."""
    url = postgres.url(postgres_database, "psycopg")
    host = Host(url, "AsyncConnection", schema="codeflow")
    plain = SQLStorage(url, SQLSettings(migrate=True))
    await host.storage.migrate()
    await plain.migrate()

    async with host.begin() as handle:
        await handle.execution_options(schema_translate_map={None: "tenant_7"})
        await host.storage.submit_within(handle, [submission("in-schema")])
        await plain.submit_within(handle, [submission("in-default")])

    where = {
        schema: postgres.run(f'SELECT run_id FROM "{schema}".codeflow_runs', postgres_database)  # noqa: S608 - the same
        for schema in ("codeflow", "public")
    }
    assert where == {"codeflow": [("in-schema",)], "public": [("in-default",)]}
    await plain.aclose()
    await host.aclose()


@pytest.mark.parametrize("driver", ["psycopg2", "asyncpg"])
async def test_d8_two_hosts_that_submit_one_key_at_once_get_one_run(
    postgres: Server, postgres_database: str, driver: str
) -> None:
    """The second waits for the end of the first, and then has its run, or its own."""
    kind = "AsyncConnection" if driver == "asyncpg" else "Connection"
    url = postgres.url(postgres_database, driver)
    first, second = Host(url, kind), Host(url, kind)
    await first.prepare()

    async def submit(host: Host, run_id: str) -> RunRecord:
        async with host.begin() as handle:
            (found,) = await host.storage.submit_within(handle, [submission(run_id, key="k")])
            return found

    for commits, expected in ((False, "r2"), (True, "r2")):
        async with first.begin(commits=commits) as handle:
            await first.storage.submit_within(handle, [submission("r1", key="k")])
            waiting = asyncio.create_task(submit(second, "r2"))
            done, _ = await asyncio.wait([waiting], timeout=0.3)
            is_there = bool(await _committed(postgres, postgres_database))
            assert bool(done) == is_there
        assert (await waiting).run_id == expected

    assert await first.runs() == ["r2"]
    for host in (first, second):
        await host.aclose()


async def _committed(server: Server, database: str) -> list[tuple[Any, ...]]:
    return server.run("SELECT run_id FROM codeflow_runs", database)


@pytest.mark.parametrize("kind", SYNCHRONOUS)
async def test_a_synchronous_transaction_never_blocks_the_loop(tmp_path: Path, kind: str) -> None:
    """While another writer holds the file, the loop goes on; the work is done in a thread."""
    host = Host(f"sqlite:///{tmp_path / 'host.db'}", kind)
    await host.prepare()
    other = create_engine(f"sqlite:///{tmp_path / 'host.db'}")
    threads: set[int] = set()
    assert isinstance(host.engine, Engine)
    event.listen(
        host.engine, "before_cursor_execute", lambda *_: threads.add(threading.get_ident())
    )
    with other.connect() as writer:
        writer.exec_driver_sql("BEGIN IMMEDIATE")
        async with host.begin() as handle:
            submitting = asyncio.create_task(host.storage.submit_within(handle, [submission("r1")]))
            beats = 0
            until = time.monotonic() + 0.5
            while time.monotonic() < until:
                await asyncio.sleep(0.01)
                beats += 1
            assert not submitting.done()
            writer.rollback()
            await submitting

    assert beats > 10
    assert threading.get_ident() not in threads
    assert await host.runs() == ["r1"]
    other.dispose()
    await host.aclose()


async def test_a_cancelled_submission_is_over_before_the_host_has_its_connection_back(
    tmp_path: Path,
) -> None:
    """A thread still at work on it would meet the host's rollback."""
    host = Host(f"sqlite:///{tmp_path / 'host.db'}", "Connection")
    await host.prepare()
    other = create_engine(f"sqlite:///{tmp_path / 'host.db'}")
    with other.connect() as writer:
        writer.exec_driver_sql("BEGIN IMMEDIATE")
        async with host.begin(commits=False) as handle:
            submitting = asyncio.create_task(host.storage.submit_within(handle, [submission("r1")]))
            await asyncio.sleep(0.2)
            submitting.cancel()
            await asyncio.sleep(0.1)
            assert not submitting.done()
            writer.rollback()
            await asyncio.wait([submitting])

    assert submitting.cancelled()
    assert await host.runs() == []
    other.dispose()
    await host.aclose()


async def test_d17_a_transaction_that_cannot_be_serialized_is_told_so(
    postgres: Server, postgres_database: str
) -> None:
    """The error may pass when the host does its whole transaction again, and nobody else can."""
    url = postgres.url(postgres_database, "psycopg2")
    storage = SQLStorage(url.replace("+psycopg2", ""), SQLSettings(migrate=True))
    await storage.migrate()
    engine = create_engine(url, isolation_level="REPEATABLE READ")

    with engine.connect() as connection, connection.begin():
        connection.execute(text("SELECT count(*) FROM codeflow_runs"))
        await storage.submit([submission("r1", key="k")])
        with pytest.raises(StorageUnavailableError, match="40001") as caught:
            await storage.submit_within(connection, [submission("r2", key="k")])
        assert connection.execute(text("SELECT 1")).scalar() == 1

    assert caught.value.retryable
    engine.dispose()
    await storage.aclose()


async def test_a_storage_that_takes_no_transaction_says_so() -> None:
    """With its name."""
    with pytest.raises(ConfigurationError, match="MemoryStorage takes no object"):
        await MemoryStorage().submit_within(object(), [submission("r1")])


async def test_the_use_within_a_transaction_checks_the_tables_each_time(
    postgres: Server, postgres_database: str
) -> None:
    """Where there are none the host's transaction goes on, and may even make them."""
    engine = create_engine(postgres.url(postgres_database, "psycopg2"))
    storage = SQLStorage(engine)

    with engine.connect() as connection, connection.begin():
        with pytest.raises(SchemaVersionError, match="no tables yet"):
            await storage.submit_within(connection, [submission("r1")])
        migrate.upgrade(connection)
        await storage.submit_within(connection, [submission("r1")])

    assert len(await storage.find_runs("a")) == 1
    await storage.aclose()
    engine.dispose()
