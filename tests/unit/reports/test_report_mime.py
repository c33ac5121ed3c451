"""A notebook gets the forms that it asks for, and JSON only then."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest

from codeflow_engine.reports.mime import bundle

MAKERS = {
    "text/plain": lambda: "text",
    "text/html": lambda: "<p>",
    "application/json": lambda: {"a": 1},
}


@pytest.mark.parametrize(
    ("include", "exclude", "given"),
    [
        (None, None, ["text/plain", "text/html"]),
        ([], [], ["text/plain", "text/html"]),
        (["application/json"], None, ["application/json"]),
        (["text/plain", "image/png"], None, ["text/plain"]),
        (None, ["text/html"], ["text/plain"]),
        (["text/html", "application/json"], {"text/html"}, ["application/json"]),
    ],
)
def test_forms_are_included_and_excluded(include: Any, exclude: Any, given: list[str]) -> None:
    """What is included comes, what is excluded does not, and JSON is never unasked for."""
    made = bundle(MAKERS, include, exclude)

    assert list(made) == given
    assert all(made[name] == MAKERS[name]() for name in given)


def test_a_form_that_nobody_wants_is_not_made() -> None:
    """A front end of text alone does not pay for a picture."""

    def fail() -> NoReturn:
        raise AssertionError

    assert bundle({"text/plain": str, "text/html": fail}, ["text/plain"], None) == {
        "text/plain": ""
    }
    assert bundle({"text/html": fail}, None, ["text/html"]) == {}
