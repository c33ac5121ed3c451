"""How wide text stands on a terminal, and how it is wrapped and cut to fit."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from codeflow_engine.reports.visible import escape

__all__ = ["CodeLine", "lay_out", "width", "wrap"]

_TAB = 4
"""Distance of tab stops in code, in cells."""

_ELLIPSIS = "..."

# The space characters of Unicode besides the control ones: in prose they only part words.
_BULLET = re.compile(r" *(?:[-*+]|[0-9]{1,3}[.)]) +")
_BETWEEN_WORDS = re.compile(r"[\t\r\u0020\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")


def width(text: str) -> int:
    """Count the cells that visible text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(map(_cells, text))


def _cells(character: str) -> int:
    # Marks stand on the character before them; so do the vowels and final consonants of
    # decomposed Hangul (UAX 11, and what wcwidth does).
    if unicodedata.category(character) in {"Mn", "Me"} or "\u1160" <= character <= "\u11ff":
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def wrap(text: str, limit: int | None, encoding: str = "utf-8") -> list[str]:
    """Break prose into lines of at most `limit` cells; its own line breaks and indents stay.

    A word that is longer than a line is broken. Several empty lines become one, and none
    stands at an end. Hidden characters are escaped.
    """
    lines: list[str] = []
    for row in text.split("\n"):
        wrapped = _wrap_row(row, limit, encoding)
        if wrapped or (lines and lines[-1]):
            lines.extend(wrapped or [""])
    return lines[:-1] if lines and not lines[-1] else lines


def _wrap_row(row: str, limit: int | None, encoding: str) -> list[str]:
    words = [escape(word, encoding) for word in _BETWEEN_WORDS.split(row) if word]
    if not words:
        return []
    bullet = _BULLET.match(row)
    indent = " " * (len(row) - len(row.lstrip(" ")))
    hang = " " * len(bullet[0]) if bullet else indent
    if limit is None:
        return [indent + " ".join(words)]
    indent, hang = indent[: limit // 2], hang[: limit // 2]
    lines: list[str] = []
    current = indent
    for word in words:
        gap = " " if current.strip(" ") else ""
        if width(current) + len(gap) + width(word) <= limit:
            current += gap + word
            continue
        if gap:
            lines.append(current)
            current = hang
        *full, rest = _break_word(word, limit - len(current))
        lines.extend(current + part for part in full[:1])
        lines.extend(hang + part for part in full[1:])
        current = (hang if full else current) + rest
    return [*lines, current]


def _break_word(word: str, room: int) -> list[str]:
    parts: list[str] = []
    start = used = 0
    for index, character in enumerate(word):
        cells = _cells(character)
        if used + cells > room:
            parts.append(word[start:index])
            start, used = index, 0
        used += cells
    return [*parts, word[start:]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeLine:
    """A line of code as it is shown, and where its characters stand."""

    text: str
    first: int
    """Index of the first source character that is shown."""

    edges: tuple[int, ...]
    """The cell where each shown character begins, and the one after the last of them."""

    def cell(self, index: int) -> int:
        """Find the cell where a source character begins; the nearest one where it is cut."""
        return self.edges[min(max(index - self.first, 0), len(self.edges) - 1)]


def lay_out(line: str, limit: int, *, focus: int = 0, encoding: str = "utf-8") -> CodeLine:
    """Lay code out in at most `limit` cells: tabs expanded, hidden characters escaped.

    Where the line is too long, a part around the character at index `focus` is shown
    between ellipses.
    """
    focus = min(focus, len(line))
    first = _window_start(line, focus, limit, encoding)
    pieces = [_ELLIPSIS] if first else [""]
    edges = [len(pieces[0])]
    # Characters without width could make the window endless, so they are bounded too.
    stop = min(len(line), focus + 4 * limit)
    for character in line[first:stop]:
        piece = _piece(character, edges[-1], encoding)
        pieces.append(piece)
        edges.append(edges[-1] + width(piece))
        if edges[-1] > limit:
            break
    if edges[-1] > limit or stop < len(line):
        while edges[-1] > limit - len(_ELLIPSIS) and len(edges) > 1:
            pieces.pop()
            edges.pop()
        pieces.append(_ELLIPSIS)
    return CodeLine(text="".join(pieces), first=first, edges=tuple(edges))


def _piece(character: str, at: int, encoding: str) -> str:
    return " " * (_TAB - at % _TAB) if character == "\t" else escape(character, encoding)


def _window_start(line: str, focus: int, limit: int, encoding: str) -> int:
    """Choose where to begin so that the focus is seen with code on both of its sides."""
    most = limit * 2 // 3
    after = 0
    for character in line[focus : focus + most]:
        after += width(_piece(character, 0, encoding))
        if after > most:
            break
    room = limit - min(after, most)
    first = _walk_left(line, focus, room, encoding)
    return _walk_left(line, focus, room - len(_ELLIPSIS), encoding) if first else 0


def _walk_left(line: str, focus: int, room: int, encoding: str) -> int:
    used = 0
    index = focus
    while index and focus - index < 4 * room:
        used += width(_piece(line[index - 1], 0, encoding))
        if used > room:
            break
        index -= 1
    return index
