"""Describe: what models say of the parts of a change becomes one description."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from codeflow_engine.domain.reading import ChangeLabel
from codeflow_engine.redaction import Redactor
from codeflow_engine.reports.visible import escape_path
from codeflow_engine.review.piece import Piece
from codeflow_engine.review.said import form, items, one_of, shortened, text, words

__all__ = ["JOINED", "PART", "WHOLE", "Described", "note", "read_description"]

_TITLE: Final = 200
_SUMMARY: Final = 5_000
_OF_FILE: Final = 1_000
"""Characters of each text."""

_NAMED: Final = 30
"""Files that a note names."""

_LABELS: Final = items(one_of(ChangeLabel), "the most fitting first")
_FILES: Final = items(
    form(path=text("the file, as the part names it"), summary=text("what becomes of it")),
    "each file that the parts name",
)
_SAID: Final = {"summary": text("what the change does"), "labels": _LABELS}

JOINED: Final[Mapping[str, Any]] = form(title=text("one line in the imperative"), **_SAID)
"""JSON Schema of what is made of notes."""

PART: Final[Mapping[str, Any]] = form(**_SAID, files=_FILES)
"""JSON Schema of what is said of a part of a change."""

WHOLE: Final[Mapping[str, Any]] = form(
    title=text("one line in the imperative"), **_SAID, files=_FILES
)
"""JSON Schema of what is said of all of a change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What was said in one answer, as far as it can be used."""

    title: str = ""
    summary: str = ""
    labels: tuple[ChangeLabel, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    """What becomes of a file, by its path; each is one of the pieces."""

    dropped: dict[str, int] = field(default_factory=dict)


def read_description(
    told: Mapping[str, Any], pieces: Sequence[Piece], redactor: Redactor
) -> Described:
    """Read an answer in one of the forms; the pieces are what it was asked about."""
    paths = {
        name: piece.path
        for piece in pieces
        if piece.path
        for name in (*piece.names, escape_path(piece.path), piece.path)
    }
    files: dict[str, str] = {}
    dropped: Counter[str] = Counter()
    for one in told.get("files", ()):
        path = paths.get(one["path"])
        if path is None:
            dropped["summary of a file that was not shown"] += 1
        elif said := words(one["summary"], _OF_FILE, redactor):
            files[path] = shortened(f"{files[path]} {said}" if path in files else said, _OF_FILE)
    return Described(
        title=words(told.get("title", ""), _TITLE, redactor, lines=False),
        summary=words(told["summary"], _SUMMARY, redactor),
        labels=_labels(told["labels"]),
        files=files,
        dropped=dict(dropped),
    )


def _labels(said: Iterable[str]) -> tuple[ChangeLabel, ...]:
    known = {label.value: label for label in ChangeLabel}
    found = (known.get(word.strip().casefold()) for word in said)
    return tuple(dict.fromkeys(label for label in found if label is not None))


def note(described: Described, names: Sequence[str]) -> str:
    """Write what was said of a part, for whoever makes one description of all."""
    told = [*names[:_NAMED], *(["and others"] if len(names) > _NAMED else [])]
    labels = ", ".join(described.labels) or "none"
    files = f"files: {', '.join(told)}\n" if told else ""
    return f"{files}labels: {labels}\n{described.summary}\n"
