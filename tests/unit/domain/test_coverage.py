from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine.domain.coverage import Coverage, CoverageEntry, Outcome, UnitState
from review_builds import coverages, entries

REVIEWED, EXCLUDED = UnitState.REVIEWED, UnitState.EXCLUDED
SKIPPED, FAILED = UnitState.SKIPPED, UnitState.FAILED


def entry(state: UnitState, reason: str = "why", *by: str) -> CoverageEntry:
    if state is REVIEWED:
        return CoverageEntry(path="x", hunk=0, state=state, by=by or ("a",))
    return CoverageEntry(path="x", hunk=0, state=state, reason=reason, by=by)


def ledger(*entries: CoverageEntry) -> Coverage:
    return Coverage(entries=entries)


@given(coverages())
def test_a_review_is_complete_if_and_only_if_every_unit_is_covered(coverage: Coverage) -> None:
    """`reviewed` stands for: no unit is skipped, and none failed."""
    states = {one.state for one in coverage.entries}

    assert (coverage.outcome is Outcome.REVIEWED) == (not states & {SKIPPED, FAILED})
    assert (coverage.reason is None) == (coverage.outcome is Outcome.REVIEWED)
    assert bool(coverage.uncovered) == (coverage.outcome is not Outcome.REVIEWED)


@given(coverages())
def test_the_other_outcomes_tell_who_looked_and_who_failed(coverage: Coverage) -> None:
    """`partial`: somebody looked; `failed`: nobody, and something failed; else `skipped`."""
    looked = any(one.by for one in coverage.entries)
    failed = any(one.state is FAILED for one in coverage.entries)
    expected = Outcome.PARTIAL if looked else Outcome.FAILED if failed else Outcome.SKIPPED

    assert coverage.outcome in {Outcome.REVIEWED, expected}


@given(coverages(), st.data())
def test_one_more_uncovered_unit_never_makes_a_review_complete(
    coverage: Coverage, data: st.DataObject
) -> None:
    """Whatever is in the ledger, a skipped or failed unit keeps it from being complete."""
    missing = data.draw(entries(st.sampled_from([SKIPPED, FAILED])))
    at = data.draw(st.integers(0, coverage.units))
    more = Coverage(entries=(*coverage.entries[:at], missing, *coverage.entries[at:]))

    assert more.outcome is not Outcome.REVIEWED
    assert missing in more.uncovered


@given(coverages(), st.randoms())
def test_the_order_of_the_ledger_does_not_matter(coverage: Coverage, random: Any) -> None:
    """The outcome depends on what happened to the units, not on where they stand."""
    shuffled = list(coverage.entries)
    random.shuffle(shuffled)

    assert Coverage(entries=tuple(shuffled)).outcome is coverage.outcome


@given(coverages())
def test_every_unit_is_counted_once(coverage: Coverage) -> None:
    """The counts of the four states add up to the number of units."""
    assert sum(coverage.count(state) for state in UnitState) == coverage.units
    assert coverage.hunks <= coverage.units == len(coverage.entries)
    assert len(coverage.uncovered) == coverage.count(SKIPPED) + coverage.count(FAILED)


@pytest.mark.parametrize(
    ("coverage", "outcome"),
    [
        (ledger(), Outcome.REVIEWED),
        (ledger(entry(REVIEWED)), Outcome.REVIEWED),
        (ledger(entry(EXCLUDED)), Outcome.REVIEWED),
        (ledger(entry(EXCLUDED), entry(REVIEWED)), Outcome.REVIEWED),
        (ledger(entry(SKIPPED)), Outcome.SKIPPED),
        (ledger(entry(SKIPPED), entry(EXCLUDED)), Outcome.SKIPPED),
        (ledger(entry(FAILED)), Outcome.FAILED),
        (ledger(entry(FAILED), entry(SKIPPED), entry(EXCLUDED)), Outcome.FAILED),
        (ledger(entry(FAILED), entry(REVIEWED)), Outcome.PARTIAL),
        (ledger(entry(SKIPPED), entry(REVIEWED)), Outcome.PARTIAL),
        (ledger(entry(FAILED, "why", "other")), Outcome.PARTIAL),
        (ledger(entry(SKIPPED), entry(EXCLUDED, "why", "other")), Outcome.PARTIAL),
    ],
)
def test_the_outcome_of_each_mixture(coverage: Coverage, outcome: Outcome) -> None:
    """An empty change is reviewed; exclusion covers, but examines nothing."""
    assert coverage.outcome is outcome


