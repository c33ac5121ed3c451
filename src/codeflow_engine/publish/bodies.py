"""Bodies of posted texts: as long as a host takes them, with the mark that comes behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from codeflow_engine.domain.marker import MARKER_ROOM
from codeflow_engine.reports import markdown

__all__ = ["BODY_LIMIT", "fitting", "measure"]

BODY_LIMIT: Final = 60_000 - MARKER_ROOM
"""Most characters of a body. GitHub takes 65,536, with the mark that the provider adds."""


def measure(text: str) -> int:
    """Count characters as a host may count them at most: in units of UTF-16.

    GitHub does not say whether a character outside of the basic plane counts twice.
    """
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def fitting(write: Callable[[int], str], room: int = BODY_LIMIT) -> str:
    """Write a text with a limit that makes it fit.

    Args:
        write: Takes most characters of the text, 4,096 at least.
        room: Most characters as `measure` counts them, twice as many as that at least.
    """
    limit = room
    text = write(limit)
    while (over := measure(text) - room) > 0:
        # What is left out begins with what matters least, so no more goes than has to.
        limit = max(min(limit, len(text)) - over, markdown.LEAST_LIMIT)
        text = write(limit)
    return text
