"""Settle: hold the review against what every stage was given; a difference is an error.

A stage that loses units or findings on the way must not end in a clean review. So this is
checked with the whole chain at hand, apart from the stages and from how they work:

| from | to | what has to hold |
|---|---|---|
| units of the change | partition | each unit once, to be reviewed or decided |
| sources asked or overheard | reports | one each, with as many findings as it was heard with |
| raw findings | anchored | as many, with those that were dropped |
| anchored | verified | the same findings; as many suggestions, with those that were dropped |
| verified | fused | each is there, or merged into one at its place that names its sources |
| fused | modified | as many, with those that plugins dropped and added |
| modified | identified | the same findings first; what follows is none of this version |
| all of them | review | one entry a unit, none better than its reports; every finding |
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.coverage import CoverageEntry, UnitState
from codeflow_engine.domain.diff import Unit
from codeflow_engine.domain.finding import Finding, FindingState
from codeflow_engine.domain.review import Review
from codeflow_engine.domain.shape import is_sound
from codeflow_engine.domain.source import MODEL, SourceReport
from codeflow_engine.errors import WorkflowError
from codeflow_engine.plugins.dispatch import Modified
from codeflow_engine.review.anchor import Anchored
from codeflow_engine.review.judge import unexamined
from codeflow_engine.review.overhear import Discussion
from codeflow_engine.review.partition import Partition
from codeflow_engine.review.verify import Verified

__all__ = ["Account", "settle"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What the stages of a review have handed on."""

    change: Change
    asked: tuple[str, ...]
    """Names of the sources that were asked or overheard, in any order."""

    discussion: Discussion = field(default_factory=Discussion)
    partition: Partition
    reports: tuple[SourceReport, ...]
    anchored: Anchored
    verified: Verified
    fused: tuple[Finding, ...]
    modified: Modified
    identified: tuple[Finding, ...]
    """Those of this version in their order, then those of earlier ones."""


def settle(account: Account, review: Review) -> None:
    """Check that nothing was lost between the change and its review.

    Raises:
        WorkflowError: Something was; the message says between which stages.
    """
    stages = (account.discussion, account.anchored, account.verified, account.modified)
    # The units of reports need no look: none that is not of the change is ever found in them.
    none: frozenset[Unit] = frozenset()
    reports = (replace(report, examined=none, declined=(), failed=()) for report in account.reports)
    for value in (*reports, *stages, review):
        _hold(is_sound(value), f"a stage gave a {type(value).__name__} with a wrong field")
    _settle_units(account)
    _settle_findings(account)
    _settle_review(account, review)


def _hold(kept: bool, lost: str) -> None:  # noqa: FBT001 - reads as a sentence: hold this, or else
    if not kept:
        raise WorkflowError(f"the review does not add up: {lost}")


def _settle_units(account: Account) -> None:
    units, to_review = account.change.diff.units, account.partition.to_review
    decided = account.partition.decided
    same = len(units) == len(to_review) + len(decided) and {*units} == {*to_review, *decided}
    _hold(same, "the partition has other units than the change")
    _hold(
        {*account.partition.unshown} <= {*to_review},
        "units are kept from models that are not to be reviewed",
    )
    told = sorted(report.source for report in account.reports)
    _hold(told == sorted(account.asked), "there is not one report for each analyzer")
    for report in account.reports:
        _hold(
            len(report.findings) == report.reported,
            f"{report.source} reported {report.reported} findings, "
            f"and its report holds {len(report.findings)}",
        )


def _settle_findings(account: Account) -> None:
    raw = sum(report.reported for report in account.reports)
    anchored = account.anchored.findings
    dropped = sum(account.anchored.dropped.values())
    _hold(
        raw == len(anchored) + dropped,
        f"of {raw} findings reported {len(anchored)} were kept and {dropped} dropped",
    )
    verified = account.verified.findings
    same = [replace(finding, suggestion=None) for finding in anchored]
    _hold(
        same == [replace(finding, suggestion=None) for finding in verified],
        f"{len(anchored)} findings were to be verified, and other {len(verified)} came of it",
    )
    offered, left = (
        sum(one.suggestion is not None for one in found) for found in (anchored, verified)
    )
    gone = sum(account.verified.dropped.values())
    _hold(
        offered == left + gone,
        f"of {offered} suggestions {left} were kept and {gone} dropped",
    )
    _settle_fused(verified, account.fused)
    modified = account.modified
    came = len(account.fused) + modified.added
    went = sum(modified.dropped.values())
    _hold(
        came == len(modified.findings) + went,
        f"of {came} findings plugins left {len(modified.findings)} and dropped {went}",
    )
    _settle_identified(modified.findings, account.identified)


