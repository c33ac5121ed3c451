"""One side of a hunk as a text, and the way from its offsets to lines and columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO, StringIO
from typing import Final, NamedTuple, Self

from codeflow_engine.domain.diff import Hunk, Side

__all__ = ["Place", "SideText", "Walk", "is_long_line", "is_plain"]

_MARKS = {Side.NEW: (b"+", b"-"), Side.OLD: (b"-", b"+")}
_NOTE = b"\\"

_LONG: Final = 1_000
"""Characters of a line that nobody writes by hand: minified programs, tables."""


_ORDINARY: Final = bytes([*b"\t\n\f\r", *range(0x20, 0x7F)])


def is_plain(data: bytes) -> bool:
    """Tell quickly that nothing but printable ASCII and line ends is in a text."""
    return not data.translate(None, _ORDINARY) and data.count(b"\r") == data.count(b"\r\n")


def is_long_line(text: str, offset: int) -> bool:
    """Tell whether an offset stands in a line that is no line of a person's code."""
    low = text.rfind("\n", max(offset - _LONG, 0), offset)
    begin = low if low >= 0 else max(offset - _LONG, 0)
    end = text.find("\n", offset, begin + _LONG)
    return end < 0 and len(text) > begin + _LONG


@dataclass(frozen=True, slots=True, kw_only=True)
class SideText:
    """The lines of one side, with newlines between them.

    `Hunk.lines` makes an object for each line, which for a hunk of short lines takes fifty
    times the hunk's own size; this takes about three times.
    """

    text: str
    """Bytes that are no UTF-8 are surrogates."""

    first: int
    """Number of the first line."""

    touched: bytes
    """A byte for each line: 1 where the change adds it (or removes it, on the old side)."""

    @classmethod
    def of(cls, hunk: Hunk, side: Side) -> Self:
        """Read one side of a hunk."""
        mine, other = _MARKS[side]
        text, touched = bytearray(), bytearray()
        rows = BytesIO(hunk.render())
        next(rows)
        for row in rows:
            mark = row[:1]
            if mark not in (other, _NOTE):
                touched.append(mark == mine)
                text += row if mark == b"\n" else row[1:]
        return cls(
            text=text.removesuffix(b"\n").decode("utf-8", "surrogateescape"),
            first=hunk.numbers(side).start,
            touched=bytes(touched),
        )

    def lines(self) -> Iterator[tuple[str, bool]]:
        """Give each line without its newline, and whether the change touches it."""
        for line, touched in zip(StringIO(f"{self.text}\n"), self.touched, strict=False):
            yield line.removesuffix("\n"), bool(touched)


class Place(NamedTuple):
    """Where an offset stands."""

    line: int
    """Counted from 1 in the file."""

    column: int
    """Counted from 1, in characters."""

    touched: bool
    """Whether the change touches the line."""


class Walk:
    """Finds the places of ascending offsets; reads the text once in all."""

    def __init__(self, side: SideText) -> None:
        self._side = side
        self._at = 0
        self._line = 0
        self._begin = 0

    def to(self, offset: int) -> Place:
        """Give the place of an offset, which is not before the one asked for last."""
        text = self._side.text
        self._line += text.count("\n", self._at, offset)
        newline = text.rfind("\n", self._at, offset)
        if newline >= 0:
            self._begin = newline + 1
        self._at = offset
        return Place(
            line=self._side.first + self._line,
            column=offset - self._begin + 1,
            touched=bool(self._side.touched[self._line]),
        )
