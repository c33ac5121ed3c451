"""What every storage promises of known findings and of dismissals."""

from __future__ import annotations

from datetime import timedelta, timezone

import pytest

from codeflow_engine import Severity
from codeflow_engine.contracts import Storage
from codeflow_engine.domain.dismissal import DismissalScope
from codeflow_engine.domain.finding import FindingState
from codeflow_engine.testing.values import NOON, dismissal, known, review

LAST = "\U0010ffff"


async def fingerprints(storage: Storage, tenant: str = "a", **asked: object) -> list[str]:
    return [one.fingerprint for one in await storage.find_findings(tenant, **asked)]  # type: ignore[arg-type] # as the contract has them


async def test_a_known_finding_comes_back_equal(storage: Storage) -> None:
    """Every field has the value that was put in, and the finding is the same."""
    given = known("f1", severity=Severity.HIGH, state=FindingState.OPEN, sources=("ruff",))

    await storage.put_reviews("a", [], [given])

    assert await storage.find_findings("a") == (given,)


async def test_a_known_finding_is_replaced_by_change_and_fingerprint(storage: Storage) -> None:
    """The last value counts, also within one batch; the same finding elsewhere is another."""
    await storage.put_reviews("a", [], [known("f1"), known("f1", "c2")])
    later = known("f1", minutes=1)
    last = known("f1", minutes=2, state=FindingState.RESOLVED)

    await storage.put_reviews("a", [], [later, last])

    assert await storage.find_findings("a") == (last, known("f1", "c2"))


async def test_known_findings_are_sorted_by_change_and_fingerprint(storage: Storage) -> None:
    """By code point, whatever the order of writing and the language of the database."""
    places = [("b", "2"), ("b", "10"), ("B", "z"), ("é", "a"), ("a", "é"), ("a", "Z"), ("a_", "a")]
    await storage.put_reviews("a", [], [known(mark, change) for change, mark in places])

    found = await storage.find_findings("a")

    assert [(one.change, one.fingerprint) for one in found] == sorted(places)


async def test_known_findings_are_found_by_change(storage: Storage) -> None:
    """None stands for all changes, and a text for that one alone."""
    await storage.put_reviews("a", [], [known("f1", "c1"), known("f2", "c10"), known("f3", "c1")])

    assert await fingerprints(storage, change="c1") == ["f1", "f3"]
    assert await fingerprints(storage, change="c10") == ["f2"]
    assert await fingerprints(storage, change="c") == []
    assert await fingerprints(storage, change="") == []
    assert await fingerprints(storage) == ["f1", "f3", "f2"]


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("", ["%b", "AB", "_b", "a", "a\x00", "ab", "abc", "b", f"x{LAST}", f"x{LAST}y"]),
        ("a", ["a", "a\x00", "ab", "abc"]),
        ("ab", ["ab", "abc"]),
        ("abc", ["abc"]),
        ("abcd", []),
        ("a\x00", ["a\x00"]),
        ("A", ["AB"]),
        ("%", ["%b"]),
        ("_", ["_b"]),
        ("a%", []),
        (f"x{LAST}", [f"x{LAST}", f"x{LAST}y"]),
        (LAST, []),
    ],
    ids=[
        *("all", "one", "two", "whole", "longer", "nul", "upper"),
        *("percent", "underscore", "wildcard", "last", "beyond"),
    ],
)
async def test_s28_a_prefix_is_meant_to_the_letter(
    storage: Storage, prefix: str, expected: list[str]
) -> None:
    """Wildcards of a database and the case of letters mean nothing."""
    marks = ["a", "ab", "abc", "AB", "b", "%b", "_b", f"x{LAST}", f"x{LAST}y", "a\x00"]
    await storage.put_reviews("a", [], [known(mark) for mark in marks])

    assert await fingerprints(storage, prefix=prefix) == expected


async def test_a_limit_bounds_known_findings(storage: Storage) -> None:
    """It counts those of the change and the prefix, the first of them in order."""
    await storage.put_reviews("a", [], [known(f"f{n}", f"c{n % 2}") for n in range(8)])

    assert await fingerprints(storage, limit=3) == ["f0", "f2", "f4"]
    assert await fingerprints(storage, change="c1", limit=2) == ["f1", "f3"]
    assert await fingerprints(storage, prefix="f7", limit=1) == ["f7"]
    assert await fingerprints(storage, limit=0) == []
    assert len(await fingerprints(storage, limit=2**70)) == 8


