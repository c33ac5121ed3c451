from __future__ import annotations

from typing import Any

import pytest

from codeflow_engine.domain.finding import Severity
from codeflow_engine.domain.publishing import PublishPolicy
from codeflow_engine.errors import ConfigurationError


def test_without_a_choice_a_review_is_told_and_nothing_else_is_written() -> None:
    """Comments, report and check; no labels, no issues, no alerts."""
    policy = PublishPolicy()

    assert (policy.inline, policy.summary, policy.check, policy.resolve) == (True,) * 4
    assert (policy.labels, policy.issues_at, policy.sarif) == ({}, None, False)
    assert policy.fail_at is Severity.HIGH


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"summary": False, "check": False}, "a summary, a check, or both"),
        ({"check_name": ""}, "name of a check"),
        ({"check_name": "a\nb"}, "name of a check"),
        ({"check_name": "x" * 101}, "name of a check"),
        ({"labels": {" bug": "high"}}, "name of a label"),
        ({"labels": {"x" * 51: "high"}}, "name of a label"),
        ({"labels": {"bug": "grave"}}, "not for grave"),
        ({"fail_at": "grave"}, "fail_at is one of critical"),
        ({"issues_at": "grave"}, "issues_at is one of critical"),
    ],
)
def test_a_policy_of_no_use_is_refused(fields: dict[str, Any], told: str) -> None:
    """Where it is made, and not where it is used."""
    with pytest.raises(ConfigurationError, match=told):
        PublishPolicy(**fields)


def test_a_severity_may_be_its_word() -> None:
    """As it is in a file of settings."""
    given: Any = "low"

    assert PublishPolicy(fail_at=given).fail_at is Severity.LOW


def test_a_policy_keeps_its_labels() -> None:
    """What becomes of the mapping that a host gave is the host's affair."""
    given = {"bug": "high"}
    policy = PublishPolicy(labels=given)

    given["look"] = "nonsense"

    assert policy.labels == {"bug": "high"}
