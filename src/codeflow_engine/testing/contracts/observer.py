"""The suite of observers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from codeflow_engine.contracts import Observer
from codeflow_engine.domain.run import RunEvent
from codeflow_engine.testing.contracts.backend import BackendContract
from codeflow_engine.testing.contracts.watching import LONGEST_STALL, longest_stall, within
from codeflow_engine.testing.values import NOON, events

__all__ = ["ObserverContract"]

_QUICK = 1.0
"""Seconds that an observer may take for one event here; a run waits for it each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _FutureEvent(RunEvent):
    """A kind of event that no observer of today knows."""

    something: str = "new"


class ObserverContract(BackendContract[Observer]):
    """What every observer promises; see `codeflow_engine.contracts.Observer`."""

    contract: ClassVar[type[Observer]] = Observer

    async def test_it_takes_every_kind_of_event(self, backend: Observer) -> None:
        """A whole run is told, from its start to a failed end, and nothing is raised."""
        for event in events("r1"):
            await within(backend.on_event(event))

    async def test_it_takes_a_kind_of_event_that_it_does_not_know(self, backend: Observer) -> None:
        """A newer engine tells of more; an observer passes over what it does not know."""
        event = _FutureEvent(run_id="r1", sequence=1, at=NOON)

        await within(backend.on_event(event))

    async def test_it_joins_a_run_that_is_under_way(self, backend: Observer) -> None:
        """After a restart the first event that it sees is not the first of the run."""
        for event in events("r1")[4:]:
            await within(backend.on_event(event))

    async def test_it_watches_many_runs_at_once(self, backend: Observer) -> None:
        """Events of different runs come between each other, and those of one in order."""

        async def tell(run_id: str) -> None:
            for event in events(run_id):
                await backend.on_event(event)
                await asyncio.sleep(0)

        await within(asyncio.gather(*(tell(f"r{number}") for number in range(20))))

    async def test_it_returns_quickly(self, backend: Observer) -> None:
        """The run waits for it, so that slow work belongs into a task of its own."""
        for event in events("r1"):
            await within(backend.on_event(event), _QUICK)

    async def test_it_does_not_block_the_event_loop(self, backend: Observer) -> None:
        """While it takes note of events, everything else of the host goes on."""

        async def watch() -> None:
            for event in events("r1"):
                await within(backend.on_event(event))

        assert await longest_stall(watch) < LONGEST_STALL

    async def test_it_can_be_closed_while_a_run_is_under_way(
        self, create: Callable[[], Observer]
    ) -> None:
        """The end of a run may never come: closing does not wait for it."""
        observer = create()
        for event in events("r1")[:3]:
            await within(observer.on_event(event))

        await within(observer.aclose())
