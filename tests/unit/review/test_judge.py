from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.coverage import Outcome, UnitState
from codeflow_engine.domain.diff import Diff, Unit
from codeflow_engine.domain.finding import Finding, Suggestion
from codeflow_engine.domain.review import Review, Timing
from codeflow_engine.domain.source import SourceReport
from codeflow_engine.redaction import Redactor
from codeflow_engine.review.judge import Verdict, judge
from codeflow_engine.review.partition import partition
from codeflow_engine.review.policy import RepositoryPolicy

FILES = ("a.py", "b.py", "vendor/c.py")
SECRET = "ghp_" + "x7Kq9ZrT2mWv5LpB8nYc3HdF6jGs1QaE4uR0"


def patch(*paths: str) -> Change:
    text = "".join(
        f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-x\n+y\n"
        for path in paths
    )
    return Change.from_diff(Diff.parse(text))


def conclude(
    change: Change,
    *reports: SourceReport,
    policy: RepositoryPolicy | None = None,
    unshown: Mapping[str, str] | None = None,
    findings: tuple[Finding, ...] = (),
) -> Review:
    parts = partition(change, policy or RepositoryPolicy(), unshown or {})
    verdict = Verdict(
        findings=findings,
        dropped={},
        isolation="none",
        timing=Timing(started_at=datetime(2026, 1, 1, tzinfo=UTC), seconds=0.0),
    )
    return judge("run", change, (parts, reports), verdict, Redactor())


def saw(source: str, *units: Unit) -> SourceReport:
    return SourceReport(source=source, examined=frozenset(units))


def states(review: Review) -> list[UnitState]:
    return [entry.state for entry in review.coverage.entries]


def test_a_change_that_every_source_examined_is_reviewed() -> None:
    """Each entry names who examined the unit."""
    change = patch(*FILES)
    review = conclude(change, saw("b", *change.diff.units), saw("a", *change.diff.units))
    assert review.outcome is Outcome.REVIEWED
    assert review.reason is None
    assert {entry.by for entry in review.coverage.entries} == {("a", "b")}


def test_a_unit_that_one_source_failed_is_failed_though_others_examined_it() -> None:
    """One dead analyzer makes the review partial, and the entry names both sides of it."""
    change = patch(*FILES)
    units = change.diff.units
    dead = SourceReport(source="dead", failed=((units[0], "dead: it crashed"),))
    review = conclude(change, saw("alive", *units), dead, saw("dead", *units[1:]))
    assert states(review) == [UnitState.FAILED, UnitState.REVIEWED, UnitState.REVIEWED]
    assert review.coverage.entries[0].by == ("alive",)
    assert review.coverage.entries[0].reason == "dead: it crashed"
    assert review.outcome is Outcome.PARTIAL


def test_a_review_in_which_every_source_failed_is_failed() -> None:
    """Nothing examined and something failed is neither skipped nor partial."""
    change = patch("a.py")
    dead = SourceReport(source="dead", failed=((change.diff.units[0], "dead: no answer"),))
    assert conclude(change, dead).outcome is Outcome.FAILED


def test_a_unit_that_everybody_declined_is_skipped_with_their_reasons() -> None:
    """A file that no source understands is not clean."""
    change = patch("a.py")
    unit = change.diff.units[0]
    no = [SourceReport(source=name, declined=((unit, f"{name} reads Go"),)) for name in "xy"]
    review = conclude(change, *no)
    assert review.outcome is Outcome.SKIPPED
    assert review.coverage.entries[0].reason == "x reads Go; y reads Go"


def test_without_any_source_nothing_is_clean() -> None:
    """An engine without analyzers skips every unit and says so."""
    review = conclude(patch(*FILES))
    assert review.outcome is Outcome.SKIPPED
    assert {entry.reason for entry in review.coverage.entries} == {"no analyzer was asked"}


