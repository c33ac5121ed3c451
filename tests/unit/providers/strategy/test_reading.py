"""What a model answers is read as far as it makes sense, and what is lost is counted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine.domain.confidence import as_confidence
from codeflow_engine.domain.diff import Diff, Side
from codeflow_engine.domain.finding import Category, RawFinding, Severity
from codeflow_engine.errors import InvalidResponseError
from codeflow_engine.providers.strategy.reading import read

NO_EDIT = "\ufffd"
PATCH = (
    "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-a = 1\n+a = 2\n"
    "diff --git a/b.bin b/b.bin\nold mode 100644\nnew mode 100755\n"
)
HUNK, MODE = UNITS = Diff.parse(PATCH).units
GOOD: dict[str, Any] = {
    "part": 1,
    "path": "a.py",
    "quote": "a = 2",
    "side": "new",
    "severity": "high",
    "category": "security",
    "rule": "off-by-one",
    "title": "It is one too many",
    "message": "It was 1. Take it back.",
    "confidence": 0.8,
    "replacement": "a = 1",
}


def answer(*findings: Any, examined: Any = (1, 2)) -> str:
    return json.dumps({"findings": findings, "examined": examined})


def only(**changed: Any) -> RawFinding:
    """Read an answer of one finding."""
    found = read(answer(GOOD | changed), UNITS, most=100)
    assert found.unusable == 0
    (finding,) = found.findings
    return finding


def test_a_finding_is_taken_as_it_is_told() -> None:
    """It has a part and a quote; its lines are for the engine to find."""
    assert only() == RawFinding(
        rule="off-by-one",
        severity=Severity.HIGH,
        category=Category.SECURITY,
        title="It is one too many",
        message="It was 1. Take it back.",
        path="a.py",
        quote="a = 2",
        part=1,
        replacement="a = 1",
        confidence=0.8,
    )


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        *((" Critical ", Severity.CRITICAL), ("BLOCKER", Severity.CRITICAL)),
        *(("major", Severity.HIGH), ("warning", Severity.MEDIUM), ("minor", Severity.LOW)),
        *(("nit", Severity.INFO), ("", Severity.MEDIUM), ("catastrophic", Severity.MEDIUM)),
    ],
)
def test_any_word_for_a_severity_will_do(word: str, severity: Severity) -> None:
    """A finding is worth more than its word; an unknown one is in the middle."""
    assert only(severity=word).severity is severity


@pytest.mark.parametrize(
    ("word", "category"),
    [
        *(("Security", Category.SECURITY), ("bug", Category.CORRECTNESS)),
        *(("Error Handling", Category.RELIABILITY), ("docs", Category.DOCUMENTATION)),
        *(("", Category.CORRECTNESS), ("astrology", Category.CORRECTNESS)),
    ],
)
def test_any_word_for_a_category_will_do(word: str, category: Category) -> None:
    """An unknown one is a matter of correctness."""
    assert only(category=word).category is category


@pytest.mark.parametrize(
    ("told", "rule"),
    [
        *(("off-by-one", "off-by-one"), ("SQL Injection!", "sql-injection")),
        *(("SQLInjection", "sql-injection"), ("raceCondition", "race-condition")),
        *(("model/rule_1", "model-rule-1"), ("--", "defect"), ("", "defect"), ("注入", "defect")),
        *(("x" * 100_000, "x" * 64), (f"{'x' * 63}-y", "x" * 63)),
    ],
)
def test_a_rule_is_spelt_in_kebab_case(told: str, rule: str) -> None:
    """It is a part of a finding's identity, and stands in reports and comments."""
    assert only(rule=told).rule == rule


@pytest.mark.parametrize(
    ("told", "confidence"),
    [
        *((0, 0), (0.25, 0.25), (1, 1), (85, 0.85), (100, 1), (1.5, 1), (2, 0.02)),
        *((-3, 0), (1e300, 1), (10**400, 1), (-(10**400), 0)),
    ],
)
def test_a_confidence_is_brought_into_range(told: float, confidence: float) -> None:
    """A percentage is one too, and what is out of all bounds is cut."""
    assert only(confidence=told).confidence == confidence


def test_a_confidence_that_is_no_number_is_none() -> None:
    """A NaN compares to nothing, and would pass every threshold."""
    assert as_confidence(float("nan")) == 0


@pytest.mark.parametrize(
    ("told", "side"), [("old", Side.OLD), ("OLD", Side.OLD), ("new", Side.NEW), ("left", Side.NEW)]
)
def test_an_unknown_side_is_the_new_one(told: str, side: Side) -> None:
    """Nearly all findings stand there; the engine looks whether the quote does."""
    assert only(side=told).side is side


@pytest.mark.parametrize(
    ("told", "part"), [(1, 1), (2, 2), (2.0, 2), (0, None), (-1, None), (3, None)]
)
def test_a_part_that_is_none_is_left_out(told: float, part: int | None) -> None:
    """Path and quote may say where the finding is all the same."""
    assert only(part=told).part == part


def test_title_and_message_stand_in_for_each_other() -> None:
    """A finding that says what is wrong is kept, wherever it says it."""
    titled, untitled = only(message=" \n"), only(title="", message="It\nbreaks. ")

    assert (titled.title, titled.message) == ("It is one too many", "It is one too many")
    assert (untitled.title, untitled.message) == ("It breaks.", "It\nbreaks.")
    assert only(title="", message="", rule="off by one").title == "off by one"


