from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from identity_rounds import REDACTOR, START, Rounds, change_of, todo

from codeflow_engine.domain.dismissal import DismissalScope
from codeflow_engine.domain.finding import FindingState, RawFinding
from codeflow_engine.review.identify import Identified, Memory, Seen, identify
from codeflow_engine.review.partition import Partition

TEXT = "import os\n\n\ndef pay(cart):\n    total = BADa(cart)\n    return total\n"
MENDED = TEXT.replace("BADa", "good")
TOKEN = "ghp_" + "a1B2c3D4e5" * 3 + "a1B2c3"


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


def test_what_is_stored_tells_when_a_finding_was_first_and_last_seen() -> None:
    """The first run stays; the last run, its time and the place follow the versions."""
    rounds = Rounds()
    rounds.push({"a.py": TEXT})
    (row,) = rounds.push({"a.py": "# a line\n" + TEXT}).known
    assert (row.first_run, row.last_run, row.seen_at) == ("run-1", "run-2", rounds.now)
    assert (row.change, row.finding.line, row.traits.origin) == ("shop:topic", 6, "a.py")


def test_a_finding_that_is_mended_is_listed_once_as_resolved() -> None:
    """It has no place any more, and the review after that one is silent about it."""
    rounds = Rounds()
    (before,) = rounds.push({"a.py": TEXT}).findings
    result = rounds.push({"a.py": MENDED})
    gone = replace(before, state=FindingState.RESOLVED, line=None, end_line=None, evidence=None)
    assert result.findings == (gone,)
    assert [row.finding.state for row in result.known] == [FindingState.RESOLVED]
    last = rounds.push({"a.py": MENDED})
    assert (last.findings, last.known) == ((), ())


def test_a_resolved_finding_that_comes_back_is_open_under_its_old_name() -> None:
    """Nobody is told of it as of something new."""
    rounds = Rounds()
    (before,) = rounds.push({"a.py": TEXT}).findings
    rounds.push({"a.py": MENDED})
    (again,) = rounds.push({"a.py": "# a line\n" + TEXT}).findings
    assert (again.state, again.fingerprint) == (FindingState.OPEN, before.fingerprint)
    assert rounds.stored[again.fingerprint].first_run == "run-1"


@pytest.mark.parametrize(
    ("scope", "where", "state"),
    [
        (DismissalScope.CHANGE, "shop:topic", "dismissed"),
        (DismissalScope.CHANGE, "shop:other", "open"),
        (DismissalScope.REPOSITORY, "shop", "dismissed"),
        (DismissalScope.REPOSITORY, "bank", "open"),
        (DismissalScope.TENANT, None, "dismissed"),
    ],
)
def test_a_dismissal_holds_where_its_scope_reaches(
    scope: DismissalScope, where: str | None, state: str
) -> None:
    """A finding is dismissed by a dismissal of its change, its repository or its tenant."""
    rounds = Rounds()
    rounds.dismiss(rounds.push({"a.py": TEXT}).findings[0], scope=scope, where=where)
    result = rounds.push({"a.py": TEXT})
    assert states(result) == [state]
    assert [row.finding.state for row in result.known] == [FindingState.OPEN]


def test_a_dismissal_that_was_there_before_the_change_holds_from_its_first_version_on() -> None:
    """The fingerprint of a first version is the same in every change of the repository."""
    other = Rounds()
    (finding,) = other.push({"a.py": TEXT}).findings
    rounds = Rounds()
    rounds.dismiss(finding, scope=DismissalScope.REPOSITORY, where="shop")
    assert states(rounds.push({"a.py": "# other\n" + TEXT})) == ["dismissed"]


def test_an_expired_dismissal_lets_the_finding_come_back() -> None:
    """From its end on the finding is open again, and not new."""
    rounds = Rounds()
    (finding,) = rounds.push({"a.py": TEXT}).findings
    rounds.dismiss(finding, expires_at=START + timedelta(hours=3))
    told = [states(rounds.push({"a.py": TEXT})) for _ in range(3)]
    assert told == [["dismissed"], ["open"], ["open"]]


def test_a_dismissed_finding_that_disappears_is_stored_and_not_listed() -> None:
    """Nobody waits for it; should it come back, it is dismissed still."""
    rounds = Rounds()
    rounds.dismiss(rounds.push({"a.py": TEXT}).findings[0])
    result = rounds.push({"a.py": MENDED})
    assert (states(result), [row.finding.state for row in result.known]) == ([], ["resolved"])
    assert states(rounds.push({"a.py": TEXT})) == ["dismissed"]


def test_nothing_is_stored_of_a_bare_patch_and_tenant_dismissals_hold_for_it() -> None:
    """Versions of it cannot be told; its fingerprint is that of the code alone."""
    patch = replace(change_of({"a.py": TEXT}), provider=None, target="", key=None)
    rounds = Rounds()
    first = rounds.push({"a.py": TEXT}, change=patch)
    assert (states(first), first.known) == (["new"], ())
    for scope, where in ((DismissalScope.CHANGE, "shop:topic"), (DismissalScope.REPOSITORY, "")):
        rounds.dismiss(first.findings[0], scope=scope, where=where)
    assert states(rounds.push({"a.py": TEXT}, change=patch)) == ["new"]
    rounds.dismiss(first.findings[0], scope=DismissalScope.TENANT, where=None)
    assert states(rounds.push({"a.py": TEXT}, change=patch)) == ["dismissed"]


@pytest.mark.parametrize("key", [None, "shop:other"])
def test_what_is_known_of_another_change_is_refused(key: str | None) -> None:
    """A mistake of the caller is told, and matches nothing."""
    rounds = Rounds()
    rounds.push({"a.py": TEXT})
    seen = Seen(
        findings=(), traits={}, partition=Partition(to_review=(), decided={}, paths=()), reports=()
    )
    with pytest.raises(ValueError, match="another change than"):
        identify(
            replace(change_of({"a.py": TEXT}), key=key),
            seen,
            Memory(known=tuple(rounds.stored.values())),
            REDACTOR,
            run_id="run",
            now=START,
        )


def test_a_finding_that_a_host_made_up_has_an_identity_too() -> None:
    """A hook may add findings of which no traits are known, and change those there are."""
    rounds = Rounds()
    rounds.hook = lambda findings: (
        *findings,
        replace(
            findings[0],
            fingerprint="made",
            title="Made up",
            rule="host/rule",
            line=None,
            end_line=None,
            evidence=None,
        ),
    )
    first = rounds.push({"a.py": TEXT})
    second = rounds.push({"a.py": "# a line\n" + TEXT})
    assert (states(first), states(second)) == (["new", "new"], ["open", "open"])
    assert [one.fingerprint for one in first.findings] == [
        one.fingerprint for one in second.findings
    ]


def test_no_secret_is_stored() -> None:
    """Neither the code nor a text nor a path keeps one, and the finding is known again."""

    def leak(path: str, number: int, text: str) -> list[RawFinding]:
        return [
            replace(raw, title=f"Bad {text}", message=f"See {text}")
            for raw in todo(path, number, text)
        ]

    rounds = Rounds(marks={"lint": leak})
    text = TEXT.replace("cart)\n    return", f'"{TOKEN}")\n    return')
    first = rounds.push({f"{TOKEN}/a.py": text})
    second = rounds.push({f"{TOKEN}/a.py": "# a line\n" + text})
    assert TOKEN not in repr(second.known)
    assert TOKEN[4:] not in repr(second.known)
    assert (states(first), states(second)) == (["new"], ["open"])
    assert states(rounds.push({f"{TOKEN}/a.py": MENDED})) == ["resolved"]
