"""The journal on real databases, where others write, connections break and space ends."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from journal_story import NOW, step, submission, tell, writing
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from codeflow_engine.contracts.storage import StorageCapability
from codeflow_engine.domain.journal import RunState
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.errors import StorageError, StorageFullError, StorageUnavailableError
from codeflow_engine.storage.memory import MemoryStorage
from codeflow_engine.storage.sql import SQLSettings, SQLStorage
from pooling_proxy import pooling_proxy
from sql_databases import Server

DRIVERS = ("sqlite", "sqlite+aiosqlite", "psycopg", "asyncpg", "psycopg2")
ON_SERVER = DRIVERS[2:]


@pytest.fixture
def url_of(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """Give the URL of one empty database for each driver."""

    def url(driver: str) -> str:
        if driver.startswith("sqlite"):
            return f"{driver}:///{tmp_path / 'x.db'}"
        server: Server = request.getfixturevalue("postgres")
        return server.url(request.getfixturevalue("postgres_database"), driver)

    return url


@pytest.fixture(params=DRIVERS)
async def storage(
    request: pytest.FixtureRequest, url_of: Callable[[str], str]
) -> AsyncIterator[SQLStorage]:
    """Give a storage with tables, by each driver."""
    made = SQLStorage(url_of(request.param), SQLSettings(migrate=True))
    await made.migrate()
    yield made
    await made.aclose()


async def test_every_call_says_what_the_one_in_memory_says(storage: SQLStorage) -> None:
    """One story, told by both."""
    assert await tell(storage) == await tell(MemoryStorage())


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


@pytest.mark.parametrize("storage", DRIVERS[:2], indirect=True)
async def test_d16_a_call_that_is_made_twice_is_one(storage: SQLStorage) -> None:
    """Each call gives what it would have given, and nothing is counted, claimed or sent twice."""
    assert await tell(losing(storage, twice)) == await tell(MemoryStorage())


@pytest.mark.parametrize("storage", ON_SERVER, indirect=True)
async def test_d16_a_connection_killed_after_the_commit_is_no_second_call(
    storage: SQLStorage, postgres: Server
) -> None:
    """The same, with every connection lost between the commit and its acknowledgement."""
    lose = Killed(postgres)

    told = await tell(losing(storage, lose))

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


WORKER = """
import asyncio, random, sys
from datetime import UTC, datetime
from codeflow_engine.storage.sql import SQLStorage

url, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
NOW = datetime(2026, 1, 2, tzinfo=UTC)

async def main():
    storage = SQLStorage(url)
    await storage.renew(name, lease=600)
    chance = random.Random(name)
    while due := await storage.find_due("a", now=NOW, limit=50):
        some = chance.sample(due, min(len(due), 10))
        for one in await storage.claim("a", name, run_ids=some, now=NOW):
            print(one.record.run_id, one.fence, flush=True)
    await storage.aclose()

