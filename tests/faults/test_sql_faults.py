"""Databases that fail in the middle: killed, full, torn, locked, restarted."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, event, text

from codeflow_engine.domain.dismissal import Dismissal, DismissalScope
from codeflow_engine.domain.run import RunEvent, RunRecord, RunStatus
from codeflow_engine.errors import StorageError, StorageFullError, StorageUnavailableError
from codeflow_engine.storage.sql import SQLSettings, SQLStorage
from codeflow_engine.storage.sql.migrate import check, upgrade
from codeflow_engine.storage.sql.tables import TABLE_NAMES
from codeflow_engine.storage.sql.version import SchemaState
from sql_databases import Server

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DRIVERS = ("psycopg", "asyncpg", "psycopg2")


def run(run_id: str, **fields: object) -> RunRecord:
    given: dict[str, object] = {"input": {}, "status": RunStatus.PENDING, "tenant": "a"}
    times = {"created_at": NOW, "updated_at": NOW}
    return RunRecord(run_id=run_id, workflow="w", version=1, **{**given, **times, **fields})  # type: ignore[arg-type] # as a record has them


def integrity(path: Path) -> str:
    connection = sqlite3.connect(path)
    told = connection.execute("PRAGMA integrity_check").fetchone()[0]
    connection.close()
    return str(told)


@pytest.mark.parametrize("driver", DRIVERS)
async def test_d16_a_connection_killed_after_the_commit_is_no_second_write(
    postgres: Server, postgres_database: str, driver: str
) -> None:
    """The commit has happened and its answer is lost: the write is made again, and is the same."""
    engine = create_engine(postgres.url(postgres_database, "psycopg2"))
    with engine.connect() as connection:
        upgrade(connection)
    storage = SQLStorage(postgres.url(postgres_database, driver), SQLSettings(pool_size=1))
    await storage.find_runs("a")
    calls = 0

    def commit_and_lose(connection: Connection) -> int:
        nonlocal calls
        calls += 1
        connection.execute(
            text(
                "INSERT INTO codeflow_events VALUES ('a', 'r1', 1, 'RunEvent', 'x') "
                "ON CONFLICT DO NOTHING"
            )
        )
        if calls == 1:
            connection.exec_driver_sql("COMMIT")
            process = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            postgres.run(f"SELECT pg_terminate_backend({process})")
            connection.exec_driver_sql("SELECT 1")
        return calls

    assert await storage._database.run(commit_and_lose, write=True) == 2

    assert postgres.run("SELECT count(*) FROM codeflow_events", postgres_database) == [(1,)]
    await storage.aclose()
    engine.dispose()


@pytest.mark.parametrize("driver", DRIVERS)
async def test_d16_what_cannot_be_repeated_is_an_error_when_the_connection_is_lost(
    postgres: Server, postgres_database: str, driver: str
) -> None:
    """A second try would count nothing as removed; the caller is told instead."""
    settings = SQLSettings(pool_size=1, migrate=True)
    storage = SQLStorage(postgres.url(postgres_database, driver), settings)
    await storage.find_runs("a")

    def lose(connection: Connection) -> None:
        process = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        postgres.run(f"SELECT pg_terminate_backend({process})")
        connection.exec_driver_sql("SELECT 1")

    with pytest.raises(StorageUnavailableError):
        await storage._database.run(lose, write=True, repeatable=False)

    assert await storage.find_runs("a") == ()
    await storage.aclose()


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("state", ["40001", "40P01"])
async def test_d17_a_conflict_of_transactions_is_tried_again(
    postgres: Server, postgres_database: str, driver: str, state: str
) -> None:
    """A few times, apart from each other; only a lasting one reaches the caller."""
    settings = SQLSettings(migrate=True, lock_wait=5)
    storage = SQLStorage(postgres.url(postgres_database, driver), settings)
    moments: list[float] = []

    def conflict(connection: Connection) -> str:
        moments.append(time.monotonic())
        if len(moments) < 4:
            connection.exec_driver_sql(
                f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{state}'; END $$"
            )
        return "done"

    assert await storage._database.run(conflict, write=True) == "done"

    assert len(moments) == 4
    await storage.aclose()


@pytest.mark.parametrize("driver", ["sqlite", "sqlite+aiosqlite"])
async def test_d19_a_locked_file_is_waited_for(tmp_path: Path, driver: str) -> None:
    """For as long as the settings say, and no update is lost."""
    path = tmp_path / "x.db"
    storage = SQLStorage(f"{driver}:///{path}")
    await storage.put_runs([run("r1")])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    writing = asyncio.create_task(storage.put_runs([run("r1", status=RunStatus.RUNNING)]))
    await asyncio.sleep(1)
    assert not writing.done()
    other.execute("UPDATE codeflow_runs SET updated_at = updated_at")
    other.execute("COMMIT")
    await writing

    assert [one.status for one in await storage.find_runs("a")] == [RunStatus.RUNNING]
    other.close()
    await storage.aclose()


@pytest.mark.parametrize("driver", ["sqlite", "sqlite+aiosqlite"])
async def test_d19_a_lock_that_lasts_is_an_error(tmp_path: Path, driver: str) -> None:
    """It may pass, so a later try may succeed; readers are not disturbed."""
    path = tmp_path / "x.db"
    storage = SQLStorage(f"{driver}:///{path}", SQLSettings(lock_wait=0.3))
    await storage.put_runs([run("r1")])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StorageUnavailableError, match="SQLITE_BUSY"):
        await storage.put_runs([run("r2")])

    assert len(await storage.find_runs("a")) == 1
    other.execute("ROLLBACK")
    other.close()
    await storage.put_runs([run("r2")])
    await storage.aclose()


@pytest.mark.parametrize("words", ["database is locked", "disk full", "no such table: x"])
async def test_d19_words_of_a_failure_in_data_are_no_failure(tmp_path: Path, words: str) -> None:
    """Only codes decide: the words come back as data, and in an error they are not believed."""
    storage = SQLStorage(f"sqlite:///{tmp_path / 'x.db'}")
    await storage.put_runs([run(words, error=words, input={words: words})])
    (found,) = await storage.get_runs("a", [words])
    calls = 0

    def fail(connection: Connection) -> None:
        nonlocal calls
        calls += 1
        connection.exec_driver_sql(
            f"CREATE TRIGGER says BEFORE INSERT ON codeflow_reviews "
            f"BEGIN SELECT RAISE(ABORT, '{words}'); END"
        )
        connection.exec_driver_sql("INSERT INTO codeflow_reviews VALUES ('a', 'r1', '{}')")

    with pytest.raises(StorageError) as caught:
        await storage._database.run(fail, write=True)

    assert found.error == words
    assert calls == 1
    assert type(caught.value) is StorageError
    await storage.aclose()


async def fill(storage: SQLStorage) -> int:
    """Write until there is no space left, four runs at a time; return how many were kept."""
    for number in range(1000):
        try:
            batch = [run(f"r{number}-{n}", input={"text": "x" * 20_000}) for n in range(4)]
            await storage.put_runs(batch)
        except StorageFullError as error:
            assert "has no space left" in error.message  # noqa: PT017 - the first that fails ends it
            return 4 * number
    raise AssertionError("there is no end to the space")


async def test_d20_a_full_database_keeps_what_it_had(tmp_path: Path) -> None:
    """The write is refused whole, the file is sound, and there is room again later."""
    path = tmp_path / "x.db"
    engine = create_engine(f"sqlite:///{path}")
    most = 120

    def bound(connection: sqlite3.Connection, _: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {most}")

    event.listen(engine, "connect", bound)
    storage = SQLStorage(engine)
    await storage.migrate()

    kept = await fill(storage)

    assert len(await storage.find_runs("a", limit=10_000)) == kept > 0
    assert integrity(path) == "ok"
    engine.dispose()
    most = 10_000
    await storage.put_runs([run("later", input={"text": "x" * 300_000})])
    assert len(await storage.get_runs("a", ["later"])) == 1
    await storage.aclose()
    engine.dispose()


@pytest.mark.fault
async def test_d20_a_full_disk_keeps_what_it_had(tmp_path: Path) -> None:
    """The same on a file system that is full, where one can be mounted."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if (await asyncio.to_thread(subprocess.run, mount, check=False)).returncode:
        pytest.skip("needs leave to mount a file system")
    try:
        storage = SQLStorage(f"sqlite:///{place / 'x.db'}")
        kept = await fill(storage)
        assert len(await storage.find_runs("a", limit=10_000)) == kept > 0
        await storage.aclose()
        assert integrity(place / "x.db") == "ok"
    finally:
        await asyncio.to_thread(subprocess.run, ["umount", str(place)], check=True)


