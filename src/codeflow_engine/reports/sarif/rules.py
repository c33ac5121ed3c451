"""The rules that results name, described as far as a review knows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from codeflow_engine.reports.sarif.words import inert
from codeflow_engine.reports.summary import SEVERITY_NAMES
from codeflow_engine.reports.visible import escape

__all__ = ["LEVELS", "NOT_COVERED", "SCORES", "describe", "not_covered_rule"]

NOT_COVERED = "codeflow-engine/not-covered"
"""Id of the results, and of the notifications, that tell what nobody has examined."""

LEVELS = {
    "critical": "error",
    "high": "error",
    "medium": "warning",
    "low": "note",
    "info": "note",
}

SCORES = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0"}
"""Scores within the bands that GitHub shows as critical, high, medium and low."""

_ADVICE = {"error": "error", "warning": "warning", "note": "recommendation"}
_PRECISIONS = ((0.9, "very-high"), (0.7, "high"), (0.4, "medium"), (0.0, "low"))


def describe(findings: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Describe the rules of findings, sorted by id."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for finding in findings:
        groups.setdefault(escape(finding["rule"]), []).append(finding)
    return {rule: _rule(rule, groups[rule]) for rule in sorted(groups)}


def _rule(rule: str, findings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    worst = min(findings, key=lambda finding: SEVERITY_NAMES.index(finding["severity"]))
    titles = {" ".join(finding["title"].split()) for finding in findings}
    # Titles that differ tell of what was found, and not of the rule.
    short = escape(titles.pop()) if len(titles) == 1 else ""
    sources = _names(source for finding in findings for source in finding["sources"])
    categories = _names(finding["category"] for finding in findings)
    level = LEVELS[worst["severity"]]
    sure = min(finding["confidence"] for finding in findings)
    told = f"Category: {categories}."
    told += f" Reported by {sources}." if sources else ""
    properties: dict[str, Any] = {
        "precision": next(name for least, name in _PRECISIONS if sure >= least),
        "problem.severity": _ADVICE[level],
        "tags": categories.split(", "),
    }
    risks = [one["severity"] for one in findings if one["category"] == "security"]
    risk = min(risks, key=SEVERITY_NAMES.index, default="info")
    if risk in SCORES:
        properties["security-severity"] = SCORES[risk]
    return _descriptor(rule, short or rule, told, level, properties)


def not_covered_rule() -> dict[str, Any]:
    """Describe the rule of results that tell what nobody has examined."""
    told = "The review is not complete. That nothing was found here does not mean that it is clean."
    properties = {"precision": "very-high", "problem.severity": "error", "tags": ["coverage"]}
    return _descriptor(NOT_COVERED, "Not covered by the review", told, "error", properties)


def _descriptor(
    rule: str, short: str, told: str, level: str, properties: dict[str, Any]
) -> dict[str, Any]:
    short, told = inert(short), inert(told)
    made: dict[str, Any] = {"id": rule}
    name = rule.rpartition("/")[2].strip()
    if name and name != rule:
        made["name"] = name
    return made | {
        "shortDescription": {"text": short},
        "fullDescription": {"text": told},
        "defaultConfiguration": {"level": level},
        "help": {"text": f"{told} What to do is told with each result."},
        "properties": properties,
    }


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted({escape(name) for name in names if name.strip()}))
