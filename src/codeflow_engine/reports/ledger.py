"""What a review did not cover, as lines of text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from codeflow_engine.reports.prose import count, paragraph
from codeflow_engine.reports.style import Color, Style
from codeflow_engine.reports.summary import reasons_of
from codeflow_engine.reports.visible import escape_path

__all__ = ["render", "uncovered_and_excluded"]

_MOST_REASONS = 10
_MOST_PATHS = 10


def render(coverage: Mapping[str, Any]) -> str:
    """Render a ledger, in its JSON form, as plain text without a final line feed.

    The first line says whether everything is covered.
    """
    uncovered, left_out = uncovered_and_excluded(coverage["entries"], Style())
    states = ("reviewed", "excluded", "skipped", "failed")
    told = ", ".join(f"{coverage[state]} {state}" for state in states)
    verdict = "NOT COMPLETE" if uncovered else "complete"
    first = f"coverage {verdict}: {count(coverage['units'], 'unit')}: {told}"
    return "\n".join([first, *uncovered, *left_out])


def uncovered_and_excluded(
    entries: Sequence[Mapping[str, Any]], style: Style
) -> tuple[list[str], list[str]]:
    """Lay out the units that are not covered, and those that policy left out."""
    states = Counter(entry["state"] for entry in entries)
    missing = states["failed"] + states["skipped"]
    uncovered = _by_reason(entries, "failed", style) + _by_reason(entries, "skipped", style)
    left_out = _by_reason(entries, "excluded", style)
    if uncovered:
        title = f"not covered: {missing} of {count(len(entries), 'unit')}"
        uncovered.insert(0, style.paint(title, Color.BOLD_RED))
    if left_out:
        left_out.insert(0, f"excluded by policy: {count(states['excluded'], 'unit')}")
    return uncovered, left_out


def _by_reason(entries: Sequence[Mapping[str, Any]], state: str, style: Style) -> list[str]:
    """List units of one state by reason, the most frequent first, then by path."""
    ordered = reasons_of(entries, state)
    rows: list[str] = []
    for reason, paths in ordered[:_MOST_REASONS]:
        told = f"{state}, {count(sum(paths.values()), 'unit')}: {reason}"
        rows += paragraph(" ".join(told.split("\n")), style, "  ")
        rows += [
            f"    {escape_path(path, style.encoding)} ({count(units, 'unit')})"
            for path, units in list(paths.items())[:_MOST_PATHS]
        ]
        rest = list(paths.values())[_MOST_PATHS:]
        if rest:
            rows.append(f"    and {count(len(rest), 'more file')} ({count(sum(rest), 'unit')})")
    rest = [sum(paths.values()) for _, paths in ordered[_MOST_REASONS:]]
    if rest:
        rows.append(f"  {state}, {count(sum(rest), 'unit')}: {count(len(rest), 'more reason')}")
    return rows
