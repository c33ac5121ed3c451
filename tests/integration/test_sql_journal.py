"""The journal on real databases, where others write, connections break and space ends."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from journal_story import NOW, step, submission, tell, writing
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from codeflow_engine.domain.journal import RunState
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.errors import StorageError, StorageFullError, StorageUnavailableError
from codeflow_engine.storage.memory import MemoryStorage
from codeflow_engine.storage.sql import SQLSettings, SQLStorage
from pooling_proxy import pooling_proxy
from sql_databases import Server

DRIVERS = ("sqlite", "sqlite+aiosqlite", "psycopg", "asyncpg", "psycopg2")
ON_SERVER = DRIVERS[2:]


async def test_every_call_says_what_the_one_in_memory_says(sql_storage: SQLStorage) -> None:
    """One story, told by both."""
    assert await tell(sql_storage) == await tell(MemoryStorage())


def twice(operation: Callable[[Connection], Any]) -> Callable[[Connection], Any]:
    """Commit an operation, lose what it gave, and make it once more."""

    def work(connection: Connection) -> Any:
        operation(connection)
        driver = connection.connection.driver_connection
        assert driver is not None
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        return operation(connection)

    return work


class Killed:
    """Kills the connection of each writing operation once, after its commit and before its end."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.kills = 0

    def __call__(self, operation: Callable[[Connection], Any]) -> Callable[[Connection], Any]:
        tries = 0

        def work(connection: Connection) -> Any:
            nonlocal tries
            tries += 1
            given = operation(connection)
            if tries == 1:
                self.kills += 1
                connection.exec_driver_sql("COMMIT")
                process = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
                self._server.run(f"SELECT pg_terminate_backend({process})")
                connection.exec_driver_sql("SELECT 1")
            return given

        return work


def losing(storage: SQLStorage, lose: Callable[..., Any]) -> SQLStorage:
    """Let every write of a storage be made where its answer is lost, and so once more."""
    run = storage._database.run

    async def lossy(
        operation: Callable[[Connection], Any], *, write: bool = False, repeatable: bool = True
    ) -> Any:
        is_lost = write and repeatable
        return await run(
            lose(operation) if is_lost else operation, write=write, repeatable=repeatable
        )

    storage._database.run = lossy  # type: ignore[method-assign] # what happens on the wire
    return storage


@pytest.mark.parametrize("sql_storage", DRIVERS[:2], indirect=True)
async def test_d16_a_call_that_is_made_twice_is_one(sql_storage: SQLStorage) -> None:
    """Each call gives what it would have given, and nothing is counted, claimed or sent twice."""
    assert await tell(losing(sql_storage, twice)) == await tell(MemoryStorage())


@pytest.mark.parametrize("sql_storage", ON_SERVER, indirect=True)
async def test_d16_a_connection_killed_after_the_commit_is_no_second_call(
    sql_storage: SQLStorage, postgres: Server
) -> None:
    """The same, with every connection lost between the commit and its acknowledgement."""
    lose = Killed(postgres)

    told = await tell(losing(sql_storage, lose))

    assert told == await tell(MemoryStorage())
    assert lose.kills > 15


@pytest.mark.parametrize("driver", ["psycopg2", "psycopg", "asyncpg"])
async def test_it_works_behind_a_pool_of_transactions(
    postgres: Server, postgres_database: str, driver: str
) -> None:
    """Nothing of it outlives a transaction: no setting, lock or listener of a session."""
    options: dict[str, dict[str, Any]] = {
        "psycopg2": {},
        "psycopg": {"prepare_threshold": None},
        "asyncpg": {"statement_cache_size": 0, "prepared_statement_name_func": lambda: ""},
    }
    with pooling_proxy(postgres, size=2) as proxy:
        make: Any = create_engine if driver == "psycopg2" else create_async_engine
        more = "?prepared_statement_cache_size=0" if driver == "asyncpg" else ""
        url = proxy.url(postgres_database, driver) + more
        engine: Engine | AsyncEngine = make(url, connect_args=options[driver])
        storage = SQLStorage(engine)
        await storage.migrate()

        assert await tell(storage) == await tell(MemoryStorage())

        await storage.aclose()
        if (disposed := engine.dispose()) is not None:
            await disposed


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg", "psycopg2"])
async def test_d17_a_deadlock_with_somebody_else_is_tried_again(
    url_of: Callable[[str], str], driver: str
) -> None:
    """The server ends one of both, and the write is made once more by itself."""
    storage = SQLStorage(url_of(driver), SQLSettings(migrate=True))
    await storage.submit([submission("r1"), submission("r2")])
    await storage.renew("w", lease=60)
    claims = await storage.claim("a", "w", run_ids=["r1", "r2"], now=NOW)
    engine = create_engine(url_of("psycopg2"))
    lock = text("UPDATE codeflow_runs SET recoveries = recoveries WHERE run_id = :id")
    with engine.connect() as other:
        # The server ends whoever looks for the deadlock first.
        other.execute(text("SET deadlock_timeout = '60s'"))
        other.execute(lock, {"id": "r2"})
        write = [writing(one, steps=(step(one.record.run_id, 1),)) for one in claims]
        writing_both = asyncio.create_task(storage.write(write))
        await asyncio.sleep(0.3)
        await asyncio.to_thread(other.execute, lock, {"id": "r1"})
        other.commit()
        told = await writing_both

    assert told == (True, True)
    assert [len(await storage.read_steps("a", one)) for one in ("r1", "r2")] == [1, 1]
    engine.dispose()
    await storage.aclose()


