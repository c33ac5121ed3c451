"""What all reports tell of a review in the same words and in the same order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from codeflow_engine.reports.prose import count

__all__ = [
    "SEVERITY_NAMES",
    "by_file",
    "count_severities",
    "coverage_line",
    "headline",
    "is_live",
    "live_and_settled",
    "reasons_of",
]

SEVERITY_NAMES = ("critical", "high", "medium", "low", "info")
"""The severities, worst first."""

_RANKS = {name: rank for rank, name in enumerate(SEVERITY_NAMES)}


def headline(review: Mapping[str, Any]) -> str:
    """Say in one line how a review ended and what it found."""
    live, _ = live_and_settled(review)
    coverage = review["coverage"]
    if review["outcome"] == "reviewed":
        if not coverage["units"]:
            return "Review complete: the change is empty, there was nothing to review"
        if coverage["excluded"] == coverage["units"] and not live:
            return "Review complete: everything is excluded by policy, nobody examined anything"
        return f"Review complete: {_found(live)}"
    missing = coverage["skipped"] + coverage["failed"]
    told = _found(live) if live else "that nothing was found does not mean that it is clean"
    return (
        f"REVIEW NOT COMPLETE ({review['outcome']}): {missing} of "
        f"{count(coverage['units'], 'unit')} not covered; {told}"
    )


def coverage_line(review: Mapping[str, Any]) -> str:
    """Say in one line what a review covered, on which isolation, and how long it took."""
    coverage = review["coverage"]
    verdict = "" if review["outcome"] == "reviewed" else f"NOT COMPLETE ({review['outcome']}), "
    scope = f"{count(coverage['hunks'], 'hunk')} in {count(review['change']['files'], 'file')}"
    return (
        f"{verdict}reviewed: {coverage['reviewed']} of {count(coverage['units'], 'unit')} "
        f"({scope}), {coverage['excluded']} excluded, {coverage['skipped']} skipped, "
        f"{coverage['failed']} failed; isolation {review['isolation']}; "
        f"{review['timing']['seconds']:.2f} s"
    )


def is_live(finding: Mapping[str, Any]) -> bool:
    """Say whether a finding counts: it is new or open."""
    return finding["state"] in {"new", "open"}


def live_and_settled(
    review: Mapping[str, Any],
) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """Part the findings that count from those that are resolved or dismissed."""
    findings = review["findings"]
    return (
        [finding for finding in findings if is_live(finding)],
        [finding for finding in findings if not is_live(finding)],
    )


def count_severities(findings: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Count findings by severity, worst first; each severity is there."""
    counted = Counter(finding["severity"] for finding in findings)
    return {name: counted[name] for name in SEVERITY_NAMES}


def by_file(
    findings: Sequence[Mapping[str, Any]],
) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """Order findings by file: the file with the worst one first, then by path."""
    worst: dict[str, int] = {}
    for finding in findings:
        rank = _RANKS[finding["severity"]]
        worst[finding["path"]] = min(rank, worst.get(finding["path"], rank))
    ordered = sorted(
        findings,
        key=lambda f: (worst[f["path"]], f["path"], _RANKS[f["severity"]], f["line"] or 0),
    )
    return [(path, list(group)) for path, group in groupby(ordered, key=lambda f: f["path"])]


def reasons_of(
    entries: Sequence[Mapping[str, Any]], state: str
) -> list[tuple[str, dict[str, int]]]:
    """Count units of one state by reason and path, the most frequent reason first."""
    reasons: dict[str, Counter[str]] = {}
    for entry in entries:
        if entry["state"] == state:
            reasons.setdefault(entry["reason"], Counter())[entry["path"]] += 1
    ordered = sorted(reasons.items(), key=lambda pair: (-pair[1].total(), pair[0]))
    return [(reason, dict(paths)) for reason, paths in ordered]


def _found(live: Sequence[Mapping[str, Any]]) -> str:
    if not live:
        return "no findings"
    counted = count_severities(live)
    told = ", ".join(f"{number} {name}" for name, number in counted.items() if number)
    return f"{count(len(live), 'finding')} ({told})"
