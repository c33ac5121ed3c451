"""Storage and cache keep their contracts behind a pooler in transaction mode, whole."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from codeflow_engine.contracts import Cache, Storage
from codeflow_engine.storage.sql import SQLCache, SQLStorage
from codeflow_engine.testing.contracts import CacheContract, StorageContract
from pooling_proxy import PoolingProxy, pooling_proxy
from sql_databases import Server

# Some seven hundred tests; what depends on sessions at all is in `test_sql_pooling.py`, too.
pytestmark = pytest.mark.fault

CONNECT: dict[str, dict[str, Any]] = {
    "psycopg": {"prepare_threshold": None},
    "asyncpg": {
        "statement_cache_size": 0,
        "prepared_statement_cache_size": 0,
        "prepared_statement_name_func": lambda: f"host_{uuid4()}",
    },
    "psycopg2": {},
}
"""What a host tells its driver where a pooler stands before the server."""


@pytest.fixture(scope="module")
def proxy(postgres: Server) -> Iterator[PoolingProxy]:
    """Run a pooler with two connections for each database."""
    with pooling_proxy(postgres, size=2) as running:
        yield running


@pytest.fixture(params=CONNECT)
async def host(
    request: pytest.FixtureRequest, proxy: PoolingProxy, migrated_database: str
) -> AsyncIterator[Engine | AsyncEngine]:
    """Give an engine of a host on a database with our tables, which are empty."""
    url, connect = proxy.url(migrated_database, request.param), CONNECT[request.param]
    if request.param == "psycopg2":
        engine = create_engine(url, connect_args=connect)
        yield engine
        engine.dispose()
    else:
        on_loop = create_async_engine(url, connect_args=connect)
        yield on_loop
        await on_loop.dispose()


class TestPooledStorage(StorageContract):
    @pytest.fixture
    def create(self, host: Engine | AsyncEngine) -> Callable[[], Storage]:
        return lambda: SQLStorage(host)


class TestPooledCache(CacheContract):
    @pytest.fixture
    def create(self, host: Engine | AsyncEngine) -> Callable[[], Cache]:
        return lambda: SQLCache(host)