@pytest.mark.parametrize("state", [SKIPPED, FAILED, EXCLUDED])
@pytest.mark.parametrize("reason", [None, "", "  \n"])
def test_an_entry_that_is_not_reviewed_gives_its_reason(
    state: UnitState, reason: str | None
) -> None:
    """Nothing is left out without a word."""
    with pytest.raises(ValueError, match=f"x: a unit that is {state} gives its reason"):
        CoverageEntry(path="x", state=state, reason=reason, by=("a",))


@pytest.mark.parametrize("by", [(), ("",), ("a", " ")])
def test_a_reviewed_entry_names_who_examined_it(by: tuple[str, ...]) -> None:
    """Nobody in particular has examined nothing, and a blank is no name."""
    with pytest.raises(ValueError, match=r"x: .* (who examined it|has a name)"):
        CoverageEntry(path="x", state=REVIEWED, reason="why", by=by)


def test_a_hunk_has_no_negative_index() -> None:
    """Hunks are counted from 0."""
    with pytest.raises(ValueError, match="counted from 0, not from -1"):
        CoverageEntry(path="x", hunk=-1, state=REVIEWED, by=("a",))


@pytest.mark.parametrize("state", ["bogus", "", None])
def test_a_state_that_does_not_exist_is_not_covered(state: Any) -> None:
    """What the ledger does not understand keeps a review from being complete."""
    coverage = ledger(CoverageEntry(path="x", state=state, reason="why"))

    assert coverage.outcome is Outcome.SKIPPED
    assert len(coverage.uncovered) == 1


@pytest.mark.parametrize("state", UnitState)
def test_a_state_given_by_its_value_counts_the_same(state: UnitState) -> None:
    """A plain string from an untyped caller is not overlooked."""
    plain: Any = state.value
    given = ledger(CoverageEntry(path="x", state=plain, reason="why", by=("a",)))
    typed = ledger(CoverageEntry(path="x", state=state, reason="why", by=("a",)))

    assert given.outcome is typed.outcome
    assert given.count(state) == 1


def test_the_outcome_cannot_be_set() -> None:
    """It is no parameter, no field and no attribute that anybody could write."""
    coverage = ledger(entry(FAILED))
    lie: Any = {"outcome": Outcome.REVIEWED}

    with pytest.raises(TypeError):
        Coverage(entries=(), **lie)
    with pytest.raises(TypeError):
        replace(coverage, **lie)
    # A frozen dataclass with slots raises TypeError for a name that is no field.
    with pytest.raises((AttributeError, TypeError)):
        coverage.outcome = Outcome.REVIEWED  # type: ignore[misc]  # what the test is about
    with pytest.raises(AttributeError):
        object.__setattr__(coverage, "outcome", Outcome.REVIEWED)
    assert coverage.outcome is Outcome.FAILED


def test_the_reason_counts_and_shortens() -> None:
    """The three most frequent reasons stand with their numbers, the rest as a number."""
    coverage = ledger(
        entry(REVIEWED),
        *(entry(FAILED, "timeout") for _ in range(3)),
        *(entry(SKIPPED, "binary") for _ in range(2)),
        *(entry(SKIPPED, reason) for reason in "abc"),
    )

    assert coverage.reason == (
        "8 of 9 units are not covered: timeout (3); binary (2); a (1); and 2 more reasons"
    )
    assert ledger(entry(FAILED)).reason == "1 of 1 units are not covered: why (1)"
