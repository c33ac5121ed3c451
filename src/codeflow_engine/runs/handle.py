"""The handle of a run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import TYPE_CHECKING, Any

from codeflow_engine.contracts import Storage
from codeflow_engine.domain.review import Review
from codeflow_engine.domain.run import RunEvent, RunRecord, RunStatus
from codeflow_engine.errors import RunCancelledError, WorkflowError
from codeflow_engine.runs.executor import DirectExecutor, Execution

if TYPE_CHECKING:
    from pandas import DataFrame

    from codeflow_engine.reports.timeline import Timeline

__all__ = ["AsyncRun"]


class AsyncRun:
    """A run of a workflow, under way or ended."""

    def __init__(self, record: RunRecord, executor: DirectExecutor, storage: Storage) -> None:
        self._record = record
        self._storage = storage
        self._execution: Execution | None = executor.active(record.run_id)

    @property
    def id(self) -> str:
        """Id of the run."""
        return self._record.run_id

    @property
    def record(self) -> RunRecord:
        """The run as it stands now; one that ended elsewhere, as it was when it was read."""
        return self._execution.record if self._execution else self._record

    @property
    def status(self) -> RunStatus:
        """Where the run stands now."""
        return self.record.status

    async def result(self) -> Any:
        """Wait for the end and return the result: a `Review` for the workflow `review`.

        Raises:
            RunCancelledError: The run was cancelled.
            CodeflowError: Whatever ended the run.
        """
        if self._execution:
            return await self._execution.result()
        if self.status is RunStatus.CANCELLED:
            raise RunCancelledError(f"run {self.id} was cancelled")
        if self.status is RunStatus.SUCCEEDED:
            found: tuple[object, ...] = await self._storage.get_reviews(
                self._record.tenant, [self.id]
            )
            for review in found:
                # Whatever a storage gives for a question, another run's review is no answer.
                if isinstance(review, Review) and review.run_id == self.id:
                    return review
        reason = self._record.error or f"it is {self.status} and executes in no known process"
        raise WorkflowError(f"run {self.id} has no result: {reason}")

    async def events(self, *, after: int = 0) -> AsyncIterator[RunEvent]:
        """Yield the events with a number above `after`; live until the run has ended."""
        if self._execution:
            async for event in self._execution.events.follow(after=after):
                yield event
            return
        async for event in self._stored_events(after):
            yield event

    async def _stored_events(self, after: int = 0) -> AsyncIterator[RunEvent]:
        while batch := await self._storage.read_events(self._record.tenant, self.id, after=after):
            for event in batch:
                yield event
            after = batch[-1].sequence

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
        """End the run and its subprocesses; returns when they are gone. Repeatable."""
        if self._execution:
            await self._execution.cancel()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self._record.workflow}: {self.status}>"

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
        for event in self._execution.events.recent if self._execution else ():
            timeline.hear(event.to_json())
        return timeline
