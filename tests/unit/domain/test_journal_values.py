from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from codeflow_engine.domain.journal import StepKind, StepRecord, StepState
from codeflow_engine.errors import RateLimitError
from codeflow_engine.redaction import Redactor
from codeflow_engine.runs.failures import write_failure

NOW = datetime(2026, 11, 23, 5, tzinfo=UTC)


def record(**fields: Any) -> StepRecord:
    given = {
        "run_id": "r1",
        "name": "analyze",
        "key": "=ruff",
        "position": 3,
        "state": StepState.DONE,
        "started_at": NOW,
        "finished_at": NOW,
    }
    return StepRecord(**given | fields)


def test_a_step_is_shown_without_its_value() -> None:
    """What a step returned is no part of what is told of it, whatever bytes it holds."""
    told = record(value=b"\xff secret").to_json()

    assert json.loads(json.dumps(told)) == {
        "run_id": "r1",
        "name": "analyze",
        "key": "=ruff",
        "position": 3,
        "kind": "work",
        "state": "done",
        "attempts": 1,
        "started_at": "2026-11-23T05:00:00+00:00",
        "finished_at": "2026-11-23T05:00:00+00:00",
        "wake_at": None,
        "error": None,
    }


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RateLimitError("slow down", retry_after=3), "RateLimitError: slow down"),
        (RateLimitError("x" * 9000), "RateLimitError: " + "x" * 1984),
        (ValueError("foreign words"), "ValueError"),
        (type("AcmeError", (Exception,), {})("foreign words"), "AcmeError"),
    ],
    ids=["ours", "long", "builtin", "foreign"],
)
def test_an_error_is_told_by_its_type_and_our_words(error: Exception, told: str) -> None:
    """The message of an error of ours is shown, and of any other its type alone."""
    text = write_failure(error, Redactor())

    plain = record(state=StepState.FAILED, kind=StepKind.WORK, error=text).to_json()

    assert plain["error"] == told


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null", '{"told":1}', "[" * 100_000])
def test_an_error_that_is_damaged_is_told_all_the_same(text: str) -> None:
    """A record whose error nobody can read still says that there was one."""
    plain = record(state=StepState.FAILED, error=text).to_json()

    assert plain["error"] == "an error that cannot be read"
