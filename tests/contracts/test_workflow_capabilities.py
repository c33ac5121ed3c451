"""Each test of what the shipped workflow backend does not do finds out a broken one, too."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import mutation
from brokers import Broker, Spread
from mutation import asked, struck, unbroken

from codeflow_engine.contracts import WorkflowBackend
from codeflow_engine.contracts.workflow import Execute
from codeflow_engine.errors import WorkflowError
from codeflow_engine.providers.workflow.local import LocalBackend
from codeflow_engine.testing.contracts import WorkflowBackendContract
from codeflow_engine.testing.fakes import FakeWorkflowBackend


class Early(FakeWorkflowBackend):
    """Counts in whole tenths of a second, downwards."""

    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        sooner = not_before and not_before - timedelta(seconds=0.05)
        await super().enqueue(run_id, not_before=sooner)


class Queueing(FakeWorkflowBackend):
    """Waits for one moment after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.line = asyncio.Lock()

    async def _carry(self, execute: Execute, run_id: str, not_before: datetime | None) -> None:
        async with self.line:
            await super()._carry(execute, run_id, not_before)


class Naive(FakeWorkflowBackend):
    """Drops the zone of a moment."""

    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        there = not_before and not_before.replace(tzinfo=UTC)
        await super().enqueue(run_id, not_before=there)


class Careless(FakeWorkflowBackend):
    """Stops each run whose id begins like the one that was meant."""

    async def cancel(self, run_id: str) -> None:
        tasks = {**self._held, **self._running}
        for task in [task for task, one in tasks.items() if one.startswith(run_id)]:
            task.cancel()


class Loyal(FakeWorkflowBackend):
    """Waits for what it holds back, too."""

    async def drain(self, *, grace: float) -> None:
        if self._held:
            await asyncio.wait(list(self._held), timeout=grace)
        await super().drain(grace=grace)


class Late(FakeWorkflowBackend):
    """Lets what it holds back begin after its own end."""

    async def drain(self, *, grace: float) -> None:
        held, self._held = self._held, {}
        await super().drain(grace=grace)
        self._held = held


class Closing(Spread):
    """Drains the broker for all."""

    async def drain(self, *, grace: float) -> None:
        for place in self._broker.places:
            place._accepts = False
        await super().drain(grace=grace)


class Aware(Spread):
    """Wants a place to be there that is started."""

    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        if not self._broker.places:
            raise WorkflowError(f"run {run_id!r} is not accepted: nobody executes")
        await super().enqueue(run_id, not_before=not_before)


class Final(Spread):
    """Takes what stands in line along when it ends."""

    async def drain(self, *, grace: float) -> None:
        self._broker.line = deque()
        await super().drain(grace=grace)


class Forgetful(Spread):
    """Keeps what it holds back to itself."""

    async def drain(self, *, grace: float) -> None:
        await FakeWorkflowBackend.drain(self, grace=grace)


class Impatient(WorkflowBackendContract):
    patience = 0.25
    pause = 0.1


def of(mutant: type[FakeWorkflowBackend], *tests: str) -> type:
    return struck(Impatient, mutant, *tests)


def of_spread(mutant: type[Spread], test: str) -> type:
    def make(directory: Path) -> WorkflowBackend:
        return mutant(broker_in(directory))

    make.__name__ = mutant.__name__
    return struck(Impatient, make, test)


@cache
def broker_in(directory: Path) -> Broker:
    return Broker()


TestEarly = of(Early, "test_a_run_is_held_back_until_its_moment")
TestQueueing = of(Queueing, "test_a_run_that_waits_for_long_holds_up_no_other")
TestNaive = of(Naive, "test_a_moment_is_in_its_own_zone", "test_a_past_moment_holds_nothing_back")
TestCareless = of(Careless, "test_a_run_that_is_held_back_can_be_cancelled")
TestLoyal = of(Loyal, "test_draining_lets_go_what_is_held_back")
TestLate = of(Late, "test_draining_lets_go_what_is_held_back")
TestClosing = of_spread(Closing, "test_one_of_several_executes_a_run")
TestAware = of_spread(Aware, "test_a_process_that_only_submits_enqueues")
TestFinal = of_spread(Final, "test_what_had_no_turn_at_a_drained_place_executes_elsewhere")
TestForgetful = of_spread(Forgetful, "test_what_a_drained_place_held_back_executes_elsewhere")


def test_every_test_that_the_shipped_backend_is_not_asked_can_fail() -> None:
    """Each has a mutant of a fake one that it finds out."""
    others = mutation.tests_of(WorkflowBackendContract) - asked(
        WorkflowBackendContract, LocalBackend
    )

    assert others & unbroken(WorkflowBackendContract, globals()) == set()
    assert others
