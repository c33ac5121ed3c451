from __future__ import annotations

from dataclasses import replace

from identity_rounds import Rounds

from codeflow_engine.domain.finding import FindingState
from codeflow_engine.review.identify import Identified

TEXT = "import os\n\n\ndef pay(cart):\n    total = BADa(cart)\n    return total\n"


def states(result: Identified) -> list[str]:
    return [finding.state.value for finding in result.findings]


def test_what_no_version_had_before_is_new_and_then_open() -> None:
    """A finding is new once; in the next version it is open under the same fingerprint."""
    rounds = Rounds()
    first = rounds.push({"a.py": TEXT})
    second = rounds.push({"a.py": "# a line\n" + TEXT})
    assert (states(first), states(second)) == (["new"], ["open"])
    assert first.findings[0].fingerprint == second.findings[0].fingerprint
    assert second.findings[0].line == 6


def test_a_finding_that_is_mended_is_listed_once_as_resolved() -> None:
    """It has no place any more, and the review after that one is silent about it."""
    rounds = Rounds()
    (before,) = rounds.push({"a.py": TEXT}).findings
    mended = TEXT.replace("BADa", "good")
    (after,) = rounds.push({"a.py": mended}).findings
    assert after == replace(
        before, state=FindingState.RESOLVED, line=None, end_line=None, evidence=None
    )
    assert rounds.push({"a.py": mended}).findings == ()
