"""What one execution of a run writes down, under its fence."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, TypedDict, Unpack

from codeflow_engine.domain.effect import Effect, Receipt
from codeflow_engine.domain.journal import RunState, RunWrite, Signal, StepRecord, StepState
from codeflow_engine.domain.run import RunEvent, RunRecord
from codeflow_engine.errors import LeaseLostError, StorageError
from codeflow_engine.runs.batches import Batches
from codeflow_engine.runs.live import Execution, Stop

__all__ = ["Last", "Parts", "Sending", "Writer", "Writes"]

type Writes = Batches[Sending, bool]

type Last = tuple[type[RunEvent], Mapping[str, Any]]
"""The kind and the fields of an event."""

_LATE = 0.25
"""Seconds that an event waits for a write of its run that takes it along."""

_SOON = 0.02
"""The same, where somebody in this process waits for it."""


class Parts(TypedDict, total=False):
    """What a write holds beside its events."""

    steps: Sequence[StepRecord]
    taken: Sequence[str]
    effects: Sequence[Effect]
    receipts: Sequence[Receipt]
    signals: Sequence[Signal]
    state: RunState
    last: Last
    """An event that tells of this very write, and is told with no other one."""


class Sending:
    """One write on its way.

    Which events it takes along is settled when it is sent, and not when it is asked for: then
    everything before it has been written, or has given its events back. So they come to the
    storage in the order of their numbers, whatever fails.
    """

    def __init__(self, writer: Writer, parts: Parts) -> None:
        self._writer = writer
        self._parts = parts
        self._is_given_up = False
        self._last: RunEvent | None = None
        self._told: list[StepRecord] = []
        self._events: tuple[RunEvent, ...] = ()

    def make(self) -> RunWrite:
        """Make what is sent now."""
        parts = self._parts
        if not self._is_given_up:
            last = parts.get("last")
            self._events, self._told = self._writer.take(last)
            self._last = self._events[-1] if last else None
        return self._writer.made(self._told, self._events, parts)

    def accept(self, *, is_written: bool) -> None:
        """Take note of the answer; what was refused is told to nobody."""
        if is_written:
            self._writer.accept(self._events)

    def give_back(self) -> None:
        """Keep what it has taken along for the next one; maybe it was written all the same."""
        events, last = self._events, self._last
        self._writer.keep(self._told, events if last is None else events[:-1], last)
        self._events, self._told, self._last = (), [], None

    def give_up(self) -> None:
        """Take nothing along any more: nobody waits for it."""
        self._is_given_up = True


class Writer:
    """Writes the steps and events of one execution, in the order in which they come."""

    def __init__(
        self, record: RunRecord, execution: Execution, writes: Writes, *, watched: bool
    ) -> None:
        self._record = record
        self._execution = execution
        self._writes = writes
        self._watched = watched
        """Whether observers wait for events."""

        self._told: list[StepRecord] = [] if execution.trace is None else [execution.trace]
        """Records of events that a workflow told, which go where their events go."""

        self._failures: list[StorageError] = []

        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None

    def tell(self, kind: type[RunEvent], record: StepRecord | None = None, **fields: Any) -> None:
        """Add an event; it is written with the next step, or soon."""
        events = self._execution.events
        events.add(kind, **fields)
        if record is not None:
            self._told.append(record)
        if self._timer is None:
            delay = _SOON if self._watched or events.followers else _LATE
            self._timer = asyncio.get_running_loop().call_later(delay, self._flush)

    def take(self, last: Last | None) -> tuple[tuple[RunEvent, ...], list[StepRecord]]:
        """Take all that was told so far, and the last event that there will be."""
        events, told = self._execution.events, self._told
        if last is not None:
            events.add(last[0], **last[1])
        self._told = []
        return events.take(), told

    def keep(
        self, told: Sequence[StepRecord], events: Sequence[RunEvent], last: RunEvent | None
    ) -> None:
        """Take back what was not written, but for the last event: it tells of that write."""
        self._told = [*told, *self._told]
        self._execution.events.give_back(events)
        if last is not None:
            self._execution.events.withdraw(last)

    def drop(self) -> None:
        """Forget what was told and cannot be stored: the end of the run matters more."""
        self._told = []
        self._execution.events.drop()

    def accept(self, events: Sequence[RunEvent]) -> None:
        """Let those hear of events who want to."""
        self._execution.events.accept(events)

    def made(
        self, told: Sequence[StepRecord], events: tuple[RunEvent, ...], parts: Parts
    ) -> RunWrite:
        """Make a write."""
        return RunWrite(
            tenant=self._record.tenant,
            run_id=self._record.run_id,
            fence=self._execution.fence,
            steps=(*told, *parts.get("steps", ())),
            events=events,
            taken=tuple(parts.get("taken", ())),
            effects=tuple(parts.get("effects", ())),
            receipts=tuple(parts.get("receipts", ())),
            signals=tuple(parts.get("signals", ())),
            state=parts.get("state"),
        )

    async def write(self, **parts: Unpack[Parts]) -> None:
        """Write parts together with all events so far; returns when they are on disk.

        Raises:
            LeaseLostError: Another worker executes the run: nothing was written.
            StorageError: They could not be written.
        """
        # The timer stays: to set one for each step costs more than one that finds nothing to do.
        sending = Sending(self, parts)
        try:
            is_written = await self.watch(self._writes.ask(sending))
        except BaseException:
            sending.give_up()
            raise
        if not is_written:
            self._execution.end(Stop.LOST)
            raise LeaseLostError(
                f"run {self._record.run_id} was taken over by another worker: nothing of what "
                f"this one does is kept any more"
            )
        if any(step.state is StepState.DONE for step in parts.get("steps", ())):
            self._execution.has_progressed = True
        await self._execution.events.until_told()

    async def watch[T](self, call: Awaitable[T]) -> T:
        """Wait for an answer of the journal, and remember where there was none."""
        try:
            return await call
        except StorageError as error:
            self._failures.append(error)
            raise

    def has_failed_with(self, error: BaseException) -> bool:
        """Say whether an error is one of the journal, and not of what the workflow does."""
        return any(error is one for one in self._failures)

    async def close(self) -> None:
        """Write nothing more by itself."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._flushing is not None:
            await asyncio.wait([self._flushing])
        await self._execution.events.until_told()

    def _flush(self) -> None:
        self._timer = None
        if self._execution.events.has_pending:
            self._flushing = asyncio.create_task(self._write_alone())

    async def _write_alone(self) -> None:
        try:
            await self.write()
        except (StorageError, LeaseLostError):
            # The events are kept for the next write, which tells the workflow what is wrong.
            return
