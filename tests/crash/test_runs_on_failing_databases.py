"""D14 to D22: the database fails while runs are under way."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from crash_database import query, read, statuses
from crash_life import Trace, read_trace, told
from crash_roles import make_engine
from crash_schedule import Stand
from crash_waiting import wait_until
from sqlalchemy import create_engine, event

from codeflow_engine import AsyncEngine
from codeflow_engine.domain.journal import StepState
from codeflow_engine.errors import (
    StepError,
    StorageError,
    StorageFullError,
    StorageUnavailableError,
)
from codeflow_engine.runs.context import RunContext
from codeflow_engine.storage.sql import SQLSettings, SQLStorage
from codeflow_engine.storage.sql.migrate import upgrade
from sql_databases import Server, serving, started

COUNT = 10

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
    began = time.monotonic()
    async with AsyncEngine(storage=storage) as engine:
        with pytest.raises(StorageUnavailableError):
            await engine.open()
    assert 0.4 < time.monotonic() - began < 8
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
        while not over.wait(0.25):
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


def integrity(path: Path) -> str:
    """Ask SQLite whether a file is sound."""
    ((told,),) = query(f"sqlite:///{path}", "PRAGMA integrity_check")
    return str(told)


def heavy(engine: AsyncEngine, trace: Trace) -> None:
    """Offer a workflow whose steps return much text."""

    async def weigh(ctx: RunContext, given: dict[str, Any]) -> int:
        return sum([len(await ctx.step("lift", lift, n, key=str(n))) for n in range(given["n"])])

    def lift(number: int) -> str:
        trace.note("body", f"lift {number}")
        return chr(97 + number) * 100_000

    engine.workflow("weigh", version=1)(weigh)


async def test_d20_a_run_goes_on_when_there_is_space_again(
    stand: Stand, world: str, tmp_path: Path
) -> None:
    """A full database is a typed error, the file stays sound, and no step is done again."""
    path = tmp_path / "runs.db"
    host = create_engine(f"sqlite:///{path}")
    most = 200

    def bound(connection: sqlite3.Connection, _: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {most}")

    event.listen(host, "connect", bound)
    storage = SQLStorage(host)
    await storage.migrate()
    life = stand.life(world, f"sqlite:///{path}")
    trace = Trace(life)
    async with make_engine(life, trace, storage=storage) as engine:
        heavy(engine, trace)
        run = await engine.submit("weigh", {"n": 12}, key="k")
        with pytest.raises(StorageFullError):
            await run.result()
    host.dispose()
    assert integrity(path) == "ok"
    ((done,),) = read(life.url, world, "steps", where="state = 'done'")
    assert 0 < done < 12

    most = 100_000
    async with make_engine(life, trace, storage=storage) as engine:
        heavy(engine, trace)
        again = await engine.run(run.id)
        if again.status.is_terminal:
            await again.resume()
        assert await again.result() == 1_200_000

    lifted = [line.of for line in read_trace(life.trace) if line.what == "body"]
    assert len(lifted) <= 12 + 1
    await storage.aclose()
    host.dispose()


@contextmanager
def mounted(place: Path, size: str) -> Iterator[Path]:
    """Mount a small file system, where that is allowed."""
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    if subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("needs leave to mount a file system")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(path: Path) -> None:
    """Write a file until there is no space left."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


@pytest.mark.fault
def test_d20_a_full_disk_ends_no_run_for_good(stand: Stand, world: str, tmp_path: Path) -> None:
    """ENOSPC in the middle of a run: sound, and it goes on where there is space."""
    with mounted(tmp_path / "small", "4m") as place:
        path = place / "runs.db"
        life = stand.life(world, f"sqlite:///{path}")
        stand.outside.ask(stand.outside.model, "/slow", world=world, seconds=0.05)
        child = stand.begin("drive", life, workflow="ask_often", given={"count": 60})
        wait_until(lambda: sum(stand.outside.asked(world).values()) >= 10)
        filler = place / "filler"
        fill(filler)
        child.wait()
        assert "StorageFullError" in [line.of for line in read_trace(life.trace)] or child.errors
        filler.unlink()
        assert integrity(path) == "ok"
        assert stand.live("finish", life) == 0
        assert statuses(life.url, world) == ["succeeded"]
        asked = stand.outside.asked(world)
        assert len(asked) == 60
        assert sum(asked.values()) <= 61


