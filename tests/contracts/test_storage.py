"""Every shipped storage keeps the contract of storages."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from codeflow_engine.contracts import Storage
from codeflow_engine.storage.memory import MemoryStorage
from codeflow_engine.storage.sql import SQLSettings, SQLStorage
from codeflow_engine.storage.sql.target import Given
from codeflow_engine.testing.contracts import StorageContract


class TestMemoryStorage(StorageContract):
    @pytest.fixture
    def create(self) -> Callable[[], Storage]:
        return MemoryStorage


class TestSQLiteStorage(StorageContract):
    @pytest.fixture
    def create(self, sqlite: Given) -> Callable[[], Storage]:
        return lambda: SQLStorage(sqlite)


class TestPostgreSQLStorage(StorageContract):
    @pytest.fixture
    def create(self, postgresql: Given) -> Callable[[], Storage]:
        return lambda: SQLStorage(postgresql)

    @pytest.fixture(params=["psycopg", "asyncpg", "psycopg2"])
    def unreachable(self, request: pytest.FixtureRequest) -> Callable[[], Storage]:
        url = f"postgresql+{request.param}://ada@127.0.0.1:1/reviews"
        return lambda: SQLStorage(url, SQLSettings(wait=0))
