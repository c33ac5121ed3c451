"""No fault at any stage of a review ends in a complete review that is not complete."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from clean_desk import Point
from clean_matrix import Tally, cells, is_short, survey

from codeflow_engine.domain.run import StepStarted

POINTS = survey().points
SHORT = sorted({cell.point for cell in cells(POINTS) if is_short(cell)})


def test_every_step_and_every_kind_of_backend_is_in_the_matrix() -> None:
    """The points are those of a real run: each step that its events tell of, each backend."""
    told = {
        f"{event.step}[{event.key}]" if event.key else event.step
        for event in survey().events
        if isinstance(event, StepStarted)
    }

    assert told == {point.name for point in POINTS if point.kind == "step"}
    assert {point.kind for point in POINTS} == {
        *("step", "vcs", "analyzer", "storage", "journal", "bare", "cache", "observer", "hook")
    }


def test_every_call_that_a_run_stands_on_is_in_the_matrix() -> None:
    """Its submission, its claim, the record of each of its steps, its ends, and who ends it."""
    calls = {point.name for point in POINTS if point.kind == "journal"}
    # The record of an event goes with any write, so that it stands for none.
    told = {name.partition("[")[0] for name in survey().recorded}
    recorded = {name for name in told if not name.startswith("emit ")}

    assert {"submit", "claim", "cancel"} <= calls
    assert {f"write[{state}]" for state in ("succeeded", "failed", "cancelled")} <= calls
    assert {f"write[{name}]" for name in recorded} <= calls
    assert {"fetch", "analyze", "save"} <= recorded


def test_every_point_has_every_kind_of_fault() -> None:
    """No point is left with fewer than a raise, a hang, an interruption and a wrong answer."""
    plain = {"raises", "answers", "forgets"}
    kinds = plain | {"hangs", "cancelled", "closed"}

    for point in POINTS:
        names = {cell.fault.name.partition("-")[0] for cell in cells([point])}
        assert names >= (plain if point.kind == "hook" else kinds), point


@pytest.mark.parametrize("point", SHORT, ids=str)
async def test_no_fault_ends_in_a_review_that_reads_as_clean(
    point: Point, record_property: Callable[[str, object], None]
) -> None:
    """An error, a cancellation, or a review that tells what is missing; else no harm at all."""
    tally = Tally()

    await tally.strike(cell for cell in cells([point]) if is_short(cell))

    record_property("matrix", tally.to_json())
    assert tally.endings
    assert not tally.broken


@pytest.mark.fault
@pytest.mark.parametrize("point", POINTS, ids=str)
async def test_no_fault_at_all_ends_in_a_review_that_reads_as_clean(
    point: Point, record_property: Callable[[str, object], None]
) -> None:
    """The same for every event, and for every part of every answer."""
    tally = Tally()

    await tally.strike(cells([point]))

    record_property("matrix", tally.to_json())
    assert tally.endings
    assert not tally.broken
