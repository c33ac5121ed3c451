"""Find secrets in a text: rules and registry together, window by window."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from codeflow_engine.redaction.blocks import Block, block_start, lines_before
from codeflow_engine.redaction.keys import MAX_PLACEHOLDER, View
from codeflow_engine.redaction.rule import CONFIGURED, NAMED_VALUE, WORD, compiled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from re import Pattern

    from codeflow_engine.redaction.index import RuleIndex
    from codeflow_engine.redaction.registry import Registry

WINDOW = 1 << 16
"""Characters that one search or one match reads at most.

The regular expression engine holds the interpreter's lock while it runs; on so many
characters that is about a millisecond.
"""

CONTEXT = 64
"""Characters before a match that its look-behind may read."""

REGISTERED = -1
"""The rank of a registered value."""

_ON_A_LINE = r"[^\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+"
_MARK = "[redacted:"


class Piece(NamedTuple):
    """A stretch of text that is a secret; pieces may overlap and touch."""

    start: int
    end: int
    rank: int
    """Number of the rule or `REGISTERED`: what decides about the label."""


class Hit(NamedTuple):
    """What was found at one place, before it is extended over what follows."""

    at: int
    start: int
    end: int
    rank: int
    over: int
    """End of the whole match."""


class Scan:
    """Rules and registry of one redactor, as they are at one moment."""

    __slots__ = ("_mark", "index", "registry")

    def __init__(self, index: RuleIndex, registry: Registry) -> None:
        self.index: RuleIndex = index
        self.registry: Registry = registry
        names = "|".join(sorted({CONFIGURED, NAMED_VALUE, *(rule.id for rule in index.rules)}))
        self._mark = rf"\[redacted:(?:{names})\]"

    def label(self, rank: int) -> str:
        """Return the id that a rank stands for."""
        return CONFIGURED if rank == REGISTERED else self.index.rules[rank].id

    def placeholder(self, rank: int) -> str:
        """Return what is shown instead of a secret."""
        return f"{_MARK}{self.label(rank)}]"

    def tail(self, rank: int) -> Pattern[str]:
        """Return what belongs to a secret when it follows one."""
        return compiled(f"{WORD if rank == REGISTERED else self.index.rules[rank].tail}*+")

    def lines(self, rank: int) -> str | None:
        """Return on which side of a hit the secret's lines stand, if it has lines."""
        return None if rank == REGISTERED else self.index.rules[rank].lines

    def hits(self, text: str, start: int, end: int) -> list[Hit]:
        """Return what begins between `start` and `end`, in the order of the text.

        What overlaps a placeholder of this redactor is left out.
        """
        view = View(text[start : end + self.index.pad])
        found = [
            Hit(match.start(), *match.span(self.index.rules[number].group), number, match.end())
            for number, match in self.index.matches(text, view, start, end)
        ]
        found += [
            Hit(at, at, over, REGISTERED, over)
            for at, over in self.registry.occurrences(text, view, start, end)
        ]
        return sorted(self._outside_marks(text, found)) if found else found

    def _outside_marks(self, text: str, hits: list[Hit]) -> list[Hit]:
        begin = max(min(hit.at for hit in hits) - MAX_PLACEHOLDER, 0)
        end = max(hit.over for hit in hits) + MAX_PLACEHOLDER
        if text.find(_MARK, begin, end) < 0:
            return hits
        marks = [match.span() for match in compiled(self._mark).finditer(text, begin, end)]
        ends = [stop for _, stop in marks]

        def overlaps(hit: Hit) -> bool:
            after = bisect_right(ends, hit.at)
            return after < len(marks) and marks[after][0] < hit.over

        return [hit for hit in hits if not overlaps(hit)]

    def pieces(self, text: str) -> Iterator[Piece]:
        """Yield every piece of a secret in a whole text."""
        tails = Tails(self)
        for start in range(0, len(text), WINDOW):
            for hit in self.hits(text, start, min(start + WINDOW, len(text))):
                block = self.block(text, hit)
                found = (
                    (Piece(*piece, hit.rank) for piece in block.read(text, final=True))
                    if block
                    else self.own_pieces(text, hit, 0)
                )
                for piece in found:
                    yield tails.extended(text, piece)

    def exposes(self, text: str) -> bool:
        """Tell whether a registered value begins anywhere in a whole text."""
        return any(
            next(self.registry.occurrences(text, view, start, start + WINDOW), None)
            for start in range(0, len(text), WINDOW)
            for view in (View(text[start : start + WINDOW + self.index.pad]),)
        )

    def block(self, text: str, hit: Hit) -> Block | None:
        """Return the reader of the lines after a hit, where its rule has them there."""
        if self.lines(hit.rank) != "after":
            return None
        at = block_start(text, hit.end, hit.at + self.index.rules[hit.rank].reach)
        return None if at is None else Block(at)

    def own_pieces(self, text: str, hit: Hit, floor: int) -> Iterator[Piece]:
        """Yield the pieces of a hit and of the lines before it, none with a line break."""
        side = self.lines(hit.rank)
        if side == "before":
            for start, end in lines_before(text, hit.start, floor):
                yield Piece(start, end, hit.rank)
        elif side is None:
            for match in compiled(_ON_A_LINE).finditer(text, hit.start, hit.end):
                yield Piece(match.start(), match.end(), hit.rank)


class Tails:
    """Extends pieces over what follows them, reading each stretch of text once."""

    __slots__ = ("_known", "_scan")

    def __init__(self, scan: Scan) -> None:
        self._scan = scan
        self._known: dict[Pattern[str], tuple[int, int]] = {}

    def extended(self, text: str, piece: Piece) -> Piece:
        """Return a piece that goes on to the end of its tail."""
        tail = self._scan.tail(piece.rank)
        start, end = self._known.get(tail, (0, 0))
        if not start <= piece.end <= end:
            start, end = piece.end, run_end(text, piece.end, tail)
            self._known[tail] = start, end
        return piece._replace(end=end)


def run_end(text: str, at: int, tail: Pattern[str]) -> int:
    """Return where the characters of a tail end that begin at `at`."""
    while True:
        stop = at + WINDOW
        match = tail.match(text, at, stop)
        at = match.end() if match else at
        if at < stop:
            return at


def merged(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Yield stretches that neither overlap nor touch, each with its first piece's rank."""
    current: Piece | None = None
    for piece in sorted(pieces, key=lambda piece: (piece.start, piece.rank)):
        if current is None or piece.start > current.end:
            if current:
                yield current
            current = piece
        elif piece.end > current.end:
            current = current._replace(end=piece.end)
    if current:
        yield current
