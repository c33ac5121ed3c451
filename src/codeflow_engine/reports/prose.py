"""Short pieces of prose that all parts of the text report use."""

from __future__ import annotations

from datetime import UTC, datetime

from codeflow_engine.reports.cells import wrap
from codeflow_engine.reports.style import Style

__all__ = ["count", "duration", "item", "moment", "paragraph"]

_MINUTE = 60
_MINUTES = 100 * _MINUTE
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


def count(number: int, noun: str) -> str:
    """Write a number with its noun: `1 unit`, `2 units`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def duration(seconds: float) -> str:
    """Write a time: `0.42 s`, `2 min 3 s`, `5 h 10 min`, `3 d 2 h`."""
    if seconds < _MINUTE:
        return f"{seconds:.2f} s"
    whole = round(seconds)
    if whole < _MINUTES:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    if whole < 2 * _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // _DAY:,} d {whole % _DAY // _HOUR} h"


def moment(at: datetime) -> str:
    """Write a moment for people, in UTC: `2026-11-23 05:00:00 UTC`."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def paragraph(text: str, style: Style, indent: str) -> list[str]:
    """Wrap text behind an indent."""
    rows = wrap(text, style.room(len(indent)), style.encoding)
    return [f"{indent}{row}".rstrip() for row in rows]


def item(label: str, text: str, style: Style, indent: str = "") -> list[str]:
    """Wrap text so that it hangs behind a label, a short one of visible characters."""
    hang = " " * len(label)
    rows = wrap(text, style.room(len(indent) + len(hang)), style.encoding) or [""]
    return [f"{indent}{label}{rows[0]}".rstrip(), *(f"{indent}{hang}{row}" for row in rows[1:])]
