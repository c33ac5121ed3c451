"""The databases that the suites of this directory run on."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from codeflow_engine.storage.sql.migrate import upgrade
from codeflow_engine.storage.sql.tables import METADATA
from codeflow_engine.storage.sql.target import Given
from sql_databases import Server


def pytest_itemcollected(item: pytest.Item) -> None:
    """Leave what a class does not call `usual` to the session of faults.

    A suite that runs in several ways runs whole in one of them, and in the others, by
    default, with those of its tests on which the way bears.
    """
    usual: tuple[type, ...] | None = getattr(getattr(item, "cls", None), "usual", None)
    name = getattr(item, "originalname", "")
    if usual is not None and not any(hasattr(one, name) for one in usual):
        item.add_marker(pytest.mark.fault)


def _other(way: str) -> Any:
    """Give a way to a database on which the suites run in the session of faults alone.

    They take 15 s of a core on SQLite, and 30 s on PostgreSQL, for each way. What differs
    between the drivers has tests of its own, which always run.
    """
    return pytest.param(way, marks=pytest.mark.fault)


@pytest.fixture(params=["url", _other("aiosqlite"), _other("engine")])
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


@pytest.fixture(params=["psycopg", _other("asyncpg-engine"), _other("psycopg2-engine")])
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
