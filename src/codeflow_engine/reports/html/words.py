"""Numbers, times and places as the HTML report writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from codeflow_engine.reports.prose import duration

__all__ = [
    "counted",
    "duration",
    "place",
    "revision",
    "shorten",
    "tally",
]

_REVISION = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SHORT = 12


def counted(number: int, noun: str) -> str:
    """Write a number with its noun: `1 unit`, `2,000 units`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def revision(name: str) -> str:
    """Shorten the id of a commit; another name of a revision stays as it is."""
    return name[:_SHORT] if _REVISION.fullmatch(name) else name


def place(finding: Mapping[str, Any]) -> str:
    """Say where in its file a finding stands: `line 12:5`, `lines 3-9`, `whole file`."""
    first, last = finding["line"], finding["end_line"]
    if first is None:
        told = "whole file"
    elif last is not None and last > first:
        told = f"lines {first}-{last}"
    else:
        column = (finding["evidence"] or {}).get("column")
        told = f"line {first}" if column is None else f"line {first}:{column}"
    return told if finding["side"] == "new" else f"{told}, before the change"


def shorten(text: str, most: int) -> str:
    """Cut a text to what one place has room for; an ellipsis says that it was longer."""
    return text if len(text) <= most else f"{text[: most - 1]}\u2026"


def tally(counts: Mapping[str, int]) -> str:
    """Write counts in words, without those of nothing: `2 high, 1 low`."""
    return ", ".join(f"{number:,} {name}" for name, number in counts.items() if number)
