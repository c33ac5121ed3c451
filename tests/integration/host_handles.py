"""Transactions of a host, begun with each thing that SQLAlchemy has for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import Session

__all__ = ["ASYNCHRONOUS", "SYNCHRONOUS", "begin", "execute", "opened"]

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