asyncio.run(main())
"""


@pytest.mark.parametrize("driver", ["sqlite", "psycopg", "asyncpg"])
@pytest.mark.parametrize(
    ("workers", "runs"), [(4, 120), pytest.param(50, 1000, marks=pytest.mark.fault)]
)
async def test_d10_workers_that_claim_at_once_get_each_run_once(
    url_of: Callable[[str], str], driver: str, workers: int, runs: int
) -> None:
    """However many processes look at the same runs at the same time."""
    url = url_of(driver)
    storage = SQLStorage(url, SQLSettings(migrate=True))
    ids = [f"r{number:04}" for number in range(runs)]
    await storage.submit([submission(one) for one in ids])

    told = await asyncio.to_thread(_claim_in_processes, url, workers)

    assert sorted(told) == sorted(f"{one} 1" for one in ids)
    assert await storage.find_due("a", now=NOW, limit=9) == ()
    await storage.aclose()


def _claim_in_processes(url: str, count: int) -> list[str]:
    command = [sys.executable, "-c", WORKER, url]
    processes = [
        subprocess.Popen([*command, f"w{number}", "0"], stdout=subprocess.PIPE, text=True)
        for number in range(count)
    ]
    told = [line for one in processes for line in one.communicate(timeout=240)[0].splitlines()]
    assert {one.returncode for one in processes} == {0}
    return told


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


@pytest.mark.parametrize("storage", DRIVERS[:2], indirect=True)
async def test_d19_a_locked_file_is_waited_for(storage: SQLStorage, tmp_path: Path) -> None:
    """By every call that writes, and none is lost; those that read are not held up."""
    await storage.submit([submission("r1")])
    other = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    renewing = asyncio.create_task(storage.renew("w", lease=60))
    submitting = asyncio.create_task(storage.submit([submission("r2")]))
    assert await storage.find_due("a", now=NOW, limit=9) == ("r1",)
    await asyncio.sleep(0.7)
    assert not renewing.done()
    assert not submitting.done()
    other.execute("ROLLBACK")
    await asyncio.gather(renewing, submitting)

    assert len(await storage.claim("a", "w", run_ids=["r1", "r2"], now=NOW)) == 2
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


@pytest.mark.parametrize("storage", DRIVERS[:2], indirect=True)
async def test_d30_a_lease_from_before_the_start_of_the_machine_is_over(
    storage: SQLStorage, tmp_path: Path
) -> None:
    """Its clock begins anew with each start, so that its number says nothing."""
    await storage.submit([submission("r1")])
    await storage.renew("w1", lease=3600)
    await storage.claim("a", "w1", run_ids=["r1"], now=NOW)
    before = await storage.find_due("a", now=NOW, limit=9)

    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("UPDATE codeflow_workers SET boot = 'of another start'")
    connection.close()

    assert before == ()
    assert await storage.find_due("a", now=NOW, limit=9) == ("r1",)
    with pytest.raises(StorageError, match="has no lease"):
        await storage.claim("a", "w1", run_ids=["r1"], now=NOW)


@pytest.mark.parametrize("storage", ON_SERVER, indirect=True)
async def test_d30_a_lease_is_measured_by_the_clock_of_the_server(
    storage: SQLStorage, postgres: Server, postgres_database: str
) -> None:
    """To which every worker sends the number of seconds alone."""
    await storage.renew("w1", lease=1000)

    ((left,),) = postgres.run(
        "SELECT lease_until / 1e6 - extract(epoch FROM clock_timestamp()) FROM codeflow_workers",
        postgres_database,
    )

    assert 990 < left <= 1000


async def test_leases_that_are_over_are_swept_away_by_those_who_come(storage: SQLStorage) -> None:
    """Workers end without a word, and none of them stays in the table for ever."""
    for number in range(5):
        await storage.renew(f"gone{number}", lease=0)
    await storage.renew("here", lease=60)

    kept = await storage._database.run(
        lambda by: by.execute(text("SELECT worker FROM codeflow_workers")).scalars().all()
    )

    assert list(kept) == ["here"]


async def test_a_storage_by_url_serves_several_loops_at_once(storage: SQLStorage) -> None:
    """The sign of life of a worker comes from a thread with a loop of its own."""
    await storage.submit([submission("r1")])
    failures: list[BaseException] = []

    async def beat() -> None:
        for _ in range(20):
            await storage.renew("w", lease=60)
        await storage.leave_loop()

    def aside() -> None:
        try:
            asyncio.run(beat())
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=aside) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        assert len(await storage.find_runs("a")) == 1
    for thread in threads:
        await asyncio.to_thread(thread.join)

    assert failures == []
    assert StorageCapability.ANY_LOOP in storage.capabilities
    assert len(await storage.claim("a", "w", run_ids=["r1"], now=NOW)) == 1


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
async def test_a_loop_that_leaves_takes_its_connections_with_it(
    url_of: Callable[[str], str], postgres: Server, postgres_database: str, driver: str
) -> None:
    """Those of the others stay, and are used on."""
    storage = SQLStorage(url_of(driver), SQLSettings(migrate=True))
    await storage.find_runs("a")
    count = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{postgres_database}'"  # noqa: S608 - a test's own name

    async def elsewhere() -> int:
        await storage.find_runs("a")
        ((connections,),) = postgres.run(count)
        await storage.leave_loop()
        return int(connections)

    both = await asyncio.to_thread(lambda: asyncio.run(elsewhere()))
    # The server needs a moment to notice.
    seen = [await _later(postgres, count) for _ in range(20)]

    assert both == 2
    assert seen[-1] == [(1,)]
    await storage.find_runs("a")
    await storage.aclose()


async def _later(server: Server, question: str) -> list[tuple[Any, ...]]:
    await asyncio.sleep(0.1)
    return server.run(question)


def test_an_engine_of_a_host_serves_several_loops_where_it_is_synchronous(tmp_path: Path) -> None:
    """One on the loop belongs to the host's."""
    url = f"{tmp_path / 'x.db'}"
    by_thread = SQLStorage(create_engine(f"sqlite:///{url}"))
    on_loop = SQLStorage(create_async_engine(f"sqlite+aiosqlite:///{url}"))

    assert StorageCapability.ANY_LOOP in by_thread.capabilities
    assert StorageCapability.ANY_LOOP not in on_loop.capabilities
    assert StorageCapability.JOURNAL in by_thread.capabilities & on_loop.capabilities


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
@pytest.mark.parametrize("storage", ["sqlite"], indirect=True)
async def test_a_damaged_run_is_named(
    storage: SQLStorage, tmp_path: Path, damage: str, told: str
) -> None:
    """Never with what it holds; the same goes for a step."""
    await storage.submit([submission("r1")])
    await storage.renew("w", lease=60)
    (claim,) = await storage.claim("a", "w", run_ids=["r1"], now=NOW)
    await storage.write([writing(claim, steps=(step("r1", 1),))])
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute(f"UPDATE codeflow_runs SET {damage}")  # noqa: S608 - some lines above
        connection.execute("UPDATE codeflow_steps SET kind = 'secret'")
    connection.close()

    with pytest.raises(StorageError, match=told) as caught:
        await storage.get_runs("a", ["r1"])
    with pytest.raises(StorageError, match="step 's' of run 'r1' is damaged") as caught_too:
        await storage.read_steps("a", "r1")

    assert "secret" not in f"{caught.value} {caught_too.value}"


@pytest.mark.parametrize("storage", ["sqlite", "psycopg"], indirect=True)
async def test_d40_one_record_that_cannot_be_stored_takes_its_call_with_it_and_is_named(
    storage: SQLStorage,
) -> None:
    """So that whoever writes many together knows which one to leave out."""
    await storage.submit([submission("r1"), submission("r2")])
    await storage.renew("w", lease=60)
    first, second = await storage.claim("a", "w", run_ids=["r1", "r2"], now=NOW)
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
            await storage.write([good, writing(second, **parts)])

    assert await storage.read_steps("a", "r1") == ()
    assert await storage.write([good]) == (True,)
