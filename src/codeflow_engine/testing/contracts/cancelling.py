"""Cancels calls at several moments, as the end of a run or a deadline does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from codeflow_engine.testing.contracts.processes import children, gone
from codeflow_engine.testing.contracts.watching import within

__all__ = ["cancel_often"]

_MOMENTS = (0.0, 0.005, 0.05, 0.15)
_SOON = 3.0
"""Seconds within which a cancelled call has to end: removing files may take some."""

_MOMENT = 0.02
"""Seconds that callbacks may take which the end of a call has set off."""


async def cancel_often(call: Callable[[], Awaitable[Any]]) -> None:
    """Cancel a call at several moments; each time it has to end as cancelled, with all of it.

    A call that has ended before, in whatever way, is no longer cancelled.
    """
    before = children()
    tasks = asyncio.all_tasks()
    for moment in _MOMENTS:
        task = asyncio.ensure_future(call())
        await asyncio.sleep(moment)
        if task.done():
            task.exception()
            continue
        task.cancel()
        await within(asyncio.wait([task]), _SOON)
        told = f"cancelled after {moment:g} s, the call"
        assert task.cancelled(), f"{told} went on to its end"
        await asyncio.sleep(_MOMENT)
        left = asyncio.all_tasks() - tasks
        for one in left:
            one.cancel()
        assert not left, f"{told} left tasks that go on: {left}"
        assert await gone(before), f"{told} left a process"