WRITER = """
import asyncio, sys
from datetime import UTC, datetime
from codeflow_engine.domain.run import RunRecord
from codeflow_engine.storage.sql import SQLStorage

async def main():
    storage = SQLStorage(sys.argv[1])
    now = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(100_000):
        await storage.put_runs([
            RunRecord(run_id=f"r{number}", workflow="w", version=1, tenant="a",
                      input={"text": "x" * 2000}, created_at=now, updated_at=now)
        ])
        print(number, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("copies", [6, pytest.param(60, marks=pytest.mark.fault)])
def test_d22_a_torn_copy_of_a_file_opens_with_every_run_that_was_acknowledged(
    tmp_path: Path, copies: int
) -> None:
    """The log is copied at random moments under load, as a power cut would leave it."""
    path = tmp_path / "x.db"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, f"sqlite:///{path}"], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    chance = random.Random(7)  # noqa: S311 - moments of a test
    try:
        for number in range(copies):
            acknowledged = -1
            for _ in range(chance.randint(3, 25)):
                acknowledged = int(writer.stdout.readline())
            torn = tmp_path / f"torn{number}"
            torn.mkdir()
            # Stopped, so that both files are of one moment, as a power cut leaves them.
            writer.send_signal(signal.SIGSTOP)
            os.waitpid(writer.pid, os.WUNTRACED)
            shutil.copy(path, torn / "x.db")
            shutil.copy(f"{path}-wal", torn / "x.db-wal")
            writer.send_signal(signal.SIGCONT)

            assert integrity(torn / "x.db") == "ok"
            assert f"r{acknowledged}" in _run_ids(torn / "x.db")
    finally:
        writer.kill()
        writer.communicate()
    assert integrity(path) == "ok"


def _run_ids(path: Path) -> set[str]:
    async def read() -> set[str]:
        storage = SQLStorage(f"sqlite:///{path}", SQLSettings(migrate=False))
        found = await storage.find_runs("a", limit=10**6)
        await storage.aclose()
        return {one.run_id for one in found}

    return asyncio.run(read())


def test_d22_a_killed_writer_leaves_every_run_that_was_acknowledged(tmp_path: Path) -> None:
    """SIGKILL in the middle of a write."""
    path = tmp_path / "x.db"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, f"sqlite:///{path}"], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    told = [int(writer.stdout.readline()) for _ in range(30)]
    writer.kill()
    told += [int(line) for line in writer.communicate()[0].splitlines()]

    assert {f"r{number}" for number in told} <= _run_ids(path)
    assert integrity(path) == "ok"


MIGRATOR = """
import sys, time
from alembic.operations import Operations
from sqlalchemy import create_engine
from codeflow_engine.storage.sql.migrate import upgrade

