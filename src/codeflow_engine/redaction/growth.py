"""How far a text is settled that still grows: where a rule may yet find something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeflow_engine.redaction.keys import MAX_PLACEHOLDER, Key, ascii_only
from codeflow_engine.redaction.rule import compiled

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Growth:
    """The keywords of some rules, indexed for texts that grow by a few characters."""

    __slots__ = ("_ahead", "_beginnings", "_by_first", "_longest", "_spaced", "reach")

    def __init__(self, keys: Sequence[Key]) -> None:
        spaced = [key for key in keys if key.folded or key.blanks]
        unspaced = [key for key in keys if not (key.folded or key.blanks)]
        self._spaced = tuple(spaced)
        self._by_first: dict[str, list[Key]] = {}
        for key in unspaced:
            self._by_first.setdefault(key.literal[0], []).append(key)
        self.reach: int = max((key.reach for key in keys), default=0) + MAX_PLACEHOLDER
        """Characters behind a place after which nothing about it changes any more."""

        self._longest = max((len(key.literal) for key in keys), default=0)
        self._beginnings = _beginnings(keys, folded=False), _beginnings(keys, folded=True)
        self._ahead = _ahead(spaced), _ahead(unspaced)

    def undecided(self, text: str, line: int, word: int) -> int:
        """Return the first place whose match more text could still change.

        Args:
            text: A text whose end is not known.
            line: Where its last line starts, or what was settled of it ends.
            word: Where its last word starts, in the last line.
        """
        start = max(line, len(text) - self.reach)
        raw = ascii_only(text[start:])
        folded = raw.lower()
        # Before a keyword that is still to come, and where one has begun.
        first = min(max(line, len(text) - self._ahead[0]), max(word, len(text) - self._ahead[1]))
        for size in range(1, min(self._longest, len(raw)) + 1):
            if raw[-size:] in self._beginnings[0] or folded[-size:] in self._beginnings[1]:
                first = min(first, len(text) - size)
        for key in self._spaced:
            for at in key.places(folded if key.folded else raw, start, first):
                if _grows(key, text, at):
                    first = at
                    break
        # Without blanks in its matches, a keyword tells nothing more once a blank follows.
        for at in range(max(word, start), len(text)):
            if at - self._ahead[1] >= first:
                break
            for key in self._by_first.get(raw[at - start], ()):
                place = at - key.offset
                if raw.startswith(key.literal, at - start) and _in_reach(key, text, place):
                    first = min(first, place)
        return max(first, start)


def _in_reach(key: Key, text: str, at: int) -> bool:
    return len(text) < at + key.reach + MAX_PLACEHOLDER


def _grows(key: Key, text: str, at: int) -> bool:
    """Tell whether more text could still make a match at a place, or change it."""
    return _in_reach(key, text, at) and len(compiled(r"\s+").findall(text, at)) <= key.blanks


def _beginnings(keys: Iterable[Key], *, folded: bool) -> frozenset[str]:
    return frozenset(
        key.literal[:size]
        for key in keys
        if key.folded == folded
        for size in range(1, len(key.literal))
    )


def _ahead(keys: Iterable[Key]) -> int:
    """Return how many characters before the last of a keyword a match may begin."""
    return max((key.offset + len(key.literal) - 1 for key in keys if key.offset), default=0)
