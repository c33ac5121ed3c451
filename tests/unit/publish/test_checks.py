from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.finding import FindingState, Severity
from codeflow_engine.domain.review import Review
from codeflow_engine.publish.checks import marks
from codeflow_engine.publish.places import has_place
from codeflow_engine.reports.visible import is_hidden
from review_builds import finding, review, reviews


def mark(**fields: Any) -> dict[str, Any]:
    (made,) = marks(review(findings=(finding(**fields),)))
    return made


def test_a_mark_tells_place_level_title_and_message() -> None:
    """In the words of the host, on all lines of the finding."""
    made = mark(line=2, end_line=5, severity=Severity.MEDIUM, title="a  b", message="Do\nthis.")

    assert made == {
        "path": "a.py",
        "start_line": 2,
        "end_line": 5,
        "level": "warning",
        "title": "a b",
        "message": "Do\nthis.",
    }


@pytest.mark.parametrize(
    ("severity", "level"),
    [
        (Severity.CRITICAL, "failure"),
        (Severity.HIGH, "failure"),
        (Severity.MEDIUM, "warning"),
        (Severity.LOW, "warning"),
        (Severity.INFO, "notice"),
    ],
)
def test_the_level_follows_the_severity(severity: Severity, level: str) -> None:
    """Hosts know three levels."""
    assert mark(severity=severity)["level"] == level


@pytest.mark.parametrize(
    "fields",
    [
        {"line": None},
        {"side": Side.OLD},
        {"state": FindingState.RESOLVED},
        {"state": FindingState.DISMISSED},
        {"path": "l\udcff.py"},
    ],
    ids=repr,
)
def test_what_stands_on_no_line_of_the_new_side_has_no_mark(fields: dict[str, Any]) -> None:
    """A check marks the files as they are at its commit."""
    assert marks(review(findings=(finding(**fields),))) == []


@pytest.mark.parametrize("letter", ["x", "\u00e4", "\U0001f600", "\u202e"])
def test_g21_title_and_message_keep_to_the_limits_of_the_host(letter: str) -> None:
    """255 characters and 64 KB of bytes, and no character is cut in two."""
    made = mark(title=letter * 300, message=letter * 70_000)

    assert len(made["title"]) <= 255
    assert len(made["message"].encode()) <= 64_000
    assert made["message"].endswith("...")


@pytest.mark.parametrize(("rule", "title"), [("acme/rule", "acme/rule"), ("", "low")])
def test_a_mark_always_says_something(rule: str, title: str) -> None:
    """A host refuses an empty message."""
    made = mark(rule=rule, title=" ", message="\n")

    assert (made["title"], made["message"]) == (title, title)


@given(reviews())
def test_every_finding_on_a_line_of_the_new_side_has_a_mark(made: Review) -> None:
    """All of them: the provider sends them in pieces."""
    here = [one for one in made.findings if has_place(one) and one.side is Side.NEW]

    assert [one["start_line"] for one in marks(made)] == [one.line for one in here]


@given(st.text(), st.text())
def test_s8_nothing_hidden_is_in_a_mark(title: str, message: str) -> None:
    """Neither what a terminal obeys nor what shows code in another order."""
    made = mark(title=title, message=message)

    told = made["title"] + made["message"].replace("\n", "")
    assert not any(map(is_hidden, told))
    assert made["message"].strip()
