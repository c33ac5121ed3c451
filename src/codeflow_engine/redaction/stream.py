"""Redact a text that arrives in chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.redaction.blocks import Block, held_lines
from codeflow_engine.redaction.scan import CONTEXT, WINDOW, Piece, Tails, run_end

if TYPE_CHECKING:
    from collections.abc import Iterable
    from re import Pattern

    from codeflow_engine.redaction.growth import Growth
    from codeflow_engine.redaction.scan import Scan


class RedactionStream:
    """Redacts a text chunk by chunk, with the outcome that the whole text has.

    Text is held back only from where a secret may have begun: a word that may be the
    start of a token, the rest of a line behind a name such as `password`, at most about
    1,700 characters, and within what may be a private key as many as 128 lines.
    """

    __slots__ = ("_blocks", "_cover", "_growth", "_pieces", "_scan", "_settled", "_tails", "_text")

    def __init__(self, scan: Scan, growth: Growth) -> None:
        self._scan = scan
        self._growth = growth
        self._clear()

    def _clear(self) -> None:
        self._text = ""
        # All offsets are of `_text`, which loses its first characters as they are shown.
        self._settled = 0
        self._cover = -1
        self._pieces: list[Piece] = []
        # The secrets that reach to the end of the text, by what may continue them.
        self._tails: dict[Pattern[str], int] = {}
        self._blocks: list[tuple[Block, int]] = []

    def __repr__(self) -> str:
        return f"RedactionStream(held={len(self._text) - self._settled})"

    def __reduce__(self) -> NoReturn:
        raise ConfigurationError("a stream of text with secrets is neither pickled nor copied")

    def feed(self, chunk: str) -> str:
        """Take the next chunk and return the text that can be shown by now."""
        return "".join(
            self._step(chunk[start : start + WINDOW], final=False)
            for start in range(0, len(chunk), WINDOW)
        )

    def flush(self) -> str:
        """Return the rest of the text; what is fed later is a new text."""
        rest = self._step("", final=True)
        self._clear()
        return rest

    def _step(self, chunk: str, *, final: bool) -> str:
        known = len(self._text)
        self._text += chunk
        self._follow_tails(known)
        tails = Tails(self._scan)
        for block, rank in self._blocks:
            self._add(tails, (Piece(*ends, rank) for ends in block.read(self._text, final=final)))
        limit = self._limit(final=final)
        for hit in self._scan.hits(self._text, self._settled, limit):
            if hit.at >= limit:
                break
            self._add(tails, self._scan.own_pieces(self._text, hit, self._settled))
            opened = self._scan.block(self._text, hit)
            if opened is not None:
                self._blocks.append((opened, hit.rank))
                lines = opened.read(self._text, final=final)
                self._add(tails, (Piece(*ends, hit.rank) for ends in lines))
                limit = min(limit, self._held())
        self._blocks = [entry for entry in self._blocks if not entry[0].ended]
        shown = self._show(limit)
        self._cut(limit)
        return shown

    def _follow_tails(self, known: int) -> None:
        tails, self._tails = self._tails, {}
        for tail, rank in tails.items():
            end = run_end(self._text, known, tail)
            self._pieces.append(Piece(known, end, rank))
            if end == len(self._text):
                self._tails[tail] = rank

    def _add(self, tails: Tails, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            whole = tails.extended(self._text, piece)
            self._pieces.append(whole)
            if whole.end == len(self._text):
                self._tails.setdefault(self._scan.tail(piece.rank), piece.rank)

    def _held(self) -> int:
        """Return where the first line starts that a reader cannot tell yet."""
        return min(
            (block.at for block, _ in self._blocks if not (block.ended or block.skipping)),
            default=len(self._text),
        )

    def _limit(self, *, final: bool) -> int:
        """Return up to where nothing changes any more, whatever comes."""
        text, settled = self._text, self._settled
        if final:
            return len(text)
        line = max(text.rfind("\n", settled) + 1, settled)
        last = "" if text[-1:].isspace() else "".join(text[line:].rsplit(None, 1)[-1:])
        word = len(text) - len(last)
        limit = min(
            self._growth.undecided(text, line, word),
            self._scan.registry.undecided(text, line, word),
            self._held(),
        )
        # The lines of a block that goes on are told by its header already.
        if not any(block.seen and not block.ended for block, _ in self._blocks):
            limit = min(limit, held_lines(text, settled, self._growth.reach))
        return max(limit, settled)

    def _show(self, limit: int) -> str:
        ready = sorted(
            (piece for piece in self._pieces if piece.start < limit),
            key=lambda piece: (piece.start, piece.rank),
        )
        self._pieces = [piece for piece in self._pieces if piece.start >= limit]
        out: list[str] = []
        at = max(self._settled, self._cover)
        for piece in ready:
            if piece.start > self._cover:
                out += (self._text[at : piece.start], self._scan.placeholder(piece.rank))
            self._cover = max(self._cover, piece.end)
            at = max(at, self._cover)
        return "".join((*out, self._text[at:limit]))

    def _cut(self, limit: int) -> None:
        """Forget the text that was shown, but for what look-behind may need."""
        gone = max(limit - CONTEXT, 0)
        self._text = self._text[gone:]
        self._settled = limit - gone
        self._cover -= gone
        self._pieces = [Piece(start - gone, end - gone, rank) for start, end, rank in self._pieces]
        for block, _ in self._blocks:
            block.at -= gone
