"""A clock that stands until it is set."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime, timedelta

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.pace.clock import Clock
from codeflow_engine.testing.values import NOON

__all__ = ["FakeClock"]


class FakeClock(Clock):
    """Shows the time that a test gives it, and makes the same ids in every run.

    Args:
        start: The time that it shows first.

    Raises:
        ConfigurationError: A time without a zone.
    """

    def __init__(self, start: datetime = NOON) -> None:
        self._now = _with_zone(start)
        self._seconds = 0.0
        self._ids = itertools.count(1)
        self._sleeping: list[tuple[float, asyncio.Future[None]]] = []
        """Who waits until which second."""

    def now(self) -> datetime:
        """Tell the time that was set, in UTC."""
        return self._now

    def monotonic(self) -> float:
        """Tell the seconds by which the clock was advanced."""
        return self._seconds

    def new_id(self) -> str:
        """Make the next id; in form and order like one of the real clock."""
        milliseconds = int(self._now.timestamp() * 1000)
        return f"{milliseconds:012x}{next(self._ids):020x}"

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was advanced so far, on the event loop that advances it."""
        if seconds <= 0:
            return
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleeping.append((self._seconds + seconds, waiting))
        await waiting

    def random(self) -> float:
        """Draw the same number each time."""
        return 0.5

    def advance(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            ConfigurationError: `seconds` is negative; `set` takes the time back.
        """
        if seconds < 0:
            raise ConfigurationError(f"time does not pass by {seconds} s; `set` takes it back")
        self._now += timedelta(seconds=seconds)
        self._seconds += seconds
        due = [one for until, one in self._sleeping if until <= self._seconds]
        self._sleeping = [(until, one) for until, one in self._sleeping if until > self._seconds]
        for one in due:
            if not one.done():
                one.set_result(None)

    def set(self, moment: datetime) -> None:
        """Show another time, an earlier one too, as when a machine's clock is corrected.

        Raises:
            ConfigurationError: A time without a zone.
        """
        self._now = _with_zone(moment)


def _with_zone(moment: datetime) -> datetime:
    if moment.utcoffset() is None:
        raise ConfigurationError(f"the time {moment} has no zone")
    return moment.astimezone(UTC)
