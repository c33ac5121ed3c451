"""A patch: its diff as text, and the findings that it leaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codeflow_engine.reports.html.markup import Content, element, visible
from codeflow_engine.reports.html.words import counted

__all__ = ["patch_parts"]

_MOST_LINES = 400
_MOST_LEFT = 20
_SHORT = 12
"""Characters of a fingerprint: enough to tell one from the others."""


def patch_parts(given: Mapping[str, Any]) -> list[Content]:
    """Show the first lines of a patch, and the first findings that it leaves."""
    rows = given["diff"].split("\n")[:-1]
    left = [*given["left"].items()]
    told = f"{counted(len(given['fixed']), 'finding')} mended, {len(left)} left"
    reasons = [
        element("li", element("code", fingerprint[:_SHORT]), f" {reason}")
        for fingerprint, reason in left[:_MOST_LEFT]
    ]
    return [
        element("p", told, class_="cf-of"),
        element("pre", visible("\n".join(rows[:_MOST_LINES]))) if rows else None,
        _rest(len(rows) - _MOST_LINES, "line", "print(patch)"),
        element("ul", reasons) if reasons else None,
        _rest(len(left) - _MOST_LEFT, "finding", "patch.left"),
    ]


def _rest(number: int, noun: str, whole: str) -> Content:
    if number <= 0:
        return None
    told = f"{counted(number, f'more {noun}')} left out of this view; "
    return element("p", told, element("code", whole), " has them all.", class_="cf-note cf-rest")
