"""The model of a host service, `examples/embed`: on both databases, as its README says."""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import AsyncEngine as Database
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.pool import ConnectionPoolEntry

from codeflow_engine import AsyncEngine
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.errors import ConflictingRunError
from codeflow_engine.runs.context import RunContext
from codeflow_engine.storage.sql.migrate import downgrade, include_name, upgrade
from sql_databases import Server

EXAMPLE = Path(__file__).parents[2] / "examples" / "embed"
"""Absent where the tests run against a wheel, away from the checkout."""

pytestmark = pytest.mark.skipif(not EXAMPLE.exists(), reason="the checkout is not here")

PATCH = "--- a/a.py\n+++ b/a.py\n@@ -1 +1,2 @@\n a = 1\n+breakpoint()\n"

type Connect = Callable[..., Database]


@pytest.fixture(scope="module")
def gatekeeper() -> Iterator[SimpleNamespace]:
    """Give what the service consists of."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXAMPLE))
        names = ("database", "deliveries", "tables", "verdicts", "worker")
        yield SimpleNamespace(
            **{name: importlib.import_module(f"gatekeeper.{name}") for name in names}
        )


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'gatekeeper.db'}"
    server: Server = request.getfixturevalue("postgres")
    return server.url(request.getfixturevalue("postgres_database"))


@pytest.fixture
async def connect(gatekeeper: SimpleNamespace, url: str) -> AsyncIterator[Connect]:
    """Give what makes the pool of a process, on a database that is up to date."""
    pools: list[Database] = []

    def make(**options: Any) -> Database:
        pools.append(gatekeeper.database.connect(url, **options))
        return pools[-1]

    await gatekeeper.database.migrate(make())
    await pools[0].dispose()
    yield make
    for pool in pools:
        await pool.dispose()


@pytest.fixture
def database(connect: Connect) -> Database:
    """Give the pool of one process, of one connection: nothing may wait for a second one."""
    return connect(pool_size=1, max_overflow=0, pool_timeout=20)


@pytest.fixture
async def front(database: Database) -> AsyncIterator[AsyncEngine]:
    """Give the engine of a process that submits, and executes nothing."""
    async with AsyncEngine(storage=database, executes="none") as engine:
        yield engine


def arrival(gatekeeper: SimpleNamespace, **changes: Any) -> Any:
    given = {"delivery_id": "d1", "number": 42, "title": "Prices", "patch": PATCH, **changes}
    return gatekeeper.deliveries.Arrival(**given)


async def count(database: Database, table: str) -> int:
    statement = text(f"SELECT count(*) FROM {table}")  # noqa: S608 - names of this test
    async with AsyncSession(database) as session:
        return await session.scalar(statement) or 0


async def own_rows(database: Database) -> set[int]:
    """Count the rows of the service, which are as many in each of its tables."""
    return {await count(database, table) for table in ("pull_requests", "deliveries")}


async def test_a_commit_is_one_run(
    gatekeeper: SimpleNamespace, database: Database, front: AsyncEngine
) -> None:
    """It is there with the rows of the service, and nobody has begun it."""
    run = await gatekeeper.deliveries.receive(arrival(gatekeeper), database, front)

    (found,) = await front.runs()
    assert (found.id, found.status) == (run.id, RunStatus.PENDING)
    assert found.record.key == "d1"
    assert await own_rows(database) == {1}


async def test_a_rollback_is_no_run(
    gatekeeper: SimpleNamespace, database: Database, front: AsyncEngine
) -> None:
    """Nor is it one where the transaction is left by an error; the delivery can come again."""
    async with AsyncSession(database) as session, session.begin() as transaction:
        session.add(gatekeeper.tables.PullRequest(number=42, title="Prices"))
        await front.submit("review", {"change": PATCH}, key="d1", transaction=session)
        await transaction.rollback()

    assert await front.runs() == ()
    assert await own_rows(database) == {0}
    await gatekeeper.deliveries.receive(arrival(gatekeeper), database, front)
    assert len(await front.runs()) == 1


async def test_d1_an_error_between_run_and_commit_is_no_run(
    gatekeeper: SimpleNamespace, database: Database
) -> None:
    """The service fails right after its run was stored, and nothing of either is there."""

    def fail(name: str) -> None:
        if name == "run.submitted":
            raise OSError("the service breaks here")

    async with AsyncEngine(storage=database, executes="none", points=fail) as engine:
        with pytest.raises(OSError, match="breaks here"):
            await gatekeeper.deliveries.receive(arrival(gatekeeper), database, engine)

        assert await engine.runs() == ()
    assert await own_rows(database) == {0}


async def test_d27_a_delivery_that_comes_again_is_the_same_run(
    gatekeeper: SimpleNamespace, database: Database, front: AsyncEngine
) -> None:
    """Also after the run has ended."""
    receive = gatekeeper.deliveries.receive
    first = await receive(arrival(gatekeeper), database, front)
    async with AsyncEngine(storage=database) as worker:
        await (await worker.run(first.id)).result()

    again = await receive(arrival(gatekeeper), database, front)

    assert (again.id, again.status) == (first.id, RunStatus.SUCCEEDED)
    assert len(await front.runs()) == 1
    assert await count(database, "deliveries") == 1


async def test_d26_a_delivery_that_comes_to_several_at_once_is_one_run(
    gatekeeper: SimpleNamespace, connect: Connect
) -> None:
    """Each has an engine and a pool of its own, and all of them hear of the same run."""

    async def take() -> str:
        database = connect(pool_size=1, max_overflow=0)
        async with AsyncEngine(storage=database, executes="none") as engine:
            run = await gatekeeper.deliveries.receive(arrival(gatekeeper), database, engine)
            found: str = run.id
            return found

    async with asyncio.timeout(60):
        ids = await asyncio.gather(*(take() for _ in range(8)))

    assert len(set(ids)) == 1
    assert await count(connect(), "codeflow_runs") == 1
    assert await count(connect(), "deliveries") == 1


async def test_d9_a_delivery_with_another_content_is_refused(
    gatekeeper: SimpleNamespace, database: Database, front: AsyncEngine
) -> None:
    """The first one stays as it is, with the rows of the service."""
    receive = gatekeeper.deliveries.receive
    first = await receive(arrival(gatekeeper), database, front)

    other = arrival(gatekeeper, title="Other", patch=PATCH.replace("a = 1", "a = 2"))
    with pytest.raises(ConflictingRunError):
        await receive(other, database, front)

    assert [run.id for run in await front.runs()] == [first.id]
    async with AsyncSession(database) as session:
        assert await session.scalar(text("SELECT title FROM pull_requests")) == "Prices"


async def test_one_connection_is_enough_for_submitting_and_executing(
    gatekeeper: SimpleNamespace, database: Database
) -> None:
    """While the service holds it in its transaction, and while runs go on."""
    async with asyncio.timeout(100), AsyncEngine(storage=database) as engine:
        await engine.open()
        arrivals = [arrival(gatekeeper, delivery_id=f"d{number}") for number in range(5)]
        runs = [await gatekeeper.deliveries.receive(one, database, engine) for one in arrivals]
        told = [await (await engine.run(run.id)).result() for run in runs]
        found = await gatekeeper.verdicts.newest(42, database, engine)
        verdict = await gatekeeper.verdicts.tell(found)

    assert {review.outcome.value for review in told} == {"reviewed"}
    assert found.id == runs[-1].id
    assert verdict == "reviewed: a.py:2 A breakpoint is left in the code"


async def test_what_came_of_a_run_is_told(
    gatekeeper: SimpleNamespace, database: Database, front: AsyncEngine
) -> None:
    """Also where nothing came, where it waits, and where it has ended without a review."""
    newest, tell = gatekeeper.verdicts.newest, gatekeeper.verdicts.tell
    nothing = await newest(42, database, front)
    run = await gatekeeper.deliveries.receive(arrival(gatekeeper), database, front)
    waiting = await tell(run)
    await run.cancel()
    ended = await tell(await newest(42, database, front))

    assert (nothing, waiting) == (None, "pending")
    assert ended == f"cancelled: run {run.id} was cancelled"


async def test_submitting_uses_the_connection_of_the_transaction_alone(
    gatekeeper: SimpleNamespace, connect: Connect
) -> None:
    """A pool that could give more is asked for none."""
    database = connect(pool_size=5)
    async with AsyncEngine(storage=database, executes="none") as engine:
        taken: list[int] = []
        event.listen(database.sync_engine, "checkout", lambda *_: taken.append(1))
        await gatekeeper.deliveries.receive(arrival(gatekeeper), database, engine)

    assert len(taken) == 1


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_the_engine_opens_no_connection_beyond_the_pool(
    gatekeeper: SimpleNamespace, connect: Connect, postgres: Server, postgres_database: str
) -> None:
    """Whatever the server sees while many runs go on was opened by the pool of the service."""
    database = connect(pool_size=2, max_overflow=0, pool_timeout=60)
    opened, seen, over = set[int](), set[int](), asyncio.Event()

    @event.listens_for(database.sync_engine, "connect")
    def note(connection: Any, _: ConnectionPoolEntry) -> None:
        opened.add(connection.driver_connection.info.backend_pid)

    async def watch() -> None:
        while not over.is_set():
            seen.update(await asyncio.to_thread(postgres.clients, postgres_database))
            await asyncio.sleep(0.01)

    watching = asyncio.create_task(watch())
    async with asyncio.timeout(100), AsyncEngine(storage=database) as engine:
        await engine.open()
        arrivals = [arrival(gatekeeper, delivery_id=f"d{number}") for number in range(12)]
        receiving = (gatekeeper.deliveries.receive(one, database, engine) for one in arrivals)
        for run in await asyncio.gather(*receiving):
            await run.result()
    over.set()
    await watching

    assert set() < seen <= opened


async def test_the_history_of_the_service_has_nothing_to_say_about_our_tables(
    gatekeeper: SimpleNamespace, database: Database
) -> None:
    """`alembic check` finds nothing, and without the filter it would drop them all."""

    def differences(connection: Connection, **options: Any) -> list[Any]:
        context = MigrationContext.configure(connection, opts=options)
        return [*compare_metadata(context, gatekeeper.tables.METADATA)]

    async with database.connect() as connection:
        await connection.run_sync(lambda one: command.check(gatekeeper.database.history(one)))
        filtered = await connection.run_sync(partial(differences, include_name=include_name))
        unfiltered = await connection.run_sync(differences)

    assert filtered == []
    dropped = {one[1].name for one in unfiltered if one[0] == "remove_table"}
    assert "codeflow_runs" in dropped
    assert all(name.startswith("codeflow_") for name in dropped)


async def test_the_check_of_the_service_sees_its_own_changes(
    gatekeeper: SimpleNamespace, database: Database
) -> None:
    """So that it says nothing about ours for no other reason."""
    async with database.connect() as connection:
        await connection.execute(text("ALTER TABLE deliveries ADD COLUMN more TEXT"))
        with pytest.raises(CommandError, match="New upgrade operations"):
            await connection.run_sync(lambda one: command.check(gatekeeper.database.history(one)))


async def test_both_histories_go_down_and_up_by_themselves(
    gatekeeper: SimpleNamespace, database: Database, front: AsyncEngine
) -> None:
    """Each leaves the tables and the rows of the other one alone."""
    run = await gatekeeper.deliveries.receive(arrival(gatekeeper), database, front)

    async def call(step: Callable[[Connection], object]) -> None:
        async with database.begin() as connection:
            await connection.run_sync(step)

    history = gatekeeper.database.history
    await call(lambda one: command.downgrade(history(one), "base"))
    assert [found.id for found in await front.runs()] == [run.id]
    await call(lambda one: command.upgrade(history(one), "head"))
    again = await gatekeeper.deliveries.receive(arrival(gatekeeper), database, front)
    assert again.id == run.id

    await call(lambda one: downgrade(one, "base"))
    assert await count(database, "deliveries") == 1
    await call(upgrade)
    assert await front.runs() == ()
    assert await count(database, "deliveries") == 1


@pytest.mark.fault
def test_d35_a_worker_executes_what_others_submit_and_ends_when_it_is_told_to(
    url: str, gatekeeper: SimpleNamespace
) -> None:
    """As programs, by what they print; the worker exits with 0."""

    def words(*rest: str) -> list[str]:
        return [sys.executable, "-m", "gatekeeper", "--database", url, *rest]

    def run(*rest: str) -> str:
        done = subprocess.run(words(*rest), env=env, capture_output=True, check=True, timeout=60)
        return done.stdout.decode().strip()

    env = {**os.environ, "PYTHONPATH": str(EXAMPLE)}
    run("migrate")
    first, second = (run("receive", str(EXAMPLE / "delivery.json")) for _ in range(2))
    with subprocess.Popen(words("work"), env=env, stdout=subprocess.PIPE) as worker:
        try:
            until = time.monotonic() + 60
            while (told := run("show", "42")) in {"pending", "running"}:
                assert time.monotonic() < until
            worker.send_signal(signal.SIGTERM)
            status = worker.wait(90)
        finally:
            worker.kill()

    assert first == second
    assert told == "reviewed: prices.py:3 A breakpoint is left in the code"
    assert status == 0


async def test_d35_a_worker_that_is_told_twice_gives_back_what_runs(
    gatekeeper: SimpleNamespace, database: Database
) -> None:
    """Another one goes on at once, with the steps that had ended."""
    begun, done = asyncio.Event(), []

    async def slow(run: RunContext, given: dict[str, Any]) -> str:
        await run.step("note", note)
        return await run.step("wait", wait)

    async def note() -> None:
        done.append("noted")

    async def wait() -> str:
        if not begun.is_set():
            begun.set()
            await asyncio.sleep(3600)
        return "over"

    async with asyncio.timeout(30), AsyncEngine(storage=database) as engine:
        engine.workflow("slow")(slow)
        working = asyncio.create_task(gatekeeper.worker.work(engine))
        await asyncio.sleep(0)
        run = await engine.submit("slow", {})
        await begun.wait()
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGTERM)
        await working

    async with asyncio.timeout(30), AsyncEngine(storage=database) as other:
        other.workflow("slow")(slow)
        result = await (await other.run(run.id)).result()
    assert (result, done) == ("over", ["noted"])
