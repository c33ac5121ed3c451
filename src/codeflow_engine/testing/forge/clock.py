"""The clock of the forge, which a test sets, skews and lets run ahead."""

from __future__ import annotations

import time
from datetime import UTC, datetime

__all__ = ["ForgeClock", "stamp"]


class ForgeClock:
    """Runs with the machine's clock, as far off as a test says, or stands still.

    Args:
        start: Seconds since the epoch at which it stands; None lets it run.
    """

    def __init__(self, start: float | None = None) -> None:
        self._stands = start
        self._ahead = 0.0

    def now(self) -> float:
        """Tell the seconds since the epoch."""
        return (time.time() if self._stands is None else self._stands) + self._ahead

    def advance(self, seconds: float) -> None:
        """Go ahead, or back where `seconds` is negative: the clocks of two machines differ."""
        self._ahead += seconds


def stamp(seconds: float) -> str:
    """Write a moment as all answers of the API do: `2026-04-01T12:00:00Z`."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
