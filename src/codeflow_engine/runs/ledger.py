"""The steps of one execution: what was written down before, and what is written now."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from codeflow_engine.domain.effect import Receipt
from codeflow_engine.domain.journal import StepKind, StepRecord, StepState
from codeflow_engine.domain.run import RunEvent, RunRecord, StepFinished, StepStarted
from codeflow_engine.errors import WorkflowError
from codeflow_engine.pace.admission import admit
from codeflow_engine.pace.clock import Clock
from codeflow_engine.redaction import Redactor
from codeflow_engine.runs import codec
from codeflow_engine.runs.failures import read_failure, write_failure
from codeflow_engine.runs.history import History, Place
from codeflow_engine.runs.live import Execution
from codeflow_engine.runs.points import Points, reach
from codeflow_engine.runs.writer import Writer

__all__ = ["INSIDE", "Ledger"]

INSIDE: ContextVar[bool] = ContextVar("codeflow_inside_step", default=False)
"""Whether the code that runs is the work of a step, which does not run again."""

_PATIENCE = 1.0
"""Seconds for a workflow to ask for what it had asked for before, until it counts as changed."""

_MOMENT = 0.01
"""The same, for steps beside one that has failed."""

_LOOK = 0.001


class Ledger:
    """Gives steps their places and their records.

    Args:
        record: The run.
        execution: The execution that writes.
        writer: How it writes.
        history: What was written before.
        clock: When something happened.
        redactor: Takes secrets out of what steps raise.
        points: Who is told how far it has come.
    """

    def __init__(
        self,
        record: RunRecord,
        execution: Execution,
        writer: Writer,
        history: History,
        *,
        clock: Clock,
        redactor: Redactor,
        points: Points | None,
    ) -> None:
        self._run_id = record.run_id
        self.execution: Execution = execution
        self._writer = writer
        self._history = history
        self._clock = clock
        self._redactor = redactor
        self._points = points
        self._alone: str | None = None
        """The step without a key that is under way."""

        self._begun: dict[tuple[str, str], datetime] = {}
        """When the waits of this execution were first asked for."""

        self._holding: int = 0
        """Steps that wait for others to be asked for."""

    def place(self, name: str, key: str | None, kind: StepKind) -> Place:
        """Give a step its place.

        Raises:
            NonDeterminismError: Another step was asked for here before.
            WorkflowError: It was asked for already, or stands inside of another step.
            asyncio.CancelledError: The execution is stopped: code that cleans up begins
                nothing new, since the run goes on elsewhere.
        """
        if self.execution.stop is not None:
            raise asyncio.CancelledError
        if INSIDE.get():
            raise WorkflowError(f"step {name!r} stands inside of a step; use `compute` there")
        if key is not None and self._redactor.has_secrets and self._redactor.exposes(key):
            raise WorkflowError(
                f"the key of step {name!r} holds a secret that the engine is configured with, and "
                f"is stored as it is: use a digest of it"
            )
        return self._history.place(name, key, kind)

    @contextmanager
    def at(self, place: Place) -> Iterator[None]:
        """Be at work in a step; those without a key run one after the other."""
        with self.execution.at_work(), self._alone_at(place):
            yield

    @contextmanager
    def _alone_at(self, place: Place) -> Iterator[None]:
        if place.key.startswith("="):
            yield
            return
        if self._alone is not None:
            raise WorkflowError(
                f"steps {self._alone!r} and {place.name!r} run at the same time: give each a key"
            )
        self._alone = place.name
        try:
            yield
        finally:
            self._alone = None

    async def ready(self, place: Place) -> None:
        """Begin nothing new before all that was done is asked for again.

        Raises:
            NonDeterminismError: The workflow asks for something else.
        """
        if place.record is None and (missing := await self._unasked(_PATIENCE)) is not None:
            raise self._history.mismatch(missing, f"step {place.title!r}")

    async def _unasked(self, patience: float) -> StepRecord | None:
        """Wait until all that was done is asked for again; give what nobody will ask for.

        Args:
            patience: Seconds after which nobody will, without any step at work.
        """
        self._holding += 1
        idle = 0.0
        try:
            while (missing := self._history.missing) is not None and idle < patience:
                # Who comes after this one, and was done before, asks for it when let to.
                admit()
                before = time.monotonic()
                await asyncio.sleep(_LOOK)
                is_idle = self.execution.working <= self._holding
                idle = idle + time.monotonic() - before if is_idle else 0.0
            return missing
        finally:
            self._holding -= 1

    def finished(self) -> None:
        """See that the workflow has asked for everything that it had asked for before.

        Raises:
            NonDeterminismError: It has not.
        """
        if (missing := self._history.missing) is not None:
            raise self._history.mismatch(missing, "its end")

    async def recall(self, record: StepRecord, kind: Any) -> Any:
        """Give what a step that has ended gave before, or raise what it raised.

        What it raised may cancel steps beside it, which had come as far as their records say
        when it did so before. They come so far again.
        """
        if record.state is StepState.FAILED:
            await self._unasked(_MOMENT)
            raise read_failure(record.error or "")
        return codec.decode(kind, record.value or b"")

    def record(self, place: Place, state: StepState, **more: Any) -> StepRecord:
        """Make a record of a step as it is now."""
        now = self._clock.now()
        begun = self._begun.get((place.name, place.key), now)
        more.setdefault("started_at", place.record.started_at if place.record else begun)
        return StepRecord(
            run_id=self._run_id,
            name=place.name,
            key=place.key,
            position=place.position,
            kind=place.kind,
            state=state,
            finished_at=now,
            **more,
        )

    async def begin(self, place: Place, **more: Any) -> None:
        """Write down that a step waits."""
        waiting = self.record(place, StepState.WAITING, **more)
        self._begun[place.name, place.key] = waiting.started_at
        await self._writer.write(steps=[waiting])
        await self.reach(f"wait.recorded:{place.name}")

    async def finish(
        self,
        place: Place,
        data: bytes,
        *,
        taken: Sequence[str] = (),
        receipts: Sequence[Receipt] = (),
        **more: Any,
    ) -> None:
        """Write down the value of a step."""
        done = self.record(place, StepState.DONE, value=data, **more)
        await self._writer.write(steps=[done], taken=taken, receipts=receipts)
        await self.reach(f"step.recorded:{place.name}")

    async def take(self, signal_ids: Sequence[str]) -> None:
        """Write down that signals were received, which tell nothing any more."""
        await self._writer.write(taken=signal_ids)

    async def asking[T](self, call: Awaitable[T]) -> T:
        """Ask the journal for something; where it cannot be reached, the run goes on later."""
        return await self._writer.watch(call)

    async def fail(
        self, place: Place, error: BaseException, *, taken: Sequence[str] = (), **more: Any
    ) -> BaseException:
        """Write down what a step has raised.

        Not where the execution is stopped, or the journal was away: then the step has not
        ended, and is executed again.

        Returns:
            What to raise: the error as it is raised again wherever the run goes on later, so
            that a workflow which catches it takes the same way each time.
        """
        if self.execution.stop is not None or self._writer.has_failed_with(error):
            return error
        written = self.written(error)
        failed = self.record(place, StepState.FAILED, error=written, **more)
        await self._writer.write(steps=[failed], taken=taken)
        again = read_failure(written)
        is_same = type(again) is type(error) and again.args == error.args
        return error if is_same else again

    def written(self, error: BaseException) -> str:
        """Write an error in the form in which it is kept."""
        return write_failure(error, self._redactor)

    def tell(self, kind: type[RunEvent], **fields: Any) -> None:
        """Add an event that needs no record of its own."""
        self._writer.tell(kind, **fields)

    def tell_once(self, kind: type[RunEvent], **fields: Any) -> None:
        """Add an event that the workflow itself tells, unless it was told before."""
        place = self._history.place(f"emit {kind.__name__}", None, StepKind.EMIT)
        if place.record is None:
            self._writer.tell(kind, self.record(place, StepState.DONE), **fields)

    @contextmanager
    def told(self, name: str, key: str | None) -> Iterator[None]:
        """Tell when something begins and ends."""
        self.tell(StepStarted, step=name, key=key)
        began = self._clock.monotonic()
        error: str | None = None
        try:
            yield
        except BaseException as raised:
            error = type(raised).__name__
            raise
        finally:
            seconds = self._clock.monotonic() - began
            self.tell(StepFinished, step=name, key=key, seconds=seconds, error=error)

    async def reach(self, point: str) -> None:
        """Pass a named point."""
        if self._points is not None:
            await reach(self._points, point)
