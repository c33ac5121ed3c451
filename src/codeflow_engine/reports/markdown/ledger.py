"""What a review did not cover, and what does not count, as Markdown lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from codeflow_engine.reports.inert import code_span, cut, one_line
from codeflow_engine.reports.markdown.finding import folded, short
from codeflow_engine.reports.prose import count
from codeflow_engine.reports.summary import reasons_of
from codeflow_engine.reports.visible import escape_path

__all__ = ["LONGEST_PATH", "excluded", "numbers", "path_span", "settled", "uncovered"]

LONGEST_PATH = 400
_LONGEST_REASON = 400
_MOST_REASONS = 10
_MOST_PATHS = 10


def path_span(path: str, encoding: str) -> str:
    """Write a path as a code span."""
    return code_span(cut(escape_path(path, encoding), LONGEST_PATH), encoding) or "(no name)"


def uncovered(entries: Sequence[Mapping[str, Any]], encoding: str) -> str:
    """List the units that are not covered by reason; empty where all are."""
    failed, skipped = (_by_reason(entries, state, encoding) for state in ("failed", "skipped"))
    return "\n".join(["### Not covered", "", *failed, *skipped]) if failed or skipped else ""


def excluded(entries: Sequence[Mapping[str, Any]], encoding: str) -> str:
    """List the units that the policy leaves out, folded away; empty where there are none."""
    rows = _by_reason(entries, "excluded", encoding)
    return "\n".join(folded("Excluded by policy", rows)) if rows else ""


def _by_reason(entries: Sequence[Mapping[str, Any]], state: str, encoding: str) -> list[str]:
    ordered = reasons_of(entries, state)
    rows: list[str] = []
    for reason, paths in ordered[:_MOST_REASONS]:
        told = one_line(reason, _LONGEST_REASON, encoding)
        rows.append(f"- {state}, {count(sum(paths.values()), 'unit')}: {told}")
        rows += [
            f"  - {path_span(path, encoding)} ({count(units, 'unit')})"
            for path, units in list(paths.items())[:_MOST_PATHS]
        ]
        rest = list(paths.values())[_MOST_PATHS:]
        if rest:
            rows.append(f"  - and {count(len(rest), 'more file')} ({count(sum(rest), 'unit')})")
    rest = [sum(paths.values()) for _, paths in ordered[_MOST_REASONS:]]
    if rest:
        rows.append(f"- {state}, {count(sum(rest), 'unit')}: {count(len(rest), 'more reason')}")
    return rows


def settled(findings: Sequence[Mapping[str, Any]], encoding: str) -> str:
    """List the findings that are resolved or dismissed, folded away."""
    if not findings:
        return ""
    rows = [
        f"- {one['state']}: {path_span(one['path'], encoding)}, {short(one, encoding)}"
        for one in findings
    ]
    return "\n".join(folded(f"Resolved or dismissed: {count(len(findings), 'finding')}", rows))


def numbers(review: Mapping[str, Any], encoding: str) -> str:
    """Tell what was dropped, and what the models have consumed."""
    rows = []
    dropped = {reason: number for reason, number in review["dropped"].items() if number}
    if dropped:
        told = "; ".join(f"{number} {reason}" for reason, number in dropped.items())
        rows.append(f"Dropped: {one_line(told, _LONGEST_REASON, encoding)}")
    usage = review["usage"]
    if usage["calls"]:
        cost = f"{usage['cost_usd']} USD" if usage["cost_usd"] else "cost not known"
        rows.append(
            f"Models: {count(usage['calls'], 'call')}, {usage['input_tokens']} tokens in "
            f"({usage['cached_tokens']} cached), {usage['output_tokens']} out, {cost}"
        )
    return "\\\n".join(rows)
