from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.coverage import Coverage, CoverageEntry, Outcome, UnitState
from codeflow_engine.domain.diff import Diff
from codeflow_engine.domain.finding import FindingState, Severity
from codeflow_engine.domain.review import SCHEMA_VERSION, ChangeSummary, Review, Timing
from codeflow_engine.errors import SerializationError
from review_builds import finding, review, reviews

FAILED = Coverage(entries=(CoverageEntry(path="a", state=UnitState.FAILED, reason="timeout"),))
VALUE = "hunter2-hunter2"


@given(reviews())
@settings(max_examples=60)
def test_a_review_comes_back_equal_from_json(value: Review) -> None:
    """Through text and back, every field is the same."""
    text = json.dumps(value.to_json(), allow_nan=False)

    assert Review.from_json(json.loads(text)) == value


@given(reviews())
@settings(max_examples=60)
def test_the_json_form_tells_the_ledger_in_numbers(value: Review) -> None:
    """Outcome, reason and counts stand beside the entries that they are derived from."""
    plain = value.to_json()

    assert plain["schema"] == SCHEMA_VERSION
    assert (plain["outcome"], plain["reason"]) == (value.outcome.value, value.reason)
    counts = {state.value: value.coverage.count(state) for state in UnitState}
    assert {name: plain["coverage"][name] for name in counts} == counts
    assert plain["coverage"]["units"] == len(plain["coverage"]["entries"])
    assert plain["coverage"]["hunks"] == value.coverage.hunks


def test_a_lying_outcome_is_derived_anew() -> None:
    """What a JSON document claims about itself has no effect; its ledger has."""
    plain = review(coverage=FAILED).to_json()
    plain |= {"outcome": "reviewed", "reason": None}
    plain["coverage"] |= {"units": 9, "hunks": 9, "reviewed": 9, "failed": 0, "skipped": "none"}

    loaded = Review.from_json(plain)

    assert loaded.outcome is Outcome.FAILED
    assert loaded.reason == "1 of 1 units are not covered: timeout (1)"
    assert loaded.coverage.count(UnitState.FAILED) == 1
    assert loaded.to_json()["outcome"] == "failed"


def test_the_outcome_may_be_absent_from_json() -> None:
    """It adds nothing to the ledger, so a document without it is as good."""
    plain = review().to_json()
    del plain["outcome"], plain["reason"], plain["coverage"]["units"]

    assert Review.from_json(plain) == review()


@pytest.mark.parametrize("name", ["outcome", "reason"])
def test_the_outcome_is_no_parameter(name: str) -> None:
    """Neither the constructor nor `replace` takes it."""
    lie: dict[str, Any] = {name: "reviewed"}

    with pytest.raises(TypeError):
        review(**lie)
    with pytest.raises(TypeError):
        replace(review(), **lie)
    with pytest.raises(AttributeError):
        object.__setattr__(review(), name, "reviewed")


@pytest.mark.parametrize(
    "data", [None, [], "text", {}, {"schema": 2}, {"schema": True}, {"schema": 1.0}, {"schema": []}]
)
def test_another_schema_is_refused(data: Any) -> None:
    """Only a whole number that this version knows is read."""
    with pytest.raises(SerializationError, match="this version reads schema 1"):
        Review.from_json(data)


def test_the_schema_that_was_found_is_named() -> None:
    """A number is told; anything else could be the text of anything."""
    with pytest.raises(SerializationError, match="a review of schema 2 cannot be read"):
        Review.from_json({"schema": 2})
    with pytest.raises(SerializationError, match="a review of no known schema") as caught:
        Review.from_json({"schema": VALUE})
    assert VALUE not in caught.value.message


