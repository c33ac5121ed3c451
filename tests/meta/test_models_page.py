"""The tables of the page on models say what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import pytest

from codeflow_engine import errors
from codeflow_engine.domain.chat import ChatAnswer, FinishReason
from codeflow_engine.errors import CodeflowError, ProviderError
from codeflow_engine.llm.fallback import next_model
from codeflow_engine.llm.finish import require_whole
from codeflow_engine.llm.model import Model
from codeflow_engine.settings import Settings

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
PAGE = (GUIDES / "models.md").read_text("utf-8")
REVIEWS = (GUIDES / "model-reviews.md").read_text("utf-8")
SETTINGS = (GUIDES / "settings.md").read_text("utf-8")
ROW = re.compile(r"^\| (.*) \|$", re.MULTILINE)
APART = {"ContextOverflowError", "RefusedError"}
"""Errors of which more than their class decides; tests of the gateway hold them."""


class Somebody:
    """A model of whose size nothing is known."""

    def facts(self) -> Any:
        raise AssertionError("only the size of a question asks for it")


def table(heading: str, page: str = PAGE) -> list[list[str]]:
    """Read the rows of the table whose first row is a heading."""
    begin = page.index(heading)
    rows = page[begin:].partition("\n\n")[0]
    return [re.split(r" ?\| ?", row) for row in ROW.findall(rows)][1:]


def goes_on(name: str) -> bool:
    """Say whether the next model is asked after an error."""
    kind = getattr(errors, name)
    error = kind("no", scope="run:1") if name == "BudgetExhaustedError" else kind("no")
    model = cast("Model", Somebody())
    return next_model([model], model, error, refusals=False) is not None


def test_the_table_of_fallback_is_that_of_the_code() -> None:
    """Each error of a provider stands there, with what becomes of it."""
    rows = {row[0].strip("`"): row[1].partition(":")[0] for row in table("| error | the next")}
    ours = [one for one in ProviderError.__subclasses__() if one.__module__ == errors.__name__]
    kinds = {kind.__name__ for kind in ours} - {"ChangeUnavailableError"}

    assert rows.keys() >= kinds | {"ProviderError", "ConfigurationError", "BudgetExhaustedError"}
    told = {name: said == "yes" for name, said in rows.items() if name not in APART}
    assert told == {name: goes_on(name) for name in told}
    assert set(told.values()) == {True, False}


def test_the_table_of_answers_is_that_of_the_code() -> None:
    """Each reason to stop stands there, with the error that it is."""
    rows = {re.findall(r"\w+", row[0])[0]: row[-1].strip("`") for row in table("| the model stop")}

    raised = {}
    for reason in FinishReason:
        answer = ChatAnswer(text="" if reason.is_complete else "x", finish_reason=reason, model="m")
        with pytest.raises(CodeflowError) as error:
            require_whole(answer, "m")
        raised[reason.value] = type(error.value).__name__
    assert rows == raised


def test_the_settings_stand_in_their_table() -> None:
    """Each has a row with its variable, and its default where that is a number."""
    rows = {row[0].strip("`"): row[1:] for row in table("| setting | variable", SETTINGS)}

    assert rows.keys() == Settings.__dataclass_fields__.keys()
    for name, (variable, default, _) in rows.items():
        assert variable.startswith(f"`CODEFLOW_{name.upper()}")
        assert default_of(name) in (None, default)


def test_the_settings_of_reviews_are_those_of_the_code() -> None:
    """What the page on reviews by models says of a default is what holds."""
    rows = [[row[0].strip("`"), row[1]] for row in table("| setting | default", REVIEWS)]

    assert len(rows) > 5
    for name, default in rows:
        assert name in Settings.__dataclass_fields__
        assert default_of(name) in (None, default)


def default_of(name: str) -> str | None:
    """Write the default of a setting as a table has it; None where it is no number."""
    value = getattr(Settings(), name)
    if not isinstance(value, int | float):
        return None
    return f"{value:g}" if isinstance(value, float) else str(value).lower()
