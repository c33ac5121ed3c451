"""Likeness: how far two places of code are the same, from 0 to 1, in bounded time."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

__all__ = ["code_likeness", "context_likeness"]

_COMPARED = 300
"""Characters of each text that are compared; the time of a comparison grows with its square."""

_LONG = 80
_HEAD = 40
_PART = 12
_ALMOST = 0.7
"""Likeness at least of long pieces that begin the same, such as a function or a list, and of
one that is a part of the other, as where one source marks a line and another the statement.
"""

_HOPELESS = 0.3
"""Likeness of the characters alone below which their order is not looked at."""

_TELLING = 4
"""Letters and digits from which on a line tells something; `else:` does, `})` does not."""

_FAINT = 0.25
"""Weight of a line that tells little."""


def code_likeness(one: str, other: str) -> float:
    """Compare two pieces of code whose spacing was normalised."""
    if one == other:
        return 1.0
    short, long = sorted((one, other), key=len)
    same_head = len(short) > _LONG and short[:_HEAD] == long[:_HEAD]
    if same_head or (len(short) >= _PART and short in long):
        return max(_ALMOST, _ratio(one, other))
    return _ratio(one, other)


def _ratio(one: str, other: str) -> float:
    matcher = SequenceMatcher(None, one[:_COMPARED], other[:_COMPARED], autojunk=False)
    return matcher.ratio() if matcher.quick_ratio() > _HOPELESS else 0.0


def context_likeness(
    one: tuple[Sequence[str], Sequence[str]], other: tuple[Sequence[str], Sequence[str]]
) -> float | None:
    """Compare the lines before and after two places; None where nothing can be compared.

    A side where one of both shows no lines says nothing: a diff ends there, and no file.
    """
    told = [
        side
        for side in (
            _side(one[0][::-1], other[0][::-1]),
            _side(one[1], other[1]),
        )
        if side is not None
    ]
    return sum(told) / len(told) if told else None


def _side(one: Sequence[str], other: Sequence[str]) -> float | None:
    """Compare lines, the nearest first; those that both could show count."""
    if not one or not other:
        return None
    if one == other:
        return 1.0
    shown = min(len(one), len(other))
    left = list(other)
    whole = kept = 0.0
    for distance, line in enumerate(one[:shown]):
        weight = _weight(line) / (1 + distance)
        whole += weight
        if line in left:
            left.remove(line)
            kept += weight
    return kept / whole


def _weight(line: str) -> float:
    telling = 0
    for character in line:
        telling += character.isalnum()
        if telling >= _TELLING:
            return 1.0
    return _FAINT
