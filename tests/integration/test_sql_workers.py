"""Workers of the journal on real databases: what they claim, their leases, and their loops."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from journal_story import NOW, submission
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

from codeflow_engine.contracts.storage import StorageCapability
from codeflow_engine.errors import StorageError
from codeflow_engine.storage.sql import SQLSettings, SQLStorage
from sql_databases import Server

DRIVERS = ("sqlite", "sqlite+aiosqlite", "psycopg", "asyncpg", "psycopg2")
ON_SERVER = DRIVERS[2:]


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


@pytest.mark.parametrize(
    "driver", ["sqlite", *(pytest.param(one, marks=pytest.mark.fault) for one in ON_SERVER[:2])]
)
@pytest.mark.parametrize(
    ("workers", "runs"), [(4, 60), pytest.param(50, 1000, marks=pytest.mark.fault)]
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


@pytest.mark.parametrize("sql_storage", DRIVERS[:2], indirect=True)
async def test_d30_a_lease_from_before_the_start_of_the_machine_is_over(
    sql_storage: SQLStorage, tmp_path: Path
) -> None:
    """Its clock begins anew with each start, so that its number says nothing."""
    await sql_storage.submit([submission("r1")])
    await sql_storage.renew("w1", lease=3600)
    await sql_storage.claim("a", "w1", run_ids=["r1"], now=NOW)
    before = await sql_storage.find_due("a", now=NOW, limit=9)

    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("UPDATE codeflow_workers SET boot = 'of another start'")
    connection.close()

    assert before == ()
    assert await sql_storage.find_due("a", now=NOW, limit=9) == ("r1",)
    with pytest.raises(StorageError, match="has no lease"):
        await sql_storage.claim("a", "w1", run_ids=["r1"], now=NOW)


@pytest.mark.parametrize("sql_storage", ON_SERVER, indirect=True)
async def test_d30_a_lease_is_measured_by_the_clock_of_the_server(
    sql_storage: SQLStorage, postgres: Server, postgres_database: str
) -> None:
    """To which every worker sends the number of seconds alone."""
    await sql_storage.renew("w1", lease=1000)

    ((left,),) = postgres.run(
        "SELECT lease_until / 1e6 - extract(epoch FROM clock_timestamp()) FROM codeflow_workers",
        postgres_database,
    )

    assert 990 < left <= 1000


async def test_leases_that_are_over_are_swept_away_by_those_who_come(
    sql_storage: SQLStorage,
) -> None:
    """Workers end without a word, and none of them stays in the table for ever."""
    for number in range(5):
        await sql_storage.renew(f"gone{number}", lease=0)
    await sql_storage.renew("here", lease=60)

    kept = await sql_storage._database.run(
        lambda by: by.execute(text("SELECT worker FROM codeflow_workers")).scalars().all()
    )

    assert list(kept) == ["here"]


async def test_a_storage_by_url_serves_several_loops_at_once(sql_storage: SQLStorage) -> None:
    """The sign of life of a worker comes from a thread with a loop of its own."""
    await sql_storage.submit([submission("r1")])
    failures: list[BaseException] = []

    async def beat() -> None:
        for _ in range(20):
            await sql_storage.renew("w", lease=60)
        await sql_storage.leave_loop()

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
        assert len(await sql_storage.find_runs("a")) == 1
    for thread in threads:
        await asyncio.to_thread(thread.join)

    assert failures == []
    assert StorageCapability.ANY_LOOP in sql_storage.capabilities
    assert len(await sql_storage.claim("a", "w", run_ids=["r1"], now=NOW)) == 1


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
async def test_a_loop_that_leaves_takes_its_connections_with_it(
    url_of: Callable[[str], str], postgres: Server, postgres_database: str, driver: str
) -> None:
    """Those of the others stay, and are used on."""
    storage = SQLStorage(url_of(driver), SQLSettings(migrate=True))
    await storage.find_runs("a")

    async def elsewhere() -> int:
        await storage.find_runs("a")
        connections = len(postgres.clients(postgres_database))
        await storage.leave_loop()
        return connections

    both = await asyncio.to_thread(lambda: asyncio.run(elsewhere()))
    # The server needs a moment to notice.
    await asyncio.sleep(2)

    assert both == 2
    assert len(postgres.clients(postgres_database)) == 1
    await storage.find_runs("a")
    await storage.aclose()


def test_an_engine_of_a_host_serves_several_loops_where_it_is_synchronous(tmp_path: Path) -> None:
    """One on the loop belongs to the host's."""
    url = f"{tmp_path / 'x.db'}"
    by_thread = SQLStorage(create_engine(f"sqlite:///{url}"))
    on_loop = SQLStorage(create_async_engine(f"sqlite+aiosqlite:///{url}"))

    assert StorageCapability.ANY_LOOP in by_thread.capabilities
    assert StorageCapability.ANY_LOOP not in on_loop.capabilities
    assert StorageCapability.JOURNAL in by_thread.capabilities & on_loop.capabilities
