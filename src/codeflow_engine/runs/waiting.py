"""How a run waits: in memory for a moment, and put aside for anything longer."""

from __future__ import annotations

import asyncio
from datetime import datetime

from codeflow_engine.pace.clock import Clock
from codeflow_engine.runs.live import Execution, Stop

__all__ = ["Waits"]


class Waits:
    """The waits of one execution.

    A run that does nothing but wait is put aside after a while: the execution ends, and
    another one begins when what it waits for has come. A wait that is soon over is not worth
    that. Within this process seconds are counted on a clock that never goes back, whatever
    becomes of the wall clock.

    Args:
        execution: Whose.
        clock: What counts the seconds.
        linger: Seconds after which a run that only waits is put aside.
    """

    def __init__(self, execution: Execution, clock: Clock, linger: float) -> None:
        self._execution = execution
        self._clock = clock
        self._linger = linger
        self._watch: asyncio.Task[None] | None = None

    async def wait(
        self,
        until: datetime | None,
        signals: tuple[str, ...] = (),
        heard: asyncio.Event | None = None,
    ) -> None:
        """Wait for a moment, or until a signal may have come; whoever is at work rests meanwhile.

        Args:
            until: The moment; None waits for a signal alone.
            signals: The names of those that count.
            heard: `Execution.signalled` as it was before the last look for a signal.
        """
        if until is not None and until <= self._clock.now():
            return
        if self._watch is None:
            self._watch = asyncio.create_task(self._put_aside())
        token = object()
        self._execution.waits[token] = (until, signals)
        try:
            with self._execution.at_rest():
                await self._first(until, heard)
        finally:
            del self._execution.waits[token]

    def close(self) -> None:
        """Put nothing aside any more."""
        if self._watch is not None:
            self._watch.cancel()

    async def _first(self, until: datetime | None, heard: asyncio.Event | None) -> None:
        waiting: list[asyncio.Task[object]] = []
        if until is not None:
            seconds = (until - self._clock.now()).total_seconds()
            waiting.append(asyncio.create_task(self._clock.sleep(max(0.0, seconds))))
        if heard is not None:
            waiting.append(asyncio.create_task(heard.wait()))
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()

    async def _put_aside(self) -> None:
        """End the execution once it has waited for long enough, and has long to wait."""
        execution = self._execution
        while True:
            await execution.changed.wait()
            execution.changed.clear()
            if not self._only_waits():
                continue
            try:
                async with asyncio.timeout(self._linger):
                    await execution.changed.wait()
            except TimeoutError:
                # What it waited for may have come in this very moment.
                if self._only_waits() and not self._is_soon():
                    execution.end(Stop.SUSPEND)
                    return

    def _only_waits(self) -> bool:
        return self._execution.working == 0 and bool(self._execution.waits)

    def _is_soon(self) -> bool:
        moments = [until for until, _ in self._execution.waits.values() if until is not None]
        if not moments:
            return False
        return (min(moments) - self._clock.now()).total_seconds() <= self._linger
