"""The attempts of one step: each is told, and the last one is written down."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from codeflow_engine.domain.run import StepFinished, StepStarted
from codeflow_engine.errors import StepTimeoutError
from codeflow_engine.pace.clock import Clock
from codeflow_engine.pace.retry import Retry
from codeflow_engine.runs.coding import encoded
from codeflow_engine.runs.containment import as_ours
from codeflow_engine.runs.history import Place
from codeflow_engine.runs.ledger import Ledger
from codeflow_engine.runs.waiting import Waits
from codeflow_engine.telemetry.eyes import StepSpan

__all__ = ["Attempts", "Work"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a step has to do."""

    place: Place
    key: str | None
    kind: Any
    """The type of its value."""

    timeout: float | None
    do: Callable[[], Awaitable[Any]]


class Attempts:
    """Does the work of one step until it gives a value, or is given up.

    How many attempts there were, and when the next one is due, is written down: a step is
    not tried more often because its process has ended, and no pause begins anew.
    """

    def __init__(
        self,
        work: Work,
        ledger: Ledger,
        waits: Waits,
        clock: Clock,
        threads: Executor,
        *,
        seen: StepSpan,
    ) -> None:
        self._work = work
        self._seen = seen
        self._ledger = ledger
        self._waits = waits
        self._clock = clock
        self._threads = threads
        record = work.place.record
        self._count = record.attempts if record else 0
        """Attempts that were begun, in earlier executions too."""

        self._started_at = record.started_at if record else clock.now()

    async def go(self, retry: Retry | None) -> Any:
        """Do the work, and write down what comes of it."""
        if retry is None:
            return await self._end(self._once)
        record = self._work.place.record
        if record is not None and record.wake_at is not None:
            await self._waits.wait(record.wake_at)
        return await self._end(lambda: self._many(retry))

    async def _end(self, do: Callable[[], Awaitable[tuple[Any, bytes]]]) -> Any:
        try:
            value, data = await do()
        except BaseException as error:
            raised = as_ours(error)
            if isinstance(raised, Exception):
                raised = await self._ledger.fail(self._work.place, raised, **self._facts)
            if raised is error:
                raise
            raise raised from error
        await self._ledger.finish(self._work.place, data, **self._facts)
        return value

    @property
    def _facts(self) -> dict[str, Any]:
        return {"attempts": self._count, "started_at": self._started_at}

    async def _once(self) -> tuple[Any, bytes]:
        """Make one attempt; give the value, and its encoded form."""
        self._count += 1
        name, key = self._work.place.name, self._work.key
        self._ledger.tell(StepStarted, step=name, key=key)
        began = self._clock.monotonic()
        error: BaseException | None = None
        try:
            value = await self._in_time()
            data = await encoded(value, self._work.kind, self._threads)
            await self._ledger.reach(f"step.worked:{name}")
        except BaseException as raised:
            error = raised
            raise
        finally:
            seconds = self._clock.monotonic() - began
            told = None if error is None else type(error).__name__
            self._ledger.tell(StepFinished, step=name, key=key, seconds=seconds, error=told)
            self._seen.attempt(self._count, error)
        return value, data

    async def _in_time(self) -> Any:
        seconds = self._work.timeout
        if seconds is None:
            return await self._work.do()
        deadline = asyncio.timeout(seconds)
        try:
            async with deadline:
                return await self._work.do()
        except TimeoutError as late:
            if not deadline.expired():
                raise
            name = self._work.place.title
            raise StepTimeoutError(f"step {name!r} took longer than {seconds:g} s") from late

    async def _many(self, retry: Retry) -> tuple[Any, bytes]:
        return await retry.go(self._clock, self._once, begun=self._count, rest=self._rest)

    async def _rest(self, _attempts: int, seconds: float, error: BaseException) -> None:
        """Write down until when the step waits, and let it pass."""
        wake_at = self._clock.now() + timedelta(seconds=seconds)
        written = self._ledger.written(error)
        await self._ledger.begin(self._work.place, **self._facts, wake_at=wake_at, error=written)
        await self._waits.wait(wake_at)
