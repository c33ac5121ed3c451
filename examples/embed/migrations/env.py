"""How Alembic reaches the tables of this service; those of the engine are none of its business."""

from __future__ import annotations

import asyncio
import os

from alembic import context
from gatekeeper.database import DEFAULT, connect
from gatekeeper.tables import METADATA
from sqlalchemy import Connection

from codeflow_engine.storage.sql.migrate import include_name


def run(connection: Connection) -> None:
    """Do what the command says, on a connection."""
    context.configure(connection=connection, target_metadata=METADATA, include_name=include_name)
    with context.begin_transaction():
        context.run_migrations()


async def run_here() -> None:
    """Do it on a connection of its own, where Alembic was called from the command line."""
    database = connect(os.environ.get("GATEKEEPER_DATABASE", DEFAULT))
    async with database.begin() as connection:
        await connection.run_sync(run)
    await database.dispose()


given = context.config.attributes.get("connection")
if given is None:
    asyncio.run(run_here())
else:
    run(given)
