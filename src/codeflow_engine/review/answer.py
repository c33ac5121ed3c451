"""Answer: what models say to a question becomes one answer, with the lines that it rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.finding import Category, RawFinding, Severity
from codeflow_engine.domain.reading import Quote
from codeflow_engine.redaction import Redactor
from codeflow_engine.reports.visible import escape_path
from codeflow_engine.review.locate import QuoteIndex
from codeflow_engine.review.piece import Piece
from codeflow_engine.review.said import form, items, number, one_of, shortened, text, words

__all__ = ["JOINED", "SHOWN", "Answered", "choose", "note", "read_answer"]

_ANSWER: Final = 20_000
"""Characters of an answer."""

_CODE: Final = 4_000
"""Characters of a quote."""

_MOST: Final = 20
"""Quotes of one answer that are looked for, and of the whole."""

_TOLD_CODE: Final = 300
"""Characters of a quote in a note."""

_MISSING: Final = "quote that stands nowhere in the change, or at several places"
_TOO_MANY: Final = f"quote beyond the first {_MOST} of an answer"
_UNKNOWN: Final = "number of a quote that is in no note"

SHOWN: Final[Mapping[str, Any]] = form(
    answer=text("the answer, or nothing"),
    quotes=items(
        form(
            part=number("number of the part"),
            path=text("the file, as the part names it"),
            quote=text("the lines, copied character by character, without marks"),
            side=one_of(Side),
        ),
        "the lines that the answer rests on",
    ),
)
"""JSON Schema of an answer of whoever sees the change, or a part of it."""

JOINED: Final[Mapping[str, Any]] = form(
    answer=text("the answer"),
    quotes=items({"type": "integer"}, "numbers of the quotes that the answer rests on"),
)
"""JSON Schema of an answer of whoever sees notes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What was said in one answer, as far as it can be used."""

    text: str = ""
    quotes: tuple[Quote, ...] = ()
    dropped: dict[str, int] = field(default_factory=dict)


def read_answer(told: Mapping[str, Any], pieces: Sequence[Piece], redactor: Redactor) -> Answered:
    """Read the answer of whoever was shown pieces, and find its quotes there."""
    index = QuoteIndex(pieces)
    said = told["quotes"]
    found = [_find(one, pieces, index, redactor) for one in said[:_MOST]]
    dropped = Counter({_MISSING: found.count(None), _TOO_MANY: len(said) - len(found)})
    return Answered(
        text=words(told["answer"], _ANSWER, redactor),
        quotes=tuple(dict.fromkeys(one for one in found if one is not None)),
        dropped=dict(+dropped),
    )


def _find(
    said: Mapping[str, Any], pieces: Sequence[Piece], index: QuoteIndex, redactor: Redactor
) -> Quote | None:
    """Find the lines of a quote; None where they are not there."""
    raw = RawFinding(
        rule="quote",
        severity=Severity.INFO,
        category=Category.DOCUMENTATION,
        title="quote",
        message="",
        path=said["path"],
        side=Side.OLD if said["side"].strip().casefold() == Side.OLD else Side.NEW,
        quote=said["quote"],
        part=int(said["part"]),
    )
    found = index.locate(raw)
    if found.quote is not None or (found.line is None) != (found.end_line is None):
        return None
    return Quote(
        path=redactor.redact(found.path),
        side=found.side,
        line=found.line,
        end_line=found.end_line,
        code=shortened(_code(found, pieces), _CODE),
    )


def _code(found: RawFinding, pieces: Sequence[Piece]) -> str:
    """Give lines as they were shown."""
    if found.line is None or found.end_line is None:
        return ""
    wanted = range(found.line, found.end_line + 1)
    shown: dict[int, str] = {}
    for piece in pieces:
        if found.path in piece.paths:
            for line in piece.lines:
                place = line.new_number if found.side is Side.NEW else line.old_number
                if place is not None and place in wanted:
                    shown.setdefault(place, line.text)
    return "\n".join(shown[place] for place in sorted(shown))


def note(said: Answered, first: int) -> str:
    """Write what was said, for whoever makes one answer of all.

    Args:
        said: By whoever was shown a part.
        first: Number of the first of its quotes.
    """
    rows = [said.text]
    for place, quote in enumerate(said.quotes, first):
        rows.append(f"quote {place}, {escape_path(quote.path)}:")
        rows += [f"    {line}" for line in shortened(quote.code, _TOLD_CODE).split("\n")]
    return "\n".join([*rows, ""])


def choose(told: Mapping[str, Any], quotes: Mapping[int, Quote], redactor: Redactor) -> Answered:
    """Read the answer of whoever was shown notes.

    Args:
        told: The answer.
        quotes: Those of the notes, by their numbers.
        redactor: Knows the secrets.
    """
    numbers = list(dict.fromkeys(map(int, told["quotes"])))
    chosen = [place for place in numbers if place in quotes]
    dropped = Counter(
        {_UNKNOWN: len(numbers) - len(chosen), _TOO_MANY: max(0, len(chosen) - _MOST)}
    )
    return Answered(
        text=words(told["answer"], _ANSWER, redactor),
        quotes=tuple(quotes[place] for place in chosen[:_MOST]),
        dropped=dict(+dropped),
    )
