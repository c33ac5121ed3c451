from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from identity_rounds import Rounds, todo

from codeflow_engine.domain.diff import Unit
from codeflow_engine.domain.finding import FindingState
from codeflow_engine.domain.source import SourceReport
from codeflow_engine.review.identify import Identified
from codeflow_engine.review.policy import RepositoryPolicy

BASE = "\n".join(f"line_{number} = {number}" for number in range(60)) + "\n"
BAD = BASE.replace("line_5 =", "line_5 = BADa +").replace("line_50 =", "line_50 = 1 +")
GOOD = BASE.replace("line_5 =", "line_5 = mended +").replace("line_50 =", "line_50 = 1 +")

type Reports = tuple[SourceReport, ...]


def states(result: Identified) -> list[str]:
    return [finding.state.value for finding in result.findings]


def started(**fields: object) -> Rounds:
    """Review a first version that has one finding in the first of two hunks."""
    rounds = Rounds(base={"a.py": BASE}, **fields)
    assert states(rounds.push({"a.py": BAD})) == ["new"]
    return rounds


def accounting(state: Callable[[Unit], str], source: str = "lint") -> Callable[[Reports], Reports]:
    """Let a source account for each unit by a rule: `examined`, `declined`, `failed`, or not."""

    def change(reports: Reports) -> Reports:
        return tuple(one if one.source != source else _account(one, state) for one in reports)

    return change


def _account(report: SourceReport, state: Callable[[Unit], str]) -> SourceReport:
    told = {
        name: [unit for unit in report.examined if state(unit) == name]
        for name in ("examined", "declined", "failed")
    }
    return replace(
        report,
        findings=report.findings if told["examined"] else (),
        examined=frozenset(told["examined"]),
        declined=tuple((unit, "none of mine") for unit in told["declined"]),
        failed=tuple((unit, "it crashed") for unit in told["failed"]),
    )


@pytest.mark.parametrize("state", ["failed", "declined", "not accounted for"])
@pytest.mark.parametrize("units", ["all", "the other one"])
def test_no_finding_is_resolved_where_its_source_did_not_look(state: str, units: str) -> None:
    """Silence after a failure is no clean result, be it in another hunk of the file."""
    rounds = started()
    before = dict(rounds.stored)
    silent = accounting(lambda unit: state if units == "all" or unit.hunk == 1 else "examined")
    result = rounds.push({"a.py": GOOD}, reports=silent)
    if state == "declined":
        # None of its business: where it has looked at the rest the finding is gone, and where
        # it looked at nothing, nothing is known.
        assert states(result) == (["resolved"] if units == "the other one" else [])
        return
    (kept,) = result.findings
    assert (kept.state, kept.line, kept.evidence) == (FindingState.OPEN, None, None)
    assert kept.fingerprint in before
    assert (result.known, rounds.stored) == ((), before)
    assert states(rounds.push({"a.py": GOOD})) == ["resolved"]


def test_a_finding_that_cannot_be_placed_is_no_silence() -> None:
    """Its source did speak of the file, so what it had reported there is not resolved."""
    rounds = started()

    def misquoted(reports: Reports) -> Reports:
        return tuple(
            replace(one, findings=tuple(replace(raw, line=9_999) for raw in one.findings))
            for one in reports
        )

    assert states(rounds.push({"a.py": BAD}, reports=misquoted)) == ["open"]
    assert states(rounds.push({"a.py": GOOD})) == ["resolved"]


def test_what_a_plugin_takes_away_is_neither_listed_nor_resolved() -> None:
    """It is still there, and open when the plugin lets it through again."""
    rounds = started()
    rounds.hook = lambda _: ()
    result = rounds.push({"a.py": BAD})
    assert (result.findings, [row.finding.state for row in result.known]) == ((), ["open"])
    rounds.hook = lambda findings: findings
    assert states(rounds.push({"a.py": BAD})) == ["open"]


def test_a_finding_stays_open_until_all_its_sources_have_looked() -> None:
    """One of two that reported it failed: the other one's silence resolves nothing."""
    rounds = started(marks={"lint": todo, "scan": todo})
    (stored,) = rounds.stored.values()
    assert stored.finding.sources == ("lint", "scan")
    failed = accounting(lambda _: "failed", source="scan")
    assert states(rounds.push({"a.py": GOOD}, reports=failed)) == ["open"]
    assert states(rounds.push({"a.py": GOOD})) == ["resolved"]


