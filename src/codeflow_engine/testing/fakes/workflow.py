"""A workflow backend of this process."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from codeflow_engine.contracts import WorkflowBackend, WorkflowCapability
from codeflow_engine.contracts.workflow import Execute
from codeflow_engine.errors import ConfigurationError, WorkflowError
from codeflow_engine.pace.clock import Clock

__all__ = ["FakeWorkflowBackend"]

_TICK = 0.002
"""Seconds between looks at the clock, which a test may set."""

_log = logging.getLogger(__name__)


class FakeWorkflowBackend(WorkflowBackend):
    """Executes every run at once in a task of its own; nothing survives the process.

    Args:
        clock: Says when the time of a run has come; None is the real time.
    """

    capabilities: ClassVar[frozenset[StrEnum]] = frozenset({WorkflowCapability.DELAYS})

    def __init__(self, *, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._execute: Execute | None = None
        self._accepts = True
        self._held: dict[asyncio.Task[None], str] = {}
        self._running: dict[asyncio.Task[None], str] = {}
        self.accepted: list[tuple[str, datetime | None]] = []
        """All ids that were accepted, each with its `not_before`, in their order."""

    async def start(self, execute: Execute) -> None:
        """Begin to execute runs.

        Raises:
            ConfigurationError: It was started before.
        """
        if self._execute is not None:
            raise ConfigurationError("the backend is started already: each engine needs its own")
        self._execute = execute

    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        """Accept a run.

        Raises:
            WorkflowError: The backend is not started, or is drained.
        """
        if self._execute is None or not self._accepts:
            state = "not started" if self._accepts else "drained"
            raise WorkflowError(f"run {run_id!r} is not accepted: the backend is {state}")
        self._take(self._execute, run_id, not_before)

    async def cancel(self, run_id: str) -> None:
        """Stop a run that executes or is held back."""
        for task, carried in (*self._held.items(), *self._running.items()):
            if carried == run_id:
                task.cancel()

    async def drain(self, *, grace: float) -> None:
        """Accept nothing more, let go what is held back, and wait for what runs."""
        self._accepts = False
        await _end(list(self._held))
        if running := list(self._running):
            await asyncio.wait(running, timeout=grace)
        await _end(list(self._running))

    async def aclose(self) -> None:
        """Cancel what runs."""
        await self.drain(grace=0)

    def _take(self, execute: Execute, run_id: str, not_before: datetime | None) -> None:
        self.accepted.append((run_id, not_before))
        task = asyncio.create_task(self._carry(execute, run_id, not_before))
        waiting = not_before is not None and self._clock.now() < not_before
        (self._held if waiting else self._running)[task] = run_id
        task.add_done_callback(self._forget)

    async def _carry(self, execute: Execute, run_id: str, not_before: datetime | None) -> None:
        # Nobody tells when the time of a clock was set.
        while not_before is not None and self._clock.now() < not_before:  # noqa: ASYNC110
            await asyncio.sleep(_TICK)
        task = asyncio.current_task()
        if task in self._held:
            self._running[task] = self._held.pop(task)
        await execute(run_id)

    def _forget(self, task: asyncio.Task[None]) -> None:
        run_id = self._held.pop(task, None) or self._running.pop(task, None)
        if not task.cancelled() and (error := task.exception()):
            _log.error("the execution of run %r failed", run_id, exc_info=error)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
