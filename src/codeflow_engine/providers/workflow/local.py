"""The workflow backend of this process."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, override

from codeflow_engine.contracts.workflow import Execute, WorkflowBackend
from codeflow_engine.errors import ConfigurationError, WorkflowError

__all__ = ["LocalBackend", "LocalSettings"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSettings:
    """Settings of the workflow backend of this process."""

    concurrency: int = 100
    """Runs that execute at once, at most; the others wait for their turn."""

    def __post_init__(self) -> None:
        if self.concurrency < 1:
            raise ConfigurationError(f"concurrency: at least 1 is needed, not {self.concurrency}")


_DEFAULT: Final = LocalSettings()


class LocalBackend(WorkflowBackend):
    """Executes runs in tasks of the running event loop, in the order in which they came.

    It asks for as many as may execute at once, and as many again that wait for their turn.
    A run executes once at a time: one that is accepted while it executes gets its turn
    after that. One that waits for its turn already is not put in line twice. Nothing here
    survives the process; the engine's storage does, and whoever sweeps it finds what was
    let go.

    Args:
        settings: How many runs execute at once.
    """

    def __init__(self, settings: LocalSettings = _DEFAULT) -> None:
        self._concurrency = settings.concurrency
        self._execute: Execute | None = None
        self._accepts = True
        # A plain dictionary finds its first key in a time that grows with those taken out
        # before (3.5 s for 100,000 in turn).
        self._waiting: OrderedDict[str, None] = OrderedDict()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()

    @property
    @override
    def room(self) -> int | None:
        return max(0, 2 * self._concurrency - len(self._running) - len(self._waiting))

    @override
    async def start(self, execute: Execute) -> None:
        if self._execute is not None:
            raise ConfigurationError("the backend is started already: each engine needs its own")
        self._execute = execute

    @override
    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        if not_before is not None:
            raise ConfigurationError("local holds no run back until a moment; enqueue it then")
        if self._execute is None or not self._accepts:
            state = "not started" if self._accepts else "drained"
            raise WorkflowError(f"run {run_id!r} is not accepted: the backend is {state}")
        if run_id in self._running:
            self._again.add(run_id)
        else:
            self._waiting[run_id] = None
            self._begin(self._execute)

    @override
    async def cancel(self, run_id: str) -> None:
        self._waiting.pop(run_id, None)
        self._again.discard(run_id)
        if task := self._running.get(run_id):
            task.cancel()

    @override
    async def drain(self, *, grace: float) -> None:
        self._accepts = False
        self._waiting.clear()
        self._again.clear()
        if self._running:
            await asyncio.wait(self._running.values(), timeout=grace)
        if outlasting := list(self._running.values()):
            for task in outlasting:
                task.cancel()
            # Not `gather`: it would cancel them once more, with whoever waits here.
            await asyncio.wait(outlasting)

    @override
    async def aclose(self) -> None:
        await self.drain(grace=0)

    def _begin(self, execute: Execute) -> None:
        """Give their turn to as many as may have it."""
        while self._waiting and len(self._running) < self._concurrency:
            run_id, _ = self._waiting.popitem(last=False)
            task = asyncio.create_task(_carry(execute, run_id), name=f"codeflow run {run_id}")
            self._running[run_id] = task
            task.add_done_callback(partial(self._end, execute, run_id))

    def _end(self, execute: Execute, run_id: str, task: asyncio.Task[None]) -> None:
        del self._running[run_id]
        if run_id in self._again:
            self._again.discard(run_id)
            self._waiting[run_id] = None
        self._begin(execute)
        if not task.cancelled() and (error := task.exception()):
            # Not its words, which may quote what nobody has taken secrets out of.
            _log.error("the execution of run %r ended with %s", run_id, type(error).__name__)


async def _carry(execute: Execute, run_id: str) -> None:
    try:
        await execute(run_id)
    except SystemExit as error:
        # A task that is left by it takes the loop of the host along.
        raise WorkflowError(f"run {run_id!r} tried to leave the program") from error
