"""What came of the reviews."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

import codeflow_engine as codeflow
from codeflow_engine.errors import CodeflowError
from gatekeeper.tables import Delivery

__all__ = ["newest", "tell"]


async def newest(
    number: int, database: AsyncEngine, engine: codeflow.AsyncEngine
) -> codeflow.AsyncRun | None:
    """Find the run for the newest delivery of a pull request."""
    statement = (
        select(Delivery.run_id)
        .where(Delivery.number == number)
        .order_by(Delivery.order.desc())
        .limit(1)
    )
    async with AsyncSession(database) as session:
        run_id = await session.scalar(statement)
    return None if run_id is None else await engine.run(run_id)


async def tell(run: codeflow.AsyncRun, *, wait: bool = False) -> str:
    """Say in one line what came of a run, or how it stands where that is not waited for."""
    if not wait and not run.status.is_terminal:
        return run.status.value
    try:
        review: codeflow.Review = await run.result()
    except CodeflowError as error:
        return f"{run.status.value}: {error.message}"
    found = ", ".join(f"{one.path}:{one.line} {one.title}" for one in review.findings)
    return f"{review.outcome.value}: {found or 'no findings'}"
