"""Text of a change as a model may see it: without secrets, without what nobody sees.

A secret may be broken by a character that is taken out, so that secrets are looked for before
and after. Line numbers stay true: neither step adds or takes away a line.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from codeflow_engine.domain.diff import Line, LineKind
from codeflow_engine.redaction import Redactor
from codeflow_engine.reports.visible import is_hidden

__all__ = ["readable", "readable_lines", "readable_text"]

_BEYOND: Final = re.compile(r"[^\t\n\x20-\x7e]")
_LOST: Final = "\ufffd"
_LOST_RUN: Final = re.compile(f"{_LOST}{{2,}}")
_NO_TEXT: Final = frozenset({"Cc", "Cs", "Co"})
_PLACEHOLDER: Final = re.compile(r"\[redacted:[^\]\n]*\]")


def readable(text: str) -> str:
    """Take out what shows no glyph: bidi controls, tags, zero-width characters, selectors.

    Blanks of all kinds become spaces, but for tabs. Controls, bytes that are not UTF-8 and
    private characters become U+FFFD, one for a run of them. A carriage return before the end
    of a line goes; ends of lines stay.
    """
    if _BEYOND.search(text) is None:
        return text
    text = text.replace("\r\n", "\n").removesuffix("\r")
    hidden = [one for one in set(text) if one not in "\t\n" and is_hidden(one)]
    if not hidden:
        return text
    table = {ord(one): _in_place_of(one) for one in hidden}
    return _LOST_RUN.sub(_LOST, text.translate(table))


def readable_text(text: str, redactor: Redactor) -> str:
    """Make a text of the change readable that has one side, such as code around a hunk."""
    return "\n".join(_readable(text.split("\n"), None, redactor))


def readable_lines(lines: Sequence[Line], redactor: Redactor) -> list[str]:
    """Make the lines of a hunk readable, each as one line.

    Secrets are looked for in each side as a whole, because a private key spans lines.
    """
    kinds = {line.kind for line in lines}
    sides: list[Sequence[int]] | None = None
    if {LineKind.ADD, LineKind.DELETE} <= kinds:
        sides = [
            [place for place, line in enumerate(lines) if line.kind is not gone]
            for gone in (LineKind.ADD, LineKind.DELETE)
        ]
    return _readable([line.text for line in lines], sides, redactor)


def _readable(
    source: list[str], sides: list[Sequence[int]] | None, redactor: Redactor
) -> list[str]:
    plain = readable("\n".join(source)).split("\n")
    shown = list(plain)
    for lines in [source] if plain == source else [source, plain]:
        for places in sides or [range(len(source))]:
            text = "\n".join([lines[place] for place in places])
            redacted = redactor.redact(text)
            if redacted == text:
                continue
            for place, line in zip(places, readable(redacted).split("\n"), strict=True):
                shown[place] = _stricter(plain[place], shown[place], line)
    return shown


def _stricter(plain: str, one: str, other: str) -> str:
    """Join two ways to redact a line; where both took something out, nothing else is shown."""
    if one in (plain, other):
        return other
    if other == plain:
        return one
    found = _PLACEHOLDER.search(other)
    return one if found is None else found[0]


def _in_place_of(character: str) -> str:
    if character.isspace():
        return " "
    return _LOST if unicodedata.category(character) in _NO_TEXT else ""
