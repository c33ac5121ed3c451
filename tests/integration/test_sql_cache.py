"""The cache in a database: bounded, and empty where the database fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from codeflow_engine.errors import SchemaVersionError, StorageUnavailableError
from codeflow_engine.storage.sql import SQLCache, SQLSettings, SQLStorage
from codeflow_engine.storage.sql.migrate import upgrade
from sql_databases import Server
from stopwatch import stopwatch


class Clock:
    """Tells the seconds that a test says."""

    now = 1_000_000.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Name a database with our tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'x.db'}"
        return
    server: Server = request.getfixturevalue("postgres")
    name = request.getfixturevalue("postgres_database")
    engine = create_engine(server.url(name))
    with engine.connect() as connection:
        upgrade(connection)
    engine.dispose()
    yield server.url(name)


@pytest.fixture
def clock() -> Clock:
    """Give a clock of the test's own."""
    return Clock()


async def rows(cache: SQLCache) -> int:
    return await cache._database.run(
        lambda by: by.execute(text("SELECT count(*) FROM codeflow_cache")).scalar_one()
    )


async def test_an_item_lives_as_long_as_was_said(url: str, clock: Clock) -> None:
    """It is there before its end and not after it, and a write removes what has expired."""
    cache = SQLCache(url, clock=clock)
    await cache.put({"short": b"1", "again": b"2"}, ttl=10)
    await cache.put({"long": b"3"}, ttl=100)

    clock.now += 9
    before = await cache.get(["short", "long"])
    clock.now += 2
    after = await cache.get(["short", "long"])
    other = SQLCache(url, clock=clock)
    await other.put({"new": b"4"}, ttl=1)
    await other.aclose()

    assert set(before) == {"short", "long"}
    assert set(after) == {"long"}
    assert await rows(cache) == 2
    await cache.aclose()


async def test_a_cache_is_bounded_and_drops_what_was_written_first(url: str, clock: Clock) -> None:
    """Its values stay near the number of bytes, however much is put in."""
    cache = SQLCache(url, SQLSettings(cache_bytes=10_000), clock=clock)

    for number in range(50):
        await cache.put({f"k{number}": bytes(1000)}, ttl=1000)

    keys = [f"k{number}" for number in range(50)]
    kept = await cache.get(keys)
    assert set(kept) == set(keys[40:])
    await cache.put({"k40": b"young again"}, ttl=1000)
    await cache.put({"k50": bytes(1000)}, ttl=1000)
    assert set(await cache.get(["k40", "k41", "k50"])) == {"k40", "k50"}
    await cache.aclose()


async def test_an_item_larger_than_the_cache_is_not_kept(url: str, clock: Clock) -> None:
    """It still ends the older value of its key."""
    cache = SQLCache(url, SQLSettings(cache_bytes=10), clock=clock)
    await cache.put({"k": b"old", "j": b"j"}, ttl=100)

    await cache.put({"k": bytes(11)}, ttl=100)

    assert dict(await cache.get(["k", "j"])) == {"j": b"j"}
    await cache.aclose()


async def test_a_cache_that_cannot_be_reached_is_empty() -> None:
    """Every call returns at once, without an error, and the reason can be read."""
    cache = SQLCache("postgresql://ada:hunter2@127.0.0.1:1/x", SQLSettings(wait=60))

    async with stopwatch() as watch:
        for _ in range(20):
            await cache.put({"k": b"v"}, ttl=10)
            assert dict(await cache.get(["k"])) == {}
            await cache.discard(["k"])

    assert watch.seconds < 10
    assert isinstance(cache.failure, StorageUnavailableError)
    await cache.aclose()


async def test_a_cache_without_tables_is_empty(postgres: Server, postgres_database: str) -> None:
    """Migrating is not its business on a server."""
    cache = SQLCache(postgres.url(postgres_database))

    assert dict(await cache.get(["k"])) == {}
    assert isinstance(cache.failure, SchemaVersionError)
    await cache.aclose()


async def test_a_file_serves_a_storage_and_a_cache(tmp_path: Path) -> None:
    """Both may be the first to come."""
    url = f"sqlite:///{tmp_path / 'x.db'}"
    cache, storage = SQLCache(url), SQLStorage(url)

    await cache.put({"k": b"v"}, ttl=10)
    assert await storage.find_runs("a") == ()
    assert dict(await cache.get(["k"])) == {"k": b"v"}
    assert cache.failure is None
    await cache.aclose()
    await storage.aclose()
