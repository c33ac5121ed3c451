"""The file of a SQLite database: who may read it, and what happens when it goes away."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from codeflow_engine.domain.run import RunEvent
from codeflow_engine.errors import (
    ConfigurationError,
    SchemaVersionError,
    StorageError,
    StorageUnavailableError,
)
from codeflow_engine.storage.sql import SQLSettings, SQLStorage

EVENT = RunEvent(run_id="r1", sequence=1, at=datetime(2026, 1, 1, tzinfo=UTC))
ONCE = SQLSettings(wait=0, lock_wait=0.2)


@pytest.fixture(params=["sqlite", "sqlite+aiosqlite"])
async def opened(
    request: pytest.FixtureRequest,
) -> AsyncIterator[Callable[..., SQLStorage]]:
    """Open files by either driver, and close all of them after the test."""
    storages: list[SQLStorage] = []

    def make(path: Path, settings: SQLSettings = ONCE) -> SQLStorage:
        storages.append(SQLStorage(f"{request.param}:///{path}", settings))
        return storages[-1]

    yield make
    for storage in storages:
        await storage.aclose()


@pytest.fixture
def no_umask() -> Iterator[None]:
    """Take no right away from any file that is made."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def used(storage: SQLStorage) -> SQLStorage:
    await storage.append_events("a", [EVENT])
    assert await storage.read_events("a", "r1") == (EVENT,)
    return storage


@pytest.mark.usefixtures("no_umask")
async def test_s38_nobody_else_reads_a_new_database(
    opened: Callable[..., SQLStorage], tmp_path: Path
) -> None:
    """The file and those beside it have mode 0600, made directories 0700, at any umask."""
    file = tmp_path / "state" / "codeflow" / "runs.db"

    await used(opened(file))

    assert {one.name: oct(mode(one)) for one in file.parent.iterdir()} == {
        "runs.db": "0o600",
        "runs.db-wal": "0o600",
        "runs.db-shm": "0o600",
    }
    assert mode(file.parent) == mode(file.parent.parent) == 0o700


@pytest.mark.usefixtures("no_umask")
async def test_an_existing_file_and_directory_keep_their_mode(
    opened: Callable[..., SQLStorage], tmp_path: Path
) -> None:
    """Who widened them did so on purpose."""
    directory = tmp_path / "shared"
    directory.mkdir(mode=0o770)
    file = directory / "x.db"
    file.touch(mode=0o660)

    await used(opened(file))

    assert (mode(file), mode(directory)) == (0o660, 0o770)


async def test_a_file_has_what_durability_needs(
    opened: Callable[..., SQLStorage], tmp_path: Path
) -> None:
    """A write-ahead log that is synced with each commit, checked keys, and patience."""
    storage = await used(opened(tmp_path / "x.db", SQLSettings()))
    pragmas = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")

    values = await storage._database.run(
        lambda by: [by.exec_driver_sql(f"PRAGMA {name}").scalar() for name in pragmas]
    )

    assert values == ["wal", 2, 1, 30_000]


@pytest.mark.parametrize("kind", ["directory", "fifo", "dangling"])
async def test_what_is_no_file_is_refused(
    opened: Callable[..., SQLStorage], tmp_path: Path, kind: str
) -> None:
    """A directory, a pipe, a link to nothing: an error that names the path, and no wait."""
    path = tmp_path / "x.db"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to(tmp_path / "elsewhere.db")

    with pytest.raises(StorageError, match=r"x\.db is "):
        await opened(path).find_runs("a")

    assert not (tmp_path / "elsewhere.db").exists()


async def test_a_directory_that_cannot_be_made_is_an_error(
    opened: Callable[..., SQLStorage], tmp_path: Path
) -> None:
    """It names the path and the reason."""
    (tmp_path / "file").touch()

    with pytest.raises(StorageError, match=r"file/deep/x\.db cannot be made: Not a directory"):
        await opened(tmp_path / "file" / "deep" / "x.db").find_runs("a")


async def test_what_is_no_database_is_an_error(
    opened: Callable[..., SQLStorage], tmp_path: Path
) -> None:
    """A file of something else is left as it is, and nothing of it is quoted."""
    path = tmp_path / "notes.db"
    path.write_text("secret notes " * 1000)

    with pytest.raises(StorageError, match="is no SQLite database") as caught:
        await opened(path).find_runs("a")

    assert "secret" not in str(caught.value)
    assert path.read_text() == "secret notes " * 1000


