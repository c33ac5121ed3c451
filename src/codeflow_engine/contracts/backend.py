"""What all kinds of backends have in common."""

from __future__ import annotations

from abc import ABC
from enum import StrEnum
from typing import ClassVar

__all__ = ["Backend"]


class Backend(ABC):
    """An implementation of a contract.

    A constructor does no I/O and starts nothing: an engine may construct a backend that it
    never uses. A backend may be used by many runs at once, and by several engines on one
    event loop, so what belongs to one call stays in that call. The synchronous `Engine` has
    an event loop of its own: whoever makes backends by hand gives each of them one, unless
    the backend says that it serves several loops. What a backend needs from the engine (a sandbox,
    a way to ask a model) is handed in with the call.
    """

    capabilities: ClassVar[frozenset[StrEnum]] = frozenset()
    """What this backend can do beyond the minimum of its contract."""

    async def aclose(self) -> None:
        """Release what this backend opened itself; called once, after its last call.

        A client or connection that the host handed in is left as it is.
        """
