from __future__ import annotations

from typing import Any

import pytest

from codeflow_engine.domain.coverage import Coverage, CoverageEntry, UnitState
from codeflow_engine.domain.finding import Category, FindingState, Severity
from codeflow_engine.domain.publishing import Conclusion
from codeflow_engine.publish.labels import labels
from review_builds import finding, review

NAMED = {
    "blocked": "failure",
    "look": "action_required",
    "severe": "high",
    "any": "info",
    "security": "security",
    "style": "style",
}
PARTIAL = Coverage(
    entries=(
        CoverageEntry(path="a.py", state=UnitState.REVIEWED, by=("a",)),
        CoverageEntry(path="b.py", state=UnitState.FAILED, reason="it broke"),
    )
)


@pytest.mark.parametrize(
    ("fields", "add"),
    [
        ({}, ["blocked", "any", "style"]),
        ({"severity": Severity.HIGH}, ["blocked", "any", "style", "severe"]),
        ({"severity": Severity.CRITICAL}, ["blocked", "any", "style", "severe"]),
        ({"category": Category.SECURITY}, ["blocked", "any", "security"]),
        ({"state": FindingState.OPEN}, ["blocked", "any", "style"]),
        ({"state": FindingState.RESOLVED}, ["blocked"]),
        ({"state": FindingState.DISMISSED}, ["blocked"]),
    ],
    ids=repr,
)
def test_a_label_holds_or_is_taken_off(fields: dict[str, Any], add: list[str]) -> None:
    """By conclusion, by a severity that a finding reaches, or by its category."""
    made = labels(NAMED, review(findings=(finding(**fields),)), Conclusion.FAILURE)

    assert made == {"add": sorted(add), "remove": sorted(NAMED.keys() - {*add})}


def test_a_review_that_is_not_complete_takes_off_no_label_of_findings() -> None:
    """What it has not looked at may still be as bad as the label says."""
    made = labels(NAMED, review(coverage=PARTIAL), Conclusion.ACTION_REQUIRED)

    assert made == {"add": ["look"], "remove": ["blocked"]}