def test_policy_excludes_with_a_reason_and_counts_as_covered() -> None:
    """A unit excluded by the base's policy is covered, whatever sources say about it."""
    change = patch(*FILES)
    policy = RepositoryPolicy(exclude=("vendor/",))
    units = change.diff.units
    silent_about_vendor = saw("a", *units[:2])
    review = conclude(change, silent_about_vendor, policy=policy)
    assert states(review) == [UnitState.REVIEWED, UnitState.REVIEWED, UnitState.EXCLUDED]
    assert review.outcome is Outcome.REVIEWED
    assert "vendor/" in str(review.coverage.entries[2].reason)


UNSHOWN = {"vendor/c.py": "vendored: 'vendor/'", "b.py": f"withheld: {SECRET}", "z.py": "gone"}


def test_what_models_are_not_shown_is_excluded_and_names_its_analyzers() -> None:
    """Where models were asked; the reason is that of the policy, without secrets."""
    change = patch(*FILES)
    first, second, third = change.diff.units
    model = SourceReport(
        source="model",
        examined=frozenset({first}),
        declined=((second, "not shown"), (third, "not shown")),
    )
    review = conclude(change, saw("a", first, third), model, unshown=UNSHOWN)

    # The analyzer is silent about the second: that is a failure, whatever models are shown.
    assert states(review) == [UnitState.REVIEWED, UnitState.FAILED, UnitState.EXCLUDED]
    review = conclude(change, saw("a", *change.diff.units), model, unshown=UNSHOWN)
    assert states(review) == [UnitState.REVIEWED, UnitState.EXCLUDED, UnitState.EXCLUDED]
    assert [entry.by for entry in review.coverage.entries] == [("a", "model"), ("a",), ("a",)]
    assert review.coverage.entries[2].reason == "vendored: 'vendor/'"
    assert SECRET not in str(review.coverage.entries[1].reason)
    assert review.outcome is Outcome.REVIEWED


def test_what_models_are_not_shown_is_excluded_though_nobody_else_can_read_it() -> None:
    """A lock file that every analyzer declines is covered by the policy alone."""
    change = patch("vendor/c.py")
    units = change.diff.units
    no = [SourceReport(source=name, declined=((units[0], "no"),)) for name in ("a", "model")]
    review = conclude(change, *no, unshown=UNSHOWN)
    assert [(entry.state, entry.by) for entry in review.coverage.entries] == [("excluded", ())]


@pytest.mark.parametrize("source", ["a", "models"])
def test_where_no_model_was_asked_it_makes_no_difference(source: str) -> None:
    """A file that only models are not shown is reviewed, skipped or failed as any other."""
    change = patch(*FILES)
    units = change.diff.units
    no = SourceReport(
        source=source, examined=frozenset(units[:2]), declined=((units[2], "reads Go"),)
    )
    assert conclude(change, no, unshown=UNSHOWN) == conclude(change, no)
    assert conclude(change, unshown=UNSHOWN).outcome is Outcome.SKIPPED


@pytest.mark.parametrize("silent", [True, False])
def test_a_model_that_failed_what_it_is_not_shown_is_a_failure(*, silent: bool) -> None:
    """Policy excuses what a model was told not to look at, and no fault."""
    change = patch("vendor/c.py")
    units = change.diff.units
    failed = () if silent else ((units[0], "model: no answer"),)
    model = SourceReport(source="model", failed=failed)
    review = conclude(change, saw("a", *units), model, unshown=UNSHOWN)
    assert states(review) == [UnitState.FAILED]
    assert review.outcome is Outcome.PARTIAL


def test_a_unit_that_a_model_examined_all_the_same_is_reviewed() -> None:
    """The ledger says what happened."""
    change = patch("vendor/c.py")
    review = conclude(change, saw("model", *change.diff.units), unshown=UNSHOWN)
    assert [(one.state, one.by) for one in review.coverage.entries] == [("reviewed", ("model",))]