async def test_a_missing_file_is_not_made_where_that_is_not_wanted(
    opened: Callable[..., SQLStorage], tmp_path: Path
) -> None:
    """Without leave to migrate, it has to be made on purpose."""
    path = tmp_path / "deep" / "x.db"
    storage = opened(path, SQLSettings(migrate=False))
    with pytest.raises(SchemaVersionError, match="no tables yet"):
        await storage.find_runs("a")
    assert not path.parent.exists()

    await storage.migrate()

    await used(storage)


@pytest.mark.parametrize("way", ["removed", "replaced", "directory"])
async def test_d21_a_file_that_goes_away_is_an_error(
    opened: Callable[..., SQLStorage], tmp_path: Path, way: str
) -> None:
    """Not a new empty one, and not a file without a name that dies with the process."""
    path = tmp_path / "deep" / "x.db"
    storage = await used(opened(path))
    shutil.copy(path, tmp_path / "copy.db")
    if way == "directory":
        shutil.rmtree(path.parent)
    else:
        path.unlink()
    if way == "replaced":
        shutil.move(tmp_path / "copy.db", path)

    for _ in range(2):
        with pytest.raises(StorageUnavailableError, match=r"x\.db (is away|was replaced)"):
            await storage.append_events("a", [EVENT])
    with pytest.raises(StorageUnavailableError):
        await storage.read_events("a", "r1")

    assert path.exists() == (way == "replaced")


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """Make a directory that everybody may enter and write to."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


WRITE_AS_NOBODY = """
import asyncio, os, sqlite3, sys
from datetime import UTC, datetime
from codeflow_engine.domain.run import RunEvent
from codeflow_engine.errors import StorageError
from codeflow_engine.storage.sql import SQLSettings, SQLStorage

async def main():
    storage = SQLStorage(sys.argv[1], SQLSettings(wait=0))
    event = RunEvent(run_id="r1", sequence=2, at=datetime.now(UTC))
    try:
        await storage.append_events("a", [event])
    except StorageError as error:
        print(error.message)
    print(len(await storage.read_events("a", "r1")))
    await storage.aclose()

import sqlalchemy.dialects.sqlite
from pydantic import TypeAdapter
TypeAdapter(list[RunEvent])
if os.geteuid() == 0:
    os.seteuid(65534)
asyncio.run(main())
"""


async def test_d21_a_file_that_turns_read_only_is_an_error(
    opened: Callable[..., SQLStorage], open_directory: Path
) -> None:
    """A write says so, and what was there is still read."""
    path = open_directory / "x.db"
    storage = await used(opened(path))
    await storage.aclose()
    path.chmod(0o444)

    told = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", WRITE_AS_NOBODY, f"sqlite:///{path}"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert "cannot be written: the file is read-only" in told.stdout, told.stderr
    assert told.stdout.endswith("\n1\n"), told.stderr


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///:memory:", "sqlite+aiosqlite://", "sqlite:///file:x?mode=memory"],
)
def test_a_database_in_memory_is_refused(url: str) -> None:
    """There is a storage for that; this one would be another database for each connection."""
    with pytest.raises(ConfigurationError, match="use the storage 'memory'"):
        SQLStorage(url)


async def test_a_relative_path_is_that_of_the_start(
    opened: Callable[..., SQLStorage], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that changes its directory later goes on in the same file."""
    monkeypatch.chdir(tmp_path)
    storage = opened(Path("here.db"))
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")

    await used(storage)

    assert (tmp_path / "here.db").exists()


async def test_a_damaged_row_is_named(opened: Callable[..., SQLStorage], tmp_path: Path) -> None:
    """A row that somebody edited is an error with its name, never with what it holds."""
    path = tmp_path / "x.db"
    storage = await used(opened(path))
    edits = {
        "body = 'secret'": "event 1 of run 'r1' is damaged: its body is no JSON",
        'body = \'{"run_id": "secret"}\'': "event 1 of run 'r1' is damaged, or written",
        "body = replace(body, 'r1', 'secret')": "its columns and its body tell different",
        "body = '" + "[" * 100_000 + "'": "event 1 of run 'r1' is damaged: its body is no JSON",
        "kind = 'Later'": "event 1 of run 'r1' is of the kind 'Later', which this version",
    }

    for edit, told in edits.items():
        with sqlite3.connect(path) as connection:
            before = connection.execute("SELECT kind, body FROM codeflow_events").fetchone()
            connection.execute("UPDATE codeflow_events SET " + edit)  # noqa: S608 - five lines above
        with pytest.raises(StorageError, match=told) as caught:
            await storage.read_events("a", "r1")
        assert "secret" not in str(caught.value)
        with connection:
            connection.execute("UPDATE codeflow_events SET kind = ?, body = ?", before)
        connection.close()
    assert await storage.read_events("a", "r1") == (EVENT,)
