"""Hunks, their lines, and the two sides of a change."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self, cast, override

from codeflow_engine.domain.diff.grammar import HUNK
from codeflow_engine.domain.diff.paths import decode
from codeflow_engine.domain.diff.spans import Span

if TYPE_CHECKING:
    import re

__all__ = ["Hunk", "Line", "LineKind", "Side"]


class Side(StrEnum):
    """A side of the change: the file before it or after it."""

    OLD = "old"
    NEW = "new"


class LineKind(StrEnum):
    """What a line of a hunk is."""

    ADD = "add"
    DELETE = "delete"
    CONTEXT = "context"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a hunk."""

    kind: LineKind
    text: str
    """The line without its newline; a carriage return stays.

    Bytes that are no UTF-8 are surrogates, as `surrogateescape` makes them.
    """

    old_number: int | None
    """Number in the old file, from 1; None for an added line."""

    new_number: int | None
    """Number in the new file, from 1; None for a deleted line."""

    no_newline: bool = False
    """Whether the file ends with this line and without a newline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunk:
    """A stretch of lines that changed, with the context around it."""

    old_start: int
    """Number of the first old line; with `old_lines == 0`, of the line above the hunk."""

    old_lines: int
    new_start: int
    """Number of the first new line; with `new_lines == 0`, of the line above the hunk."""

    new_lines: int
    section: str
    """Text behind the second `@@`: often the function around the hunk."""

    span: Span
    """The hunk's bytes with its header."""

    _kept: dict[Side | None, tuple[Line, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @classmethod
    def read(cls, span: Span) -> Self:
        """Read a hunk that was checked before."""
        header = cast("re.Match[bytes]", HUNK.match(span.data, span.low))
        old_start, old_lines, new_start, new_lines = map(int, header.groups(b"1"))
        section = header[0].partition(b" @@")[2].removeprefix(b" ").removesuffix(b"\r")
        return cls(
            old_start=old_start,
            old_lines=old_lines,
            new_start=new_start,
            new_lines=new_lines,
            section=decode(section),
            span=span,
        )

    @property
    def added(self) -> int:
        """Number of added lines."""
        return self.span.data.count(b"\n+", self.span.low, self.span.high)

    @property
    def deleted(self) -> int:
        """Number of deleted lines."""
        return self.span.data.count(b"\n-", self.span.low, self.span.high)

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines, made at the first use."""
        if None not in self._kept:
            self._kept[None] = tuple(_read_lines(self))
        return self._kept[None]

    def side(self, side: Side) -> tuple[Line, ...]:
        """Give the lines of one side: context, and what was deleted or added."""
        if side not in self._kept:
            gone = LineKind.ADD if side is Side.OLD else LineKind.DELETE
            self._kept[side] = tuple(line for line in self.lines if line.kind is not gone)
        return self._kept[side]

    def numbers(self, side: Side) -> range:
        """Give the line numbers of one side; empty where the side has no lines here."""
        start, lines = (
            (self.old_start, self.old_lines)
            if side is Side.OLD
            else (self.new_start, self.new_lines)
        )
        begin = start if lines else start + 1
        return range(begin, begin + lines)

    def covers(self, side: Side, number: int) -> bool:
        """Tell whether the hunk shows line `number` of a side."""
        return number in self.numbers(side)

    def line_at(self, side: Side, number: int) -> Line | None:
        """Give line `number` of a side; None where the hunk does not show it."""
        numbers = self.numbers(side)
        return self.side(side)[number - numbers.start] if number in numbers else None

    def render(self) -> bytes:
        """Give the hunk as it stands in the input, header and lines."""
        return self.span.render()

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        return Hunk.read, (self.span,)


def _read_lines(hunk: Hunk) -> list[Line]:
    """Make the lines of a hunk that was checked before."""
    old, new = hunk.numbers(Side.OLD).start, hunk.numbers(Side.NEW).start
    lines: list[Line] = []
    # Only "\n" ends a line: `str.splitlines` would also split at form feeds and U+2028.
    for row in decode(hunk.render()).removesuffix("\n").split("\n")[1:]:
        mark, text = row[:1], row[1:]
        if mark == "+":
            line = Line(kind=LineKind.ADD, text=text, old_number=None, new_number=new)
            new += 1
        elif mark == "-":
            line = Line(kind=LineKind.DELETE, text=text, old_number=old, new_number=None)
            old += 1
        elif mark == "\\":
            line = replace(lines.pop(), no_newline=True)
        else:
            line = Line(kind=LineKind.CONTEXT, text=text, old_number=old, new_number=new)
            old += 1
            new += 1
        lines.append(line)
    return lines
