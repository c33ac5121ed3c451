"""Findings, and what was not covered, as SARIF results."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from codeflow_engine.reports.places import (
    Place,
    first_of,
    is_exact,
    is_whole,
    not_covered_line,
    place_of,
    prose_of,
)
from codeflow_engine.reports.sarif.location import artifact, location, region
from codeflow_engine.reports.sarif.rules import LEVELS, NOT_COVERED, SCORES
from codeflow_engine.reports.sarif.words import inert
from codeflow_engine.reports.summary import SEVERITY_NAMES, reasons_of
from codeflow_engine.reports.visible import escape

__all__ = ["not_covered", "result"]

_FINGERPRINT = "codeflowFingerprint/v1"


def result(finding: Mapping[str, Any], indexes: Mapping[str, int]) -> dict[str, Any]:
    """Make the result of a finding that is not resolved."""
    rule = escape(finding["rule"])
    place = place_of(finding)
    physical: dict[str, Any] = {"artifactLocation": artifact(finding["path"])}
    if place is not None:
        physical["region"] = region(place)
        physical |= _context(finding, place)
    made: dict[str, Any] = {
        "ruleId": rule,
        "ruleIndex": indexes[rule],
        "level": LEVELS[finding["severity"]],
        "message": {"text": inert(prose_of(finding))},
        "locations": [{"physicalLocation": physical}],
        "partialFingerprints": {_FINGERPRINT: finding["fingerprint"]},
        "suppressions": _suppressions(finding),
        "baselineState": "new" if finding["state"] == "new" else "unchanged",
        "rank": _rank(finding),
    }
    fix = _fix(finding)
    if fix is not None:
        made["fixes"] = [fix]
    return made | {"properties": _properties(finding)}


def _context(finding: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Give the lines around a region (3.29.5: more than the region itself)."""
    evidence = finding["evidence"]
    if evidence is None or not evidence["lines"]:
        return {}
    first, lines = evidence["start_line"], evidence["lines"]
    last = first + len(lines) - 1
    wider = (first, last) != (place.line, place.last) or place.column is not None
    if not first <= place.line <= place.last <= last or not wider or not all(map(is_whole, lines)):
        return {}
    snippet = {"text": "\n".join(lines)}
    return {"contextRegion": {"startLine": first, "endLine": last, "snippet": snippet}}


def _suppressions(finding: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Say that a finding is dismissed, or that it is not: both are known (3.27.23)."""
    if finding["state"] != "dismissed":
        return []
    return [{"kind": "external", "status": "accepted"}]


def _rank(finding: Mapping[str, Any]) -> float:
    step = len(SEVERITY_NAMES) - 1 - SEVERITY_NAMES.index(finding["severity"])
    rank: float = round(20.0 * (step + finding["confidence"]), 1)
    return rank


def _fix(finding: Mapping[str, Any]) -> dict[str, Any] | None:
    """Make a fix of a suggestion; None where the text is not all there to be put in."""
    edit = finding["suggestion"]
    if edit is None or not is_exact(edit["replacement"]):
        return None
    start, end = edit["start_line"], max(edit["start_line"], edit["end_line"])
    where = f"line {start}" if start == end else f"lines {start} to {end}"
    if edit["replacement"]:
        # Without columns a region ends before the line end of its last line (3.30.2).
        change: dict[str, Any] = {
            "deletedRegion": {"startLine": start, "endLine": end},
            "insertedContent": {"text": edit["replacement"]},
        }
    else:
        change = {
            "deletedRegion": {
                "startLine": start,
                "startColumn": 1,
                "endLine": end + 1,
                "endColumn": 1,
            }
        }
    return {
        "description": {"text": f"{'Replace' if edit['replacement'] else 'Delete'} {where}."},
        "artifactChanges": [
            {"artifactLocation": artifact(finding["path"]), "replacements": [change]}
        ],
    }


def _properties(finding: Mapping[str, Any]) -> dict[str, Any]:
    made = {
        "tags": [finding["category"]],
        "severity": finding["severity"],
        "confidence": finding["confidence"],
        "sources": finding["sources"],
        "side": finding["side"],
    }
    if finding["side"] == "old" and finding["line"] is not None:
        made["oldLine"] = finding["line"]
    if finding["category"] == "security" and finding["severity"] in SCORES:
        made["security-severity"] = SCORES[finding["severity"]]
    return made


def not_covered(
    review: Mapping[str, Any], index: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Tell each reason why units are not covered: as a result and as a notification."""
    results, notifications = [], []
    entries = review["coverage"]["entries"]
    for state in ("failed", "skipped"):
        for reason, paths in reasons_of(entries, state):
            told = not_covered_line(review, state, reason, sum(paths.values()))
            message = {"text": inert(f"{told}\n\nIn {first_of(paths)}.")}
            notifications.append(
                {
                    "descriptor": {"id": NOT_COVERED, "index": 0},
                    "level": "error",
                    "message": message,
                    "locations": [location(path) for path in paths],
                }
            )
            results.append(
                {
                    "ruleId": NOT_COVERED,
                    "ruleIndex": index,
                    "level": "error",
                    "message": message,
                    "locations": [location(next(iter(paths)))],
                    "partialFingerprints": {_FINGERPRINT: _digest(state, reason)},
                    "suppressions": [],
                    "baselineState": "new",
                    "rank": 100.0,
                }
            )
    return results, notifications


def _digest(*parts: str) -> str:
    text = "\0".join((NOT_COVERED, *parts))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
