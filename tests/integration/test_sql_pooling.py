"""Behind a pooler in transaction mode everything works that could depend on a session.

The cases are those of the fault matrix, with a pooler between; `test_sql_pooled.py` has the
whole contracts there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

from codeflow_engine import AsyncEngine
from codeflow_engine.domain.journal import Submission
from codeflow_engine.domain.run import RunEvent, RunRecord, RunStatus
from codeflow_engine.errors import StorageError
from codeflow_engine.runs.context import RunContext
from codeflow_engine.storage.sql import SQLSettings, SQLStorage
from codeflow_engine.storage.sql.migrate import SchemaState, downgrade, upgrade
from pooling_proxy import PoolingProxy, pooling_proxy
from sql_databases import Server

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DRIVERS = ("psycopg", "asyncpg", "psycopg2")
SETTINGS = SQLSettings(prepare=False, pool_size=4)


@pytest.fixture
def proxy(postgres: Server) -> Iterator[PoolingProxy]:
    """Run a pooler with two connections for each database."""
    with pooling_proxy(postgres, size=2) as running:
        yield running


# It takes seconds with each; asyncpg prepares every statement, and so has the most to lose.
ONE_DRIVER = pytest.mark.parametrize(
    "url",
    [one if one == "asyncpg" else pytest.param(one, marks=pytest.mark.fault) for one in DRIVERS],
    indirect=True,
)


@pytest.fixture(params=DRIVERS)
def url(request: pytest.FixtureRequest, proxy: PoolingProxy, postgres_database: str) -> str:
    """Give the URL of an empty database behind it, for each driver."""
    return proxy.url(postgres_database, request.param)


@pytest.fixture
async def make(url: str) -> AsyncIterator[Callable[[], SQLStorage]]:
    """Give what makes storages on that database, each with sessions of its own."""
    made: list[SQLStorage] = []

    def one() -> SQLStorage:
        made.append(SQLStorage(url, SETTINGS))
        return made[-1]

    yield one
    for storage in made:
        await storage.aclose()


def events(*numbers: int) -> list[RunEvent]:
    return [RunEvent(run_id="r1", sequence=number, at=NOW) for number in numbers]


async def test_d41_of_several_that_migrate_at_once_one_does(
    make: Callable[[], SQLStorage], proxy: PoolingProxy
) -> None:
    """The lock belongs to the transaction, and leaves nothing behind on the connection."""
    storages = [make() for _ in range(6)]

    async with asyncio.timeout(60):
        await asyncio.gather(*(storage.migrate() for storage in storages))
        await asyncio.gather(*(storage.migrate() for storage in storages))

    assert (await make().version()).state is SchemaState.CURRENT
    assert proxy.opened == 2


def test_d41_down_and_up_again(proxy: PoolingProxy, postgres_database: str) -> None:
    """A host that migrates on its own connection does it through the pooler, too."""
    engine = create_engine(proxy.url(postgres_database), connect_args={"prepare_threshold": None})
    for step in (upgrade, lambda one: downgrade(one, "base"), upgrade):
        with engine.begin() as connection:
            step(connection)
    engine.dispose()


@ONE_DRIVER
async def test_d10_workers_claim_each_run_once(make: Callable[[], SQLStorage]) -> None:
    """What keeps them apart holds while each statement may come over another connection."""
    first = make()
    await first.migrate()
    ids = [f"r{number:03}" for number in range(60)]
    await first.submit([submission(run_id) for run_id in ids])

    async def work(name: str) -> list[str]:
        storage, claimed = make(), []
        await storage.renew(name, lease=60)
        while due := await storage.find_due("a", now=NOW, limit=10):
            claims = await storage.claim("a", name, run_ids=due, now=NOW)
            claimed += [claim.record.run_id for claim in claims]
        return claimed

    async with asyncio.timeout(120):
        claimed = await asyncio.gather(*(work(f"w{number}") for number in range(6)))

    assert sorted(run_id for some in claimed for run_id in some) == ids


async def test_d16_a_write_outlives_the_connections_of_the_pooler(
    make: Callable[[], SQLStorage], postgres: Server, postgres_database: str
) -> None:
    """The server ends them under calls that go on; nothing is lost, and nothing twice."""
    storage = make()
    await storage.migrate()

    async def disturb() -> None:
        ask = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
        for _ in range(10):
            await asyncio.to_thread(postgres.run, f"{ask}'{postgres_database}'")
            await asyncio.sleep(0.02)

    async with asyncio.timeout(60):
        await asyncio.gather(
            disturb(), *(storage.append_events("a", events(number)) for number in range(1, 60))
        )

    assert await storage.read_events("a", "r1") == tuple(events(*range(1, 60)))


@ONE_DRIVER
async def test_runs_execute_to_their_end(url: str) -> None:
    """Two workers, waits, signals and children, all of it behind the pooler."""
    options: dict[str, Any] = {"storage": url, "backend_settings": {"sql": {"prepare": False}}}
    async with AsyncEngine(**options) as one, AsyncEngine(**options) as other:
        await one.migrate()
        for engine in (one, other):
            engine.workflow("double")(double)
            engine.workflow("parent")(parent)
            await engine.open()
        async with asyncio.timeout(120):
            runs = [await one.submit("parent", {"number": number}) for number in range(10)]
            for run in runs:
                await run.send("go", 100, id="go")
            results = [await run.result() for run in runs]

    assert results == [100 + 2 * number for number in range(10)]


async def test_a_run_in_a_transaction_of_the_host(
    proxy: PoolingProxy, postgres_database: str
) -> None:
    """It is there where the host commits, and only there."""
    host = create_async_engine(
        proxy.url(postgres_database), connect_args={"prepare_threshold": None}, pool_size=1
    )
    async with AsyncEngine(storage=host, executes="none") as engine:
        await engine.migrate()
        engine.workflow("double")(double)
        async with host.connect() as connection:
            for key, end in (("lost", connection.rollback), ("kept", connection.commit)):
                await connection.execute(text("SELECT 1"))
                await engine.submit("double", {"number": 1}, key=key, transaction=connection)
                await end()
        runs = await engine.runs()
    await host.dispose()

    assert [run.record.key for run in runs] == ["kept"]


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
async def test_a_driver_that_keeps_prepared_statements_is_told_what_to_do(
    postgres: Server, postgres_database: str, driver: str
) -> None:
    """The error says how it is set, in place of the driver's riddle."""
    # Three connections, since a call has two transactions: its own, and one of the pool's that
    # tries the session. And one session, so that no name of another one is in the way first.
    with pooling_proxy(postgres, size=3) as proxy:
        storage = SQLStorage(proxy.url(postgres_database, driver), SQLSettings(pool_size=1))
        try:
            with pytest.raises(StorageError, match=r"behind a pooler .*the setting `prepare`"):
                await _use(storage)
        finally:
            await storage.aclose()


async def _use(storage: SQLStorage) -> None:
    await storage.migrate()
    for number in range(1, 41):
        await storage.append_events("a", events(number))
        await storage.read_events("a", "r1")


def submission(run_id: str) -> Submission:
    record = RunRecord(
        run_id=run_id,
        workflow="w",
        version=1,
        tenant="a",
        status=RunStatus.PENDING,
        input={},
        created_at=NOW,
        updated_at=NOW,
        wake_at=NOW,
    )
    return Submission(record=record, payload=b"{}")


async def double(run: RunContext, given: dict[str, Any]) -> int:
    return await run.step("double", twice, given["number"])


def twice(number: int) -> int:
    return number * 2


async def parent(run: RunContext, given: dict[str, Any]) -> int:
    doubled: int = await run.child("double", {"number": given["number"]})
    await run.sleep(0.01)
    more: int = await run.receive("go")
    return doubled + more