def test_what_policy_leaves_out_is_not_kept_from_models_too() -> None:
    """A unit is decided once, and the partition keeps from models only what is reviewed."""
    policy = RepositoryPolicy(exclude=("vendor/",))
    change = patch(*FILES)
    parts = partition(change, policy, UNSHOWN)
    assert {change.diff.files[unit.file].path for unit in parts.unshown} == {"b.py"}
    assert set(parts.unshown) <= set(parts.to_review)


def test_what_the_index_cannot_read_is_skipped() -> None:
    """A combined diff is in the ledger as not covered, with the reason of the diff."""
    text = (
        "diff --cc f\nindex 1111111,2222222..3333333\n--- a/f\n+++ b/f\n"
        "@@@ -1,1 -1,1 +1,1 @@@\n- a\n -b\n++c\n"
    )
    change = Change.from_diff(Diff.parse(text))
    review = conclude(change, saw("a", *change.diff.units))
    assert review.outcome is Outcome.SKIPPED
    assert "combined" in str(review.reason)


def test_an_empty_change_is_reviewed_with_no_units() -> None:
    """Nothing to review is no failure."""
    review = conclude(Change.from_diff(Diff.parse("")))
    assert (review.outcome, review.coverage.units) == (Outcome.REVIEWED, 0)


def test_secrets_leave_neither_through_paths_nor_through_reasons() -> None:
    """Every text of a review is redacted, the names of files included."""
    change = patch(f"{SECRET}.txt")
    unit = change.diff.units[0]
    leaky = SourceReport(source="leaky", failed=((unit, f"leaky: saw {SECRET}"),))
    assert SECRET not in repr(conclude(change, leaky).to_json())


@given(st.data())
def test_the_ledger_has_one_entry_per_unit_and_no_false_clean(data: st.DataObject) -> None:
    """For any mix of reports: reviewed means that every source looked, and none failed."""
    change = patch(*FILES)
    units = change.diff.units
    some = st.sets(st.sampled_from(units))
    reports = [
        SourceReport(
            source=f"s{number}",
            examined=frozenset(data.draw(some)),
            failed=tuple((unit, "crashed") for unit in sorted(data.draw(some), key=repr)),
        )
        for number in range(data.draw(st.integers(0, 3)))
    ]
    review = conclude(change, *reports)
    assert len(review.coverage.entries) == len(units)
    for unit, entry in zip(units, review.coverage.entries, strict=True):
        failed = any(
            unit in dict(report.failed) or unit not in report.examined for report in reports
        )
        examined = any(unit in report.examined for report in reports)
        assert (entry.state is UnitState.REVIEWED) == (examined and not failed)
    clean = all(entry.state is UnitState.REVIEWED for entry in review.coverage.entries)
    assert (review.outcome is Outcome.REVIEWED) == clean


@pytest.mark.parametrize("pattern", ["*.py", "/a.py", "**/a.py"])
def test_partition_decides_a_file_once_for_all_its_hunks(pattern: str) -> None:
    """Every hunk of an excluded file is excluded."""
    text = "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x\n+y\n@@ -9 +9 @@\n-x\n+y\n"
    change = Change.from_diff(Diff.parse(text))
    parts = partition(change, RepositoryPolicy(exclude=(pattern,)))
    assert parts.to_review == ()
    assert [decision.state for decision in parts.decided.values()] == [UnitState.EXCLUDED] * 2


@pytest.mark.parametrize(("text", "verified"), [("y = 3", True), (f"y = '{SECRET}'", False)])
def test_a_suggestion_that_is_redacted_is_not_verified(
    text: str,
    verified: bool,  # noqa: FBT001 - a row of the table
    found: Callable[..., Finding],
) -> None:
    """What was seen to parse is another text."""
    edit = Suggestion(replacement=text, start_line=1, end_line=1, verified=True)
    proved = replace(found(text, 1, 1), suggestion=edit)

    (shown,) = conclude(patch("app.py"), findings=(proved,)).findings

    assert shown.suggestion is not None
    assert shown.suggestion.verified is verified
