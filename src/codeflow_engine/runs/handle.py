"""The handle of a run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from codeflow_engine.domain.budget import Budget, Spend, keyed
from codeflow_engine.domain.journal import StepRecord
from codeflow_engine.domain.run import RunEvent, RunFinished, RunRecord, RunStatus
from codeflow_engine.errors import ConfigurationError, WorkflowError
from codeflow_engine.runs.events import read_stored
from codeflow_engine.runs.executor import Executor
from codeflow_engine.runs.live import LiveRun
from codeflow_engine.runs.outcomes import closed
from codeflow_engine.runs.toolbox import Toolbox
from codeflow_engine.telemetry.executions import is_trace

if TYPE_CHECKING:
    from pandas import DataFrame

    from codeflow_engine.reports.timeline import Timeline

__all__ = ["AsyncRun"]

_LOOK = 0.5
"""Seconds between two looks at the events of a run that executes elsewhere."""


class AsyncRun:
    """A run of a workflow: under way here or elsewhere, put aside, or ended."""

    def __init__(self, live: LiveRun, executor: Executor, tools: Toolbox) -> None:
        self._live = live
        self._executor = executor
        self._tools = tools

    @property
    def id(self) -> str:
        """Id of the run."""
        return self._live.record.run_id

    @property
    def record(self) -> RunRecord:
        """The run as it was last seen; one that executes in this process as it stands now."""
        return self._live.record

    @property
    def status(self) -> RunStatus:
        """Where the run stands; see `record`."""
        return self.record.status

    async def refresh(self) -> RunRecord:
        """Look how the run stands now, wherever it executes.

        Raises:
            RunNotFoundError: It was removed.
            StorageError: It cannot be read.
        """
        if not self._live.is_executing:
            await self._executor.known.look(self.id)
        return self._live.record

    async def result(self) -> Any:
        """Wait for the end and return the result: a `Review` for the workflow `review`.

        Giving up the wait does not end the run.

        Raises:
            RunCancelledError: The run was cancelled.
            RunTimeoutError: It has executed for longer than it may.
            CodeflowError: Whatever ended the run.
        """
        record = await self._executor.outcomes.until_ended(self._live, self._executor)
        if self._live.outcome is not None:
            return self._live.outcome.get()
        return await self._executor.outcomes.of(record)

    async def events(self, *, after: int = 0, wait: bool = True) -> AsyncIterator[RunEvent]:
        """Yield the events with a number above `after`; live until the run has ended.

        A run that waits is waited for, also where it goes on in another process.

        Args:
            after: Number of the last event that is not wanted.
            wait: Whether to wait for more; else those are yielded that are stored now.

        Raises:
            WorkflowError: It has ended, and its last event could not be stored; or the engine
                is closed, and the run has not ended.
            StorageError: The events cannot be read.
        """
        if not wait:
            async for event in self._stored_events(after):
                yield event
            return
        last: RunEvent | None = None
        while True:
            was_drained = self._executor.is_drained
            was_ended = not self._live.is_executing and (await self.refresh()).status.is_terminal
            async for event in self._some_events(after):
                yield event
                last, after = event, event.sequence
            if self._live.is_executing:
                continue
            lost = self._live.unwritten
            if lost is not None or (was_ended and not isinstance(last, RunFinished | None)):
                raise WorkflowError(
                    f"the stream of run {self.id} ends without its last event: "
                    f"{type(lost).__name__ if lost else 'it was not stored'}"
                ) from lost
            if was_ended or (isinstance(last, RunFinished) and self.status.is_terminal):
                return
            if was_drained:
                raise closed(self.record)
            await self._live.change(_LOOK)

    async def _some_events(self, after: int) -> AsyncIterator[RunEvent]:
        """Yield what there is now, or, of a run that executes here, what comes meanwhile."""
        execution = self._live.execution
        if self._live.is_executing and execution is not None:
            async for event in execution.events.follow(after=after):
                yield event
            return
        async for event in self._stored_events(after):
            yield event

    async def _stored_events(self, after: int = 0) -> AsyncIterator[RunEvent]:
        storage, tenant = self._tools.storage, self.record.tenant
        while batch := await read_stored(storage, tenant, self.id, after=after):
            for event in batch:
                yield event
            after = batch[-1].sequence

    async def steps(self) -> tuple[StepRecord, ...]:
        """Read the steps that are written down, in the order in which they were asked for.

        They come without their values.

        Raises:
            StorageError: They cannot be read.
        """
        steps = await self._tools.journal.read_steps(self.record.tenant, self.id)
        return tuple(step for step in steps if not is_trace(step))

    async def to_dataframe(self) -> DataFrame:
        """Make a pandas table with one row per event so far; it does not wait for the end.

        | column | dtype | holds |
        |---|---|---|
        | `sequence` | `int64` | position in the run, counted from 1 |
        | `at` | `datetime64[us, UTC]` | when |
        | `event` | `str` | its kind, such as `StepFinished` |
        | `step`, `key` | `str` | of the events of steps |
        | `seconds` | `float64` | of a step that has ended |
        | `analyzer` | `str` | of one that has ended |
        | `units`, `examined`, `findings` | `Int64` | where the event counts them |
        | `outcome` | category | of a review that was judged |
        | `status` | category | of a run that has ended |
        | `error` | `str` | what a step, an analyzer or the run failed with |

        What an event does not tell is missing. Columns and dtypes are the same without rows.

        Raises:
            MissingDependencyError: pandas is not installed.
            StorageError: The events cannot be read.
        """
        from codeflow_engine.reports import frame

        rows = [event.to_json() async for event in self._stored_events()]
        # The first use imports pandas, which takes half a second.
        return await asyncio.to_thread(frame.events, rows)

    async def cancel(self) -> None:
        """End the run, its subprocesses, and all runs that it has started.

        Returns when they are gone, wherever they executed. A write to the outside that is
        under way is waited for. Of a run that has ended already, nothing changes.

        Raises:
            StorageError: It could not be written.
        """
        await self._executor.cancel(self.id)

    async def resume(self) -> None:
        """Let the run go on that has failed, timed out, was cancelled, parked, or is dead.

        So does one that was interrupted: its worker is gone, and nobody has taken it up. Steps
        that have ended do not run again; the one that has failed does.

        Raises:
            ConfigurationError: It is under way, or has succeeded.
            StorageError: It could not be written.
        """
        await self._executor.resume(self.id)

    async def send(self, signal: str, value: Any = None, *, id: str | None = None) -> None:  # noqa: A002
        """Send a signal, which a workflow gets by `RunContext.receive`.

        Args:
            signal: Its name.
            value: Plain JSON data.
            id: The same signal sent again has the same id, and counts once. None: each call
                is a signal of its own.

        Raises:
            ConfigurationError: The name or the id is no text.
            RunNotFoundError: The run was removed.
            SerializationError: The value is no plain JSON data.
            StorageError: It could not be written.
        """
        if not all(isinstance(one, str) for one in (signal, id or "")):
            raise ConfigurationError("the name of a signal is a text, and so is its id")
        await self._executor.send(self.id, signal, value, id)

    async def approve(self, *, by: str) -> None:
        """Approve what the run waits to do. Repeatable; the first approval counts.

        Args:
            by: Who says so.

        Raises:
            StorageError: It could not be written.
        """
        await self.send("approval", {"by": by}, id="approval")

    async def top_up(self, budget: Budget, *, key: str | None = None) -> None:
        """Give the run more to spend, beyond its limit.

        One that has ended for want of money goes on when it is resumed; a workflow that waits
        for it gets it by `receive("budget")`.

        Args:
            budget: How much.
            key: The same top-up asked for again, as after a timeout, has the same key, and
                counts once; so does `AsyncEngine.top_up` of this run with it. None: each call is
                one of its own.

        Raises:
            StorageError: It could not be written.
        """
        tools, scope = self._tools, f"run:{self.id}"
        spend = Spend(usd=Decimal(budget.usd or 0), tokens=budget.tokens or 0)
        top_up_id = tools.clock.new_id() if key is None else keyed(scope, key)
        await tools.meter.top_up(self.record.tenant, scope, spend, top_up_id=top_up_id)
        await self.send("budget", budget.to_json(), id=None if key is None else top_up_id)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.record.workflow}: {self.status}>"

    def _repr_html_(self) -> str:
        from codeflow_engine.reports.html import fragment

        return fragment.run(self.record.to_json(), self._timeline())

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        from codeflow_engine.reports import mime

        makers = {"text/plain": lambda: repr(self), "text/html": self._repr_html_}
        return mime.bundle(makers, include, exclude)

    def _timeline(self) -> Timeline:
        """Hear the events that are in memory: to show a run, nothing is read or waited for."""
        from codeflow_engine.reports.timeline import Timeline

        timeline = Timeline()
        execution = self._live.execution
        for event in execution.events.recent if execution else ():
            timeline.hear(event.to_json())
        return timeline
