from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.coverage import CoverageEntry, UnitState
from codeflow_engine.domain.diff import Diff, Unit
from codeflow_engine.domain.finding import FindingState, RawFinding, Suggestion
from codeflow_engine.domain.review import Review, Timing
from codeflow_engine.domain.source import SourceReport
from codeflow_engine.errors import WorkflowError
from codeflow_engine.plugins.dispatch import Modified
from codeflow_engine.redaction import Redactor
from codeflow_engine.review.anchor import anchor
from codeflow_engine.review.fuse import fuse
from codeflow_engine.review.judge import Verdict, judge
from codeflow_engine.review.overhear import Discussion
from codeflow_engine.review.partition import partition
from codeflow_engine.review.policy import RepositoryPolicy
from codeflow_engine.review.settle import Account, settle
from codeflow_engine.review.verify import verify

CHANGE = Change.from_diff(
    Diff.parse(
        "--- a/app.py\n+++ b/app.py\n@@ -1 +1,2 @@\n x = 1\n+y = 2\n"
        "--- a/lib.py\n+++ b/lib.py\n@@ -1 +1,2 @@\n x = 1\n+y = 2\n"
    )
)
UNITS = CHANGE.diff.units


@pytest.fixture
def account(raw: Callable[..., RawFinding]) -> Account:
    """Take a change through all stages: three raw findings, of which one has no place."""
    parts = partition(CHANGE, RepositoryPolicy(exclude=("lib.py",)))
    same = raw(line=2, title="One thing")
    told = {"a": (same, raw(line=99)), "b": (same, raw(line=1, title="Another"))}
    reports = tuple(
        SourceReport(
            source=name, findings=found, reported=len(found), examined=frozenset(parts.to_review)
        )
        for name, found in told.items()
    )
    anchored = anchor(CHANGE, parts.to_review, reports, Redactor())
    verified = verify(CHANGE, anchored.findings)
    fused = fuse(verified.findings)
    return Account(
        change=CHANGE,
        asked=("a", "b"),
        partition=parts,
        reports=reports,
        anchored=anchored,
        verified=verified,
        fused=fused,
        modified=Modified(findings=fused),
        identified=fused,
    )


def judged(account: Account) -> Review:
    dropped = {**account.anchored.dropped, **account.verified.dropped, **account.modified.dropped}
    verdict = Verdict(
        findings=account.identified,
        dropped=dropped,
        isolation="none",
        timing=Timing(started_at=datetime(2026, 1, 1, tzinfo=UTC), seconds=0.0),
    )
    parts = (account.partition, account.reports)
    return judge("run", account.change, parts, verdict, Redactor())


def test_a_review_that_lost_nothing_is_settled(account: Account) -> None:
    """Findings that were dropped, merged or left out by policy are all accounted for."""
    review = judged(account)

    settle(account, review)

    assert (len(review.findings), sum(review.dropped.values())) == (2, 1)
    assert [entry.state for entry in review.coverage.entries] == ["reviewed", "excluded"]


def without(account: Account, stage: str, **fields: Any) -> Account:
    return replace(account, **{stage: replace(getattr(account, stage), **fields)})


