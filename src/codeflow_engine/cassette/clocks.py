"""Clocks of a recording and of a replay."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, override

from codeflow_engine.cassette.tape import Tape
from codeflow_engine.pace.clock import Clock

__all__ = ["ReplayedClock", "TapedClock"]


class TapedClock(Clock):
    """A clock whose readings in results are on a tape; it goes as the engine's own."""

    def __init__(self, clock: Clock, tape: Tape) -> None:
        self._clock = clock
        self._tape = tape

    @override
    def now(self) -> datetime:
        return self._clock.now()

    @override
    def monotonic(self) -> float:
        return self._clock.monotonic()

    @override
    def new_id(self) -> str:
        return self._clock.new_id()

    @override
    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)

    @override
    def random(self) -> float:
        return self._clock.random()

    @override
    def run_id(self, workflow: str, told: object, digest: str) -> str:
        return self._tape.run_id(workflow, told, digest, self._clock)

    @override
    def seen(self, reader: str, reading: Any) -> Any:
        return self._tape.seen(reader, reading)


class ReplayedClock(TapedClock):
    """The same, from the moment on at which the recording began.

    So what depends on the date, such as prices and months of budgets, is as it was.
    """

    def __init__(self, clock: Clock, tape: Tape, started_at: datetime) -> None:
        super().__init__(clock, tape)
        self._started_at = started_at
        self._began = clock.monotonic()

    @override
    def now(self) -> datetime:
        return self._started_at + timedelta(seconds=self._clock.monotonic() - self._began)
