"""What this process knows of a run, and the one execution of it that may be under way here."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any

from codeflow_engine.domain.journal import StepRecord
from codeflow_engine.domain.run import RunRecord
from codeflow_engine.runs.events import EventStream

__all__ = ["Execution", "LiveRun", "Outcome", "Stop", "until_settled"]


class Stop(Enum):
    """Why an execution is stopped from outside of its workflow."""

    CANCEL = auto()
    """Somebody wants the run to end."""

    RELEASE = auto()
    """This process ends: somebody else goes on."""

    SUSPEND = auto()
    """The run waits for so long that it takes no memory meanwhile."""

    LOST = auto()
    """Another worker has taken it over."""

    DEADLINE = auto()
    """It has executed for as long as it may."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended in this process: with the very value or error."""

    value: Any = None
    error: BaseException | None = None

    def get(self) -> Any:
        """Give the value, or raise the error."""
        if self.error is not None:
            raise self.error
        return self.value


class Execution:
    """One execution of a run in this process, under one claim."""

    def __init__(self, fence: int, events: EventStream) -> None:
        self.fence: int = fence
        self.events: EventStream = events
        self.trace: StepRecord | None = None
        """Where it is traced, for the next execution; written with the first write."""

        self.task: asyncio.Task[Any] | None = None
        self.stop: Stop | None = None
        self.is_lost: bool = False
        """Whether another worker has the run, or it has ended, whatever stopped it first here."""

        self.settled: asyncio.Event = asyncio.Event()
        """Set when nothing of it goes on, and its end is written, or could not be."""

        self.has_progressed: bool = False
        """Whether a step was finished in it."""

        self.has_children: bool = False
        """Whether it may have started other runs."""

        self.working: int = 0
        """What the workflow has asked for and does not wait in; without any the run only waits."""

        self.waits: dict[object, tuple[datetime | None, tuple[str, ...]]] = {}
        """What it waits for: a moment, and names of signals."""

        self.put_aside: tuple[tuple[datetime | None, tuple[str, ...]], ...] = ()
        """What it waited for when it was put aside."""

        self.signalled: asyncio.Event = asyncio.Event()
        """Set when a signal may have come."""

        self.changed: asyncio.Event = asyncio.Event()
        """Set when it has begun or ended to work or to wait."""

    def end(self, why: Stop) -> None:
        """Stop it; the first reason stays.

        It is told once: what it waits for in order to end well is not to be broken off.
        """
        self.is_lost = self.is_lost or why is Stop.LOST
        if self.stop is not None:
            return
        self.stop = why
        self.put_aside = tuple(self.waits.values())
        if self.task is not None:
            self.task.cancel()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Count something that has to end before the run can be put aside."""
        self.working += 1
        try:
            yield
        finally:
            self.working -= 1
            self.changed.set()

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """Count something at work as one that waits, for a while."""
        self.working -= 1
        self.changed.set()
        try:
            yield
        finally:
            self.working += 1
            self.changed.set()

    def hear(self) -> None:
        """Let those who wait for a signal look again."""
        signalled, self.signalled = self.signalled, asyncio.Event()
        signalled.set()


class LiveRun:
    """A run that somebody in this process holds on to."""

    def __init__(self, record: RunRecord) -> None:
        self.record: RunRecord = record
        self.execution: Execution | None = None
        """The one under way, or the last one here."""

        self.outcome: Outcome | None = None
        self.turn: int = 0
        """When something has happened to it here for the last time."""

        self._changed: asyncio.Event = asyncio.Event()

    @property
    def is_executing(self) -> bool:
        """Whether it is under way in this process."""
        return self.execution is not None and not self.execution.settled.is_set()

    @property
    def came(self) -> tuple[Any, BaseException | None]:
        """What came of its last execution here: a value, or an error, if anything."""
        return (None, None) if self.outcome is None else (self.outcome.value, self.outcome.error)

    @property
    def unwritten(self) -> BaseException | None:
        """What kept the end of its last execution here from being written, if anything."""
        if self.outcome is None or self.record.status.is_terminal:
            return None
        return self.outcome.error

    def tell(self) -> None:
        """Wake those who wait for anything to happen."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def change(self, seconds: float) -> bool:
        """Wait until something happens here, at most so long; say whether it did."""
        try:
            async with asyncio.timeout(seconds):
                return await self._changed.wait()
        except TimeoutError:
            return False


async def until_settled(runs: Iterable[LiveRun], seconds: float | None) -> None:
    """Wait for the executions of runs that are under way here, at most so long."""
    ends = [
        asyncio.create_task(live.execution.settled.wait())
        for live in runs
        if live.execution is not None
    ]
    if ends:
        _, left = await asyncio.wait(ends, timeout=seconds)
        for one in left:
            one.cancel()
