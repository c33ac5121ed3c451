"""A workflow backend that is distributed: several places stand on one broker."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

import pytest

from codeflow_engine.contracts import WorkflowBackend, WorkflowCapability
from codeflow_engine.contracts.workflow import Execute
from codeflow_engine.errors import WorkflowError
from codeflow_engine.testing.fakes import FakeWorkflowBackend

__all__ = ["Broker", "Brokers", "Spread"]


class Broker:
    """What no place has taken yet, and the places that take from it."""

    def __init__(self) -> None:
        self.line: deque[tuple[str, datetime | None]] = deque()
        self.places: list[Spread] = []

    def feed(self) -> None:
        """Give what stands in line to the places that have room."""
        for place in self.places:
            while self.line and place.has_room:
                place.take(*self.line.popleft())


class Spread(FakeWorkflowBackend):
    """A place that takes as many runs as it has room for, and gives back what it did not begin."""

    capabilities: ClassVar[frozenset[StrEnum]] = frozenset(WorkflowCapability)
    room: ClassVar[int] = 50

    def __init__(self, broker: Broker) -> None:
        super().__init__()
        self._broker = broker

    @property
    def has_room(self) -> bool:
        return self._accepts and len(self._running) + len(self._held) < self.room

    def take(self, run_id: str, not_before: datetime | None) -> None:
        assert self._execute is not None
        self._take(self._execute, run_id, not_before)

    async def start(self, execute: Execute) -> None:
        await super().start(execute)
        self._broker.places.append(self)
        self._broker.feed()

    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        if not self._accepts:
            raise WorkflowError(f"run {run_id!r} is not accepted: the place is drained")
        self._broker.line.append((run_id, not_before))
        self._broker.feed()

    async def cancel(self, run_id: str) -> None:
        line = self._broker.line
        self._broker.line = deque(one for one in line if one[0] != run_id)
        await super().cancel(run_id)

    async def drain(self, *, grace: float) -> None:
        moments = dict(self.accepted)
        self._broker.line.extend((run_id, moments[run_id]) for run_id in self._held.values())
        await super().drain(grace=grace)

    def _forget(self, task: asyncio.Task[None]) -> None:
        super()._forget(task)
        self._broker.feed()


class Brokers:
    """Gives each test a broker of its own."""

    spread: ClassVar[type[Spread]] = Spread

    @pytest.fixture
    def create(self) -> Callable[[], WorkflowBackend]:
        broker = Broker()
        return lambda: self.spread(broker)
