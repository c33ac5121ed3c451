"""Short pieces of prose that all parts of the text report use."""

from __future__ import annotations

from codeflow_engine.reports.cells import wrap
from codeflow_engine.reports.style import Style

__all__ = ["count", "item", "paragraph"]


def count(number: int, noun: str) -> str:
    """Write a number with its noun: `1 unit`, `2 units`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def paragraph(text: str, style: Style, indent: str) -> list[str]:
    """Wrap text behind an indent."""
    rows = wrap(text, style.room(len(indent)), style.encoding)
    return [f"{indent}{row}".rstrip() for row in rows]


def item(label: str, text: str, style: Style, indent: str = "") -> list[str]:
    """Wrap text so that it hangs behind a label, a short one of visible characters."""
    hang = " " * len(label)
    rows = wrap(text, style.room(len(indent) + len(hang)), style.encoding) or [""]
    return [f"{indent}{label}{rows[0]}".rstrip(), *(f"{indent}{hang}{row}" for row in rows[1:])]
