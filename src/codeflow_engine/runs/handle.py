"""The handle of a run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from codeflow_engine.contracts import Storage
from codeflow_engine.domain.review import Review
from codeflow_engine.domain.run import RunEvent, RunRecord, RunStatus
from codeflow_engine.errors import RunCancelledError, WorkflowError
from codeflow_engine.runs.executor import DirectExecutor, Execution

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
        while batch := await self._storage.read_events(self._record.tenant, self.id, after=after):
            for event in batch:
                yield event
            after = batch[-1].sequence

    async def cancel(self) -> None:
        """End the run and its subprocesses; returns when they are gone. Repeatable."""
        if self._execution:
            await self._execution.cancel()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self._record.workflow}: {self.status}>"
