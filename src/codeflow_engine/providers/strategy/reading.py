"""Reads what a model answers in the form of `form.FORM`.

A wrong type anywhere is no answer at all. A value that is only odd, such as an unknown word for a
severity, is brought into shape: the finding is worth more than the word.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn

from codeflow_engine.contracts.strategy import Inspection
from codeflow_engine.domain.confidence import as_confidence
from codeflow_engine.domain.diff import Side, Unit
from codeflow_engine.domain.finding import RawFinding
from codeflow_engine.errors import InvalidResponseError
from codeflow_engine.providers.strategy.form import FORM
from codeflow_engine.providers.strategy.words import (
    category_of,
    cut,
    kebab,
    one_line,
    severity_of,
    valid_text,
)

__all__ = ["read"]

_LARGEST: Final = 1_000_000
"""Characters of an answer; the gateway reads no larger one either. JSON of this size takes 10 ms,
in which nothing else of the process goes on."""

_TITLE: Final = 200
_MESSAGE: Final = 2_000
_QUOTE: Final = 4_000
_REPLACEMENT: Final = 10_000
_PATH: Final = 4_096
"""Characters of each text."""

_NO_EDIT: Final = "\N{REPLACEMENT CHARACTER}"
"""Stands for a replacement that cannot be taken; the engine makes no edit of it, and counts it."""

_TEXTS: Final = (*("path", "quote", "side", "severity", "category", "rule", "title", "message"),)


def read(text: str, units: Sequence[Unit], *, most: int) -> Inspection:
    """Read an answer about some units.

    Args:
        text: The answer; nothing stands around its JSON.
        units: Units of the chunk, by the numbers of their parts, from 1.
        most: Findings that are given; of more, the worst ones.

    Raises:
        InvalidResponseError: It does not have the form.
    """
    told = _parse(text)
    findings = [_finding(one, units) for one in _list(told, "findings")]
    usable = [one for one in findings if one is not None]
    kept = _worst(usable, most)
    return Inspection(
        findings=kept,
        examined=_examined(_list(told, "examined"), units),
        unusable=len(findings) - len(kept),
    )


def _parse(text: str) -> Mapping[str, Any]:
    if len(text) > _LARGEST:
        _refuse()
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        _refuse()
    if not isinstance(told, dict) or told.keys() != FORM["properties"].keys():
        _refuse()
    return told


def _refuse() -> NoReturn:
    # No word of the answer belongs into a message.
    raise InvalidResponseError("the answer does not have the form that was asked") from None


def _list(told: Mapping[str, Any], name: str) -> list[Any]:
    value = told[name]
    if not isinstance(value, list):
        _refuse()
    return value


def _examined(numbers: list[Any], units: Sequence[Unit]) -> tuple[Unit, ...]:
    """Give the units all of whose parts are among the numbers, in the order of the chunk."""
    named = {_whole(number) for number in numbers}
    unread = {unit for number, unit in enumerate(units, 1) if number not in named}
    return tuple(unit for unit in dict.fromkeys(units) if unit not in unread)


def _whole(value: Any) -> int:
    # For JSON, and for its schemas, 1.0 is a whole number.
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        _refuse()
    return int(value)


def _worst(findings: Sequence[RawFinding], most: int) -> tuple[RawFinding, ...]:
    """Give the worst ones, in the order in which they came."""
    places = sorted(range(len(findings)), key=lambda place: findings[place].severity.rank)
    return tuple(findings[place] for place in sorted(places[:most]))


def _finding(told: Any, units: Sequence[Unit]) -> RawFinding | None:
    """Read one finding; None where it does not say what is wrong."""
    if not isinstance(told, dict) or not all(isinstance(told.get(key), str) for key in _TEXTS):
        _refuse()
    part = _whole(told.get("part"))
    confidence = told.get("confidence")
    if isinstance(confidence, bool) or not isinstance(confidence, int | float):
        _refuse()
    title, message = _words(told)
    if not title:
        return None
    quote, is_whole = _quoted(told["quote"])
    return RawFinding(
        rule=kebab(told["rule"]),
        severity=severity_of(told["severity"]),
        category=category_of(told["category"]),
        title=title,
        message=message,
        path=told["path"][:_PATH],
        side=Side.OLD if told["side"].strip().casefold() == Side.OLD else Side.NEW,
        quote=quote,
        part=part if 1 <= part <= len(units) else None,
        replacement=_replacement(told.get("replacement"), is_whole=is_whole),
        confidence=as_confidence(confidence),
    )


def _words(told: Mapping[str, Any]) -> tuple[str, str]:
    """Give title and message, each in place of the other where that one is empty."""
    message = valid_text(told["message"]).strip()
    title = one_line(valid_text(told["title"])) or one_line(message) or one_line(told["rule"])
    return cut(title, _TITLE), cut(message or title, _MESSAGE)


def _quoted(quote: str) -> tuple[str, bool]:
    """Give as many lines of a quote as there is room for, and say whether it is all of them."""
    if len(quote) <= _QUOTE:
        return quote, True
    lines = quote[: _QUOTE + 1].rpartition("\n")[0]
    return lines if lines.strip() else quote[:_QUOTE], False


def _replacement(told: Any, *, is_whole: bool) -> str | None:
    """Give what takes the place of the quote; `_NO_EDIT` where that is no use."""
    if told is not None and not isinstance(told, str):
        _refuse()
    if told is None or not told.strip():
        return None
    # Cut short, or in the place of a part of what was quoted, it would be another edit.
    usable = is_whole and len(told) <= _REPLACEMENT and valid_text(told) == told
    return told if usable else _NO_EDIT
