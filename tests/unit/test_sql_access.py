"""What a driver makes of a cancellation is no affair of who uses a storage."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

from codeflow_engine.storage.sql import SQLStorage
from codeflow_engine.storage.sql.access import Access, OnLoop, OnThreads


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{tmp_path}/host.db", pool_size=1, max_overflow=0
    )
    yield engine
    await engine.dispose()


def driver(connection: Connection) -> object:
    """Give the driver's own connection, which has to be alive to be compared."""
    return connection.connection.dbapi_connection


@pytest.mark.parametrize("given", ["host", "made"])
async def test_a_cancellation_stays_one_whatever_the_driver_raises(
    host: AsyncEngine, given: str
) -> None:
    """An assertion of psycopg took its place; the connection it leaves is used no more."""
    access = OnLoop(host if given == "host" else lambda: host, connections=1)
    begun = asyncio.Event()

    async def wait() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise AssertionError from None

    def work(connection: Connection) -> None:
        used.append(driver(connection))
        await_only(wait())

    used: list[object] = []
    call = asyncio.create_task(access.call(work))
    await begun.wait()
    call.cancel()
    await asyncio.wait([call])

    assert call.cancelled()
    assert await access.call(driver) not in used
    assert await access.call(lambda by: by.execute(text("SELECT 1")).scalar()) == 1


async def test_an_error_of_a_call_that_nobody_cancelled_comes_out_as_it_is(
    host: AsyncEngine,
) -> None:
    """Also in a task that was asked to end before, and goes on; its connection is kept."""
    access = OnLoop(host, connections=1)

    def fail(connection: Connection) -> None:
        used.append(driver(connection))
        raise AssertionError("its own")

    async def call() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(0)
        with pytest.raises(AssertionError, match="its own"):
            await access.call(fail)

    used: list[object] = []
    await asyncio.create_task(call())

    assert used == [await access.call(driver)]


async def test_a_cancelled_call_loses_no_connection(tmp_path: Path) -> None:
    """Whether it was being opened, used or given back: warnings of lost ones are errors here."""
    for number in range(90):
        storage = SQLStorage(f"sqlite+aiosqlite:///{tmp_path}/{number % 3}.db")
        call = asyncio.ensure_future(storage.find_runs("a"))
        await asyncio.sleep(number % 30 * 0.0006)
        call.cancel()
        await asyncio.wait([call])
        await storage.aclose()
    gc.collect()


@pytest.mark.parametrize("kind", ["threads", "loop"])
async def test_work_that_is_to_be_alone_takes_turns_and_holds_up_no_other(
    tmp_path: Path, kind: str
) -> None:
    """Writers of SQLite that find it locked sleep; in one process they need not find it so."""
    database = tmp_path / "database.db"
    access: Access = OnThreads(lambda: create_engine(f"sqlite:///{database}"), threads=3)
    if kind == "loop":
        url = f"sqlite+aiosqlite:///{database}"
        access = OnLoop(lambda: create_async_engine(url), connections=3)
    under_way: list[int] = []
    seen: list[list[int]] = []

    def write(connection: Connection, number: int) -> None:
        under_way.append(number)
        connection.execute(text("SELECT 1"))
        seen.append([*under_way])
        under_way.remove(number)

    writers = [
        asyncio.create_task(access.call(lambda by, number=number: write(by, number), alone=True))
        for number in range(20)
    ]
    read = await access.call(lambda by: by.execute(text("SELECT 2")).scalar())
    await asyncio.gather(*writers)
    await access.aclose()

    assert read == 2
    assert sorted(seen) == [[number] for number in range(20)]
