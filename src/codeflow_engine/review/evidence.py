"""Evidence: the code around an anchor, as it may be shown."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from codeflow_engine.domain.diff import Hunk, Side
from codeflow_engine.domain.finding import Evidence, RawFinding
from codeflow_engine.domain.identity import Traits
from codeflow_engine.redaction import OffsetMap, Redactor
from codeflow_engine.review.fingerprint import traits_of

__all__ = ["ShownSide"]

_AROUND = 2
"""Lines shown before and after the finding."""

_MAX_LINES = 12
_MAX_WIDTH = 400
"""Characters of one line; of a longer one the part around the finding is shown."""

_CUT = "…"


@dataclass(frozen=True, slots=True)
class ShownSide:
    """Lines of one side, of a hunk or of a whole file, with their secrets redacted.

    They are redacted as one text, because a private key spans lines; redaction keeps
    line breaks, so line numbers stay true.
    """

    first: int
    source: list[str]
    lines: list[str]
    starts: list[int]
    """Offset of each source line in the text of the side."""

    shown_starts: list[int]
    map: OffsetMap

    @classmethod
    def of(cls, hunk: Hunk, side: Side, redactor: Redactor) -> ShownSide:
        """Redact one side of a hunk."""
        source = [line.text for line in hunk.side(side)]
        return cls.of_lines(hunk.numbers(side).start, source, redactor)

    @classmethod
    def of_lines(cls, first: int, source: list[str], redactor: Redactor) -> ShownSide:
        """Redact lines of a file, of which the first has the number `first`."""
        shown, offsets = redactor.redact_mapped("\n".join(source))
        lines = shown.split("\n")
        return cls(first, source, lines, _starts(source), _starts(lines), offsets)

    def traits(self, line: int, end_line: int) -> Traits:
        """Describe the lines of an anchor, redacted: what a fingerprint is made of."""
        return traits_of(self.lines, line - self.first, end_line - self.first)

    def evidence(self, raw: RawFinding, line: int, end_line: int) -> Evidence:
        """Show the lines of an anchor with two more on each side."""
        low = max(line - self.first - _AROUND, 0)
        high = min(end_line - self.first + 1 + _AROUND, low + _MAX_LINES, len(self.lines))
        column, end_column = self._columns(line, raw.column, raw.end_column)
        at = line - self.first
        text, shift = _window(self.lines[at], column)
        lines = [_window(shown, None)[0] for shown in self.lines[low:high]]
        lines[at - low] = text
        return Evidence(
            start_line=self.first + low,
            lines=tuple(lines),
            column=None if column is None else column - shift,
            end_column=None if end_column is None else min(end_column - shift, len(text) + 1),
        )

    def _columns(
        self, line: int, column: int | None, end_column: int | None
    ) -> tuple[int | None, int | None]:
        """Turn columns of the source line into columns of the shown one."""
        at = line - self.first
        width = len(self.source[at])
        if column is None or not 1 <= column <= width + 1:
            return None, None
        last = min(max(end_column or column + 1, column + 1), width + 1)
        start, end = self.map.shown_range(self.starts[at] + column - 1, self.starts[at] + last - 1)
        return start - self.shown_starts[at] + 1, end - self.shown_starts[at] + 1


def _starts(lines: list[str]) -> list[int]:
    return list(accumulate((len(line) + 1 for line in lines), initial=0))


def _window(line: str, column: int | None) -> tuple[str, int]:
    """Cut a long line around a column; also say how far columns move to the left."""
    if len(line) <= _MAX_WIDTH:
        return line, 0
    start = max((column or 1) - _MAX_WIDTH // 2, 0)
    cut = line[start : start + _MAX_WIDTH]
    tail = _CUT if start + _MAX_WIDTH < len(line) else ""
    return (_CUT + cut + tail, start - 1) if start else (cut + tail, 0)
