"""A host with a database of its own, and its transactions, begun with each thing there is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from codeflow_engine.domain.journal import Submission
from codeflow_engine.storage.sql import SQLSettings, SQLStorage
from codeflow_engine.testing.values import NOON, run

__all__ = ["ASYNCHRONOUS", "SYNCHRONOUS", "Host", "begin", "execute", "opened", "submission"]

SYNCHRONOUS = ("Connection", "Session")
ASYNCHRONOUS = ("AsyncConnection", "AsyncSession")


@asynccontextmanager
async def opened(engine: Engine | AsyncEngine, kind: str) -> AsyncIterator[Any]:
    """Open what a transaction is begun with, and close it with the block."""
    if isinstance(engine, AsyncEngine):
        async with AsyncSession(engine) if kind == "AsyncSession" else engine.connect() as on_loop:
            yield on_loop
    else:
        with Session(engine) if kind == "Session" else engine.connect() as handle:
            yield handle


@asynccontextmanager
async def begin(engine: Engine | AsyncEngine, kind: str, *, commits: bool) -> AsyncIterator[Any]:
    """Begin a transaction, and end it with the block."""
    async with opened(engine, kind) as handle:
        begun = handle.begin()
        transaction = await begun if hasattr(begun, "__await__") else begun
        yield handle
        ended = transaction.commit() if commits else transaction.rollback()
        if hasattr(ended, "__await__"):
            await ended


async def execute(handle: Any, statement: str) -> Any:
    """Run a statement of the host in its transaction."""
    result = handle.execute(text(statement))
    return await result if hasattr(result, "__await__") else result


def submission(run_id: str, **fields: Any) -> Submission:
    """Make a new run that is due."""
    return Submission(record=run(run_id, **{"wake_at": NOON, **fields}), payload=b"{}")


class Host:
    """A host with a database, a table of its own in it, and one connection for everything."""

    def __init__(self, url: str, kind: str, schema: str | None = None) -> None:
        one: dict[str, Any] = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 5}
        self.kind = kind
        self.engine: Engine | AsyncEngine = (
            create_async_engine(url, **one)
            if kind.startswith("Async")
            else create_engine(url, **one)
        )
        self.storage = SQLStorage(self.engine, SQLSettings(schema=schema))

    async def prepare(self) -> None:
        """Make our tables, and the host's own."""
        await self.storage.migrate()
        async with self.begin() as handle:
            await execute(handle, "CREATE TABLE host_orders (id INTEGER PRIMARY KEY)")

    def begin(self, *, commits: bool = True) -> AbstractAsyncContextManager[Any]:
        """Begin a transaction, which ends with the block."""
        return begin(self.engine, self.kind, commits=commits)

    async def orders(self) -> int:
        """Count the host's own rows."""
        async with self.begin() as handle:
            counted = await execute(handle, "SELECT count(*) FROM host_orders")
            return int(counted.scalar())

    async def runs(self) -> list[str]:
        """List the runs that are there."""
        return [one.run_id for one in await self.storage.find_runs("a")]

    async def aclose(self) -> None:
        """Close everything."""
        await self.storage.aclose()
        disposed = self.engine.dispose()
        if disposed is not None:
            await disposed
