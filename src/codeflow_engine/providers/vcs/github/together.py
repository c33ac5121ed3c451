"""Several calls at once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

__all__ = ["together"]


async def together[T](calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Wait for several calls; where one fails, or this is cancelled, none of them goes on.

    Raises:
        BaseException: What the first one raised that failed.
    """
    # In a task of its own: a group that fails may leave the task that waits for it marked as
    # cancelled (Python 3.12.1), and who catches the error would end as if somebody had asked.
    return await asyncio.create_task(_together(calls))


async def _together[T](calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(call) for call in calls]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]
