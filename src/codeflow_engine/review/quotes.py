"""Quotes: where a text that a model copied stands in what it was shown."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from codeflow_engine.domain.diff import LineKind, Side
from codeflow_engine.review.piece import Piece, ShownLine
from codeflow_engine.review.readable import readable

__all__ = ["MOST_PLACES", "Match", "Quote", "Views"]

_GAP: Final = "\0"
"""A line between two that are no neighbours in the file; no text that is shown holds it."""

_SHOWN_MARKS: Final = {LineKind.ADD: "+", LineKind.DELETE: "-", LineKind.CONTEXT: " "}
_OWN: Final = {Side.NEW: "+", Side.OLD: "-"}
_MARKS: Final = frozenset("+- ")
MOST_PLACES: Final = 32
"""Places at which a quote may stand; of one that stands at more, one more is given."""

_ESCAPED: Final = re.compile(r"^\\(?=-----)", re.MULTILINE)
"""What a fence has in front of a line that looks like one."""

_LEAST_PART: Final = 3
"""Characters of a part of a line: less of it says nothing."""


def _squeezed(text: str) -> str:
    """Give a line without its indentation, with one space in the place of each run of blanks."""
    return " ".join(text.split())


class Quote:
    """What a model quoted, line by line.

    Args:
        text: As it was said; blank lines at its ends do not count.
    """

    def __init__(self, text: str) -> None:
        self.lines: list[str] = _without_blank_ends(_ESCAPED.sub("", readable(text)).split("\n"))
        marks = {line[:1] for line in self.lines if line}
        self._marks = marks if marks <= _MARKS and marks & {"+", "-"} else set()

    def unmarked(self, side: Side) -> list[str]:
        """Give the lines without the marks of a diff, where they are marked as of one side."""
        if self._marks - {" "} != {_OWN[side]}:
            return []
        return _without_blank_ends([line[1:] for line in self.lines])

    def mixed(self) -> list[str] | None:
        """Give the lines with their marks, where they are marked as of both sides."""
        return [line or " " for line in self.lines] if {"+", "-"} <= self._marks else None


@dataclass(frozen=True, slots=True)
class Match:
    """Lines of one side that a quote stands for."""

    piece: Piece
    side: Side
    lines: tuple[ShownLine, ...]
    quoted: tuple[str, ...]
    """The lines as they were quoted, without marks."""

    whole: bool
    """Whether the quote has all of the first line and of the last."""

    marked: bool = False
    """Whether it had the marks of a diff in front."""

    @property
    def touches(self) -> bool:
        """Whether the change adds, or on the old side removes, one of the lines."""
        return any(line.kind is not LineKind.CONTEXT for line in self.lines)

    @property
    def is_exact(self) -> bool:
        """Whether the indentation of the quote is that of the lines, too."""
        return all(
            line.text.rstrip() == quoted.rstrip()
            for line, quoted in zip(self.lines, self.quoted, strict=True)
        )


class _View:
    """Lines in a row, as one text to search in."""

    def __init__(
        self,
        lines: Iterable[ShownLine],
        sides: Sequence[Side],
        write: Callable[[ShownLine], str],
    ) -> None:
        self.lines: list[ShownLine | None] = []
        texts: list[str] = []
        following: dict[Side, int] = {}
        for line in lines:
            numbers = {side: number for side in sides if (number := _number(line, side))}
            if any(number != following.get(side, number) for side, number in numbers.items()):
                self.lines.append(None)
                texts.append(_GAP)
            following |= {side: number + 1 for side, number in numbers.items()}
            self.lines.append(line)
            texts.append(write(line))
        self._text = "".join(("\n", *(f"{text}\n" for text in texts)))
        self._starts = list(accumulate((len(text) + 1 for text in texts), initial=1))

    def find(self, wanted: Sequence[str], *, whole: bool) -> Iterator[tuple[ShownLine, ...]]:
        """Find lines that are, or that hold, some lines; of many places, the first."""
        needle = "\n".join(("", *wanted, "")) if whole else "\n".join(wanted)
        at = self._text.find(needle)
        seen, left = -1, MOST_PLACES + 1
        while at >= 0 and left:
            first = bisect_right(self._starts, at + whole) - 1
            if first != seen:
                found = self.lines[first : first + len(wanted)]
                yield tuple([line for line in found if line is not None])
                seen, left = first, left - 1
            at = self._text.find(needle, at + 1 if whole else self._starts[first + 1] - 1)


class Views:
    """What the pieces of a chunk show, side by side, made when it is first looked at."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces
        self._made: dict[tuple[int, Side | None], _View] = {}

    def find(self, quote: Quote, places: Iterable[int], side: Side) -> list[Match]:
        """Find a quote on a side of some pieces: as whole lines, or else as a part of lines."""
        places = list(places)
        plain = [(quote.lines, False)]
        if unmarked := quote.unmarked(side):
            plain.append((unmarked, True))
        for whole in (True, False):
            for lines, marked in plain:
                wanted = [_squeezed(line) for line in lines]
                if not whole and len("".join(wanted)) < _LEAST_PART:
                    continue
                found = [
                    Match(self._pieces[place], side, at, tuple(lines), whole, marked)
                    for place in places
                    for at in self._view(place, side).find(wanted, whole=whole)
                ]
                if found:
                    return found
            if whole and (found := self._find_mixed(quote, places, side)):
                return found
        return []

    def _find_mixed(self, quote: Quote, places: list[int], side: Side) -> list[Match]:
        """Find a quote of both sides in the order in which they are shown."""
        lines = quote.mixed()
        if lines is None:
            return []
        kept = tuple([line[1:] for line in lines if line[0] in (" ", _OWN[side])])
        wanted = [line[0] + _squeezed(line[1:]) for line in lines]
        matches = []
        for place in places:
            for at in self._view(place, None).find(wanted, whole=True):
                own = tuple([line for line in at if _number(line, side)])
                matches.append(Match(self._pieces[place], side, own, kept, True, True))  # noqa: FBT003
        return matches

    def _view(self, place: int, side: Side | None) -> _View:
        if (place, side) not in self._made:
            lines = self._pieces[place].lines
            self._made[place, side] = (
                _View(
                    lines,
                    tuple(Side),
                    lambda line: _SHOWN_MARKS[line.kind] + _squeezed(line.text),
                )
                if side is None
                else _View(
                    (line for line in lines if _number(line, side)),
                    (side,),
                    lambda line: _squeezed(line.text),
                )
            )
        return self._made[place, side]


def _without_blank_ends(lines: list[str]) -> list[str]:
    filled = [place for place, line in enumerate(lines) if line.strip()]
    return lines[filled[0] : filled[-1] + 1] if filled else []


def _number(line: ShownLine, side: Side) -> int | None:
    return line.new_number if side is Side.NEW else line.old_number