def test_a_finding_without_a_word_is_counted() -> None:
    """Nothing can be made of it, and nothing is lost silently; the others are kept."""
    found = read(answer(GOOD | {"title": " ", "message": "", "rule": ""}, GOOD), UNITS, most=100)

    assert len(found.findings) == 1
    assert found.unusable == 1
    assert found.examined == UNITS


def test_texts_are_bounded() -> None:
    """A title is one line; what was cut ends with a mark."""
    finding = only(title="t\n" * 500, message="m" * 5_000, path="p" * 9_999)

    assert len(finding.title) <= 200
    assert finding.title.endswith("t…")
    assert "\n" not in finding.title
    assert (len(finding.message), finding.message[-1]) == (2_000, "…")
    assert len(finding.path) == 4_096


def test_a_long_quote_is_cut_at_the_end_of_a_line() -> None:
    """The lines that are left stand in the change; an edit of all of them does not fit them."""
    lines = only(quote="some line\n" * 500)
    line = only(quote="x" * 5_000)

    assert lines.quote == "\n".join(["some line"] * 400)
    assert line.quote == "x" * 4_000
    assert (lines.replacement, line.replacement) == (NO_EDIT, NO_EDIT)


def test_a_replacement_is_whole_or_no_edit() -> None:
    """Cut short it would be another edit; what is lost is seen, so that it can be counted."""
    assert only(replacement="x" * 10_000).replacement == "x" * 10_000
    assert only(replacement="x" * 10_001).replacement == NO_EDIT
    assert only(replacement="half \ud800").replacement == NO_EDIT
    assert only(replacement=None).replacement is None
    assert only(replacement=" ").replacement is None


def test_half_characters_are_replaced() -> None:
    """JSON can spell them, and no report can hold them."""
    finding = only(title="a\ud800b", message="c\udfffd")

    assert (finding.title, finding.message) == ("a\ufffdb", "c\ufffdd")


def test_a_finding_without_a_quote_keeps_its_empty_one() -> None:
    """It is no finding about the whole file: whether there were lines to quote, the engine sees."""
    assert only(quote="").quote == ""


def test_the_worst_findings_are_kept_and_the_others_counted() -> None:
    """In the order in which they came: a flood does not hide what matters."""
    flood = [GOOD | {"severity": "low", "title": f"low {n}"} for n in range(5)]
    told = [*flood, GOOD | {"severity": "critical"}, GOOD | {"severity": "medium"}]

    found = read(answer(*told), UNITS, most=3)

    assert [one.title for one in found.findings] == ["low 0", GOOD["title"], GOOD["title"]]
    assert found.unusable == 4


@pytest.mark.parametrize(
    ("numbers", "examined"),
    [
        *(([1, 2], (HUNK, MODE)), ([2, 1, 1, 2.0], (HUNK, MODE)), ([2], (MODE,)), ([], ())),
        ([0, -1, 3, 10**300, 1], (HUNK,)),
    ],
)
def test_a_unit_is_examined_where_its_part_is_named(numbers: list[Any], examined: Any) -> None:
    """Numbers that are none are passed over; a finding in a part is no proof that it was read."""
    assert read(answer(GOOD, examined=numbers), UNITS, most=100).examined == examined


def test_a_unit_in_several_parts_is_examined_where_all_of_them_are() -> None:
    """One that was read in part is not."""
    parts = (HUNK, HUNK, MODE)

    assert read(answer(examined=[1, 3]), parts, most=100).examined == (MODE,)
    assert read(answer(examined=[1, 2, 3]), parts, most=100).examined == (HUNK, MODE)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{}", "[]", "null", "no JSON", '{"findings": []}', '{"examined": []}'),
        '{"findings": [], "examined": [], "note": "all is fine"}',
        *(answer(examined=one) for one in (None, "all", {}, ["1"], [1.5], [True], [None])),
        '{"findings": [], "examined": [Infinity]}',
        *(json.dumps({"findings": one, "examined": [1]}) for one in (None, {}, "none")),
        *(answer(one) for one in (None, "text", [], {})),
        *(answer(GOOD | {name: None}) for name in GOOD if name != "replacement"),
        *(answer(GOOD | {name: [GOOD[name]]}) for name in GOOD),
        *(answer(GOOD | {"part": "1"}), answer(GOOD | {"confidence": True})),
        *("[" * 100_000, "9" * 100_000, " " * 1_000_000 + answer()),
    ],
)
def test_an_answer_of_another_form_is_no_answer(text: str) -> None:
    """One wrong type refuses all of it, and no word of it stands in the message."""
    with pytest.raises(InvalidResponseError, match=r"^the answer does not have the form") as error:
        read(text, UNITS, most=100)

    assert error.value.__cause__ is None


values = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
odd = st.fixed_dictionaries({name: values | st.just(value) for name, value in GOOD.items()})


@given(findings=st.lists(odd | st.just(GOOD), max_size=5), examined=st.lists(st.integers(-2, 4)))
def test_any_answer_is_read_or_refused(findings: list[Any], examined: list[int]) -> None:
    """Each finding that was told is given or counted, and units of the chunk alone are read."""
    try:
        found = read(answer(*findings, examined=examined), UNITS, most=3)
    except InvalidResponseError:
        return

    assert len(found.findings) + found.unusable == len(findings)
    assert len(found.findings) <= 3
    assert set(found.examined) <= set(UNITS)
