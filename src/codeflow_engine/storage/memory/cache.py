"""A cache in memory."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

from codeflow_engine.contracts import Cache

__all__ = ["MemoryCache"]

_MIB = 1024 * 1024


class MemoryCache(Cache):
    """Keeps the items used last, up to a number of bytes.

    Args:
        max_bytes: Size of all values together; an item larger than that is not kept.
        monotonic: Tells seconds that never go back.
    """

    def __init__(
        self, *, max_bytes: int = 64 * _MIB, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._left = max_bytes
        self._monotonic = monotonic
        self._items: OrderedDict[str, tuple[bytes, float]] = OrderedDict()

    async def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Read what is there and has not expired."""
        now = self._monotonic()
        found: dict[str, bytes] = {}
        for key in keys:
            value, until = self._items.get(key, (b"", now))
            if until > now:
                found[key] = value
                self._items.move_to_end(key)
            else:
                self._drop(key)
        return found

    async def put(self, items: Mapping[str, bytes], *, ttl: float) -> None:
        """Keep items, and drop those that were used longest ago where room is needed."""
        until = self._monotonic() + ttl
        for key, value in items.items():
            self._drop(key)
            self._items[key] = (value, until)
            self._left -= len(value)
        while self._left < 0:
            self._drop(next(iter(self._items)))

    async def discard(self, keys: Sequence[str]) -> None:
        """Remove items."""
        for key in keys:
            self._drop(key)

    def _drop(self, key: str) -> None:
        value, _ = self._items.pop(key, (b"", 0.0))
        self._left += len(value)
