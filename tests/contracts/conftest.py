"""The storages and caches that the suites of this directory run on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from codeflow_engine.contracts import Cache, Storage
from codeflow_engine.storage.memory import MemoryCache, MemoryStorage
from codeflow_engine.storage.sql import SQLCache, SQLStorage
from codeflow_engine.storage.sql.migrate import upgrade
from codeflow_engine.storage.sql.tables import METADATA
from codeflow_engine.storage.sql.target import Given
from sql_databases import Server

SQL = (
    *("sqlite", "sqlite-aiosqlite", "sqlite-engine"),
    *("postgres-psycopg", "postgres-asyncpg-engine", "postgres-psycopg2-engine"),
)
BACKENDS = ("memory", *SQL)


@pytest.fixture(params=BACKENDS)
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    """Make an empty storage, and close it after the test."""
    if request.param == "memory":
        yield MemoryStorage()
        return
    async with given(request, tmp_path) as target:
        made = SQLStorage(target)
        if not isinstance(target, str):
            await made.migrate()
        yield made
        await made.aclose()


@pytest.fixture(params=BACKENDS)
async def cache(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Cache]:
    """Make an empty cache, and close it after the test."""
    if request.param == "memory":
        yield MemoryCache()
        return
    async with given(request, tmp_path) as target:
        storage = SQLStorage(target)
        await storage.migrate()
        made = SQLCache(target)
        yield made
        await made.aclose()
        await storage.aclose()


@asynccontextmanager
async def given(request: pytest.FixtureRequest, directory: Path) -> AsyncIterator[Given]:
    """Give a database as a host would: by URL, or by an engine of its own."""
    file = directory / "codeflow.db"
    name = request.param
    if name == "sqlite":
        yield f"sqlite:///{file}"
    elif name == "sqlite-aiosqlite":
        yield f"sqlite+aiosqlite:///{file}"
    elif name == "sqlite-engine":
        with engine_of(f"sqlite:///{file}") as engine:
            yield engine
    else:
        server: Server = request.getfixturevalue("postgres")
        database: str = request.getfixturevalue("migrated_database")
        _, driver, *_ = name.split("-")
        url = server.url(database, driver)
        if driver == "psycopg":
            yield url
        elif driver == "asyncpg":
            engine = create_async_engine(url)
            yield engine
            await engine.dispose()
        else:
            with engine_of(url) as engine:
                yield engine


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
    postgres.run(f"TRUNCATE {', '.join(METADATA.tables)}", migrated)
    return migrated
