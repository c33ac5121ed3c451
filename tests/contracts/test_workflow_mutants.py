"""Each test of the suite of workflow backends finds out a backend that is broken.

What `LocalBackend` is asked is shown by mutants of it. The tests of capabilities that it
does not have are in `test_workflow_capabilities.py`.
"""

from __future__ import annotations

import broken_places as broken
import pytest
from mutation import asked, struck, unbroken

from codeflow_engine.providers.workflow.local import LocalBackend
from codeflow_engine.testing.contracts import WorkflowBackendContract

pytestmark = pytest.mark.fault


class Impatient(WorkflowBackendContract):
    patience = 0.25
    pause = 0.1


def of(mutant: type[LocalBackend], *tests: str) -> type:
    return struck(Impatient, mutant, *tests)


TURN = "test_draining_lets_go_what_waits_for_its_turn"
IDLE = "test_draining_an_idle_backend_returns_at_once"

TestTidy = of(broken.Tidy, "test_an_accepted_run_executes")
TestInline = of(broken.Inline, "test_accepting_a_run_does_not_wait_for_it")
TestCrowded = of(broken.Crowded, "test_every_run_of_a_burst_executes")
TestCramped = of(broken.Cramped, "test_its_room_comes_back")
TestUnique = of(broken.Unique, "test_a_run_that_has_executed_can_come_again")
TestStrict = of(broken.Strict, "test_a_run_that_comes_twice_executes")
TestBusy = of(broken.Busy, "test_a_run_that_executes_can_come_again")
TestLocked = of(broken.Locked, "test_a_run_can_bring_another_run")
TestSingle = of(broken.Single, "test_an_execution_that_raises_stops_no_other")
TestLeaking = of(broken.Leaking, "test_an_execution_that_raises_stops_no_other")
TestBlocking = of(broken.Blocking, "test_it_does_not_block_the_event_loop")
TestKeeping = of(broken.Keeping, "test_before_the_start_runs_are_refused")
TestFickle = of(broken.Fickle, "test_it_starts_only_once")
TestWilling = of(broken.Willing, "test_cancelling_stops_a_run")
TestCareless = of(broken.Careless, "test_cancelling_stops_a_run")
TestRemembering = of(broken.Remembering, "test_a_cancelled_run_can_come_again")
TestPrecise = of(
    broken.Precise,
    "test_cancelling_what_does_not_run_is_no_error",
    "test_a_run_that_waits_for_its_turn_can_be_cancelled",
)
TestPersistent = of(broken.Persistent, "test_a_run_that_waits_for_its_turn_can_be_cancelled")
TestOpen = of(broken.Open, "test_a_drained_backend_accepts_nothing", TURN)
TestSwallowing = of(
    broken.Swallowing,
    "test_before_the_start_runs_are_refused",
    "test_a_drained_backend_accepts_nothing",
    "test_what_was_not_started_can_be_drained",
)
TestFinishing = of(broken.Finishing, TURN)
TestOrderly = of(broken.Orderly, "test_draining_again_cuts_the_grace_short")
TestHasty = of(
    broken.Hasty,
    "test_draining_waits_for_what_runs",
    "test_draining_cancels_what_outlasts_the_grace",
)
TestFleeing = of(broken.Fleeing, "test_draining_cancels_what_outlasts_the_grace")
TestThorough = of(broken.Thorough, IDLE)
TestStarted = of(broken.Started, "test_what_was_not_started_can_be_drained")
TestOnce = of(broken.Once, IDLE)
TestPatient = of(broken.Patient, "test_closing_cancels_what_runs")
TestDeserted = of(broken.Deserted, "test_closing_cancels_what_runs")
TestPolling = of(broken.Polling, "test_closing_leaves_nothing_behind")
TestBoastful = of(broken.Boastful, "test_without_delays_a_moment_is_refused")


def test_every_test_that_the_shipped_backend_is_asked_can_fail() -> None:
    """Each has a mutant of it that it finds out."""
    assert (
        asked(WorkflowBackendContract, LocalBackend) & unbroken(WorkflowBackendContract, globals())
        == set()
    )
