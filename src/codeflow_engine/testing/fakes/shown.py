"""Reads what the engine shows to a model, as a model would: from the text alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

__all__ = ["ShownPart", "ShownRow", "fenced", "parts_of"]

_FENCE: Final = "-----"
_PART: Final = re.compile(r'Part (\d+): file ("(?:[^"\\]|\\.)*")')
_HUNK: Final = ("hunk:", "hunk, continued from another part:")
_LONGEST: Final = 12
"""Lines of a quote: of more that are alike no reader makes out which is meant."""

_ADDED: Final = "+"
_KEPT: Final = " "


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRow:
    """A line of the new side."""

    text: str
    """Without its mark."""

    is_added: bool


@dataclass(slots=True, kw_only=True)
class ShownPart:
    """A part of a chunk, by its number from 1."""

    number: int
    path: str
    new_side: list[ShownRow] = field(default_factory=list)
    """The lines of its hunk that stand on the new side."""

    def quote(self, place: int) -> str:
        """Give the line at a place, with as few lines beside it as make it stand there only.

        Args:
            place: Index in `new_side`.
        """
        texts = [row.text for row in self.new_side]
        for size in range(1, min(_LONGEST, len(texts)) + 1):
            for first in range(place, max(place - size, -1), -1):
                quote = texts[first : first + size]
                if len(quote) == size and not _is_elsewhere(texts, quote, first):
                    return "\n".join(quote)
        return texts[place]


def _is_elsewhere(texts: list[str], wanted: list[str], first: int) -> bool:
    size = len(wanted)
    return any(
        at != first and texts[at] == wanted[0] and texts[at : at + size] == wanted
        for at in range(len(texts) - size + 1)
    )


def fenced(text: str) -> list[str]:
    """Give the lines between two lines that end with the same mark; all of them without such."""
    lines = text.rstrip("\n").split("\n")
    opening = next((at for at, line in enumerate(lines) if line.startswith(_FENCE)), None)
    if opening is None:
        return lines
    mark = lines[opening].rpartition(" ")[2]
    closing = max(at for at, line in enumerate(lines) if line.endswith(mark))
    return lines[opening + 1 : closing if closing > opening else None]


def parts_of(lines: Sequence[str]) -> list[ShownPart]:
    """Read the parts that some lines show."""
    return [*_parts(lines)]


def _parts(lines: Sequence[str]) -> Iterator[ShownPart]:
    part: ShownPart | None = None
    is_hunk = False
    for line in lines:
        if head := _PART.match(line):
            if part is not None:
                yield part
            part = ShownPart(number=int(head[1]), path=json.loads(head[2]))
            is_hunk = False
        elif line in _HUNK:
            is_hunk = True
        elif part is not None and is_hunk and line[:1] in (_ADDED, _KEPT):
            part.new_side.append(ShownRow(text=line[1:], is_added=line[0] == _ADDED))
    if part is not None:
        yield part
