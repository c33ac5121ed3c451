"""What one execution of a run writes down, under its fence."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, TypedDict, Unpack

from codeflow_engine.domain.effect import Effect, Receipt
from codeflow_engine.domain.journal import RunState, RunWrite, Signal, StepRecord, StepState
from codeflow_engine.domain.run import RunEvent, RunRecord
from codeflow_engine.errors import LeaseLostError, StorageError
from codeflow_engine.runs.batches import Batches
from codeflow_engine.runs.live import Execution, Stop

__all__ = ["Writer", "Writes"]

type Writes = Batches[RunWrite, bool]

_LATE = 0.25
"""Seconds that an event waits for a write of its run that takes it along."""

_SOON = 0.02
"""The same, where somebody in this process waits for it."""


class _Parts(TypedDict, total=False):
    steps: Sequence[StepRecord]
    taken: Sequence[str]
    effects: Sequence[Effect]
    receipts: Sequence[Receipt]
    signals: Sequence[Signal]
    state: RunState


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

        self._told: list[StepRecord] = []
        """Records of events that a workflow told, which go where their events go."""

        self.failure: BaseException | None = None
        """What kept the last write from being stored."""

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

    async def write(self, **parts: Unpack[_Parts]) -> None:
        """Write parts together with all events so far; returns when they are on disk.

        Raises:
            LeaseLostError: Another worker executes the run: nothing was written.
            StorageError: They could not be written.
        """
        # The timer stays: to set one for each step costs more than one that finds nothing to do.
        events = self._execution.events
        batch, told = events.take(), self._told
        self._told = []
        write = RunWrite(
            tenant=self._record.tenant,
            run_id=self._record.run_id,
            fence=self._execution.fence,
            steps=(*told, *parts.get("steps", ())),
            events=batch,
            taken=tuple(parts.get("taken", ())),
            effects=tuple(parts.get("effects", ())),
            receipts=tuple(parts.get("receipts", ())),
            signals=tuple(parts.get("signals", ())),
            state=parts.get("state"),
        )
        try:
            is_written = await self._writes.ask(write)
        except BaseException as error:
            # Maybe they are there: what comes again then changes nothing.
            self.failure = error
            events.give_back(batch)
            self._told = [*told, *self._told]
            raise
        if not is_written:
            self._execution.end(Stop.LOST)
            raise LeaseLostError(
                f"run {self._record.run_id} was taken over by another worker: nothing of what "
                f"this one does is kept any more"
            )
        if any(step.state is StepState.DONE for step in write.steps):
            self._execution.has_progressed = True
        await events.stored(batch)

    async def close(self) -> None:
        """Write nothing more by itself."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._flushing is not None:
            await asyncio.wait([self._flushing])

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