made = Operations.create_index
def slow(self, *given, **more):
    made(self, *given, **more)
    print("in the middle", flush=True)
    time.sleep(60)
Operations.create_index = slow
with create_engine(sys.argv[1]).connect() as connection:
    upgrade(connection)
"""


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.fault)])
def test_d41_a_migration_killed_in_the_middle_leaves_the_old_state(
    request: pytest.FixtureRequest, tmp_path: Path, database: str
) -> None:
    """No table and no version is there afterwards, and the next one migrates."""
    if database == "sqlite":
        url = f"sqlite:///{tmp_path / 'x.db'}"
    else:
        server: Server = request.getfixturevalue("postgres")
        url = server.url(request.getfixturevalue("postgres_database"), "psycopg2")
    migrator = subprocess.Popen(
        [sys.executable, "-c", MIGRATOR, url], stdout=subprocess.PIPE, text=True
    )
    assert migrator.stdout is not None
    assert migrator.stdout.readline() == "in the middle\n"
    migrator.send_signal(signal.SIGKILL)
    migrator.communicate()

    engine = create_engine(url)
    with engine.connect() as connection:
        assert check(connection).state is SchemaState.ABSENT
        assert not TABLE_NAMES & set(engine.dialect.get_table_names(connection))
        connection.rollback()
        upgrade(connection)
        assert check(connection).state is SchemaState.CURRENT
    engine.dispose()


@pytest.mark.parametrize("driver", ["psycopg", pytest.param("asyncpg", marks=pytest.mark.fault)])
async def test_d14_a_restart_of_the_server_is_lived_through(driver: str) -> None:
    """It stops at once, and is back within the wait: calls go on, and nothing is lost."""
    from sql_databases import serving, started

    with started("fsync=off") as first:
        url = first.url("postgres", driver)
        storage = SQLStorage(url, SQLSettings(migrate=True, wait=30))
        await storage.put_runs([run("r0")])
        place, user = first.place
        first.stop_at_once()
        writing = asyncio.create_task(storage.put_runs([run("r1")]))
        await asyncio.sleep(0.3)
        assert not writing.done()
        with serving(place, user, "fsync=off"):
            await writing
            assert len(await storage.find_runs("a")) == 2
            await storage.aclose()


async def test_a_dismissal_that_was_acknowledged_is_there_after_reopening(tmp_path: Path) -> None:
    """Without a proper close in between."""
    url = f"sqlite:///{tmp_path / 'x.db'}"
    given = Dismissal(
        fingerprint="f1", scope=DismissalScope.TENANT, reason="r", author="a", created_at=NOW
    )
    first = SQLStorage(url)
    await first.put_dismissals("a", [given])
    await first.append_events("a", [RunEvent(run_id="r", sequence=1, at=NOW)])

    second = SQLStorage(url)

    assert await second.find_dismissals("a") == (given,)
    await first.aclose()
    await second.aclose()
