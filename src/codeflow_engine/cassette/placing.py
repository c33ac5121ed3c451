"""Where a finding stands in a text whose secrets were taken out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from codeflow_engine.domain.finding import RawFinding
from codeflow_engine.redaction import Redactor

__all__ = ["placed"]

_MARK: Final = re.compile(r"\[redacted:[a-z0-9-]+\]")


def placed(
    finding: RawFinding, *, shown: str | None, original: str | None, redactor: Redactor
) -> RawFinding:
    """Move the columns of a finding, and leave out a quote that would not be found any more.

    A quote that holds a secret would not stand there word for word; the number of its line
    tells its place, where it has one.

    Args:
        finding: As an analyzer told it of the original.
        shown: Its first line without secrets; None where nobody knows it.
        original: The line with them.
        redactor: Knows the secrets.
    """
    if finding.line is None:
        return finding
    if finding.quote is not None and redactor.redact(finding.quote) != finding.quote:
        finding = replace(finding, quote=None)
    if finding.column is None or shown is None or original is None or shown == original:
        return finding
    move = _moves(original, shown)
    end = finding.end_column
    return replace(
        finding,
        column=move(finding.column - 1) + 1,
        end_column=None if end is None else move(end - 1, is_end=True) + 1,
    )


def _moves(original: str, shown: str) -> Callable[..., int]:
    """Give what turns an offset of a line into that of the line without its secrets."""
    pieces = _MARK.split(shown)
    marks = [mark[0] for mark in _MARK.finditer(shown)]
    spans: list[tuple[int, int, int, int]] = []
    at = len(pieces[0])
    to = at
    for mark, piece in zip(marks, pieces[1:], strict=True):
        # The last piece stands at the end; any other one comes next.
        end = original.find(piece, at) if piece else at
        if piece is pieces[-1]:
            end = len(original) - len(piece)
        end = max(end, at)
        spans.append((at, end, to, to + len(mark)))
        at, to = end + len(piece), to + len(mark) + len(piece)

    def move(offset: int, *, is_end: bool = False) -> int:
        shift = 0
        for start, end, first, last in spans:
            if offset <= start:
                break
            if offset < end:
                return last if is_end else first
            shift = last - end
        return min(max(offset + shift, 0), len(shown))

    return move
