"""Labels: which of those that a host has named hold for a review."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codeflow_engine.domain.coverage import Outcome
from codeflow_engine.domain.finding import Severity
from codeflow_engine.domain.publishing import Conclusion
from codeflow_engine.domain.review import Review
from codeflow_engine.publish.places import is_live

__all__ = ["labels"]


def labels(named: Mapping[str, str], review: Review, conclusion: Conclusion) -> dict[str, Any]:
    """Say which labels are put on and which are taken off.

    A review that is not complete takes off none that speaks of findings: it does not know
    that there are none.
    """
    words: set[str] = {conclusion.value}
    for finding in review.findings:
        if is_live(finding):
            reached = [one for one in Severity if finding.severity.at_least(one)]
            words |= {finding.category.value, *(one.value for one in reached)}
    is_known = review.outcome is Outcome.REVIEWED
    holding = {name for name, word in named.items() if word in words}
    gone = {name for name, word in named.items() if is_known or word in set(Conclusion)}
    return {"add": sorted(holding), "remove": sorted(gone - holding)}
