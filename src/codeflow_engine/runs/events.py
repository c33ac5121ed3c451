"""The event stream of a run: numbered, written with its steps, and followed live."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from codeflow_engine.contracts import Storage
from codeflow_engine.domain.bodies import encode
from codeflow_engine.domain.run import EVENT_KINDS, RunEvent, RunFinished, RunRecord
from codeflow_engine.domain.shape import is_sound
from codeflow_engine.errors import StorageError, WorkflowError
from codeflow_engine.pace.clock import Clock
from codeflow_engine.redaction import Redactor
from codeflow_engine.runs.containment import contained

__all__ = ["EventStream", "Notify", "check_told", "read_stored", "tell_end"]

type Notify = Callable[[RunEvent], Awaitable[None]]
"""Tells observers of one event."""

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
        notify: Tells observers of a stored event; None where there are none.
        redactor: Takes configured secrets out of what events tell.
    """

    def __init__(
        self,
        tenant: str,
        run_id: str,
        last: int,
        *,
        storage: Storage,
        clock: Clock,
        notify: Notify | None,
        redactor: Redactor,
    ) -> None:
        self._redactor = redactor
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

        self._untold: deque[RunEvent] = deque()
        """Events that are stored, and that observers have not heard of."""

        self._telling: asyncio.Task[None] | None = None
        self._closed = False
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
        if self._redactor.has_secrets:
            self._redact(fields)
        self._sequence += 1
        event = kind(run_id=self._run_id, sequence=self._sequence, at=self._clock.now(), **fields)
        self._pending.append(event)

    def _redact(self, fields: dict[str, Any]) -> None:
        # One look at all texts together takes 5 us, and that is nearly always the end of it.
        texts = {name: one for name, one in fields.items() if type(one) is str}
        if self._redactor.exposes("\n".join(texts.values())):
            fields |= {name: self._redactor.redact(one) for name, one in texts.items()}

    def take(self) -> tuple[RunEvent, ...]:
        """Take the events that are to be written."""
        batch, self._pending = tuple(self._pending), []
        return batch

    def drop(self) -> None:
        """Forget what nobody has written; the numbers go to what comes next."""
        self._sequence -= len(self._pending)
        self._pending = []

    def give_back(self, batch: Sequence[RunEvent]) -> None:
        """Keep events whose writing failed for the next one: repeated numbers do no harm."""
        kept = {event.sequence: event for event in (*batch, *self._pending)}
        self._pending = [kept[number] for number in sorted(kept)]

    def withdraw(self, event: RunEvent) -> None:
        """Take an event back that was not written, or that nothing else is written after.

        Its number goes to the next one: what comes after it was never sent.
        """
        behind = [one for one in self._pending if one.sequence > event.sequence]
        before = [one for one in self._pending if one.sequence < event.sequence]
        self._pending = before + [replace(one, sequence=one.sequence - 1) for one in behind]
        self._sequence -= 1

    def accept(self, batch: Sequence[RunEvent]) -> None:
        """Take note of events that were written: followers and observers hear of them."""
        if not batch:
            return
        self._recent.extend(batch)
        self._stored = max(self._stored, batch[-1].sequence)
        if self.followers:
            self._wake()
        if self._notify is not None:
            self._untold.extend(batch)
            if self._telling is None:
                self._telling = asyncio.create_task(self._tell(self._notify))

    async def until_told(self) -> None:
        """Wait until observers have heard of all that was written."""
        while (telling := self._telling) is not None:
            await asyncio.wait([telling])

    async def _tell(self, notify: Notify) -> None:
        # In a task of its own: whoever waits for it may be cancelled, and nobody else has
        # these events.
        try:
            while self._untold:
                await notify(self._untold.popleft())
        finally:
            self._telling = None

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
        return await read_stored(self._storage, self._tenant, self._run_id, after=after)

    def _wake(self) -> None:
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()


def check_told(kind: type[RunEvent], fields: Mapping[str, Any]) -> None:
    """See that an event can be stored and read back: a workflow is foreign code.

    Raises:
        WorkflowError: It cannot.
    """
    name = getattr(kind, "__name__", repr(kind))
    if EVENT_KINDS.get(name) is not kind:
        raise WorkflowError(f"{name} is no kind of event that a run can tell, such as RunNoted")
    try:
        event = kind(run_id="", sequence=1, at=datetime.now(UTC), **fields)
        if is_sound(event):
            encode(f"an event of the kind {name}", event)
            return
    except (TypeError, StorageError) as error:
        raise WorkflowError(f"an event of the kind {name} cannot be told: {error}") from error
    raise WorkflowError(f"an event of the kind {name} cannot be told: a field is of another type")


async def read_stored(
    storage: Storage, tenant: str, run_id: str, *, after: int
) -> Sequence[RunEvent]:
    """Read the next events of a run; none where there are no more.

    Raises:
        StorageError: They cannot be read, or are none of this run.
    """
    answer: Any = await contained(storage.read_events(tenant, run_id, after=after))
    if not isinstance(answer, list | tuple) or not all(
        isinstance(one, RunEvent) and one.run_id == run_id for one in answer
    ):
        raise StorageError(f"the storage has answered with something else than events of {run_id}")
    # Whoever reads on gets somewhere, whatever a storage gives again and again.
    return [one for one in answer if one.sequence > after]


async def tell_end(record: RunRecord, storage: Storage, notify: Notify) -> None:
    """Add the last event of a run that has ended while nobody executed it, unless it is there.

    Raises:
        StorageError: It could not be stored.
    """
    last = 0
    while batch := await read_stored(storage, record.tenant, record.run_id, after=last):
        last = batch[-1].sequence
        if isinstance(batch[-1], RunFinished):
            return
    event = RunFinished(
        run_id=record.run_id, sequence=last + 1, at=record.updated_at, status=record.status
    )
    await storage.append_events(record.tenant, [event])
    await notify(event)
