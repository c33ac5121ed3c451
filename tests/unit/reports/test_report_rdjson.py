"""The rdjson report counts columns in bytes, is inert where it is posted, and never clean."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator
from rdf_schema import SCHEMA
from report_samples import entry, finding, review, reviews

from codeflow_engine.reports.rdjson import render

VALID = Draft202012Validator(SCHEMA)


def diagnostics(*findings: dict[str, Any], **fields: Any) -> list[dict[str, Any]]:
    result = json.loads(render(review(*findings, **fields)))
    VALID.validate(result)
    return list(result["diagnostics"])


def diagnostic(**fields: Any) -> dict[str, Any]:
    (made,) = diagnostics(finding(**fields))
    return made


@given(reviews())
@settings(deadline=None, max_examples=60)
def test_any_review_is_valid_and_tells_its_live_findings(made: dict[str, Any]) -> None:
    """One diagnostic each, besides those that tell what was not covered."""
    text = render(made)
    result = json.loads(text)
    live = [one for one in made["findings"] if one["state"] in {"new", "open"}]
    missing = [one for one in result["diagnostics"] if one["code"]["value"] == "not-covered"]

    VALID.validate(result)
    assert text.replace("\n", "").isprintable()
    assert len(result["diagnostics"]) == len(live) + len(missing)
    assert bool(missing) == (made["outcome"] != "reviewed")


def test_a_finding_is_a_diagnostic() -> None:
    """Message, place, severity, rule, and the line for a terminal."""
    assert diagnostic() == {
        "message": "GitHub token in the code\n\nRevoke it.",
        "location": {
            "path": "src/cart.py",
            "range": {
                "start": {"line": 12, "column": 13},
                "end": {"line": 12, "column": 23},
            },
        },
        "severity": "ERROR",
        "code": {"value": "secrets/github-token"},
        "originalOutput": "src/cart.py:12:13: high secrets/github-token: GitHub token in the code",
    }


@pytest.mark.parametrize(
    ("line", "columns", "expected"),
    [
        ("x = token", (5, 10), (5, 10)),
        ("\u00e9 = token", (5, 10), (6, 11)),
        ("\u6f22 = token", (5, 10), (7, 12)),
        ("\U0001f600 = t\u00e9k", (5, 8), (8, 12)),
        ("x = token", (5, None), None),
        ("x = token", (None, None), None),
        ("[redacted:a] = token", (16, 21), None),
        ("\u2026 = token", (5, 10), None),
        ("\ud800 = token", (5, 10), None),
    ],
)
def test_columns_are_bytes_or_are_left_out(
    line: str, columns: tuple[int | None, int | None], expected: tuple[int, int] | None
) -> None:
    """They count in UTF-8 from 1; one that may be wrong is not told, nor its counterpart."""
    shown = {"start_line": 12, "lines": [line], "column": columns[0], "end_column": columns[1]}
    span = diagnostic(evidence=shown)["location"]["range"]

    found = (span["start"].get("column"), span["end"].get("column"))
    assert found == (expected or (None, None))
    assert (span["start"]["line"], span["end"]["line"]) == (12, 12)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"end_line": 14}, {"start": {"line": 12}, "end": {"line": 14}}),
        ({"evidence": None}, {"start": {"line": 12}, "end": {"line": 12}}),
        ({"line": None}, None),
        ({"side": "old"}, None),
    ],
)
def test_lines_are_whole_and_only_those_of_the_new_file(
    fields: dict[str, Any], expected: dict[str, Any] | None
) -> None:
    """Several lines have no columns; a line before the change is told in words."""
    made = diagnostic(**fields)

    assert made["location"].get("range") == expected
    assert ("before the change" in made["message"]) == ("side" in fields)


@pytest.mark.parametrize("text", ["a\nb", ""])
def test_a_suggestion_replaces_or_deletes_whole_lines(text: str) -> None:
    """Both ends are named, since reviewdog compares them with those of the finding."""
    edit = {"replacement": text, "start_line": 12, "end_line": 13}

    assert diagnostic(suggestion=edit)["suggestions"] == [
        {"range": {"start": {"line": 12}, "end": {"line": 13}}, "text": text}
    ]


def test_a_suggestion_with_a_redacted_secret_is_left_out() -> None:
    """It would write the placeholder into the file."""
    edit = {"replacement": "[redacted:github-token]", "start_line": 12, "end_line": 12}

    assert "suggestions" not in diagnostic(suggestion=edit)


def test_findings_that_do_not_count_are_left_out() -> None:
    """The format has no word for them, so that they would count."""
    assert not diagnostics(finding(state="resolved"), finding(state="dismissed"))


@pytest.mark.parametrize("state", ["failed", "skipped"])
def test_a_review_that_is_not_complete_is_an_error(state: str) -> None:
    """Each reason is an error at its first file."""
    entries = [entry(), *(entry(path, state, reason="no time") for path in ("b.py", "c.py"))]
    (made,) = diagnostics(entries=entries)

    assert made["severity"] == "ERROR"
    assert made["location"] == {"path": "b.py"}
    assert made["message"].startswith("REVIEW NOT COMPLETE (partial): 2 units")
    assert "no time" in made["message"]


def test_s7_what_is_posted_is_inert() -> None:
    """Reviewdog writes message and code into a comment as they are."""
    made = diagnostic(message="![x](http://evil.example) @all\n/close", rule="a/b> ![](x)")

    assert made["message"].split("\n\n")[1] == "`![x](http://evil.example)` `@all`\n`/close`"
    assert made["code"]["value"] == "a/b-x-"
