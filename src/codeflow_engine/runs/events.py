"""The event stream of a run: numbered, stored, and followed live."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from codeflow_engine.contracts import Storage
from codeflow_engine.domain.run import RunEvent, RunFinished
from codeflow_engine.errors import WorkflowError
from codeflow_engine.runs.clock import Clock

__all__ = ["EventStream"]

_RECENT = 1000
"""Events that are held for those who follow closely; others read the storage."""


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
        self._stored = 0
        """Number of the last event that is known to be stored."""

        self._unsure: tuple[RunEvent, ...] = ()
        """Events whose storing was broken off, so that nobody knows whether they are there."""

        self._recent: deque[RunEvent] = deque(maxlen=_RECENT)
        """The last ones that are stored: reading them back takes Pydantic, and a query."""

        self._closed = False
        self._failed: BaseException | None = None
        self._order = asyncio.Lock()
        self._grown = asyncio.Condition()

    @property
    def recent(self) -> tuple[RunEvent, ...]:
        """The last events that are held here; reading them waits for nothing."""
        # Another thread may be adding to them: a copy is made in one go.
        return tuple(self._recent.copy())

    async def emit(self, kind: type[RunEvent], **fields: Any) -> None:
        """Append one event; its number, run and time are filled in here."""
        # Parallel steps emit at the same moment: numbers, storage and observers must agree
        # on one order.
        async with self._order:
            self._sequence += 1
            event = kind(
                run_id=self._run_id, sequence=self._sequence, at=self._clock.now(), **fields
            )
            # Repeated numbers change nothing, so what is there already may come again.
            self._unsure = batch = (*self._unsure, event)
            await self._storage.append_events(self._tenant, batch)
            self._unsure = ()
            self._stored = self._sequence
            self._recent.extend(batch)
            for one in batch:
                await self._notify(one)
        async with self._grown:
            self._grown.notify_all()

    async def close(self, failed: BaseException | None) -> None:
        """Let nobody wait for more events.

        Args:
            failed: What kept the last event from being stored; those who follow get it.
        """
        self._closed = True
        self._failed = failed
        async with self._grown:
            self._grown.notify_all()

    async def follow(self, *, after: int = 0) -> AsyncIterator[RunEvent]:
        """Yield every event above a number, from the storage and then live, to the last.

        Raises:
            WorkflowError: The last event could not be stored.
            StorageError: The events cannot be read.
        """
        while True:
            # Read with nothing held: the run goes on, however long a reader takes.
            stored, closed = self._stored, self._closed
            batch = await self._read(after)
            if not batch:
                if closed:
                    raise WorkflowError(
                        f"the stream of run {self._run_id} ends without its last event: "
                        f"{type(self._failed).__name__}"
                    ) from self._failed
                await self._wait_for_more(stored)
                continue
            for event in batch:
                yield event
                after = event.sequence
                if isinstance(event, RunFinished):
                    return

    async def _read(self, after: int) -> Sequence[RunEvent]:
        recent = list(self._recent)
        if recent and recent[0].sequence <= after + 1:
            return recent[max(after + 1 - recent[0].sequence, 0) :]
        if not self._stored:
            return ()
        return await self._storage.read_events(self._tenant, self._run_id, after=after)

    async def _wait_for_more(self, stored: int) -> None:
        async with self._grown:
            await self._grown.wait_for(lambda: self._closed or self._stored > stored)
