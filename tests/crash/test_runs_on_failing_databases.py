"""D14 to D19: the database fails while runs are under way."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from crash_database import query, statuses
from crash_life import Trace
from crash_roles import make_engine
from crash_schedule import Stand
from crash_waiting import wait_until
from sqlalchemy import create_engine

from codeflow_engine import AsyncEngine
from codeflow_engine.domain.journal import StepState
from codeflow_engine.errors import (
    StepError,
    StorageError,
    StorageUnavailableError,
)
from codeflow_engine.runs.context import RunContext
from codeflow_engine.storage.sql import SQLSettings, SQLStorage
from codeflow_engine.storage.sql.migrate import upgrade
from sql_databases import Server, serving, started
from stopwatch import stopwatch

COUNT = 40

CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'DATABASE'"

REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF nextval('refused') <= 3 THEN
    RAISE EXCEPTION 'x' USING ERRCODE = 'STATE';
  END IF;
  RETURN NEW;
END $$
"""


def migrate(url: str) -> None:
    """Make our tables in a database."""
    engine = create_engine(url)
    with engine.connect() as connection:
        upgrade(connection)
    engine.dispose()


@pytest.fixture
def own_database(postgres: Server, postgres_database: str) -> str:
    """Give the URL of a database of PostgreSQL that nobody else uses."""
    migrate(postgres.url(postgres_database, "psycopg2"))
    return postgres.url(postgres_database)


@pytest.mark.fault
@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
def test_d14_a_restarted_server_is_no_lost_run(stand: Stand, world: str, driver: str) -> None:
    """PostgreSQL stops at once while steps are written: each was executed once."""
    with started("fsync=off") as first:
        migrate(first.url("postgres", "psycopg2"))
        life = stand.life(world, first.url("postgres", driver), lease=10.0)
        stand.outside.ask(stand.outside.model, "/slow", world=world, seconds=0.05)
        child = stand.begin("drive", life, workflow="ask_often", given={"count": 40})
        with contextlib.ExitStack() as stack:
            server = first
            for restart in range(3):
                asked = 8 * (restart + 1)
                wait_until(lambda: sum(stand.outside.asked(world).values()) >= asked)  # noqa: B023 - it waits here
                server.stop_at_once()
                time.sleep(0.5)
                process = stack.enter_context(serving(*first.place, "fsync=off"))
                server = Server(first.address, process, first.place)
            assert child.wait(120) == 0, child.errors
            assert statuses(life.url, world) == ["succeeded"]
        assert stand.outside.asked(world) == {f"q-{number}": 1 for number in range(40)}


async def test_d15_an_engine_waits_for_its_database_and_then_says_so() -> None:
    """Opening ends within the wait, with an error that a later try may not see."""
    storage = SQLStorage("postgresql+psycopg://a:b@127.0.0.1:1/c", SQLSettings(wait=0.5))
    async with stopwatch() as watch, AsyncEngine(storage=storage) as engine:
        with pytest.raises(StorageUnavailableError):
            await engine.open()
    assert watch.lasted > 0.2
    assert watch.seconds < 8
    await storage.aclose()


@pytest.mark.fault
def test_d16_connections_that_are_cut_again_and_again_change_nothing(
    stand: Stand, world: str, postgres: Server, own_database: str
) -> None:
    """The server ends every connection many times a second, also between commit and answer."""
    life = stand.life(world, own_database, lease=10.0)
    child = stand.begin("drive", life, workflow="ask_often", given={"count": COUNT})
    cut = 0
    with cutting(postgres, own_database.rpartition("/")[2].partition("?")[0]) as cuts:
        status = child.wait()
        cut = cuts()

    assert status == 0, child.errors
    assert cut > 3
    assert statuses(own_database, world) == ["succeeded"]
    assert stand.outside.asked(world) == {f"q-{number}": 1 for number in range(COUNT)}


@contextmanager
def cutting(server: Server, database: str) -> Iterator[Any]:
    """End connections to a database again and again; give what counts them."""
    ended, over = [0], threading.Event()

    def cut() -> None:
        while not over.wait(0.1):
            ended[0] += len(server.run(CUT.replace("DATABASE", database)))

    thread = threading.Thread(target=cut)
    thread.start()
    try:
        yield lambda: ended[0]
    finally:
        over.set()
        thread.join()


