"""Unified: edits of a file become a diff that `git apply` takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from codeflow_engine.domain.finding import Suggestion

__all__ = ["unified"]

_CONTEXT: Final = 3
_NO_NEWLINE: Final = "\n\\ No newline at end of file\n"
_ESCAPES: Final = {7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 34: '"', 92: "\\"}
_PRINTABLE: Final = range(0x20, 0x7F)


@dataclass(slots=True)
class _Piece:
    """Rows of the file in a row that are replaced, or that stay as they are."""

    start: int
    """How many rows stand before it."""

    old: list[str]
    new: list[str]
    changes: bool


def unified(path: str, text: str, edits: Sequence[Suggestion]) -> str:
    r"""Write the diff of some edits of one file.

    Lines that come in end as those do that they replace: in CR LF where all of them do.
    A file without a newline at its end keeps none.

    Args:
        path: The file; a byte of it that is no UTF-8 is a surrogate.
        text: Its whole content.
        edits: Of lines that it has, in their order, none over another.
    """
    pieces = _pieces(text, edits)
    head = _quoted(f"a/{path}"), _quoted(f"b/{path}")
    hunks = "".join(_hunks(pieces))
    # A name with a blank in it ends in a tab, which git and GNU patch both take off.
    old, new = (f"{name}\t" if " " in name and name[0] != '"' else name for name in head)
    return f"diff --git {head[0]} {head[1]}\n--- {old}\n+++ {new}\n{hunks}" if hunks else ""


def _pieces(text: str, edits: Sequence[Suggestion]) -> list[_Piece]:
    """Cut a file into what stays and what is replaced, one after the other."""
    *rows, tail = text.split("\n")
    lines = [f"{row}\n" for row in rows] + ([tail] if tail else [])
    pieces: list[_Piece] = []
    at = 0
    for edit in edits:
        first, last = edit.start_line - 1, edit.end_line
        new = _fitted(edit.replacement, lines, first, last)
        while first < last and new and lines[first] == new[0]:
            first, new = first + 1, new[1:]
        while first < last and new and lines[last - 1] == new[-1]:
            last, new = last - 1, new[:-1]
        if first > at:
            pieces.append(_Piece(at, lines[at:first], lines[at:first], changes=False))
        if pieces and pieces[-1].changes:
            pieces[-1].old += lines[first:last]
            pieces[-1].new += new
        else:
            pieces.append(_Piece(first, lines[first:last], new, changes=True))
        at = last
    if at < len(lines):
        pieces.append(_Piece(at, lines[at:], lines[at:], changes=False))
    elif tail and pieces:
        _open_end(pieces)
    return pieces


def _fitted(replacement: str, lines: list[str], first: int, last: int) -> list[str]:
    """Give the lines of a replacement the ends that the replaced ones have."""
    new = replacement.split("\n") if replacement else []
    whole = [line for line in lines[max(first - 1, 0) : last] if line.endswith("\n")]
    if first and len(whole) > 1:
        del whole[0]
    if whole and all(line.endswith("\r\n") for line in whole):
        new = [line.removesuffix("\r") + "\r" for line in new]
    return [f"{line}\n" for line in new]


def _open_end(pieces: list[_Piece]) -> None:
    """Take the newline from the last line, where the file had none behind its last."""
    last = pieces[-1]
    if not last.new and len(pieces) > 1:
        # What stands before lines that are taken away becomes the last line, and changes so.
        before = pieces[-2]
        row = before.old.pop()
        before.new = before.old
        last.start -= 1
        last.old.insert(0, row)
        last.new.append(row)
    if last.new:
        last.new[-1] = last.new[-1].removesuffix("\n").removesuffix("\r")


def _hunks(pieces: Sequence[_Piece]) -> Iterator[str]:
    """Write the hunks, each with three lines around; those that are near are one."""
    body: list[str] = []
    old = new = shift = start = 0
    for place, piece in enumerate(pieces):
        if piece.changes:
            if not body:
                start = piece.start
            body += [f"-{row}" for row in piece.old]
            body += [f"+{row}" for row in piece.new]
            old += len(piece.old)
            new += len(piece.new)
            continue
        ends = place + 1 == len(pieces)
        near = len(piece.old) <= 2 * _CONTEXT and not ends
        after = (piece.old if near else piece.old[:_CONTEXT]) if body else []
        body += [f" {row}" for row in after]
        old, new = old + len(after), new + len(after)
        if near and body:
            continue
        if body:
            yield _hunk(body, start, shift, old, new)
            shift += new - old
        before = [] if ends else piece.old[-_CONTEXT:]
        body = [f" {row}" for row in before]
        old = new = len(before)
        start = piece.start + len(piece.old) - len(before)
    if new or old:
        yield _hunk(body, start, shift, old, new)


def _hunk(body: Sequence[str], start: int, shift: int, old: int, new: int) -> str:
    """Write one hunk; where a side has no lines, its number is that of the line before."""
    ranges = f"-{start + bool(old)},{old} +{start + shift + bool(new)},{new}"
    rows = (row if row.endswith("\n") else row + _NO_NEWLINE for row in body)
    return f"@@ {ranges} @@\n{''.join(rows)}"


def _quoted(name: str) -> str:
    """Write a name as git does: in quotes where it holds anything but plain characters."""
    raw = name.encode("utf-8", "surrogateescape")
    if all(code in _PRINTABLE and code not in _ESCAPES for code in raw):
        return name
    return f'"{"".join(map(_character, raw))}"'


def _character(code: int) -> str:
    if code in _ESCAPES:
        return f"\\{_ESCAPES[code]}"
    return chr(code) if code in _PRINTABLE else f"\\{code:03o}"