def broken(path: str, value: Any) -> dict[str, Any]:
    """Give the JSON form of a review with another value at a path such as `a.0.b`."""
    plain: dict[str, Any] = json.loads(json.dumps(review(findings=(finding(),)).to_json()))
    at: Any = plain
    *way, last = path.split(".")
    for part in way:
        at = at[int(part)] if isinstance(at, list) else at[part]
    at[last] = value
    return plain


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("extra", VALUE),
        ("coverage.extra", VALUE),
        ("findings.0.extra", VALUE),
        ("change.extra", VALUE),
        ("usage.extra", VALUE),
        ("coverage.entries.0.extra", VALUE),
        ("findings.0.severity", VALUE),
        ("findings.0.line", 0),
        ("findings.0.line", VALUE),
        ("findings.0.end_line", -3),
        ("findings.0.confidence", 1.5),
        ("findings.0.confidence", math.nan),
        ("findings.0.confidence", math.inf),
        ("coverage", VALUE),
        ("coverage.entries.0.state", VALUE),
        ("coverage.entries.0.by", []),
        ("coverage.entries.0.hunk", -1),
        ("coverage.entries", None),
        ("change.files", -1),
        ("dropped.x", -1),
        ("usage.calls", -1),
        ("usage.cost_usd", "-1"),
        ("usage.cost_usd", "NaN"),
        ("usage.cost_usd", VALUE),
        ("timing.started_at", "2026-01-01T00:00:00"),
        ("timing.started_at", VALUE),
        ("timing.seconds", math.inf),
        ("timing.seconds", -1),
        ("run_id", None),
    ],
)
def test_a_document_of_another_form_is_refused(path: str, value: Any) -> None:
    """Unknown keys, wrong types, impossible numbers: named by their place, never quoted."""
    with pytest.raises(SerializationError, match=r"^not a valid Review: ") as caught:
        Review.from_json(broken(path, value))

    assert VALUE not in caught.value.message


@pytest.mark.parametrize("state", ["excluded", "skipped", "failed"])
def test_an_entry_without_its_reason_is_refused_from_json(state: str) -> None:
    """A ledger with a line that says nothing is no ledger."""
    plain = broken("coverage.entries.0.state", state)

    with pytest.raises(SerializationError, match=r"coverage\.entries\.0: the value is refused"):
        Review.from_json(plain)


def test_surrogates_of_a_path_become_escapes_in_json() -> None:
    """The document is UTF-8, and what it holds can be read back."""
    entry = CoverageEntry(path="caf\udce9", state=UnitState.SKIPPED, reason="binary")
    value = review(coverage=Coverage(entries=(entry,)), findings=(finding(path="caf\udce9"),))

    text = json.dumps(value.to_json(), ensure_ascii=False).encode("utf-8")

    loaded = Review.from_json(json.loads(text))
    assert loaded.coverage.entries[0].path == r"caf\xe9"
    assert loaded.findings[0].path == r"caf\xe9"


@pytest.mark.parametrize(
    ("states", "worst"),
    [
        ([], None),
        ([("new", "low"), ("open", "high"), ("new", "info")], Severity.HIGH),
        ([("resolved", "critical"), ("dismissed", "critical")], None),
        ([("resolved", "critical"), ("open", "info")], Severity.INFO),
        ([("dismissed", "high"), ("new", "medium")], Severity.MEDIUM),
    ],
)
def test_the_worst_finding_is_one_that_still_stands(
    states: list[tuple[str, str]], worst: Severity | None
) -> None:
    """Resolved and dismissed findings don't count at a gate."""
    findings = tuple(
        finding(state=FindingState(state), severity=Severity(severity))
        for state, severity in states
    )

    assert review(findings=findings).worst() is worst


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -0.1])
def test_an_impossible_time_is_refused(seconds: float) -> None:
    """The time of a review is finite and not negative."""
    with pytest.raises(ValueError, match="finite number, at least 0"):
        Timing(started_at=datetime(2026, 1, 1, tzinfo=UTC), seconds=seconds)


def test_a_start_without_a_time_zone_is_refused() -> None:
    """It would be another moment on another machine."""
    with pytest.raises(ValueError, match="has a time zone"):
        Timing(started_at=datetime(2026, 1, 1), seconds=0)  # noqa: DTZ001 - what the test is about


def test_a_negative_count_is_refused() -> None:
    """Neither files nor dropped findings are fewer than none."""
    with pytest.raises(ValueError, match="files are counted from 0"):
        ChangeSummary(files=-1)
    with pytest.raises(ValueError, match="counted from 0"):
        review(dropped={"a": 3, "b": -1})


def test_a_change_is_summarised() -> None:
    """Title, revisions and the number of files are kept."""
    diff = Diff.parse("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")
    change = Change(provider="git", target=".", title="T", base="b" * 40, head="h" * 40, diff=diff)

    assert ChangeSummary.of(change) == ChangeSummary(
        title="T", base="b" * 40, head="h" * 40, files=1
    )


def test_a_review_shows_itself() -> None:
    """Short as a value, the text report as text and in a notebook's cell."""
    value = review(coverage=FAILED)
    shown: list[str] = []

    class Printer:
        text = staticmethod(shown.append)

    value._repr_pretty_(Printer(), cycle=False)
    value._repr_pretty_(Printer(), cycle=True)

    assert repr(value) == "<Review failed: 0 findings, 0 of 1 units covered>"
    assert shown == [str(value), repr(value)]
    assert "timeout" in str(value)