@pytest.mark.fault
def test_d21_a_file_that_is_gone_is_an_error(stand: Stand, world: str, tmp_path: Path) -> None:
    """The directory of the database goes away under a run: nothing goes on in memory."""
    home = tmp_path / "home"
    home.mkdir()
    life = stand.life(world, f"sqlite:///{home / 'runs.db'}", plugins={"sql": {"wait": 1.0}})
    stand.outside.ask(stand.outside.model, "/slow", world=world, seconds=0.05)
    child = stand.begin("drive", life, workflow="ask_often", given={"count": 200})
    wait_until(lambda: sum(stand.outside.asked(world).values()) >= 3)

    home.rename(tmp_path / "away")

    child.wait()
    errors = [line.of for line in read_trace(life.trace) if line.what == "error"]
    assert errors
    assert all(name.startswith("Storage") for name in errors)
    assert sum(stand.outside.asked(world).values()) < 200
    away = f"sqlite:///{tmp_path / 'away' / 'runs.db'}"
    assert stand.live("drive", stand.life(world, away), workflow="x", given={}) == 0
    assert statuses(away, world) == ["succeeded"]


@pytest.mark.fault
def test_d21_a_file_that_may_only_be_read_is_an_error(
    stand: Stand, world: str, tmp_path: Path
) -> None:
    """The file system becomes read-only under a run, and writable again later."""
    with mounted(tmp_path / "small", "16m") as place:
        life = stand.life(world, f"sqlite:///{place / 'runs.db'}")
        stand.outside.ask(stand.outside.model, "/slow", world=world, seconds=0.05)
        child = stand.begin("drive", life, workflow="ask_often", given={"count": 60})
        wait_until(lambda: sum(stand.outside.asked(world).values()) >= 3)
        # Nobody can make a file system read-only on which files are open for writing.
        freeze = ["mount", "-o", "remount,ro", str(place)]
        if subprocess.run(freeze, check=False, stderr=subprocess.DEVNULL).returncode:
            child.send(signal.SIGKILL)
            child.wait()
            subprocess.run(freeze, check=True)
            child = stand.begin("finish", life)
        child.wait()
        errors = [line.of for line in read_trace(life.trace) if line.what == "error"]
        assert errors
        assert all(name.startswith("Storage") for name in errors)
        subprocess.run(["mount", "-o", "remount,rw", str(place)], check=True)
        assert stand.live("finish", life) == 0
        assert statuses(life.url, world) == ["succeeded"]


@pytest.mark.parametrize("copies", [1, pytest.param(40, marks=pytest.mark.fault)])
def test_d22_a_torn_copy_holds_all_that_was_told_as_done(
    stand: Stand, world: str, tmp_path: Path, copies: int
) -> None:
    """The file and its log are copied at random moments of a run, as a power cut leaves them."""
    path = tmp_path / "runs.db"
    life = stand.life(world, f"sqlite:///{path}")
    stand.outside.ask(stand.outside.model, "/slow", world=world, seconds=0.005)
    inputs = [{"count": 60, "of": f"r{number}"} for number in range(4)]
    assert stand.live("submit", life, workflow="ask_often", inputs=inputs) == 0
    worker = stand.begin("work", life)
    wait_until(lambda: told(life, "point", "step.recorded:ask"))
    chance = random.Random(3)  # noqa: S311 - moments of a test
    try:
        for number in range(copies):
            time.sleep(chance.uniform(0.2, 0.5))
            torn = tmp_path / f"torn{number}"
            torn.mkdir()
            worker.send(signal.SIGSTOP)
            worker.await_stop()
            known = len(told(life, "point", "step.recorded:ask"))
            for name in ("runs.db", "runs.db-wal"):
                shutil.copy(tmp_path / name, torn / name)
            worker.send(signal.SIGCONT)

            assert integrity(torn / "runs.db") == "ok"
            copy = f"sqlite:///{torn / 'runs.db'}"
            assert len(statuses(copy, world)) == len(inputs)
            ((kept,),) = read(copy, world, "steps", where="state = 'done'")
            assert kept >= known > 0
    finally:
        worker.send(signal.SIGKILL)
        worker.wait()
    last = f"sqlite:///{torn / 'runs.db'}"
    assert stand.live("work", stand.life(world, last)) == 0
    assert statuses(last, world) == ["succeeded"] * len(inputs)
