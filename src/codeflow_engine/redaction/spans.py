"""Where secrets stand in a text, and where its characters went when they were replaced."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class Span:
    """A secret, or the part of it on one line."""

    start: int
    """Offset of its first character in the text."""

    end: int
    """Offset behind its last character."""

    rule: str
    """Id of the rule that found it; `configured` for a value of the registry."""


@dataclass(frozen=True, slots=True)
class OffsetMap:
    """The way from a redacted text back to its source.

    Line numbers need no map: a span never holds a line break, so both texts have the
    same lines. Columns and offsets move with each placeholder.
    """

    shown: tuple[int, ...]
    """Offset behind each placeholder in the redacted text, ascending; begins with 0."""

    source: tuple[int, ...]
    """Offset behind each secret in the source; begins with 0."""

    widths: tuple[int, ...]
    """Length of each placeholder; begins with 0."""

    starts: tuple[int, ...]
    """Offset of each secret in the source; begins with 0."""

    @classmethod
    def of(cls, spans: tuple[Span, ...], widths: tuple[int, ...]) -> OffsetMap:
        """Make the map of a text in which each span gave way to `widths` characters."""
        grown = accumulate(
            width - (span.end - span.start) for span, width in zip(spans, widths, strict=True)
        )
        return cls(
            shown=(0, *(span.end + by for span, by in zip(spans, grown, strict=True))),
            source=(0, *(span.end for span in spans)),
            widths=(0, *widths),
            starts=(0, *(span.start for span in spans)),
        )

    def source_range(self, start: int, end: int) -> tuple[int, int]:
        """Return the range of the source that a range of the redacted text shows.

        A placeholder stands for its secret as a whole: a range that touches the inside
        of one covers all of the secret.
        """
        return self._back(start, end=False), max(self._back(end, end=True), self._back(start))

    def shown_range(self, start: int, end: int) -> tuple[int, int]:
        """Return the range of the redacted text that shows a range of the source.

        A range that touches the inside of a secret covers all of its placeholder.
        """
        return self._forth(start, end=False), max(self._forth(end, end=True), self._forth(start))

    def _forth(self, offset: int, *, end: bool = False) -> int:
        """Return the place in the redacted text of an offset of the source."""
        index = bisect_right(self.source, offset) - 1
        after = index + 1
        if after < len(self.source) and offset > self.starts[after]:
            return self.shown[after] if end else self.shown[after] - self.widths[after]
        return self.shown[index] + offset - self.source[index]

    def _back(self, offset: int, *, end: bool = False) -> int:
        """Return the place in the source of an offset of the redacted text."""
        index = bisect_right(self.shown, offset) - 1
        after = index + 1
        if after < len(self.shown):
            inside = offset - (self.shown[after] - self.widths[after])
            if inside > 0:
                return self.source[after] if end else self.starts[after]
        return self.source[index] + offset - self.shown[index]
