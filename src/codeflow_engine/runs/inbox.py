"""What comes to a run from outside: signals, and the end of runs that it has started."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from codeflow_engine.contracts import Journal
from codeflow_engine.domain.journal import Signal
from codeflow_engine.domain.run import RunRecord, RunStatus
from codeflow_engine.errors import StepTimeoutError
from codeflow_engine.pace.clock import Clock
from codeflow_engine.runs import codec
from codeflow_engine.runs.history import Place
from codeflow_engine.runs.ledger import Ledger
from codeflow_engine.runs.live import Outcome
from codeflow_engine.runs.waiting import Waits

__all__ = ["Children", "Inbox"]

_LOOK = timedelta(minutes=5)
"""After this time a run looks how one stands that it has started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Children:
    """How a run starts others, and learns what came of them."""

    submit: Callable[[str, Mapping[str, Any], str], Awaitable[RunRecord]]
    """Takes the name of a workflow, its input, and a key."""

    look: Callable[[str], Awaitable[RunRecord]]
    """Takes the id of a run; tells how it stands."""

    resume: Callable[[str], Awaitable[RunRecord]]
    """Takes the id of a run that has ended without success; lets it go on."""

    outcome: Callable[[RunRecord], Awaitable[Outcome]]
    """Takes a run that has ended; gives what came of it."""

    result_type: Callable[[str], Any]
    """Takes the name of a workflow; gives the type of its result."""


class Inbox:
    """The waits of one execution for others."""

    def __init__(
        self,
        record: RunRecord,
        ledger: Ledger,
        waits: Waits,
        *,
        journal: Journal,
        clock: Clock,
        children: Children,
    ) -> None:
        self._tenant = record.tenant
        self._run_id = record.run_id
        self._journal = journal
        self._ledger = ledger
        self._waits = waits
        self._clock = clock
        self._children = children
        self._received: set[str] = set()
        """Ids of signals that a step of this execution has taken."""

    async def sleep(self, place: Place, seconds: float) -> None:
        """Let time pass."""
        until = await self._begin(place, seconds)
        await self._waits.wait(until)
        await self._ledger.finish(place, codec.encode(None, None))

    async def receive(self, place: Place, name: str, seconds: float | None) -> Any:
        """Take the first signal of a name."""
        until = await self._begin(place, seconds)
        while True:
            heard = self._ledger.execution.signalled
            for signal in await self._waiting(name):
                if signal.signal_id not in self._received:
                    self._received.add(signal.signal_id)
                    data = codec.encode(signal.value, Any)
                    await self._ledger.finish(place, data, taken=[signal.signal_id])
                    return signal.value
            if until is not None and until <= self._clock.now():
                error = StepTimeoutError(f"no signal {name!r} came in time")
                await self._ledger.fail(place, error)
                raise error
            await self._waits.wait(until, (name,), heard)

    async def child(self, place: Place, workflow: str, given: Mapping[str, Any]) -> Any:
        """Run another workflow, and wait for its end."""
        asking = self._ledger.asking
        key = f"{self._run_id}/{json.dumps([place.name, place.key])}"
        # Before the child: whoever ends this run has to know that there may be one.
        await self._begin(place, None)
        self._ledger.execution.has_children = True
        child = await asking(self._children.submit(workflow, given, key))
        name = f"child:{child.run_id}"
        if _is_stopped(child) and not await self._waiting(name):
            # No sign of that is left: it was told before, and this run was resumed since.
            child = await asking(self._children.resume(child.run_id))
        while not child.status.is_terminal:
            heard = self._ledger.execution.signalled
            signs = await self._waiting(name)
            if not signs:
                # A child that somebody ends in the storage may give the sign that was taken.
                await self._waits.wait(self._clock.now() + _LOOK, (name,), heard)
            child = await asking(self._children.look(child.run_id))
            if signs and not child.status.is_terminal:
                # It was resumed since: the sign is of an end that is past.
                await self._ledger.take([sign.signal_id for sign in signs])
        return await self._end_of(child, place, name)

    async def _end_of(self, child: RunRecord, place: Place, name: str) -> Any:
        """Give what came of a child, and take its signs."""
        taken = [signal.signal_id for signal in await self._waiting(name)]
        outcome = await self._ledger.asking(self._children.outcome(child))
        try:
            value = outcome.get()
            data = codec.encode(value, self._children.result_type(child.workflow))
        except Exception as error:
            await self._ledger.fail(place, error, taken=taken)
            raise
        await self._ledger.finish(place, data, taken=taken)
        return value

    async def _waiting(self, name: str) -> list[Signal]:
        asked = self._journal.read_signals(self._tenant, self._run_id)
        return [signal for signal in await self._ledger.asking(asked) if signal.name == name]

    async def _begin(self, place: Place, seconds: float | None) -> datetime | None:
        """Write down until when to wait; a wait that was begun before keeps its end."""
        if place.record is not None:
            return place.record.wake_at
        until = None
        if seconds is not None:
            until = self._clock.now() + timedelta(seconds=seconds)
        await self._ledger.begin(place, wake_at=until)
        return until


def _is_stopped(record: RunRecord) -> bool:
    return record.status.is_terminal and record.status is not RunStatus.SUCCEEDED
