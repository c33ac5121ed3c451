"""Memory and SQLite are one journal to whoever uses them, whatever comes in which order."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from journal_machine import JournalMachine


@pytest.mark.parametrize(
    ("examples", "steps"), [(5, 20), pytest.param(200, 50, marks=pytest.mark.fault)]
)
def test_memory_and_sqlite_say_the_same(examples: int, steps: int) -> None:
    """Both give the same answers to any sequence of calls, and nothing final ever changes."""
    run_state_machine_as_test(
        JournalMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
