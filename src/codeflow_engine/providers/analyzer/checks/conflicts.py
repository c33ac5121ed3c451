"""Conflict markers that a merge left behind.

A single marker proves nothing: seven equals signs underline a heading in reStructuredText
and Markdown, and `>>>>>>>` quotes a mail. So only `<<<<<<<`, `=======` and `>>>>>>>` in
this order count. They are looked for across all hunks of a file, because what stands
between them is often unchanged and longer than the context of a hunk.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Final, NamedTuple

from codeflow_engine.domain.diff import DiffFile, Hunk, Side
from codeflow_engine.providers.analyzer.checks.kinds import is_prose
from codeflow_engine.providers.analyzer.checks.telling import tell

if TYPE_CHECKING:
    from codeflow_engine.domain.finding import RawFinding

__all__ = ["CONFLICT", "find_conflicts"]

CONFLICT: Final = "conflict-marker"

_SIGNS: Final = tuple(sign * 7 for sign in (b"<", b"=", b">"))
_MARKER: Final = re.compile(rb"[+ ](?:(<{7}|>{7})(?=[ \r\n]|\Z)|(={7})\r?(?:\n|\Z))")


class _Marker(NamedTuple):
    hunk: int
    line: int
    sign: bytes
    added: bool


def find_conflicts(file: DiffFile) -> dict[int, list[RawFinding]]:
    """Find conflicts of which the change adds at least one marker, by hunk."""
    found: dict[int, list[RawFinding]] = {}
    trio: list[_Marker] = []
    for marker in _markers(file):
        if marker.sign[:1] == b"<":
            trio = [marker]
        elif trio and (len(trio) == 2) == (marker.sign[:1] == b">"):  # noqa: PLR2004 - of three
            trio.append(marker)
            if marker.sign[:1] == b">":
                added = next((one for one in trio if one.added), None)
                if added is not None:
                    found.setdefault(added.hunk, []).append(_finding(file.path, added, trio))
                trio = []
        elif marker.sign[:1] == b">":
            trio = []
    return found


def _markers(file: DiffFile) -> Iterator[_Marker]:
    for index, hunk in enumerate(file.hunks):
        span = hunk.span
        if any(span.data.find(sign, span.low, span.high) >= 0 for sign in _SIGNS):
            yield from _in_hunk(index, hunk)


def _in_hunk(index: int, hunk: Hunk) -> Iterator[_Marker]:
    line = hunk.numbers(Side.NEW).start - 1
    rows = BytesIO(hunk.render())
    next(rows)
    for row in rows:
        if row[:1] in {b"-", b"\\"}:
            continue
        line += 1
        match = _MARKER.match(row)
        if match is not None:
            sign = match[1] or match[2]
            yield _Marker(index, line, sign, row[:1] == b"+")


def _finding(path: str, marker: _Marker, trio: list[_Marker]) -> RawFinding:
    lines = ", ".join(str(one.line) for one in trio)
    return tell(
        rule=CONFLICT,
        severity="high",
        category="correctness",
        title="A merge conflict is left in the file",
        message=(
            f"Conflict markers stand in lines {lines}. Choose what the lines between them "
            "shall say and take the markers out."
        ),
        path=path,
        line=marker.line,
        confidence=0.5 if is_prose(path) else 0.95,
    )
