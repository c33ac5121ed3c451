from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from codeflow_engine.domain.dismissal import Dismissal, DismissalScope
from codeflow_engine.domain.finding import Category, Finding, FindingState, Severity
from codeflow_engine.domain.identity import KnownFinding, Traits

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def dismissal(**fields: object) -> Dismissal:
    given = {
        "fingerprint": "f",
        "scope": DismissalScope.TENANT,
        "reason": "known",
        "author": "ann",
        "created_at": NOON,
    }
    return Dismissal(**{**given, **fields})


def known(**fields: object) -> KnownFinding:
    finding = Finding(
        fingerprint="f",
        path="a.py",
        severity=Severity.LOW,
        category=Category.STYLE,
        rule="x/r",
        title="t",
        message="m",
        state=fields.pop("state", FindingState.OPEN),
    )
    given = {
        "change": "shop:topic",
        "finding": finding,
        "traits": Traits(code="x"),
        "first_run": "1",
        "last_run": "2",
        "seen_at": NOON,
    }
    return KnownFinding(**{**given, **fields})


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"fingerprint": ""}, "names a finding"),
        ({"reason": " "}, "a reason and an author"),
        ({"author": ""}, "a reason and an author"),
        ({"where": "shop"}, "no such place"),
        ({"scope": DismissalScope.CHANGE}, "no such place"),
        ({"created_at": datetime(2026, 1, 1)}, "time zone"),  # noqa: DTZ001 - refused
        ({"expires_at": datetime(2026, 1, 1)}, "time zone"),  # noqa: DTZ001 - refused
    ],
)
def test_a_dismissal_that_says_too_little_is_refused(fields: dict[str, object], told: str) -> None:
    """It names a finding, a place of its scope, a reason, an author, and times that are sure."""
    with pytest.raises(ValueError, match=told):
        dismissal(**fields)


@pytest.mark.parametrize(("seconds", "holds"), [(-1, True), (0, False), (1, False)])
def test_a_dismissal_ends_at_the_moment_of_its_end(seconds: int, holds: bool) -> None:  # noqa: FBT001 - a row of a table
    """Whatever the time zone that the moment is told in."""
    one = dismissal(expires_at=NOON)
    at = (NOON + timedelta(seconds=seconds)).astimezone(timezone(timedelta(hours=-7)))
    assert one.holds(at=at, change=None, repository=None) is holds


@pytest.mark.parametrize(
    ("scope", "where", "holds"),
    [
        (DismissalScope.TENANT, None, True),
        (DismissalScope.CHANGE, "shop:topic", True),
        (DismissalScope.CHANGE, "shop", False),
        (DismissalScope.REPOSITORY, "shop", True),
        (DismissalScope.REPOSITORY, "shop:topic", False),
    ],
)
def test_a_dismissal_holds_for_its_own_place_alone(
    scope: DismissalScope,
    where: str | None,
    holds: bool,  # noqa: FBT001 - a row of a table
) -> None:
    """A change is no repository, be it named alike."""
    one = dismissal(scope=scope, where=where)
    assert one.holds(at=NOON, change="shop:topic", repository="shop") is holds
    assert one.holds(at=NOON, change=None, repository=None) is (where is None)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"change": ""}, "belongs to a change"),
        ({"state": FindingState.DISMISSED}, "is not part of what is known"),
        ({"seen_at": datetime(2026, 1, 1)}, "time zone"),  # noqa: DTZ001 - refused
    ],
)
def test_a_known_finding_that_cannot_be_is_refused(fields: dict[str, object], told: str) -> None:
    """It belongs to a change, and whether it is dismissed is not its own affair."""
    with pytest.raises(ValueError, match=told):
        known(**fields)


def test_a_known_finding_has_the_fingerprint_of_its_finding() -> None:
    """There is no second place where it could differ."""
    assert known().fingerprint == "f"
