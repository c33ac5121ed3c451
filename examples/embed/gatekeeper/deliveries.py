"""What a webhook brings: taken once, and reviewed once."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

import codeflow_engine as codeflow
from gatekeeper.tables import Delivery, PullRequest

__all__ = ["Arrival", "receive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A webhook delivery."""

    delivery_id: str
    """Under which the forge sends it again, should it hear nothing."""

    number: int
    title: str
    patch: str


async def receive(
    arrival: Arrival, database: AsyncEngine, engine: codeflow.AsyncEngine
) -> codeflow.AsyncRun:
    """Take a delivery: its rows and its run are there together, or not at all.

    A delivery that comes again, or to two processes at once, is the same run.
    """
    async with AsyncSession(database) as session, session.begin():
        await session.execute(_insert(session, arrival))
        run = await engine.submit(
            "review",
            {"change": arrival.patch, "analyzers": ["hygiene", "secrets"]},
            key=arrival.delivery_id,
            transaction=session,
        )
        taken = {"delivery_id": arrival.delivery_id, "number": arrival.number, "run_id": run.id}
        delivery = _inserting(session)(Delivery).values(taken)
        await session.execute(delivery.on_conflict_do_nothing(index_elements=["delivery_id"]))
    # The transaction is over: a worker may have begun already.
    return run


def _insert(session: AsyncSession, arrival: Arrival) -> Insert:
    row = _inserting(session)(PullRequest).values(number=arrival.number, title=arrival.title)
    return row.on_conflict_do_update(
        index_elements=[PullRequest.number], set_={"title": row.excluded.title}
    )


def _inserting(session: AsyncSession) -> type[postgresql.Insert | sqlite.Insert]:
    name = session.get_bind().dialect.name
    return postgresql.Insert if name == "postgresql" else sqlite.Insert
