"""The databases that the suites of this directory run on."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mutation import tests_of
from sqlalchemy import Engine, create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from codeflow_engine.storage.sql.migrate import upgrade
from codeflow_engine.storage.sql.tables import METADATA
from codeflow_engine.storage.sql.target import Given
from codeflow_engine.testing.contracts import BackendContract, JournalContract
from sql_databases import Server

_OTHER_WAYS = frozenset({"aiosqlite", "engine", "asyncpg-engine", "psycopg2-engine"})
"""Ways to give a database on which the suite of journals runs in the session of faults alone:
it takes 10 s of a core on SQLite, and 20 s on PostgreSQL, for each of them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the suite of journals on one way to each database in the usual run."""
    journals = tests_of(JournalContract) - tests_of(BackendContract)
    for item in items:
        given = getattr(item, "callspec", None)
        if given is not None and getattr(item, "originalname", None) in journals:
            ways = {given.params.get("sqlite"), given.params.get("postgresql")}
            if ways & _OTHER_WAYS:
                item.add_marker(pytest.mark.fault)


@pytest.fixture(params=["url", "aiosqlite", "engine"])
def sqlite(request: pytest.FixtureRequest, tmp_path: Path, migrated_file: Path) -> Iterator[Given]:
    """Give a file as a host would, by URL or by an engine of its own.

    It has our tables, which are empty; but where a test asks for `untouched`, it is not there.
    """
    file = tmp_path / "codeflow.db"
    if "untouched" not in request.fixturenames:
        shutil.copyfile(migrated_file, file)
    if request.param == "engine":
        with engine_of(f"sqlite:///{file}") as engine:
            yield engine
    else:
        driver = "" if request.param == "url" else "+aiosqlite"
        yield f"sqlite{driver}:///{file}"


@pytest.fixture(params=["psycopg", "asyncpg-engine", "psycopg2-engine"])
async def postgresql(
    request: pytest.FixtureRequest, postgres: Server, migrated_database: str
) -> AsyncIterator[Given]:
    """Give a database with our tables, which are empty, in the same ways."""
    driver = request.param.removesuffix("-engine")
    url = postgres.url(migrated_database, driver)
    if driver == "psycopg":
        yield url
    elif driver == "asyncpg":
        engine = create_async_engine(url)
        yield engine
        await engine.dispose()
    else:
        with engine_of(url) as host:
            yield host


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a file with our tables, of which each test has a copy."""
    file = tmp_path_factory.mktemp("migrated") / "codeflow.db"
    with engine_of(f"sqlite:///{file}") as engine, engine.connect() as connection:
        upgrade(connection)
    return file


@contextmanager
def engine_of(url: str) -> Iterator[Engine]:
    """Make an engine as a host does."""
    engine = create_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def migrated(postgres: Server) -> Iterator[str]:
    """Make a database with our tables, for all tests of the process."""
    name = postgres.create()
    with engine_of(postgres.url(name)) as engine, engine.connect() as connection:
        upgrade(connection)
    yield name
    postgres.drop(name)


@pytest.fixture
def migrated_database(postgres: Server, migrated: str) -> str:
    """Give a database with our tables, which are empty."""
    # Not truncated: that makes new files, and took eight times as long (49 ms and 6 ms).
    postgres.run("; ".join(f"DELETE FROM {name}" for name in METADATA.tables), migrated)  # noqa: S608 - our own names
    return migrated
