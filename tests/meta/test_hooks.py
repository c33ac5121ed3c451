"""Every hook is tested and documented, and a plugin's hook cannot harm a run."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

import codeflow_engine as codeflow
from codeflow_engine.domain.run import RunEvent
from codeflow_engine.plugins.hooks import Hooks

ROOT = Path(__file__).parents[2]
PATCH = "--- a/shop.py\n+++ b/shop.py\n@@ -1 +1 @@\n-price = 1\n+price = 2\n"


def hooks_without(text: str, pattern: str) -> list[str]:
    """List the hooks for which a pattern, given the hook's name, is not in a text."""
    names = [name for name in vars(Hooks) if name.startswith("codeflow_")]
    return [name for name in names if not re.search(pattern.format(name), text, re.MULTILINE)]


def test_every_hook_has_a_test_and_a_heading() -> None:
    """Some test implements each hook, and the documentation has a heading for each."""
    paths = (ROOT / "tests").glob("**/test_*.py")
    tests = "\n".join(path.read_text("utf-8") for path in paths)
    page = (ROOT / "docs" / "plugins" / "hooks.md").read_text("utf-8")

    assert not hooks_without(tests, r"^\s+(?:async )?def {}\(")
    assert not hooks_without(page, "^## `{}`$")
    assert "codeflow_register" in hooks_without("def codeflow_run_event(", "def {}")


def test_run_events_reach_every_plugin_in_order() -> None:
    """A plugin sees all events of a run, once each, whether its hook is async or not."""

    class Plain:
        seen: list[int] = []  # noqa: RUF012 - the test reads it

        @codeflow.hookimpl
        def codeflow_run_event(self, event: RunEvent) -> None:
            self.seen.append(event.sequence)

    class Async:
        seen: list[int] = []  # noqa: RUF012 - the same

        @codeflow.hookimpl
        async def codeflow_run_event(self, event: RunEvent) -> None:
            self.seen.append(event.sequence)

    with codeflow.Engine(plugins=[Plain(), Async()]) as engine:
        run = engine.submit("review", {"change": PATCH, "analyzers": ["secrets"]})
        run.result()
        events = [event.sequence for event in run.events()]

    assert Plain.seen == Async.seen == events == list(range(1, len(events) + 1))


def test_a_hook_that_raises_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A run goes on when a plugin's hook raises, and each log record names both."""

    class Broken:
        @codeflow.hookimpl
        def codeflow_run_event(self, event: RunEvent) -> None:
            raise RuntimeError("out of order")

    with (
        caplog.at_level(logging.WARNING, "codeflow_engine"),
        codeflow.Engine(plugins=[Broken()]) as engine,
    ):
        review = engine.review(PATCH, analyzers=["secrets"])

    assert review.outcome is codeflow.Outcome.REVIEWED
    told = [vars(record) for record in caplog.records]
    assert {row["hook"] for row in told} == {"codeflow_run_event"}
    assert all("Broken" in row["plugin"] for row in told)