LOSSES: dict[str, tuple[Callable[[Account], Account], str]] = {
    "unit": (lambda one: without(one, "partition", to_review=()), "partition"),
    "decision": (lambda one: without(one, "partition", decided={}), "partition"),
    "stranger": (
        lambda one: without(one, "partition", to_review=(Unit(file=9, hunk=0),)),
        "partition",
    ),
    "unshown": (
        lambda one: without(one, "partition", unshown={UNITS[1]: "not to be reviewed"}),
        "kept from models",
    ),
    "report": (lambda one: replace(one, reports=one.reports[:1]), "one report for each"),
    "name": (lambda one: replace(one, asked=("a", "b", "c")), "one report for each"),
    "reported": (
        lambda one: replace(one, reports=tuple(replace(r, findings=()) for r in one.reports)),
        "reported 2 findings, and its report holds 0",
    ),
    "anchored": (
        lambda one: without(one, "anchored", findings=one.anchored.findings[:-1]),
        "of 4 findings reported 2 were kept and 1 dropped",
    ),
    "uncounted": (lambda one: without(one, "anchored", dropped={}), "of 4 findings reported"),
    "verified": (lambda one: without(one, "verified", findings=()), "to be verified"),
    "fused": (lambda one: replace(one, fused=one.fused[:1]), "lost in fusing"),
    "made": (
        lambda one: replace(one, fused=(*one.fused, replace(one.fused[0], fingerprint="new"))),
        "nobody reported",
    ),
    "modified": (lambda one: without(one, "modified", findings=()), "of 2 findings plugins left 0"),
    "identified": (lambda one: replace(one, identified=one.identified[:1]), "identified"),
    "called-new": (
        lambda one: replace(one, identified=(*one.identified, one.identified[0])),
        "called new",
    ),
    "wrong-type": (lambda one: without(one, "anchored", findings=(object(),)), "wrong field"),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_what_one_stage_loses_is_an_error_that_says_where(account: Account, loss: str) -> None:
    """Each stage is held against the one before it."""
    lose, told = LOSSES[loss]
    review = judged(account)

    with pytest.raises(WorkflowError, match=told):
        settle(lose(account), review)


def entries(review: Review, **fields: Any) -> Review:
    first, *rest = review.coverage.entries
    changed = (replace(first, **fields), *rest)
    return replace(review, coverage=replace(review.coverage, entries=changed))


@pytest.mark.parametrize(
    ("lose", "told"),
    [
        (lambda review: replace(review, findings=review.findings[:1]), "stand in the review"),
        (lambda review: replace(review, findings=review.findings[::-1]), "stand in the review"),
        (lambda review: replace(review, dropped={}), "tells another number"),
        (lambda review: replace(review, coverage=replace(review.coverage, entries=())), "ledger"),
        (lambda review: entries(review, by=("a",)), "a unit is reviewed"),
        (lambda review: entries(review, state=UnitState.EXCLUDED, reason="x"), "is excluded"),
        (lambda review: replace(review, run_id=42), "wrong field"),
    ],
)
def test_a_review_that_differs_from_its_stages_is_an_error(
    account: Account, lose: Callable[[Review], Review], told: str
) -> None:
    """Its findings, its count of the dropped, and its ledger have to be theirs."""
    with pytest.raises(WorkflowError, match=told):
        settle(account, lose(judged(account)))


def test_a_unit_that_somebody_failed_cannot_be_called_reviewed(account: Account) -> None:
    """Whoever looked beside, and whatever the stage that judges makes of it."""
    dead = replace(account.reports[0], examined=frozenset(), failed=((UNITS[0], "a: dead"),))
    failed = replace(account, reports=(dead, account.reports[1]))
    honest = judged(failed)
    assert honest.coverage.entries[0].state is UnitState.FAILED
    settle(failed, honest)
    clean = CoverageEntry(path="app.py", hunk=0, state=UnitState.REVIEWED, by=("b",))
    whole = (clean, *honest.coverage.entries[1:])

    with pytest.raises(WorkflowError, match="a unit is reviewed"):
        settle(failed, replace(honest, coverage=replace(honest.coverage, entries=whole)))


def test_findings_of_earlier_versions_and_of_plugins_are_accounted_for(account: Account) -> None:
    """A plugin's drops are counted by its name; what is resolved comes after the rest."""
    kept, gone = account.fused
    told = {"dropped by plugin acme": 1}
    resolved = replace(gone, fingerprint="old", state=FindingState.RESOLVED)
    changed = replace(
        account,
        modified=Modified(findings=(kept,), dropped=told),
        identified=(kept, resolved),
    )

    settle(changed, judged(changed))

    assert judged(changed).dropped["dropped by plugin acme"] == 1


KEPT = CoverageEntry(path="app.py", hunk=0, state=UnitState.EXCLUDED, reason="made", by=("a", "b"))


def with_model(account: Account, **fields: Any) -> Account:
    """Ask models, too, who are not shown the first unit."""
    model = SourceReport(source="model", declined=((UNITS[0], "not shown"),))
    return replace(
        without(account, "partition", unshown={UNITS[0]: "made"}),
        asked=("a", "b", "model"),
        reports=(*account.reports, replace(model, **fields)),
    )


def test_a_unit_that_is_kept_from_models_is_settled_as_excluded(account: Account) -> None:
    """The entry names the analyzers, and calling the unit reviewed would say too much."""
    kept = with_model(account)
    review = judged(kept)
    assert review.coverage.entries[0] == KEPT

    settle(kept, review)

    with pytest.raises(WorkflowError, match="a unit is reviewed"):
        settle(kept, entries(review, state=UnitState.REVIEWED, reason=None))
    with pytest.raises(WorkflowError, match="a unit is excluded"):
        settle(kept, entries(review, by=("a",)))


@pytest.mark.parametrize(
    "change",
    [
        lambda one: with_model(one, failed=((UNITS[0], "no answer"),), declined=()),
        lambda one: with_model(one, examined=frozenset({UNITS[0]}), declined=()),
        lambda one: without(with_model(one), "partition", unshown={}),
        lambda one: replace(with_model(one), asked=("a", "b"), reports=one.reports),
    ],
    ids=["failed", "seen", "shown", "not-asked"],
)
def test_no_other_unit_can_be_called_excluded(
    account: Account, change: Callable[[Account], Account]
) -> None:
    """Not one that a model failed or saw, that it may see, or about which none was asked."""
    changed = change(account)
    honest = judged(changed)
    settle(changed, honest)
    by = honest.coverage.entries[0].by
    assert honest.coverage.entries[0].state is not UnitState.EXCLUDED

    with pytest.raises(WorkflowError, match="a unit is excluded"):
        settle(changed, entries(honest, state=UnitState.EXCLUDED, reason="made", by=by))


def test_a_suggestion_that_is_lost_without_a_count_is_an_error(account: Account) -> None:
    """As many suggestions are verified as were anchored, but for those that were dropped."""
    one, *others = account.anchored.findings
    edit = Suggestion(replacement="y = 3", start_line=2, end_line=2)
    offered = replace(account.anchored, findings=(replace(one, suggestion=edit), *others))
    review = judged(account)

    counted = replace(account.verified, dropped={"why": 1})
    told = replace(review, dropped={**review.dropped, "why": 1})
    settle(replace(account, anchored=offered, verified=counted), told)

    with pytest.raises(WorkflowError, match="of 1 suggestions 0 were kept and 0 dropped"):
        settle(replace(account, anchored=offered), review)


def test_a_discussion_that_could_not_be_read_is_told(account: Account) -> None:
    """A review that keeps silent about it is an error."""
    reason = "discussion that could not be read"
    unread = replace(account, discussion=Discussion(dropped={reason: 1}))
    review = judged(account)

    settle(unread, replace(review, dropped={**review.dropped, reason: 1}))

    with pytest.raises(WorkflowError, match="the review tells another number"):
        settle(unread, review)
