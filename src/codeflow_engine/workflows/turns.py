"""Questions that are asked side by side: how many at a time, and which are booked first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from codeflow_engine.pace.admission import telling_admission
from codeflow_engine.runs.context import RunContext
from codeflow_engine.workflows.review_input import ReviewInput

__all__ = ["Turns"]


class Turns:
    """Lets the parts of a change be asked about, some of them at a time, in their order.

    Where money may end, each begins once the one before it has its place with the models: a long
    question is looked through for longer than a short one beside it, and would be booked when
    the money has gone to that one.

    Args:
        count: How many parts there are.
        parallel: How many of them are under way at most.
        in_order: Whether money may end.
    """

    def __init__(self, count: int, *, parallel: int, in_order: bool) -> None:
        self._passed = [asyncio.Event() for _ in range(count)]
        self._ended = [asyncio.Event() for _ in range(count)]
        self._slots = asyncio.Semaphore(parallel)
        self._in_order = in_order
        self.is_alone: bool = False
        """Whether each part begins only when those before it have ended."""

    @classmethod
    async def of(cls, run: RunContext, given: ReviewInput, count: int) -> Turns:
        """Make those of a run; how they go is written down with it.

        Whoever goes on with the run may have other settings. With fewer at a time, one that was
        not done would keep from its turn another that was, and waits for it.
        """
        parallel, in_order = await run.step("pace", _pace, run, given)
        return cls(count, parallel=parallel, in_order=in_order)

    def __len__(self) -> int:
        """Give the number of parts."""
        return len(self._ended)

    @asynccontextmanager
    async def take(self, at: int) -> AsyncIterator[None]:
        """Do what a part does in its turn."""
        if self._in_order and at:
            await self._passed[at - 1].wait()
        try:
            async with self._slots:
                with telling_admission(lambda: self._pass(at)):
                    yield
        finally:
            self._passed[at].set()
            self._ended[at].set()

    async def until_ended(self, at: int) -> None:
        """Wait until nothing is under way of the parts before one."""
        for ended in self._ended[:at]:
            await ended.wait()

    def _pass(self, at: int) -> None:
        if not self.is_alone:
            self._passed[at].set()


def _pace(run: RunContext, given: ReviewInput) -> tuple[int, bool]:
    settings = run.tools.settings
    return settings.llm_parallel, bool(given.budget or settings.budgets)