def test_a_finding_whose_source_is_not_asked_is_left_as_it_is() -> None:
    """It is neither listed nor changed, and open when its source is asked again."""
    rounds = started()
    before = dict(rounds.stored)
    result = rounds.push({"a.py": BAD}, reports=lambda _: ())
    assert (result.findings, rounds.stored) == ((), before)
    assert states(rounds.push({"a.py": BAD})) == ["open"]


def test_a_finding_whose_file_policy_leaves_out_is_left_as_it_is() -> None:
    """Nobody looks at the file any more: that mends nothing."""
    rounds = started()
    before = dict(rounds.stored)
    result = rounds.push({"a.py": GOOD}, policy=RepositoryPolicy(exclude=("a.py",)))
    assert (result.findings, rounds.stored) == ((), before)
    assert states(rounds.push({"a.py": BAD})) == ["open"]


@pytest.mark.parametrize("reports", [None, lambda _: ()], ids=["asked", "not asked"])
def test_a_finding_is_resolved_when_its_file_leaves_the_change(
    reports: Callable[[Reports], Reports] | None,
) -> None:
    """The change has no such problem any more, whoever is asked."""
    rounds = started()
    assert states(rounds.push({"a.py": BASE}, reports=reports)) == ["resolved"]


def test_a_finding_is_resolved_when_its_file_is_deleted() -> None:
    """Its source has looked at the deletion, and nothing is left that it could report."""
    assert states(started().push({})) == ["resolved"]


@pytest.mark.parametrize("state", ["failed", "not accounted for"])
def test_a_finding_of_a_file_that_is_gone_stays_open_where_a_new_one_was_not_examined(
    state: str,
) -> None:
    """The new file may be the old one under another name."""
    rounds = Rounds()
    rounds.push({"old.py": BAD})
    result = rounds.push({"new.py": BAD}, reports=accounting(lambda _: state))
    assert [(one.state.value, one.path) for one in result.findings] == [("open", "old.py")]


def test_a_finding_that_is_carried_on_has_the_name_that_its_file_has_now() -> None:
    """A rename within the change is followed without a report."""
    rounds = started()
    silent = accounting(lambda _: "failed")
    result = rounds.push({"b.py": GOOD}, renamed={"b.py": "a.py"}, reports=silent)
    assert [(one.state.value, one.path) for one in result.findings] == [("open", "b.py")]


def test_a_dismissed_finding_is_dismissed_also_where_it_is_carried_on() -> None:
    """A failure of its source does not bring it back."""
    rounds = started()
    rounds.dismiss(next(iter(rounds.stored.values())).finding)
    silent = accounting(lambda _: "failed")
    assert states(rounds.push({"a.py": GOOD}, reports=silent)) == ["dismissed"]


def test_a_finding_outside_of_the_hunks_is_left_as_it_is_in_the_narrow_scope() -> None:
    """The narrow scope hears nothing of such lines, so its silence says nothing."""
    rounds = Rounds(base={"a.py": BASE.replace("line_30 =", "line_30 = BADc +")}, whole=True)
    text = BAD.replace("line_30 =", "line_30 = BADc +")
    assert states(rounds.push({"a.py": text})) == ["new", "new"]
    before = dict(rounds.stored)
    rounds.whole = False
    assert states(rounds.push({"a.py": text})) == ["open"]
    assert before.keys() == rounds.stored.keys()
    rounds.whole = True
    assert states(rounds.push({"a.py": text})) == ["open", "open"]
    assert "resolved" in states(rounds.push({"a.py": BAD}))


def test_a_bot_that_said_the_same_keeps_no_finding_from_being_resolved() -> None:
    """Nobody can tell what it has looked at: whoever else had reported the finding judges."""
    rounds = Rounds(base={"a.py": BASE}, marks={"lint": todo, "bot:b": todo})
    nowhere = accounting(lambda _: "declined", "bot:b")
    assert [one.sources for one in rounds.push({"a.py": BAD}).findings] == [("bot:b", "lint")]
    assert states(rounds.push({"a.py": GOOD}, reports=nowhere)) == ["resolved"]


def test_a_finding_of_a_bot_alone_is_not_called_resolved_by_its_silence() -> None:
    """It stays as it was, and is not listed."""
    rounds = Rounds(base={"a.py": BASE}, marks={"bot:b": todo})
    nowhere = accounting(lambda _: "declined", "bot:b")
    assert states(rounds.push({"a.py": BAD})) == ["new"]
    assert states(rounds.push({"a.py": GOOD}, reports=nowhere)) == []
    assert states(rounds.push({"a.py": BAD})) == ["open"]
