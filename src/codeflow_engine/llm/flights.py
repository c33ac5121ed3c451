"""Who asks the same thing at the same time waits for the first one, and shares its answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from codeflow_engine.pace.admission import admit

__all__ = ["Flights"]


class Flights:
    """The questions under way in one engine; across processes the first answer kept counts.

    Where the first one fails or is cancelled, the next one asks for itself.
    """

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}
        """By the digest of a question, with how many there are."""

    @asynccontextmanager
    async def one(self, digest: str) -> AsyncIterator[None]:
        """Go on as soon as nobody else asks this."""
        lock, count = self._locks.get(digest, (asyncio.Lock(), 0))
        self._locks[digest] = lock, count + 1
        if count:
            admit()
        try:
            async with lock:
                yield
        finally:
            lock, count = self._locks.pop(digest)
            if count > 1:
                self._locks[digest] = lock, count - 1
