"""The database of this service: one pool of connections, for its own work and the engine's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from codeflow_engine.storage.sql.migrate import upgrade

__all__ = ["DEFAULT", "connect", "history", "migrate"]

DEFAULT = "sqlite+aiosqlite:///gatekeeper.db"
_ROOT = Path(__file__).parents[1]


def connect(url: str = DEFAULT, **options: Any) -> AsyncEngine:
    """Make the pool that everything here uses."""
    return create_async_engine(url, **options)


def history(connection: Connection) -> Config:
    """Give the history of this service's own tables, to be used on a connection."""
    config = Config(_ROOT / "alembic.ini")
    config.attributes["connection"] = connection
    return config


async def migrate(database: AsyncEngine) -> None:
    """Bring both histories up to date: that of this service, and that of the engine."""
    async with database.begin() as connection:
        await connection.run_sync(lambda sync: command.upgrade(history(sync), "head"))
    async with database.begin() as connection:
        await connection.run_sync(upgrade)
