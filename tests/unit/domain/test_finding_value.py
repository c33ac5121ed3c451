from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest

from codeflow_engine.domain.diff import Unit
from codeflow_engine.domain.finding import Category, Evidence, RawFinding, Severity
from codeflow_engine.domain.source import SourceReport
from review_builds import finding

WRONG_CONFIDENCES = [math.nan, math.inf, -math.inf, -0.01, 1.01]


def test_severities_are_ordered_worst_first() -> None:
    """Critical has rank 0, and each one after it the next."""
    assert [severity.rank for severity in Severity] == [0, 1, 2, 3, 4]
    assert [severity.value for severity in Severity] == [
        *("critical", "high", "medium", "low", "info")
    ]


def test_a_severity_is_as_bad_as_itself_and_worse_than_those_after_it() -> None:
    """`at_least` is what a gate asks."""
    for severity in Severity:
        assert severity.at_least(severity)
    for worse, better in pairwise(Severity):
        assert worse.at_least(better)
        assert not better.at_least(worse)


@pytest.mark.parametrize("confidence", WRONG_CONFIDENCES)
def test_a_confidence_outside_of_0_to_1_is_refused(confidence: float) -> None:
    """Neither a source nor the engine can be more than certain, and NaN is no number."""
    raw: dict[str, Any] = dict.fromkeys(("rule", "title", "message", "path"), "x")
    raw |= {"severity": Severity.LOW, "category": Category.STYLE}

    with pytest.raises(ValueError, match="a number from 0 to 1"):
        finding(confidence=confidence)
    with pytest.raises(ValueError, match="a number from 0 to 1"):
        RawFinding(confidence=confidence, **raw)
    assert RawFinding(confidence=0.5, **raw).confidence == 0.5


@pytest.mark.parametrize(("line", "end_line"), [(0, None), (-1, None), (2, 1), (None, 1), (1, -1)])
def test_lines_that_cannot_be_are_refused(line: int | None, end_line: int | None) -> None:
    """Lines count from 1, and the last one is not before the first."""
    with pytest.raises(ValueError, match=r"a\.py: "):
        finding(line=line, end_line=end_line)


@pytest.mark.parametrize(("line", "end_line"), [(None, None), (1, None), (1, 1), (3, 9)])
def test_lines_that_can_be_are_taken(line: int | None, end_line: int | None) -> None:
    """A finding speaks of a file, of a line, or of several."""
    assert finding(line=line, end_line=end_line).line == line


@pytest.mark.parametrize("fields", [{"start_line": 0}, {"column": 0}, {"end_column": -3}])
def test_evidence_counts_from_1(fields: dict[str, int]) -> None:
    """Neither lines nor columns have a number 0."""
    with pytest.raises(ValueError, match="counted from 1"):
        Evidence(**{"start_line": 1, "lines": ("x",), **fields})  # type: ignore[arg-type]  # mixed


def test_the_failure_of_a_source_is_its_first_one() -> None:
    """A source without failed units has no failure to tell."""
    units = (Unit(file=0, hunk=0), Unit(file=0, hunk=1))
    failed = SourceReport(source="acme", failed=((units[0], "first"), (units[1], "second")))

    assert failed.failure == "first"
    assert SourceReport(source="acme", examined=frozenset(units)).failure is None
