"""Locate: what a model quoted becomes lines of the change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.finding import RawFinding
from codeflow_engine.reports.visible import escape_path
from codeflow_engine.review.mending import suggestion
from codeflow_engine.review.piece import Piece
from codeflow_engine.review.quotes import MOST_PLACES, Match, Quote, Views

__all__ = ["QuoteIndex", "locate"]

_MOST: Final = 10_000
"""Characters of a quote; a model is told to quote as little as it can."""

_CUT: Final = "…"


def locate(raw: RawFinding, pieces: Sequence[Piece]) -> RawFinding:
    """Find the lines of one finding, as `QuoteIndex.locate` does for many."""
    return QuoteIndex(pieces).locate(raw)


class QuoteIndex:
    """Finds the lines that models quote, in the pieces of one chunk.

    Args:
        pieces: What the chunk shows, as part 1, part 2 and so on.
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces
        self._views = Views(pieces)
        self._of_path: dict[str, list[int]] = {}
        for place, piece in enumerate(pieces):
            for name in {*piece.paths, *map(escape_path, piece.paths), *piece.names}:
                self._of_path.setdefault(name, []).append(place)

    def locate(self, raw: RawFinding) -> RawFinding:
        """Put numbers of lines in the place of a quote.

        The quote may be a part of a line, or lines that follow one another on one side; what
        blanks it has does not matter, nor whether the marks of a diff stand in front. It is
        looked for in the part that is named, then in the other parts of that file; on the
        side that is named, then on the other. Of several places it is the only one that the
        change touches, or none.

        Returns:
            The finding with its lines, and with the suggestion that its replacement makes.
            One that has no place here, or several, has its quote and no line.
        """
        places = self._of_path.get(raw.path, [])
        named = raw.part - 1 if raw.part and 0 < raw.part <= len(self._pieces) else None
        if not places or (named is not None and named not in places):
            return _unfound(raw)
        if raw.quote is None and raw.line is not None:
            return raw
        about = places if named is None else [named]
        if raw.quote is None or not any(self._pieces[place].lines for place in about):
            # What has no lines to quote is spoken of as a whole.
            return replace(
                _unfound(raw),
                path=self._pieces[about[0]].path,
                side=Side.NEW,
                quote=None,
                part=None,
                replacement=None,
            )
        match = self._find(raw, raw.quote, places, named)
        return _unfound(raw) if match is None else _found(raw, match)

    def _find(
        self, raw: RawFinding, text: str, places: list[int], named: int | None
    ) -> Match | None:
        quote = Quote(text) if len(text) <= _MOST else None
        if quote is None or not quote.lines:
            return None
        others = [place for place in places if place != named]
        for group in ([] if named is None else [named], others):
            for side in (raw.side, Side.OLD if raw.side is Side.NEW else Side.NEW):
                if matches := self._views.find(quote, group, side):
                    return _only(matches)
        return None


def _only(matches: list[Match]) -> Match | None:
    """Choose the one match that stands out; None where several are equal."""
    if len(matches) > MOST_PLACES:
        return None
    if len(matches) > 1 and matches[0].quoted[0][:1].isspace():
        matches = [match for match in matches if match.is_exact] or matches
    if len(matches) > 1:
        matches = [match for match in matches if match.touches]
    return matches[0] if len(matches) == 1 else None


def _found(raw: RawFinding, match: Match) -> RawFinding:
    old = match.side is Side.OLD
    numbers = [line.old_number if old else line.new_number for line in match.lines]
    return replace(
        raw,
        path=match.piece.paths[-1] if old else match.piece.path,
        side=match.side,
        line=numbers[0],
        end_line=numbers[-1],
        column=None,
        end_column=None,
        quote=None,
        part=None,
        replacement=None,
        suggestion=suggestion(match, raw.replacement),
    )


def _unfound(raw: RawFinding) -> RawFinding:
    """Take away the numbers of whoever was shown none; keep what was quoted, within bounds."""
    quote = raw.quote or ""
    return replace(
        raw,
        line=None,
        end_line=None,
        column=None,
        end_column=None,
        quote=quote if len(quote) <= _MOST else quote[:_MOST] + _CUT,
        suggestion=None,
    )
