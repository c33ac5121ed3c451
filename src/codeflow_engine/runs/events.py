"""The event stream of a run: numbered, stored, and followed live."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from codeflow_engine.contracts import Storage
from codeflow_engine.domain.run import RunEvent, RunFinished
from codeflow_engine.runs.clock import Clock

__all__ = ["EventStream"]


class EventStream:
    """Writes the events of one run in order, and wakes those who follow."""

    def __init__(
        self,
        tenant: str,
        run_id: str,
        storage: Storage,
        clock: Clock,
        notify: Callable[[RunEvent], Awaitable[None]],
    ) -> None:
        self._tenant = tenant
        self._run_id = run_id
        self._storage = storage
        self._clock = clock
        self._notify = notify
        self._sequence = 0
        self._order = asyncio.Lock()
        self._grown = asyncio.Condition()

    async def emit(self, kind: type[RunEvent], **fields: Any) -> None:
        """Append one event; its number, run and time are filled in here."""
        # Parallel steps emit at the same moment: numbers, storage and observers must agree
        # on one order.
        async with self._order:
            self._sequence += 1
            event = kind(
                run_id=self._run_id, sequence=self._sequence, at=self._clock.now(), **fields
            )
            await self._storage.append_events(self._tenant, [event])
            await self._notify(event)
        async with self._grown:
            self._grown.notify_all()

    async def follow(self, *, after: int = 0) -> AsyncIterator[RunEvent]:
        """Yield every event above a number, from the storage and then live, to the last."""
        while True:
            async with self._grown:
                batch = await self._storage.read_events(self._tenant, self._run_id, after=after)
                if not batch:
                    await self._grown.wait()
                    continue
            for event in batch:
                yield event
                after = event.sequence
                if isinstance(event, RunFinished):
                    return
