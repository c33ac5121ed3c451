"""One claim of a run, from the first look at it to its end in the journal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from codeflow_engine.contracts import StorageCapability
from codeflow_engine.domain.journal import Claim, RunState, Signal, StepKind
from codeflow_engine.domain.run import (
    RunFinished,
    RunRecord,
    RunResumed,
    RunStarted,
    RunStatus,
    RunWaiting,
)
from codeflow_engine.errors import (
    LeaseLostError,
    MissingDependencyError,
    RunCancelledError,
    RunTimeoutError,
    StorageError,
    UnknownBackendError,
    WorkflowError,
)
from codeflow_engine.plugins.containment import is_foreign
from codeflow_engine.runs import codec
from codeflow_engine.runs.coding import decoded, encoded
from codeflow_engine.runs.containment import (
    apart,
    as_ours,
    describe,
    place_of,
    redact,
)
from codeflow_engine.runs.context import RunContext
from codeflow_engine.runs.failures import write_failure
from codeflow_engine.runs.history import History
from codeflow_engine.runs.inbox import Children
from codeflow_engine.runs.ledger import Ledger
from codeflow_engine.runs.live import Execution, LiveRun, Outcome, Stop
from codeflow_engine.runs.points import reach
from codeflow_engine.runs.submitting import loaded
from codeflow_engine.runs.suspects import Suspects
from codeflow_engine.runs.toolbox import Toolbox
from codeflow_engine.runs.work import StepRunner
from codeflow_engine.runs.workflow import Workflow, WorkflowFunction
from codeflow_engine.runs.writer import Last, Parts, Writer, Writes

__all__ = ["Performance", "Stage"]

_PARKED = 60.0
"""Seconds until a run is tried again that could not go on here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What all executions of an engine have in common."""

    tools: Toolbox
    runner: StepRunner
    writes: Writes
    suspects: Suspects
    children: Callable[[RunRecord], Children]
    end_family: Callable[[str], Awaitable[None]]
    """Cancels all that a run has started."""

    @property
    def survives(self) -> bool:
        """Whether somebody can go on with a run when this process has ended."""
        return StorageCapability.DURABLE in self.tools.storage.capabilities


type _Ended = tuple[RunState | None, Outcome | None]
"""What is to be written, and what those in this process get who wait; both may be nothing."""


class _Parked(Exception):  # noqa: N818 - no failure: it never leaves this module
    """The run cannot go on here."""


class Performance:
    """Executes one run under one claim.

    Whatever happens, it leaves the run in a state from which somebody can go on: ended, put
    aside, given back, or, where nothing could be written, claimed by a worker that does not
    execute it, which is found by the next look for runs that are due.
    """

    def __init__(self, stage: Stage, live: LiveRun, execution: Execution, claim: Claim) -> None:
        self._stage = stage
        self._tools = stage.tools
        self._live = live
        self._execution = execution
        self._claim = claim
        self._writer = Writer(
            claim.record, execution, stage.writes, watched=stage.tools.hooks.is_watched
        )

    async def go(self) -> bool:
        """Execute the run; say whether what became of it was surely written down."""
        await self._reach("run.claimed")
        state, outcome = self._early() or await self._execute()
        failed: BaseException | None = None
        if state is not None:
            await self._reach(f"run.{_word(state)}ing")
            if self._execution.stop is Stop.CANCEL and state.status is RunStatus.SUCCEEDED:
                # Whoever cancels it is not told afterwards that it has succeeded.
                state, outcome = self._cancelled()
            failed = await self._end(state)
            if type(failed) is StorageError:
                # Something of it can never be stored: better no events than no end.
                self._writer.drop()
                failed = await self._end(state)
            if failed is not None and outcome is not None:
                # An end that nobody can read is none.
                failed.__cause__ = failed.__cause__ or outcome.error
                outcome = Outcome(error=failed)
                if state.status is RunStatus.SUCCEEDED and not self._passes(failed):
                    failed = await self._end(self._failed(failed))
        elif outcome is not None:
            failed = outcome.error
        if self._execution.is_lost:
            # It may be somebody else's, or have ended: what came of it stands in the storage.
            outcome = None
        self._live.outcome = outcome
        if failed is not None and not self._passes(failed):
            told = describe(failed, self._tools.redactor)
            run_id = self._claim.record.run_id
            self._tools.log.warning("what became of a run is not stored", run=run_id, error=told)
        await self._writer.close()
        # A claim that seems to be lost may still be ours; asking for it again does no harm.
        return failed is None and not self._execution.is_lost

    def _passes(self, error: BaseException) -> bool:
        """Say whether a run waits for the storage to come back, rather than fail."""
        unreachable = isinstance(error, StorageError) and error.retryable
        return unreachable and self._stage.survives

    def _early(self) -> _Ended | None:
        """Say where a run ends, or stops, that is not to be executed at all."""
        record, settings = self._claim.record, self._tools.settings
        now = self._tools.clock.now()
        if record.cancelling:
            return self._cancelled()
        if record.deadline is not None and record.deadline <= now:
            return self._timed_out()
        if record.recoveries > settings.recoveries:
            error = WorkflowError(
                f"run {record.run_id} was taken up {record.recoveries} times because its worker "
                f"was gone, and each time it ended without a word; see to the cause, then resume"
            )
            told = describe(error, self._tools.redactor)
            return self._state(RunStatus.DEAD, error=told), Outcome(error=error)
        return None

    async def _execute(self) -> _Ended:
        execution = self._execution
        if not await self._stage.suspects.admit(self._claim.record, execution):
            later = self._tools.clock.now() + timedelta(seconds=2 * self._tools.settings.poll)
            return self._state(RunStatus.PENDING, wake_at=later), None
        if (stop := self._stop()) is not None:
            return self._stopped(stop)
        execution.task = asyncio.create_task(
            self._workflow(), name=f"codeflow run {self._claim.record.run_id}"
        )
        timer = self._start_timer()
        try:
            await self._whole(execution.task)
        finally:
            if timer is not None:
                timer.cancel()
        error = _error_of(execution.task)
        if (stop := self._stop()) is not None and not isinstance(error, _Parked):
            return self._stopped(stop)
        if error is None:
            ended: _Ended = execution.task.result()
            return ended
        return self._broken(error)

    def _stop(self) -> Stop | None:
        """Say why the execution was stopped by now; others may do so at any moment."""
        return self._execution.stop

    async def _whole(self, task: asyncio.Task[Any]) -> None:
        """Wait for the workflow to its end; where this is ended, so is the workflow first."""
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                self._execution.end(Stop.RELEASE if self._stage.survives else Stop.CANCEL)

    def _start_timer(self) -> asyncio.TimerHandle | None:
        deadline = self._claim.record.deadline
        if deadline is None:
            return None
        seconds = (deadline - self._tools.clock.now()).total_seconds()
        loop = asyncio.get_running_loop()
        return loop.call_later(max(0.0, seconds), self._execution.end, Stop.DEADLINE)

    async def _workflow(self) -> tuple[RunState, Outcome]:
        """Run the workflow to its result."""
        record, claim = self._claim.record, self._claim
        threads = self._tools.threads
        workflow, run = await self._load()
        value = await decoded(codec.taken(run), claim.payload, threads)
        if claim.last_event:
            self._writer.tell(RunResumed, recoveries=record.recoveries)
        else:
            self._writer.tell(RunStarted, workflow=record.workflow)
        history = History(record.run_id, claim.steps)
        ledger = Ledger(
            record,
            self._execution,
            self._writer,
            history,
            clock=self._tools.clock,
            redactor=self._tools.redactor,
            points=self._tools.points,
        )
        children = self._stage.children(record)
        context = RunContext(
            record, self._tools, self._stage.runner, ledger, writer=self._writer, children=children
        )
        try:
            result = await apart(partial(run, context, value))
        finally:
            context.close()
        ledger.finished()
        data = await encoded(result, codec.returned(run), threads)
        summary = None if workflow.summarise is None else workflow.summarise(result)
        summary = self._tools.redactor.scrub(summary)
        state = self._state(RunStatus.SUCCEEDED, result=data, summary=summary)
        return state, Outcome(value=result)

    async def _load(self) -> tuple[Workflow, WorkflowFunction]:
        record = self._claim.record
        try:
            workflow = await loaded(self._tools, record.workflow)
        except (UnknownBackendError, MissingDependencyError) as error:
            raise _Parked(f"PLUGIN_MISSING: {error.message}") from error
        run = workflow.code(record.version)
        if run is None:
            raise _Parked(
                f"VERSION_MISSING: workflow {record.workflow!r} is of version "
                f"{workflow.version} here, and the run of version {record.version}"
            )
        return workflow, run

    def _stopped(self, stop: Stop) -> _Ended:
        now = self._tools.clock.now()
        if stop is Stop.LOST:
            self._tell_lost()
            return None, None
        if stop is Stop.DEADLINE:
            return self._timed_out()
        if stop is Stop.CANCEL:
            return self._cancelled()
        if stop is Stop.RELEASE:
            return self._state(RunStatus.PENDING, wake_at=now), None
        waits = self._execution.put_aside
        moments = [until for until, _ in waits if until is not None]
        names = tuple(sorted({name for _, names in waits for name in names}))
        wake_at = min(moments, default=None)
        return self._state(RunStatus.WAITING, wake_at=wake_at, waits_for=names), None

    def _broken(self, error: BaseException) -> _Ended:
        redact(error, self._tools.redactor)
        later = self._tools.clock.now() + timedelta(seconds=_PARKED)
        if isinstance(error, _Parked):
            told = self._tools.redactor.redact(str(error))
            return self._state(RunStatus.PARKED, wake_at=later, error=told), None
        lacking = isinstance(error, UnknownBackendError | MissingDependencyError)
        if lacking and self._claim.steps:
            # It had what it needs when it began: somebody will bring it back.
            told = f"PLUGIN_MISSING: {describe(error, self._tools.redactor)}"
            return self._state(RunStatus.PARKED, wake_at=later, error=told), None
        raised = as_ours(error)
        if self._writer.has_failed_with(raised) and self._passes(raised):
            return None, Outcome(error=raised)
        if isinstance(raised, asyncio.CancelledError):
            # Nobody has stopped it: the workflow has cancelled itself.
            return self._cancelled()
        if raised is not error:
            raised.__cause__ = error
        return self._failed(raised), Outcome(error=raised)

    def _failed(self, error: BaseException) -> RunState:
        told = describe(error, self._tools.redactor)
        which = {"run": self._claim.record.run_id, "workflow": self._claim.record.workflow}
        self._tools.log.warning("a run has failed", **which, error=told, place=place_of(error))
        written = write_failure(error, self._tools.redactor).encode()
        return self._state(RunStatus.FAILED, error=told, result=written)

    def _cancelled(self) -> tuple[RunState, Outcome]:
        error = RunCancelledError(f"run {self._claim.record.run_id} was cancelled")
        return self._state(RunStatus.CANCELLED), Outcome(error=error)

    def _timed_out(self) -> tuple[RunState, Outcome]:
        record = self._claim.record
        error = RunTimeoutError(
            f"run {record.run_id} passed its deadline of {self._tools.settings.run_timeout:g} s"
        )
        state = self._state(RunStatus.TIMED_OUT, error=describe(error, self._tools.redactor))
        return state, Outcome(error=error)

    def _state(self, status: RunStatus, **more: Any) -> RunState:
        now = self._tools.clock.now()
        deadline = self._claim.record.deadline
        if deadline is not None and not status.is_terminal:
            more["seconds_left"] = max(0.0, (deadline - now).total_seconds())
        return RunState(status=status, at=now, **more)

    async def _end(self, state: RunState) -> BaseException | None:
        """Write where the run stands; give what kept that from being stored, if anything.

        It is written whole: a cancellation that comes meanwhile is too late.
        """
        writing = asyncio.create_task(self._write_end(state))
        while not writing.done():
            try:
                await asyncio.wait([writing])
            except asyncio.CancelledError:
                continue
        failed = writing.result()
        if failed is None and not self._execution.is_lost:
            self._live.record = state.of(self._claim.record)
            await self._reach(f"run.{_word(state)}ed")
        return failed

    async def _write_end(self, state: RunState) -> BaseException | None:
        parts: Parts = {"state": state, "signals": self._word_to_parent(state)}
        if (last := _last_event(state)) is not None:
            parts["last"] = last
        try:
            if state.status is RunStatus.CANCELLED and self._has_children():
                # It may have started more since somebody asked for its end; now it starts none.
                await self._stage.end_family(self._claim.record.run_id)
            await self._writer.write(**parts)
        except LeaseLostError:
            self._tell_lost()
            return None  # the run is somebody else's, and so is its end
        except BaseException as raised:
            if not is_foreign(raised):
                raise
            return as_ours(raised)
        return None

    def _has_children(self) -> bool:
        before = any(step.kind is StepKind.CHILD for step in self._claim.steps)
        return before or self._execution.has_children

    def _tell_lost(self) -> None:
        self._tools.log.warning(
            "a run was taken over by another worker",
            run=self._claim.record.run_id,
            error=LeaseLostError.__name__,
        )

    def _word_to_parent(self, state: RunState) -> tuple[Signal, ...]:
        record = self._claim.record
        if record.parent is None or not state.status.is_terminal:
            return ()
        name = f"child:{record.run_id}"
        # Each end is told: a child that was resumed ends again.
        sign = Signal(
            run_id=record.parent,
            signal_id=f"{name}:{self._claim.fence}",
            name=name,
            value={"status": state.status.value},
            sent_at=state.at,
        )
        return (sign,)

    async def _reach(self, point: str) -> None:
        await reach(self._tools.points, point)


def _word(state: RunState) -> str:
    """Name what happens to a run that comes into a state, for points."""
    return "suspend" if state.status is RunStatus.WAITING else "end"


def _last_event(state: RunState) -> Last | None:
    """Give what is told of a state."""
    if state.status.is_terminal:
        return RunFinished, {"status": state.status, "error": state.error}
    if state.status is RunStatus.WAITING:
        return RunWaiting, {"wake_at": state.wake_at, "signals": state.waits_for}
    return None


def _error_of(task: asyncio.Task[Any]) -> BaseException | None:
    return asyncio.CancelledError() if task.cancelled() else task.exception()