async def test_a_review_and_its_findings_are_there_together(storage: Storage) -> None:
    """One call writes both."""
    await storage.put_reviews("a", [review("r1")], [known("f1")])

    assert await storage.get_reviews("a", ["r1"]) == (review("r1"),)
    assert await storage.find_findings("a") == (known("f1"),)


async def test_a_dismissal_comes_back_equal(storage: Storage) -> None:
    """Every field, with and without a place and an end."""
    zone = timezone(timedelta(hours=5, minutes=30))
    given = (
        dismissal("f1", "c1", rule="r/1", path="é.py", title="T", ends=5),
        dismissal("f1", "repo", scope=DismissalScope.REPOSITORY),
        dismissal("f1", created_at=NOON.astimezone(zone)),
    )

    await storage.put_dismissals("a", given)

    assert await storage.find_dismissals("a") == given


async def test_a_dismissal_is_replaced_by_fingerprint_scope_and_place(storage: Storage) -> None:
    """The last value counts, also within one batch; an empty place is not the tenant."""
    await storage.put_dismissals("a", [dismissal("f1"), dismissal("f1", "")])
    last = dismissal("f1", reason="the third word")

    await storage.put_dismissals("a", [dismissal("f1", reason="second"), last])

    assert await storage.find_dismissals("a") == (dismissal("f1", ""), last)


async def test_dismissals_are_sorted_and_found_by_fingerprint(storage: Storage) -> None:
    """By fingerprint, scope and place; fingerprints that nobody knows are left out."""
    given = [
        dismissal("f2"),
        dismissal("f1", "b"),
        dismissal("f1", "B"),
        dismissal("f1", "a", scope=DismissalScope.REPOSITORY),
        dismissal("f1"),
        dismissal("F3"),
    ]
    await storage.put_dismissals("a", given)

    every = await storage.find_dismissals("a")
    some = await storage.find_dismissals("a", ["f2", "nobody", "F3", "f2"])

    places = [(one.fingerprint, one.scope, one.where) for one in every]
    assert places == sorted(places, key=lambda one: (one[0], one[1], one[2] or ""))
    assert len(every) == 6
    assert some == (dismissal("F3"), dismissal("f2"))
    assert await storage.find_dismissals("a", []) == ()
    assert await storage.find_dismissals("a", {"f1"}) == every[1:5]


async def test_an_expired_dismissal_is_found(storage: Storage) -> None:
    """Who asks decides whether it still holds."""
    await storage.put_dismissals("a", [dismissal("f1", ends=-(10**7))])

    assert len(await storage.find_dismissals("a")) == 1


async def test_dismissals_are_removed_by_fingerprint_scope_and_place(storage: Storage) -> None:
    """Other fields don't matter; the number of those that were there comes back."""
    await storage.put_dismissals("a", [dismissal("f1"), dismissal("f1", "c1"), dismissal("f2")])

    gone = await storage.remove_dismissals(
        "a", [dismissal("f1", reason="another"), dismissal("f1"), dismissal("f3")]
    )

    assert gone == 1
    assert await storage.find_dismissals("a") == (dismissal("f1", "c1"), dismissal("f2"))
    assert await storage.remove_dismissals("a", [dismissal("f1")]) == 0
    assert await storage.remove_dismissals("a", []) == 0


async def test_empty_batches_of_findings_and_dismissals_are_no_error(storage: Storage) -> None:
    """Nothing is written, and nothing is found."""
    await storage.put_reviews("a", [], [])
    await storage.put_dismissals("a", [])

    assert await storage.find_findings("a") == ()
    assert await storage.find_dismissals("a") == ()


async def test_s32_findings_and_dismissals_of_a_tenant_are_its_own(storage: Storage) -> None:
    """Neither seen, nor replaced, nor removed by another tenant that knows their names."""
    mine, yours = known("f1"), known("f1", minutes=9)
    await storage.put_reviews("a", [], [mine])
    await storage.put_dismissals("a", [dismissal("f1")])

    await storage.put_reviews("b", [], [yours])
    await storage.put_dismissals("b", [dismissal("f1", reason="mine")])
    assert await storage.remove_dismissals("c", [dismissal("f1")]) == 0

    assert await storage.find_findings("a") == (mine,)
    assert await storage.find_findings("a", change="c1", prefix="f1") == (mine,)
    assert await storage.find_findings("b") == (yours,)
    assert await storage.find_dismissals("a") == (dismissal("f1"),)
    assert await storage.find_dismissals("a", ["f1"]) == (dismissal("f1"),)
    for tenant in ("", "A", "%", "_"):
        assert await storage.find_findings(tenant) == ()
        assert await storage.find_dismissals(tenant, ["f1"]) == ()
