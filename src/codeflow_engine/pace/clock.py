"""Time, chance and identity, injected so that a test or a replay can set them."""

from __future__ import annotations

import asyncio
import secrets
import time
from datetime import UTC, datetime

__all__ = ["Clock"]

_PARTS = 1 << 53
"""As many as a float tells apart between 0 and 1."""


class Clock:
    """The real clock; derive from it to set time, chance and ids."""

    def now(self) -> datetime:
        """Tell the time, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Tell seconds that never go back, for durations."""
        return time.monotonic()

    def new_id(self) -> str:
        """Make an id that sorts by time: 48 bits of milliseconds, then 80 random bits."""
        return f"{int(time.time() * 1000):012x}{secrets.token_hex(10)}"

    def run_id(self, workflow: str, told: object, digest: str) -> str:
        """Make the id of a new run; a replay gives a run the id that it had.

        Args:
            workflow: Its name.
            told: Its input as plain JSON data, for people.
            digest: Tells inputs apart.
        """
        del workflow, told, digest
        return self.new_id()

    def seen[T: (str, float, datetime)](self, reader: str, reading: T) -> T:
        """Take note of a reading that becomes part of a result, and give the one to use.

        A replay gives the one that was recorded.

        Args:
            reader: Who has read it, and for what; the same one in any process.
            reading: What this clock gave.
        """
        del reader
        return reading

    async def sleep(self, seconds: float) -> None:
        """Let seconds pass, as `monotonic` counts them."""
        await asyncio.sleep(seconds)

    def random(self) -> float:
        """Draw a number from 0 up to 1, so that many who wait do not come back at once."""
        return secrets.randbelow(_PARTS) / _PARTS
