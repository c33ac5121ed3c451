"""The contract of caches: faster answers, never the truth."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

from codeflow_engine.contracts.backend import Backend

__all__ = ["Cache"]


class Cache(Backend):
    """Keeps bytes under keys for a while.

    Everything in it may vanish at any moment. A backend that cannot be reached behaves as
    an empty one: `get` finds nothing and `put` does nothing, without an error. Keys are
    opaque, any text is one, and it is meant to the letter; callers put the tenant into them.
    No method blocks the event loop.
    """

    @abstractmethod
    async def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Read what is there; keys that are absent are left out."""

    @abstractmethod
    async def put(self, items: Mapping[str, bytes], *, ttl: float) -> None:
        """Keep items for `ttl` seconds, more than 0; an older value is replaced.

        A part of a second is one, and a time longer than anybody waits is no error.
        """

    @abstractmethod
    async def discard(self, keys: Sequence[str]) -> None:
        """Remove items; absent keys are no error."""
