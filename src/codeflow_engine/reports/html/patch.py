"""A patch: its diff as text, and the findings that it leaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codeflow_engine.reports.html.fragment import left_out, root
from codeflow_engine.reports.html.markup import element, visible
from codeflow_engine.reports.html.words import counted

__all__ = ["patch"]

_MOST_LINES = 400
_MOST_LEFT = 20
_SHORT = 12
"""Characters of a fingerprint: enough to tell one from the others."""


def patch(given: Mapping[str, Any]) -> str:
    """Show the first lines of a patch, and the first findings that it leaves.

    Args:
        given: What `Patch.to_json` gives.
    """
    rows = given["diff"].split("\n")[:-1]
    left = [*given["left"].items()]
    told = f"{counted(len(given['fixed']), 'finding')} mended, {len(left)} left"
    reasons = [
        element("li", element("code", fingerprint[:_SHORT]), f" {reason}")
        for fingerprint, reason in left[:_MOST_LEFT]
    ]
    return root(
        element("p", told, class_="cf-of"),
        element("pre", visible("\n".join(rows[:_MOST_LINES]))) if rows else None,
        left_out(len(rows) - _MOST_LINES, "line", "print(patch)"),
        element("ul", reasons) if reasons else None,
        left_out(len(left) - _MOST_LEFT, "finding", "patch.left"),
    )