@pytest.mark.fault
@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_d17_conflicts_of_transactions_are_nobodys_failure(
    stand: Stand, world: str, own_database: str, state: str
) -> None:
    """The first writes of steps are refused, as for a deadlock: the run does not notice."""
    for statement in (
        "CREATE SEQUENCE refused",
        REFUSE.replace("STATE", state),
        "CREATE TRIGGER refuse BEFORE INSERT ON codeflow_steps EXECUTE FUNCTION refuse()",
    ):
        query(own_database, statement)

    life = stand.life(world, own_database)
    assert stand.live("drive", life, workflow="ask_often", given={"count": 2}) == 0

    assert statuses(own_database, world) == ["succeeded"]
    assert stand.outside.asked(world) == {"q-0": 1, "q-1": 1}
    assert query(own_database, "SELECT last_value > 4 FROM refused") == [(True,)]


async def test_d18_an_error_of_a_database_in_a_step_is_the_steps_own(
    stand: Stand, world: str, url: str, postgres: Server
) -> None:
    """It ends the run with that error, and nobody waits as for a storage that is away."""
    import psycopg

    life = stand.life(world, url)
    engine = make_engine(life, Trace(life))
    bodies = 0

    def idle() -> str:
        nonlocal bodies
        bodies += 1
        place = postgres.address.render_as_string(hide_password=False)
        with psycopg.connect(place) as connection:
            connection.execute("SET idle_in_transaction_session_timeout = '50ms'")
            connection.commit()
            connection.execute("SELECT 1")
            time.sleep(0.3)
            connection.execute("SELECT 1")
        return "never"

    async def uses_a_database(ctx: RunContext, given: dict[str, Any]) -> str:
        return await ctx.step("idle", idle)

    engine.workflow("uses-a-database", version=1)(uses_a_database)
    async with engine:
        run = await engine.submit("uses-a-database", {})
        async with asyncio.timeout(20):
            with pytest.raises((psycopg.Error, StepError)):
                await run.result()
        assert bodies == 1
        (step,) = await run.steps()
        assert step.state is StepState.FAILED
    assert statuses(url, world) == ["failed"]


@pytest.mark.parametrize("seconds", [1.5, pytest.param(20, marks=pytest.mark.fault)])
def test_d19_another_writer_holds_up_a_run_and_no_more(
    stand: Stand, world: str, tmp_path: Path, seconds: float
) -> None:
    """SQLite's lock is held for longer than a lease: every step is executed once."""
    path = tmp_path / "runs.db"
    life = stand.life(world, f"sqlite:///{path}")
    stand.outside.ask(stand.outside.model, "/slow", world=world, seconds=0.02)
    child = stand.begin("drive", life, workflow="ask_often", given={"count": COUNT})
    wait_until(lambda: sum(stand.outside.asked(world).values()) >= 3)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    time.sleep(seconds)
    other.execute("COMMIT")
    other.close()

    assert child.wait() == 0, child.errors
    assert statuses(life.url, world) == ["succeeded"]
    assert stand.outside.asked(world) == {f"q-{number}": 1 for number in range(COUNT)}


async def test_d19_words_of_a_locked_database_in_a_step_are_only_words(
    stand: Stand, world: str, url: str
) -> None:
    """A step that raises them is not tried again, and its error is kept as it is."""
    life = stand.life(world, url)
    engine = make_engine(life, Trace(life))
    bodies = 0

    def fail() -> str:
        nonlocal bodies
        bodies += 1
        raise StorageError("database is locked")

    async def words(ctx: RunContext, given: dict[str, Any]) -> str:
        return await ctx.step("fail", fail)

    engine.workflow("words", version=1)(words)
    async with engine:
        run = await engine.submit("words", {})
        with pytest.raises(StorageError, match="database is locked"):
            await run.result()
    assert bodies == 1
    assert statuses(url, world) == ["failed"]
