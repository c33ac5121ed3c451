"""Issues: findings that outlive the change that they were found in."""

from __future__ import annotations

from typing import Any

from codeflow_engine.domain.finding import Finding, Severity
from codeflow_engine.domain.review import Review
from codeflow_engine.publish.bodies import fitting
from codeflow_engine.publish.places import is_live
from codeflow_engine.reports import markdown

__all__ = ["issue", "worth_an_issue"]


def worth_an_issue(review: Review, severity: Severity) -> list[Finding]:
    """List the findings that become issues, each fingerprint once, in the review's order."""
    found: dict[str, Finding] = {}
    for one in review.findings:
        if is_live(one) and one.severity.at_least(severity):
            found.setdefault(one.fingerprint, one)
    return list(found.values())


def issue(finding: Finding, *, target: str, head: str) -> dict[str, Any]:
    """Make the issue of a finding; it says where it was found."""
    plain = finding.to_json()
    where = f"{target} at {head}"
    return {
        "fingerprint": finding.fingerprint,
        "title": markdown.title(plain),
        "body": fitting(lambda limit: markdown.article(plain, found_in=where, limit=limit)),
        "labels": [],
    }
