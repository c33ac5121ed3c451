from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.finding import Finding, Suggestion
from codeflow_engine.domain.marker import MARKER_ROOM, Marker
from codeflow_engine.publish.bodies import measure
from codeflow_engine.publish.comments import comment
from codeflow_engine.publish.places import has_place
from review_builds import finding, findings

PLACED = findings().filter(has_place)


def edited(replacement: str = "y = 3", **fields: Any) -> Finding:
    edit = Suggestion(replacement=replacement, start_line=2, end_line=4, verified=True)
    return finding(**{"line": 3, "suggestion": edit, **fields})


def test_a_comment_with_a_suggestion_stands_on_the_lines_that_it_replaces() -> None:
    """A host replaces exactly the lines of the comment, so those have to be the right ones."""
    made = comment(edited())

    assert (made["line"], made["end_line"], made["side"]) == (2, 4, "new")
    assert made["suggestion"] == "y = 3"
    assert "y = 3" not in made["body"]
    assert "Suggestion" not in made["body"]


def test_an_empty_suggestion_takes_the_lines_away() -> None:
    """It is a suggestion all the same, and not none."""
    assert comment(edited(""))["suggestion"] == ""


def test_a_suggestion_that_nobody_has_checked_says_so() -> None:
    """Whoever clicks on it has to look first."""
    edit = Suggestion(replacement="y = 3", start_line=2, end_line=4)

    made = comment(finding(line=3, suggestion=edit))

    assert made["suggestion"] == "y = 3"
    assert "The suggestion is not checked." in made["body"]


@pytest.mark.parametrize(
    "fields",
    [
        {"line": 1},
        {"line": 5},
        {"side": Side.OLD},
        {"replacement": "a\u202eb"},
        {"replacement": "a\x1b[2Kb"},
        {"replacement": "a\r\nb"},
        {"replacement": "a\ud800b"},
        {"replacement": "token = '[redacted:github-token]'"},
        {"replacement": Marker(kind="review", key="a" * 64).write()},
        {"replacement": "`" * 100},
        {"replacement": "x" * 20_001},
        {"path": ".github/workflows/ci.yml"},
        {"path": ".GitHub/workflows/ci.yml"},
    ],
    ids=lambda fields: repr(fields)[:40],
)
def test_s7_an_edit_that_is_not_what_it_seems_has_no_button(fields: dict[str, Any]) -> None:
    """It is shown as lines that nobody can click on, beside the lines of the finding."""
    one = edited(**fields)

    made = comment(one)

    assert made["suggestion"] is None
    assert (made["line"], made["end_line"]) == (one.line, one.line)
    assert "Suggestion: " in made["body"]


@given(PLACED)
def test_a_comment_stands_on_lines_in_order_around_its_finding(one: Finding) -> None:
    """With a suggestion or without, the first line of the finding is among its lines."""
    made = comment(one)

    assert made["line"] <= (one.line or 0) <= made["end_line"]
    assert (made["fingerprint"], made["severity"]) == (one.fingerprint, one.severity.value)


@pytest.mark.parametrize("piece", ["\u202e", "`", "@all ", "\n\n", "\U0001f600", "```suggestion\n"])
@pytest.mark.parametrize("replacement", ["y = 3", "`" * 99 + "\U0001f600" * 9_900])
def test_g20_a_body_fits_with_its_suggestion_and_its_mark(piece: str, replacement: str) -> None:
    """However long a message is; what does not fit is cut, and the rest is whole."""
    made = comment(edited(replacement, message=piece * 70_000))

    fences = 2 * len("`" * 100) + len("suggestion\n\n\n")
    assert made["suggestion"] == replacement
    assert measure(made["body"] + replacement) + fences + MARKER_ROOM <= 60_000
    assert made["body"].endswith("; fingerprint `f00d`.\n")


def test_a_cut_message_keeps_its_beginning() -> None:
    """The first words say what is wrong."""
    made = comment(finding(message="first " + "word " * 30_000))

    assert "first word" in made["body"]
    assert "..." in made["body"]
