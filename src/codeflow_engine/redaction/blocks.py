"""Private keys over several lines: the base64 lines after a header or before a footer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeflow_engine.redaction.rule import compiled

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE = 256
"""Characters of a line that decide what the line is."""

MAX_LINES = 128
"""Most lines before a footer that are read; an RSA key of 8,192 bits has 100."""

_FULL_LINE = 40

# A line's number, a diff's marker, a comment sign, a quote: what may stand before base64.
_DECOR = (
    r"(?:[ \t]{0,8}[0-9]{1,7}(?:[ \t]{1,4}[|:]?|[|:])[ \t]{0,4})?"
    r"[+ -]?[^A-Za-z0-9+/=\r\n]{0,24}(?://[ \t])?"
    r"""(?:[a-zA-Z]{0,2}["'`]{1,3})?"""
)
_JUNK = r"""(?:\\+[nr])*["'`]{0,3}[ \t]*[+,;\\)\]|]{0,3}[ \t]*\r?\Z"""
_LONG = rf"{_DECOR}([A-Za-z0-9+/]{{24,}}+)"
_WHOLE = rf"{_DECOR}([A-Za-z0-9+/]++={{0,3}}){_JUNK}"
_FULL = rf"{_DECOR}([A-Za-z0-9+/]{{{_FULL_LINE},}}+={{0,2}}){_JUNK}"
_BEFORE_FOOTER = (
    rf"{_DECOR}(?:([A-Za-z0-9+/]++={{0,3}})(?:\\+[nr])*)?"
    r"-----? ?END (?:[A-Z0-9]{1,16} ){0,4}\Z"
)
_HEADER = rf"{_DECOR}[A-Z][A-Za-z-]{{2,24}}: ?\S"
_EMPTY = r"[^A-Za-z0-9/=]*\Z"
_BEGUN = rf"{_DECOR}[A-Za-z0-9+/]*+={{0,3}}[^A-Za-z0-9]{{0,12}}\Z"
_FOOTER_BEGUN = rf"{_DECOR}(?:[A-Za-z0-9+/]++={{0,3}}(?:\\+[nr])*)?-.*\Z"
_MOST_IDLE = 8
_LEAST_DISTINCT = 10


def block_start(text: str, end: int, limit: int) -> int | None:
    """Return where the line after a header starts; None when the header's line goes on.

    Args:
        text: The text that holds the header.
        end: End of the header.
        limit: Where to stop the search for the end of its line.
    """
    newline = text.find("\n", end, limit)
    if newline < 0 or compiled(r"[A-Za-z0-9/=]{4}").search(text, end, newline):
        return None
    return newline + 1


class Block:
    """A reader of the lines after a header, which ends at the first that is no key.

    `at` is where it reads on; `skipping` tells that this is within a line whose kind is
    known, `seen` that there was a line of a key.
    """

    __slots__ = ("_idle", "at", "ended", "seen", "skipping")

    def __init__(self, at: int) -> None:
        self.at: int = at
        self.ended: bool = False
        self.seen: bool = False
        self.skipping: bool = False
        self._idle = 0

    def read(self, text: str, *, final: bool) -> Iterator[tuple[int, int]]:
        """Read on as far as the text allows.

        Args:
            text: The text, or a stretch of it that `at` points into.
            final: Whether the text ends here, so that its last line is a whole one.

        Yields:
            Start and end of each piece of a key; more of it may follow the end.
        """
        while not self.ended:
            newline = text.find("\n", self.at, self.at + LINE)
            end = newline if newline >= 0 else min(self.at + LINE, len(text))
            cut = newline < 0 and end < self.at + LINE
            if not self.skipping:
                if cut and not final:
                    return
                yield from self._line(text, end, whole=cut or newline >= 0)
            self.at, self.skipping = (newline + 1, False) if newline >= 0 else (end, True)
            if cut:
                self.ended |= final
                return

    def _line(self, text: str, end: int, *, whole: bool) -> Iterator[tuple[int, int]]:
        line = text[self.at : end]
        match = compiled(_LONG).match(line)
        if match and not self.seen and not _generated(match[1]):
            match = None
        if match is None and self.seen and whole:
            match = compiled(_WHOLE).match(line)
        if match and "BEGIN " not in line:
            self.seen = True
            yield self.at + match.start(1), self.at + match.end(1)
            return
        self._idle += 1
        idle = compiled(_HEADER).match(line) or compiled(_EMPTY).match(line)
        self.ended = not idle or "---" in line or self._idle > _MOST_IDLE


def lines_before(text: str, at: int, floor: int) -> list[tuple[int, int]]:
    """Return the pieces of a key that stand in the lines before its footer.

    Args:
        text: The text that holds the footer.
        at: Where its footer says `PRIVATE KEY`.
        floor: Lines that start before it are not read.
    """
    start = _line_start(text, at)
    if start is None or start < floor:
        return []
    own = compiled(_BEFORE_FOOTER).match(text[start:at])
    if not own:
        return []
    found = [(start + own.start(1), start + own.end(1))] if own[1] else []
    above = list(_lines_above(text, start, floor, short=not own[1]))
    return found + above if above else []


def held_lines(text: str, floor: int, reach: int) -> int:
    """Return where the last lines start that a footer could still turn into a key.

    Args:
        text: What is known of the text.
        floor: Lines that start before it are not read.
        reach: Characters behind a footer until which it is not told.
    """
    start = _line_start(text, len(text), longest=LINE + reach)
    if start is None or start < floor:
        return len(text)
    line = text[start : start + LINE]
    begun = len(text) - start <= LINE and compiled(_BEGUN).match(line)
    if not begun and not compiled(_FOOTER_BEGUN).match(line):
        return len(text)
    above = list(_lines_above(text, start, floor, short=True))
    if above:
        return _line_start(text, above[-1][0]) or 0
    return start if begun else len(text)


def _lines_above(text: str, start: int, floor: int, *, short: bool) -> Iterator[tuple[int, int]]:
    """Yield the pieces in the full lines above a line, from the nearest upwards.

    Args:
        text: The text.
        start: Start of the line.
        floor: Lines that start before it are not read.
        short: Whether the nearest may be shorter, as the last line of a key is.
    """
    pending: list[tuple[int, int]] = []
    for _ in range(MAX_LINES):
        above = _line_start(text, start - 1) if start else None
        if above is None or above < floor:
            return
        line = text[above : start - 1]
        match = compiled(_FULL).match(line)
        if match:
            yield from pending
            pending = []
        elif short:
            match = compiled(_WHOLE).match(line)
        if not match:
            return
        piece = above + match.start(1), above + match.end(1)
        if short and len(match[1]) < _FULL_LINE:
            pending = [piece]
        else:
            yield piece
        start, short = above, False


def _line_start(text: str, at: int, longest: int = LINE) -> int | None:
    """Return the start of the line that goes on to `at`, None for a longer one."""
    newline = text.rfind("\n", max(at - longest - 1, 0), at)
    return newline + 1 if newline >= 0 or at <= longest else None


def _generated(text: str) -> bool:
    return len(set(text)) >= _LEAST_DISTINCT and not (text.islower() or text.isupper())