@pytest.mark.parametrize("sql_storage", DRIVERS[:2], indirect=True)
async def test_d19_a_locked_file_is_waited_for(sql_storage: SQLStorage, tmp_path: Path) -> None:
    """By every call that writes, and none is lost; those that read are not held up."""
    await sql_storage.submit([submission("r1")])
    other = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    renewing = asyncio.create_task(sql_storage.renew("w", lease=60))
    submitting = asyncio.create_task(sql_storage.submit([submission("r2")]))
    assert await sql_storage.find_due("a", now=NOW, limit=9) == ("r1",)
    await asyncio.sleep(0.7)
    assert not renewing.done()
    assert not submitting.done()
    other.execute("ROLLBACK")
    await asyncio.gather(renewing, submitting)

    assert len(await sql_storage.claim("a", "w", run_ids=["r1", "r2"], now=NOW)) == 2
    other.close()


async def test_d20_a_full_database_refuses_a_step_and_the_run_goes_on_later(
    tmp_path: Path,
) -> None:
    """What was written stays, nothing of the refused write is there, and later there is room."""
    path, most = tmp_path / "x.db", 200
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", lambda one, _: one.execute(f"PRAGMA max_page_count = {most}"))
    storage = SQLStorage(engine)
    await storage.migrate()
    await storage.submit([submission("r1")])
    await storage.renew("w", lease=600)
    (claim,) = await storage.claim("a", "w", run_ids=["r1"], now=NOW)

    def write(number: int) -> Any:
        return storage.write([writing(claim, steps=(step("r1", number, value=b"x" * 20_000),))])

    async def fill() -> None:
        for number in range(1, 1000):
            await write(number)

    with pytest.raises(StorageFullError, match="has no space left"):
        await fill()
    steps = await storage.read_steps("a", "r1")
    connection = sqlite3.connect(path)
    sound = connection.execute("PRAGMA integrity_check").fetchone()
    connection.close()
    engine.dispose()
    most = 10_000

    kept = len(steps)
    assert kept > 0
    assert [one.position for one in steps] == list(range(1, kept + 1))
    assert sound == ("ok",)
    assert await write(kept + 1) == (True,)
    done = RunState(status=RunStatus.SUCCEEDED, at=NOW)
    assert await storage.write([writing(claim, state=done)]) == (True,)
    await storage.aclose()
    engine.dispose()


async def test_a_journal_that_cannot_be_reached_says_so() -> None:
    """As every other call of a storage does."""
    storage = SQLStorage("postgresql://ada@127.0.0.1:1/reviews", SQLSettings(wait=0))

    for call in (
        storage.renew("w", lease=60),
        storage.submit([submission("r1")]),
        storage.find_due("a", now=NOW, limit=1),
    ):
        with pytest.raises(StorageUnavailableError, match="'reviews' at"):
            await call
    await storage.aclose()


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("status = 'gone'", "run 'r1' is damaged, or written by another version"),
        ("waits_for = 'secret'", "run 'r1' is damaged, or written by another version"),
        ("created_at = 7", "run 'r1' is damaged: its columns and its body tell"),
        ("body = 'secret'", "run 'r1' is damaged: its body is no JSON"),
    ],
)
@pytest.mark.parametrize("sql_storage", ["sqlite"], indirect=True)
async def test_a_damaged_run_is_named(
    sql_storage: SQLStorage, tmp_path: Path, damage: str, told: str
) -> None:
    """Never with what it holds; the same goes for a step."""
    await sql_storage.submit([submission("r1")])
    await sql_storage.renew("w", lease=60)
    (claim,) = await sql_storage.claim("a", "w", run_ids=["r1"], now=NOW)
    await sql_storage.write([writing(claim, steps=(step("r1", 1),))])
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute(f"UPDATE codeflow_runs SET {damage}")  # noqa: S608 - some lines above
        connection.execute("UPDATE codeflow_steps SET kind = 'secret'")
    connection.close()

    with pytest.raises(StorageError, match=told) as caught:
        await sql_storage.get_runs("a", ["r1"])
    with pytest.raises(StorageError, match="step 's' of run 'r1' is damaged") as caught_too:
        await sql_storage.read_steps("a", "r1")

    assert "secret" not in f"{caught.value} {caught_too.value}"


@pytest.mark.parametrize("sql_storage", ["sqlite", "psycopg"], indirect=True)
async def test_d40_one_record_that_cannot_be_stored_takes_its_call_with_it_and_is_named(
    sql_storage: SQLStorage,
) -> None:
    """So that whoever writes many together knows which one to leave out."""
    await sql_storage.submit([submission("r1"), submission("r2")])
    await sql_storage.renew("w", lease=60)
    first, second = await sql_storage.claim("a", "w", run_ids=["r1", "r2"], now=NOW)
    good = writing(first, steps=(step("r1", 1),))
    bad_time = step("r2", 1, started_at=NOW.replace(tzinfo=None))
    endless = RunState(status=RunStatus.WAITING, at=NOW, seconds_left=float("inf"))

    for parts, told in (
        ({"steps": (bad_time,)}, "step 's' of run 'r2' cannot be stored"),
        ({"steps": (replace(bad_time, started_at=NOW, position=2**70),)}, "database"),
        ({"state": endless}, "run 'r2' cannot be stored: it has no finite time left"),
        ({"state": RunState(status=RunStatus.FAILED, at=NOW, summary={"x": float("nan")})}, "r2"),
    ):
        with pytest.raises(StorageError, match=told):
            await sql_storage.write([good, writing(second, **parts)])

    assert await sql_storage.read_steps("a", "r1") == ()
    assert await sql_storage.write([good]) == (True,)
