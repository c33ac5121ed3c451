"""No fault of a model, or of a stage that it stands in, ends in a review that reads as clean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from clean_desk import Point
from clean_models import NEW, ModelTally, is_short_of_models, model_cells, model_survey

CELLS = list(model_cells())
POINTS = sorted({cell.point for cell in CELLS})


def _id(point: Point) -> str:
    # The key of a question is a digest, which is another one after each change of a prompt.
    return str(point).partition("[")[0]


def test_every_stage_that_models_stand_in_is_in_the_matrix() -> None:
    """Each step that only a review with models has, the strategy, and the model itself."""
    counts = Counter(cell.point for cell in CELLS)
    steps = {point.name.partition("[")[0] for point in POINTS if point.kind == "step"}
    print(f"cells: {counts.total()}")  # noqa: T201 - shown with `pytest -rP`

    assert steps == NEW
    assert {point.kind for point in POINTS} == {"step", "llm", "strategy"}
    assert counts.total() >= 400
    assert min(counts.values()) >= 18
    assert {one.sources for one in model_survey().whole.findings} == {("model",), ("planted",)}


@pytest.mark.parametrize("point", POINTS, ids=_id)
async def test_no_fault_of_a_stage_with_a_model_reads_as_clean(
    point: Point, record_property: Callable[[str, object], None]
) -> None:
    """An error, a review that tells what is missing, or the whole review."""
    tally = ModelTally()

    await tally.strike(cell for cell in CELLS if cell.point == point and is_short_of_models(cell))

    record_property("matrix", tally.to_json())
    assert tally.endings
    assert not tally.broken


@pytest.mark.fault
@pytest.mark.parametrize("point", POINTS, ids=_id)
async def test_no_fault_at_all_of_a_stage_with_a_model_reads_as_clean(
    point: Point, record_property: Callable[[str, object], None]
) -> None:
    """The same for what hangs or ends the review, and for every part of every answer."""
    tally = ModelTally()

    await tally.strike(cell for cell in CELLS if cell.point == point)

    record_property("matrix", tally.to_json())
    assert tally.endings
    assert not tally.broken
