"""What the author of a workflow works with."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, overload

from codeflow_engine.contracts import Cache, Storage
from codeflow_engine.domain.run import RunEvent, StepFinished, StepStarted
from codeflow_engine.errors import WorkflowError
from codeflow_engine.plugins.backends import Backends
from codeflow_engine.plugins.dispatch import HookDispatch
from codeflow_engine.redaction import Redactor
from codeflow_engine.runs.clock import Clock
from codeflow_engine.runs.events import EventStream
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.settings import Settings

__all__ = ["RunContext", "Toolbox"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolbox:
    """What an engine lends to its runs; the same for all of them."""

    settings: Settings
    storage: Storage
    cache: Cache
    vcs: str
    """Name of the VCS backend."""

    sandbox: Sandbox
    redactor: Redactor
    backends: Backends
    hooks: HookDispatch
    clock: Clock
    threads: Executor


class RunContext:
    """One run, seen from inside its workflow.

    The executor behind it runs every step directly and records nothing. A workflow that
    does all its work in steps, and passes values between them, does not notice when a
    journal takes its place.
    """

    def __init__(self, run_id: str, tenant: str, tools: Toolbox, events: EventStream) -> None:
        self.run_id = run_id
        self.tenant = tenant
        self.tools = tools
        self.started_at: datetime = tools.clock.now()
        self._started = tools.clock.monotonic()
        self._events = events
        self._steps: set[tuple[str, str | None]] = set()

    @property
    def seconds(self) -> float:
        """Time since the run started."""
        return self.tools.clock.monotonic() - self._started

    @overload
    async def step[*A, T](
        self,
        name: str,
        function: Callable[[*A], Coroutine[Any, Any, T]],
        *arguments: *A,
        key: str | None = None,
    ) -> T: ...

    @overload
    async def step[*A, T](
        self, name: str, function: Callable[[*A], T], *arguments: *A, key: str | None = None
    ) -> T: ...

    async def step[*A](
        self, name: str, function: Callable[[*A], Any], *arguments: *A, key: str | None = None
    ) -> Any:
        """Execute one step and return its value.

        A coroutine function runs on the event loop. Any other one is pure computation and
        runs in a worker thread, so that a large change never holds up the host's loop.

        Args:
            name: What the step does, one verb.
            function: Called with `arguments`; takes and returns values.
            arguments: Passed on as they are.
            key: Tells parallel steps of one name apart.

        Raises:
            WorkflowError: A step of this name and key has run already.
        """
        if (name, key) in self._steps:
            raise WorkflowError(f"step {name!r} with key {key!r} stands twice in the workflow")
        self._steps.add((name, key))
        await self.emit(StepStarted, step=name, key=key)
        began = self.tools.clock.monotonic()
        error: str | None = None
        try:
            return await self._call(partial(function, *arguments))
        except BaseException as raised:
            error = type(raised).__name__
            raise
        finally:
            seconds = self.tools.clock.monotonic() - began
            await self.emit(StepFinished, step=name, key=key, seconds=seconds, error=error)

    async def together[T](self, steps: Iterable[Coroutine[Any, Any, T]]) -> tuple[T, ...]:
        """Execute steps at the same time and return their values in the order given.

        When one raises, the others are cancelled, and its error is raised alone.
        """
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(step) for step in steps]
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None
        return tuple(task.result() for task in tasks)

    async def emit(self, kind: type[RunEvent], **fields: Any) -> None:
        """Add an event to the stream of this run."""
        await self._events.emit(kind, **fields)

    async def _call(self, call: partial[Any]) -> Any:
        if inspect.iscoroutinefunction(call.func):
            return await call()
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.tools.threads, context.run, call)
