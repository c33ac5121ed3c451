"""Likeness: how far two places of code are the same, from 0 to 1, in bounded time."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["CodeLikeness", "context_likeness"]

_COMPARED = 300
"""Characters of each text that are compared."""

_STRETCH = 2
"""Characters of the parts that are counted. An edit of one word spoils few of them."""

_LONG = 80
_HEAD = 40
_PART = 12
_ALMOST = 0.7
"""Likeness at least of long pieces that begin the same, such as a function or a list, and of
one that is a part of the other, as where one source marks a line and another the statement.
"""

_TELLING = 4
"""Letters and digits from which on a line tells something; `else:` does, `})` does not."""

_FAINT = 0.25
"""Weight of a line that tells little."""


class CodeLikeness:
    """Compares pieces of code whose spacing was normalised, and remembers their parts."""

    def __init__(self) -> None:
        self._grams: dict[str, frozenset[str]] = {}

    def of(self, one: str, other: str) -> float:
        """Say how much of both is the same, in time that grows with their length."""
        if one == other:
            return 1.0
        left, right = self._split(one), self._split(other)
        alike = 2 * len(left & right) / (len(left) + len(right))
        short, long = sorted((one, other), key=len)
        same_head = len(short) > _LONG and short[:_HEAD] == long[:_HEAD]
        part = len(short) >= _PART and short in long
        return max(alike, _ALMOST) if same_head or part else alike

    def _split(self, code: str) -> frozenset[str]:
        """Take a piece apart into all stretches of a few characters, its ends marked."""
        if code not in self._grams:
            text = f" {code[:_COMPARED]} "
            last = max(len(text) - _STRETCH, 0)
            self._grams[code] = frozenset(text[at : at + _STRETCH] for at in range(last + 1))
        return self._grams[code]


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
