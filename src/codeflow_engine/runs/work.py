"""Work of a run, and who does it: the one place that all of it passes through."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

__all__ = ["DirectRunner", "Step", "StepRunner"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One piece of work of a run: that of a step, or a computation."""

    run_id: str
    tenant: str
    name: str
    key: str | None
    """Tells parallel steps of one name apart."""

    work: partial[Any]
    """Gives the value; a coroutine function where the work belongs on the loop."""


class StepRunner(Protocol):
    """Gives work its value."""

    async def run(self, step: Step) -> Any:
        """Do the work."""
        ...


class DirectRunner:
    """Does all work in this process.

    Args:
        threads: Where pure computation runs.
    """

    def __init__(self, threads: Executor) -> None:
        self._threads = threads

    async def run(self, step: Step) -> Any:
        """Do the work on the loop, or in a worker thread if it is no coroutine function."""
        if inspect.iscoroutinefunction(step.work.func):
            return await step.work()
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        value = await loop.run_in_executor(self._threads, context.run, step.work)
        # A backend may hand on the coroutine of another one instead of being one: without
        # this its work would never be done, and nobody would say so.
        return await value if inspect.isawaitable(value) else value
