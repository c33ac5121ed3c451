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
from typing import Any, Protocol, overload

from codeflow_engine.contracts import Cache, Storage
from codeflow_engine.domain.run import RunEvent, RunRecord, StepFinished, StepStarted
from codeflow_engine.errors import WorkflowError
from codeflow_engine.plugins.backends import Backends
from codeflow_engine.plugins.dispatch import HookDispatch
from codeflow_engine.redaction import Redactor
from codeflow_engine.runs.clock import Clock
from codeflow_engine.runs.containment import as_ours, unless_cancelled
from codeflow_engine.runs.events import EventStream
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.settings import Settings
from codeflow_engine.telemetry.logging import EngineLog

__all__ = ["DirectRunner", "RunContext", "Step", "StepRunner", "Toolbox"]


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
    log: EngineLog
    clock: Clock
    threads: Executor


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a run, and the work that it stands for."""

    run_id: str
    tenant: str
    name: str
    key: str | None
    """Tells parallel steps of one name apart."""

    work: partial[Any]
    """Gives the value; a coroutine function where the step belongs on the loop."""


class StepRunner(Protocol):
    """Gives steps their values; the one place that all work of all runs passes through."""

    async def run(self, step: Step) -> Any:
        """Do the work of a step, or give the value that a record holds of it."""
        ...


class DirectRunner:
    """Does the work of every step, and records nothing.

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


class RunContext:
    """One run, seen from inside its workflow.

    The runner behind it decides how a step gets its value. A workflow that does all its
    work in steps, and passes values between them, does not notice when a journal takes the
    place of direct execution.
    """

    def __init__(
        self, record: RunRecord, tools: Toolbox, events: EventStream, runner: StepRunner
    ) -> None:
        self.run_id: str = record.run_id
        self.tenant: str = record.tenant
        self.tools = tools
        self._runner = runner
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
            asyncio.CancelledError: The run is cancelled, also where the step went on
                regardless and returned a value.
        """
        if (name, key) in self._steps:
            raise WorkflowError(f"step {name!r} with key {key!r} stands twice in the workflow")
        self._steps.add((name, key))
        await self.emit(StepStarted, step=name, key=key)
        began = self.tools.clock.monotonic()
        error: str | None = None
        try:
            step = Step(
                run_id=self.run_id,
                tenant=self.tenant,
                name=name,
                key=key,
                work=partial(function, *arguments),
            )
            return unless_cancelled(await self._runner.run(step))
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
                tasks = [group.create_task(_contained(step)) for step in steps]
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None
        return tuple(task.result() for task in tasks)

    async def emit(self, kind: type[RunEvent], **fields: Any) -> None:
        """Add an event to the stream of this run."""
        await self._events.emit(kind, **fields)


async def _contained[T](step: Coroutine[Any, Any, T]) -> T:
    try:
        return await step
    except BaseException as error:
        ours = as_ours(error)
        if ours is error:
            raise
        raise ours from error
