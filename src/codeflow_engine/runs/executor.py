"""Knows the runs of an engine: submits them, executes those that it can claim, ends them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from functools import partial
from typing import Any

from codeflow_engine.contracts import WorkflowBackend, WorkflowCapability
from codeflow_engine.domain.journal import Claim, Signal
from codeflow_engine.domain.run import RunRecord, RunStatus
from codeflow_engine.errors import CodeflowError, ConfigurationError, RunNotFoundError, StorageError
from codeflow_engine.plugins.containment import is_foreign
from codeflow_engine.runs.asking import Asking, sound_records
from codeflow_engine.runs.batches import in_time
from codeflow_engine.runs.containment import contained, describe, redact
from codeflow_engine.runs.events import EventStream, tell_end
from codeflow_engine.runs.family import children_of
from codeflow_engine.runs.known import KnownRuns
from codeflow_engine.runs.live import Execution, LiveRun, Outcome, Stop, until_settled
from codeflow_engine.runs.outcomes import Outcomes
from codeflow_engine.runs.performing import Performance, Stage
from codeflow_engine.runs.points import reach
from codeflow_engine.runs.submitting import Request, agree, prepared
from codeflow_engine.runs.suspects import Suspects
from codeflow_engine.runs.toolbox import Toolbox
from codeflow_engine.runs.work import DirectRunner, StepRunner
from codeflow_engine.runs.worker import Worker
from codeflow_engine.settings import Executes

__all__ = ["Executor"]


class Executor:
    """The runs of one engine.

    Args:
        tools: What runs work with.
        backend: Where and when runs execute.
        runner: Does the work of runs; None does it directly.
    """

    def __init__(
        self, tools: Toolbox, backend: WorkflowBackend, runner: StepRunner | None = None
    ) -> None:
        self._tools = tools
        self._tenant = tools.settings.tenant
        self._executes = tools.settings.executes
        self._backend = backend
        self.outcomes: Outcomes = Outcomes(tools)
        self._active: dict[str, LiveRun] = {}
        self._carries = WorkflowCapability.DISTRIBUTED in backend.capabilities
        self._worker = Worker(tools, self, remote=self._carries)
        self._asking = Asking(tools, self._worker.id, self._worker.renew)
        self.known: KnownRuns = KnownRuns(tools, self._asking.looks)
        self._stage = Stage(
            tools=tools,
            runner=runner or DirectRunner(tools.threads),
            writes=self._asking.writes,
            suspects=Suspects(self._asking.writes),
            children=partial(children_of, self),
            end_family=self._end_family,
        )
        self._opening = asyncio.Lock()
        self._process: int | None = None
        self._used_in: int | None = None
        """The process of the first use, where nothing is executed, too."""

        self._closed = False
        self.is_drained: bool = False
        """Whether nothing executes here any more, and nothing ever will."""

    async def open(self) -> None:
        """Become ready to execute runs, and begin to look for them; repeatable.

        Raises:
            ConfigurationError: The engine is closed, or was opened before a fork.
            StorageError: The storage cannot be used.
        """
        self.check_open()
        if self._process is not None or self._executes is Executes.NONE:
            return
        async with self._opening:
            if self._process is None:
                await self._worker.renew()
                await self._backend.start(self.execute)
                self._worker.start()
                self._process = os.getpid()

    @property
    def begins(self) -> bool:
        """Whether there may be runs that others have left."""
        return self._executes is Executes.ALL and self._stage.survives

    async def begin(self) -> None:
        """Open as far as that can be done now; what is wrong is told by the first verb."""
        try:
            await self.open()
        except StorageError as error:
            self._tools.log.warning("runs are not executed yet", error=error.message)

    async def submit(self, request: Request, *, transaction: object = None) -> LiveRun:
        """Store a new run, and have it executed.

        Args:
            request: What is asked for.
            transaction: The host's connection or session, in whose transaction the run is
                stored; nothing else is then used, and it begins once that is committed.

        Raises:
            UnknownBackendError: No workflow has that name.
            ConfigurationError: The engine is closed, or the input cannot work.
            ConflictingRunError: The key belongs to another input.
            StorageError: The run could not be stored, and does not start.
        """
        self.check_open()
        if transaction is None:
            await self.open()
        return await self.store(request, transaction)

    async def store(self, request: Request, transaction: object = None) -> LiveRun:
        """Do what `submit` does, also for a run under way whose engine takes up no more."""
        # The first use imports the workflow, and the input may be a patch of many megabytes
        # that is read and indexed: neither holds up the loop.
        try:
            make = await contained(prepared(self._tools, request))
        except CodeflowError as error:
            redact(error, self._tools.redactor)
            raise
        with self._tools.eyes.submission(request.workflow) as traceparent:
            submission, turn = make(traceparent), self.known.turn
            if transaction is None:
                stored = await self._asking.submissions.ask(submission)
            else:
                written = await self._tools.journal.submit_within(transaction, [submission])
                (stored,) = sound_records(written)
        agree(submission.record, stored)
        await reach(self._tools.points, "run.submitted")
        live = self.known.see(stored, turn)
        if not stored.status.is_terminal:
            self._worker.own(stored.run_id)
            if transaction is None:
                await self.hand_over(stored)
        return live

    async def hand_over(self, record: RunRecord) -> None:
        """Let the backend execute a run now, if its time has come."""
        is_due = record.wake_at is not None and record.wake_at <= self._tools.clock.now()
        # The worker may have found it already, since it is stored before anybody hands it over.
        is_here = record.run_id in self._active or self._worker.expects(record.run_id)
        if not is_due or is_here or self._closed:
            return
        if self._worker.has_room:
            await self._enqueue(record.run_id)
        else:
            self._worker.leave()

    async def _enqueue(self, run_id: str) -> None:
        """Let the backend execute a run, where anybody can do so by it."""
        if self._executes is not Executes.NONE or self._carries:
            await self._worker.hand_over(run_id)

    @property
    def active(self) -> Mapping[str, LiveRun]:
        """The runs that execute here."""
        return self._active

    @property
    def room(self) -> int | None:
        """How many more runs the backend wants; None for any number."""
        return self._backend.room

    async def enqueue(self, run_id: str) -> None:
        """Hand a run to the backend that somebody has found to be due."""
        await self._backend.enqueue(run_id)

    def expects(self, run_id: str) -> bool:
        """Say whether a run is about to execute in this process."""
        return self._worker.expects(run_id)

    async def execute(self, run_id: str) -> None:
        """Execute a run, if it can be claimed; this is what workflow backends call."""
        try:
            claim = None
            if not self._closed and run_id not in self._active:
                claim = await self._asking.claims.ask(run_id)
            self._worker.begun(run_id)
            await self._go(run_id, claim)
        except BaseException as error:
            # It is tried again later, since it may be claimed; who waits here hears of it.
            self._worker.abandoned(run_id, error)
            if (live := self.known.get(run_id)) and isinstance(error, Exception):
                live.outcome = Outcome(error=error)
                self.known.mark(live)
            raise
        finally:
            self._worker.left(run_id)

    async def _go(self, run_id: str, claim: Claim | None) -> None:
        if claim is not None and run_id not in self._active:
            await self._perform(self.known.see(claim.record, self.known.turn), claim)
        elif (live := self.known.get(run_id)) and not live.is_executing:
            # Somebody else may have it, or it has ended: who waits here looks at the storage.
            live.outcome = live.outcome if live.record.status.is_terminal else None
            live.tell()

    async def _perform(self, live: LiveRun, claim: Claim) -> None:
        record, tools = claim.record, self._tools
        events = EventStream(
            record.tenant,
            record.run_id,
            claim.last_event,
            storage=tools.storage,
            clock=tools.clock,
            notify=tools.hooks.notify if tools.hooks.is_watched else None,
            redactor=tools.redactor,
        )
        execution = Execution(claim.fence, events)
        live.record, live.execution, live.outcome = record, execution, None
        self._active[record.run_id] = live
        self.known.mark(live)
        try:
            with tools.eyes.execution(claim) as seen:
                execution.trace = seen.record
                is_written = await Performance(self._stage, live, execution, seen.claim).go()
                seen.end(live.record, *live.came)
            if not is_written:
                self._worker.abandoned(record.run_id, live.unwritten)
        finally:
            del self._active[record.run_id]
            if live.record.status.is_terminal:
                self._worker.ended(record.run_id)
            events.close()
            execution.settled.set()
            self.known.mark(live)

    async def cancel(self, run_id: str) -> None:
        """End a run and all that it has started; wait until that is done.

        Raises:
            StorageError: It could not be asked for.
        """
        await self.open()
        before = (await self.known.look(run_id)).record
        if before.status.is_terminal:
            if before.status is RunStatus.CANCELLED:
                # Maybe it was not told, the last time.
                await self._tell_end(before)
            return
        turn = self.known.turn
        asked = await self._asking.cancel([run_id])
        for record in asked:
            if live := self._active.get(record.run_id):
                assert live.execution is not None  # noqa: S101 - it is active
                live.execution.end(Stop.CANCEL)
            elif record.status is RunStatus.CANCELLED:
                await self._tell_end(record)
            elif record.status is RunStatus.RUNNING:
                # Its worker may be gone: then its end is ours to write, once that is known.
                self._worker.own(record.run_id)
        for record in asked:
            await self.outcomes.until_ended(self.known.see(record, turn), self)

    async def _tell_end(self, record: RunRecord) -> None:
        """Tell the end of a run that was cancelled while nobody executed it."""
        tools = self._tools
        told = tell_end(record, tools.storage, tools.hooks.notify)
        await in_time(told, tools.settings.finish_timeout)
        self._worker.ended(record.run_id)
        if live := self.known.get(record.run_id):
            live.record = record
            self.known.mark(live)

    async def _end_family(self, run_id: str) -> None:
        """Cancel all that a run has started, now that it starts no more."""
        await self._asking.submissions.idle()
        for record in await self._asking.cancel([run_id]):
            if record.run_id == run_id:
                continue
            if (live := self._active.get(record.run_id)) and live.execution is not None:
                live.execution.end(Stop.CANCEL)
            elif record.status is RunStatus.CANCELLED:
                await self._tell_end(record)

    async def resume(self, run_id: str) -> RunRecord:
        """Let a run go on that has ended without success, is parked, or was interrupted.

        Raises:
            ConfigurationError: The run is under way, or has succeeded.
            StorageError: It could not be written.
        """
        await self.open()
        return await self.go_on(run_id)

    async def go_on(self, run_id: str) -> RunRecord:
        """Do what `resume` does, also for a run under way whose engine takes up no more."""
        before = (await self.known.look(run_id)).record
        if await self.known.interrupted(limit=1, run_ids=[run_id]):
            self._worker.own(run_id)
            await self._enqueue(run_id)
            return before
        if before.status in {RunStatus.RUNNING, RunStatus.SUCCEEDED}:
            raise ConfigurationError(f"run {run_id} cannot be resumed: it is {before.status}")
        turn = self.known.turn
        now, seconds = self._tools.clock.now(), self._tools.settings.run_timeout
        (record,) = sound_records(
            await self._tools.journal.resume(self._tenant, [run_id], now=now, seconds=seconds)
        )
        self.known.see(record, turn).outcome = None
        self._worker.own(run_id)
        await self.hand_over(record)
        return record

    async def send(self, run_id: str, name: str, value: Any, signal_id: str | None) -> None:
        """Send a signal to a run.

        Raises:
            RunNotFoundError: There is no such run.
            SerializationError: The value is no plain JSON data.
        """
        from codeflow_engine.domain.encoding import to_plain

        signal = Signal(
            run_id=run_id,
            signal_id=self._tools.clock.new_id() if signal_id is None else signal_id,
            name=name,
            value=to_plain(value),
            sent_at=self._tools.clock.now(),
        )
        (is_sent,) = await self._tools.journal.send(self._tenant, [signal])
        if not is_sent:
            raise RunNotFoundError(f"there is no run {run_id!r}")
        await reach(self._tools.points, "signal.sent")
        if (live := self._active.get(run_id)) and live.execution is not None:
            live.execution.hear()
        else:
            self._worker.nudge()

    async def drain(self, *, grace: float) -> None:
        """Take no more runs; wait so long for those under way, then give them back.

        Those that nobody else can go on with are cancelled. Repeatable.
        """
        self._closed = True
        if self._process is None:
            self.is_drained = True
            return
        self._worker.take_no_more()
        if self._executes is Executes.OWN or not self._stage.survives:
            await until_settled(self._active.values(), grace)
            await self._cancel_own()
        await self._backend.drain(grace=grace)
        await self._asking.idle()
        await self._worker.stop()
        self.is_drained = True
        self.known.tell_all()

    async def _cancel_own(self) -> None:
        for live in list(self._active.values()):
            if live.execution is not None:
                live.execution.end(Stop.CANCEL)
        waiting = [run_id for run_id in self._worker.owned if run_id not in self._active]
        try:
            for record in await self._asking.cancel(waiting) if waiting else ():
                if record.status is RunStatus.CANCELLED:
                    await self._tell_end(record)
        except BaseException as error:
            if not is_foreign(error):
                raise
            # What was opened has to be closed all the same.
            told = describe(error, self._tools.redactor)
            self._tools.log.warning("runs were not cancelled", error=told)
        await until_settled(self._active.values(), None)

    def check_open(self) -> None:
        """See that the engine can be used.

        Raises:
            ConfigurationError: It is closed, or was opened before a fork.
        """
        if self._closed:
            raise ConfigurationError("this engine is closed")
        self._used_in = self._used_in or os.getpid()
        if self._used_in != os.getpid():
            raise ConfigurationError(
                "this engine was opened before the process was forked, and its threads and "
                "connections stayed behind: make an engine in each process"
            )