def _settle_fused(before: tuple[Finding, ...], after: tuple[Finding, ...]) -> None:
    left = {finding.fingerprint for finding in after}
    _hold(
        len(left) == len(after) and left <= {finding.fingerprint for finding in before},
        "fusing made findings that nobody reported",
    )
    by_path: dict[str, list[Finding]] = {}
    for finding in after:
        by_path.setdefault(finding.path, []).append(finding)
    for lost in before:
        if lost.fingerprint not in left:
            kept = any(_stands_for(one, lost) for one in by_path.get(lost.path, ()))
            _hold(kept, f"a finding of {', '.join(lost.sources)} was lost in fusing")


def _stands_for(kept: Finding, lost: Finding) -> bool:
    """Tell whether one finding may have taken another one in."""
    places = [(one.side, one.line or 0, one.end_line or one.line or 0) for one in (kept, lost)]
    (side, first, last), (other_side, other_first, other_last) = places
    return (
        side == other_side
        and first <= other_last
        and other_first <= last
        and set(kept.sources) >= set(lost.sources)
        # One source alone speaks of one thing twice only in the same words, but for a model.
        and (
            len(kept.sources) > 1
            or kept.title.casefold() == lost.title.casefold()
            or (kept.sources == (MODEL,) and kept.category == lost.category)
        )
    )


def _settle_identified(before: tuple[Finding, ...], after: tuple[Finding, ...]) -> None:
    current, earlier = after[: len(before)], after[len(before) :]
    same = len(current) == len(before) and all(
        replace(one, fingerprint=known.fingerprint, state=known.state) == known
        for one, known in zip(before, current, strict=True)
    )
    _hold(same, f"of {len(before)} findings some were lost when they were identified")
    _hold(
        all(finding.state != FindingState.NEW for finding in earlier),
        "a finding of an earlier version is called new",
    )


def _settle_review(account: Account, review: Review) -> None:
    _hold(
        _outlines(review.findings) == _outlines(account.identified),
        f"{len(account.identified)} findings were to be judged, "
        f"and other {len(review.findings)} stand in the review",
    )
    stages = (account.discussion, account.anchored, account.verified, account.modified)
    told = [*(report.dropped for report in account.reports), *(stage.dropped for stage in stages)]
    dropped = sum(sum(counts.values()) for counts in told)
    _hold(
        sum(review.dropped.values()) == dropped,
        f"{dropped} findings and suggestions were dropped, and the review tells another number",
    )
    units = account.change.diff.units
    entries = review.coverage.entries
    _hold(
        [unit.hunk for unit in units] == [entry.hunk for entry in entries],
        f"the change has {len(units)} units, and the ledger has {len(entries)} others",
    )
    bad = unexamined(account.partition.to_review, account.reports)
    for unit, entry in zip(units, entries, strict=True):
        _hold(_is_earned(unit, entry, account, bad), f"a unit is {entry.state} and was not")


def _outlines(findings: Iterable[Finding]) -> list[tuple[object, ...]]:
    """Give what redaction leaves alone, in the order of the list."""
    return [(one.fingerprint, one.state, one.severity, one.line, one.end_line) for one in findings]


def _is_earned(
    unit: Unit, entry: CoverageEntry, account: Account, bad: dict[Unit, list[str]]
) -> bool:
    decision = account.partition.decided.get(unit)
    if decision is not None:
        return entry.state == decision.state
    looked = {report.source for report in account.reports if unit in report.examined}
    kept = _is_kept(unit, account, looked)
    if entry.state == UnitState.EXCLUDED and (unit in bad or not kept):
        return False
    if entry.state == UnitState.REVIEWED and (unit in bad or kept or not looked):
        return False
    return looked == set(entry.by)


def _is_kept(unit: Unit, account: Account, looked: set[str]) -> bool:
    """Tell whether policy kept a unit from models that were asked, and they did not see it."""
    asked = any(report.source == MODEL for report in account.reports)
    return asked and unit in account.partition.unshown and MODEL not in looked
