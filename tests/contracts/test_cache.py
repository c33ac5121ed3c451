"""Every shipped cache keeps the contract of caches."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from codeflow_engine.contracts import Cache
from codeflow_engine.storage.memory import MemoryCache
from codeflow_engine.storage.sql import SQLCache, SQLSettings, SQLStorage
from codeflow_engine.storage.sql.target import Given
from codeflow_engine.testing.contracts import CacheContract


class TestMemoryCache(CacheContract):
    @pytest.fixture
    def create(self) -> Callable[[], Cache]:
        return MemoryCache


class TestSQLiteCache(CacheContract):
    @pytest.fixture
    async def create(self, sqlite: Given) -> AsyncIterator[Callable[[], Cache]]:
        storage = SQLStorage(sqlite)
        await storage.migrate()
        yield lambda: SQLCache(sqlite)
        await storage.aclose()


class TestPostgreSQLCache(CacheContract):
    @pytest.fixture
    def create(self, postgresql: Given) -> Callable[[], Cache]:
        return lambda: SQLCache(postgresql)

    @pytest.fixture(params=["psycopg", "asyncpg", "psycopg2"])
    def unreachable(self, request: pytest.FixtureRequest) -> Callable[[], Cache]:
        url = f"postgresql+{request.param}://ada@127.0.0.1:1/reviews"
        return lambda: SQLCache(url, SQLSettings(wait=0))
