"""The event stream of a run: numbered, written with its steps, and followed live."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from codeflow_engine.contracts import Storage
from codeflow_engine.domain.run import RunEvent, RunFinished, RunRecord
from codeflow_engine.runs.clock import Clock

__all__ = ["EventStream", "tell_end"]

_RECENT = 1000
"""Events that are held for those who follow closely; others read the storage."""


class EventStream:
    """Numbers the events of one run, and wakes those who follow when they are stored.

    Args:
        tenant: Whose run.
        run_id: Which one.
        last: Number of its last stored event.
        storage: Where older ones are read.
        clock: Tells when an event happened.
        notify: Tells observers of a stored event.
    """

    def __init__(
        self,
        tenant: str,
        run_id: str,
        last: int,
        *,
        storage: Storage,
        clock: Clock,
        notify: Callable[[RunEvent], Awaitable[None]],
    ) -> None:
        self._tenant = tenant
        self._run_id = run_id
        self._storage = storage
        self._clock = clock
        self._notify = notify
        self._sequence = last
        self._stored = last
        """Number of the last event that is known to be stored."""

        self._pending: list[RunEvent] = []
        """Events that are not stored yet; they go with the next write of the run."""

        self._recent: deque[RunEvent] = deque(maxlen=_RECENT)
        """The last ones that are stored: reading them back takes Pydantic, and a query."""

        self._closed = False
        self._order = asyncio.Lock()
        self._grown = asyncio.Event()
        self.followers: int = 0
        """Those who wait for events in this process."""

    @property
    def recent(self) -> tuple[RunEvent, ...]:
        """The last events that are held here; reading them waits for nothing."""
        # Another thread may be adding to them: a copy is made in one go.
        return tuple(self._recent.copy())

    @property
    def has_pending(self) -> bool:
        """Whether there are events that nobody has written yet."""
        return bool(self._pending)

    def add(self, kind: type[RunEvent], **fields: Any) -> None:
        """Append one event; its number, run and time are filled in here."""
        self._sequence += 1
        event = kind(run_id=self._run_id, sequence=self._sequence, at=self._clock.now(), **fields)
        self._pending.append(event)

    def take(self) -> tuple[RunEvent, ...]:
        """Take the events that are to be written."""
        batch, self._pending = tuple(self._pending), []
        return batch

    def give_back(self, batch: Sequence[RunEvent]) -> None:
        """Keep events whose writing failed for the next one: repeated numbers do no harm."""
        self._pending = [*batch, *self._pending]

    async def stored(self, batch: Sequence[RunEvent]) -> None:
        """Tell observers and followers of events that were written."""
        if not batch:
            return
        # Parallel steps write at the same moment: observers hear of each in order.
        async with self._order:
            self._recent.extend(batch)
            self._stored = max(self._stored, batch[-1].sequence)
            for one in batch:
                await self._notify(one)
        if self.followers:
            self._wake()

    def close(self) -> None:
        """Let nobody wait for more events of this execution."""
        self._closed = True
        self._wake()

    async def follow(self, *, after: int = 0) -> AsyncIterator[RunEvent]:
        """Yield every event above a number, from the storage and then live.

        It ends after the event `RunFinished`, and where the run stops to execute here.

        Raises:
            StorageError: The events cannot be read.
        """
        self.followers += 1
        try:
            while True:
                # Read with nothing held: the run goes on, however long a reader takes.
                grown, closed = self._grown, self._closed
                batch = await self._read(after)
                for event in batch:
                    yield event
                    after = event.sequence
                    if isinstance(event, RunFinished) and after == self._sequence:
                        return
                if not batch:
                    if closed:
                        return
                    await grown.wait()
        finally:
            self.followers -= 1

    async def _read(self, after: int) -> Sequence[RunEvent]:
        recent = list(self._recent)
        if recent and recent[0].sequence <= after + 1:
            return recent[max(after + 1 - recent[0].sequence, 0) :]
        if after >= self._stored:
            return ()
        return await self._storage.read_events(self._tenant, self._run_id, after=after)

    def _wake(self) -> None:
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()


async def tell_end(
    record: RunRecord, storage: Storage, notify: Callable[[RunEvent], Awaitable[None]]
) -> None:
    """Add the last event of a run that has ended while nobody executed it, unless it is there.

    Raises:
        StorageError: It could not be stored.
    """
    last = 0
    while batch := await storage.read_events(record.tenant, record.run_id, after=last):
        last = batch[-1].sequence
        if isinstance(batch[-1], RunFinished):
            return
    event = RunFinished(
        run_id=record.run_id, sequence=last + 1, at=record.updated_at, status=record.status
    )
    await storage.append_events(record.tenant, [event])
    await notify(event)
