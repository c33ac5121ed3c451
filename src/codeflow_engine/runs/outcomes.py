"""What came of runs, wherever they were executed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codeflow_engine.domain.review import Review
from codeflow_engine.domain.run import RunRecord, RunStatus
from codeflow_engine.errors import RunCancelledError, RunTimeoutError, StorageError, WorkflowError
from codeflow_engine.runs import codec
from codeflow_engine.runs.coding import decoded
from codeflow_engine.runs.failures import read_failure
from codeflow_engine.runs.live import LiveRun, Outcome
from codeflow_engine.runs.submitting import load, loaded

if TYPE_CHECKING:
    from codeflow_engine.runs.executor import Executor
    from codeflow_engine.runs.toolbox import Toolbox

__all__ = ["Outcomes", "closed"]

_FIRST = 0.02
"""Seconds until a run that executes elsewhere is looked at again, the first time."""


def closed(record: RunRecord) -> WorkflowError:
    """Make the error for somebody who waits at a closed engine for a run that goes on."""
    return WorkflowError(
        f"run {record.run_id} is {record.status}, and this engine is closed: whoever executes it "
        f"from now on can tell what comes of it"
    )


class Outcomes:
    """Reads results and errors of runs that have ended."""

    def __init__(self, tools: Toolbox) -> None:
        self._tools = tools

    async def until_ended(self, live: LiveRun, executor: Executor) -> RunRecord:
        """Wait until a run has ended, here or elsewhere.

        Raises:
            StorageError: It cannot be looked at, or its last execution here could not be
                written down.
            WorkflowError: The engine is closed, and the run has not ended.
        """
        pause = _FIRST
        while True:
            if live.is_executing and live.execution is not None:
                await live.execution.settled.wait()
                pause = _FIRST
            if live.unwritten is not None:
                raise live.unwritten
            if live.record.status.is_terminal:
                return live.record
            if executor.expects(live.record.run_id) and await live.change(
                self._tools.settings.poll
            ):
                continue
            was_drained = executor.is_drained
            await executor.known.look(live.record.run_id)
            if not (live.is_executing or live.record.status.is_terminal):
                if was_drained:
                    raise closed(live.record)
                await live.change(pause)
                pause = min(pause * 2, self._tools.settings.poll)

    async def of(self, record: RunRecord) -> Any:
        """Give the result of a run that has ended, or raise what ended it.

        Raises:
            RunCancelledError: It was cancelled.
            RunTimeoutError: It passed its deadline.
            StorageError: What it has left is damaged.
            WorkflowError: It has no result that could be read.
            CodeflowError: Whatever ended it.
        """
        return (await self.read(record)).get()

    async def read(self, record: RunRecord) -> Outcome:
        """Read how a run has ended: with what value, or by what error.

        Raises:
            StorageError: It cannot be read.
            SerializationError: What was kept cannot be understood.
        """
        status, told = record.status, record.error or "nobody has said why"
        if status is RunStatus.CANCELLED:
            return Outcome(error=RunCancelledError(f"run {record.run_id} was cancelled"))
        if status is RunStatus.TIMED_OUT:
            return Outcome(error=RunTimeoutError(told.removeprefix("RunTimeoutError: ")))
        found = await self._tools.journal.read_results(record.tenant, [record.run_id])
        data = found.get(record.run_id)
        if status is RunStatus.SUCCEEDED:
            return Outcome(value=await self._result(record, data))
        if status is RunStatus.FAILED and data is not None:
            return Outcome(error=_failure(record, data))
        return Outcome(
            error=WorkflowError(f"run {record.run_id} has no result: it is {status}: {told}")
        )

    def type_of(self, workflow: str) -> Any:
        """Give the type of what a workflow returns."""
        return codec.returned(load(self._tools, workflow).run)

    async def _result(self, record: RunRecord, data: bytes | None) -> Any:
        if data is None:
            return await self._review(record)
        workflow = await loaded(self._tools, record.workflow)
        run = workflow.code(record.version) or workflow.run
        return await decoded(codec.returned(run), data, self._tools.threads)

    async def _review(self, record: RunRecord) -> Review:
        """Give the review of a run whose result was never kept: by an older version."""
        found: tuple[object, ...] = await self._tools.storage.get_reviews(
            record.tenant, [record.run_id]
        )
        for review in found:
            # Whatever a storage gives for a question, another run's review is no answer.
            if isinstance(review, Review) and review.run_id == record.run_id:
                return review
        raise WorkflowError(f"run {record.run_id} has no result that was kept")


def _failure(record: RunRecord, data: bytes) -> BaseException:
    try:
        return read_failure(data.decode("ascii"))
    except ValueError:
        told = f"the error of run {record.run_id!r} is damaged, or written by another version"
        raise StorageError(told) from None
