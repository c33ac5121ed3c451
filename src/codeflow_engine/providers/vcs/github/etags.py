"""What GitHub has answered before: asked again with its ETag, an answer 304 costs nothing."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["Kept", "Shelf"]

_EACH: Final = 8
"""The part of the shelf that one entry may take, as one of so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An answer that is kept; as a text, so that nobody can change it."""

    etag: str
    headers: Mapping[str, str]
    text: str


class Shelf[V: (Kept, bytes)]:
    """Keeps what was used last, up to a size. Of one event loop.

    Args:
        size: Characters or bytes.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._used = 0
        self._kept: OrderedDict[str, V] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: str) -> V | None:
        """Give what is kept under a key."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: str, value: V) -> None:
        """Keep a value; what was not used for longest goes. One that is too large is not kept."""
        self.drop(key)
        size = _size(value)
        if size > self._size // _EACH:
            return
        self._kept[key] = value
        self._used += size
        while self._used > self._size:
            _, gone = self._kept.popitem(last=False)
            self._used -= _size(gone)

    def drop(self, key: str) -> None:
        """Forget what is kept under a key."""
        gone = self._kept.pop(key, None)
        if gone is not None:
            self._used -= _size(gone)


def _size(value: Kept | bytes) -> int:
    return len(value.text) if isinstance(value, Kept) else len(value)
