"""Cut what is too long for one piece, so that an edit moves as few of the cuts as it can."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple
from zlib import crc32

from codeflow_engine.domain.diff import LineKind
from codeflow_engine.review.piece import ShownLine

__all__ = ["Row", "cut"]

_BLOCK: Final = 16
"""Rows whose tokens are counted together; a count costs as much as that of some 300 characters."""

_CLOSERS: Final = " \t)]}"
_WORST: Final = 4


class Row(NamedTuple):
    """One line of what is shown of a hunk."""

    text: str
    """With its mark, and without its end."""

    line: ShownLine | None = None
    """None for a note of ours, such as on lines that are left out."""


def cut(rows: Sequence[Row], room: int, tokens: Callable[[str], int]) -> list[range]:
    """Cut rows into parts that fit.

    A part takes what fits, and ends in the second half of it where the text itself offers a
    good place: before a line at the margin with a blank one above it, say. Of equally good
    places a digest of the line chooses, not its number, so that after an edit the cuts soon
    stand where they stood before. What follows a part has no say in where it ends.

    Args:
        rows: What is cut.
        room: Tokens of one part.
        tokens: Counts those of a text.

    Returns:
        The rows of each part; one that does not fit is alone in its part.
    """
    parts: list[range] = []
    start = 0
    while start < len(rows):
        end = _fitting(rows, start, room, tokens)
        if end < len(rows):
            half = start + max((end - start) // 2, 1)
            places = range(half, end + 1)
            end = min(places, key=lambda place: _rank(rows, place), default=end)
        parts.append(range(start, end))
        start = end
    return parts


def _fitting(rows: Sequence[Row], start: int, room: int, tokens: Callable[[str], int]) -> int:
    """Find the end of the longest part from a row on that fits."""
    taken, end, step = 0, start, _BLOCK
    while end < len(rows):
        cost = tokens(_text(rows[end : end + step]))
        if taken + cost <= room:
            taken += cost
            end = min(end + step, len(rows))
        elif step > 1:
            step = 1
        else:
            break
    # Tokens of the whole may be a little more than those of its blocks.
    while end > start + 1 and tokens(_text(rows[start:end])) > room:
        end = start + (end - start) * 3 // 4
    return max(end, start + 1)


def _text(rows: Sequence[Row]) -> str:
    return "".join([f"{row.text}\n" for row in rows])


def _rank(rows: Sequence[Row], place: int) -> tuple[int, int, int]:
    line, before = rows[place].line, rows[place - 1].line
    if line is None or before is None:
        return _WORST, 0, -place
    changed = LineKind.CONTEXT not in (line.kind, before.kind)
    if changed and line.kind is not before.kind:
        badness = _WORST - 1
    else:
        at_margin = line.text[:1] not in _CLOSERS
        badness = 2 - at_margin - (not before.text or before.text.isspace())
    return badness, crc32(line.text.encode("utf-8", "surrogatepass")), -place
