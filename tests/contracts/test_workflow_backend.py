"""The suite of workflow backends holds for the fake one, and each of its tests can fail."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import ClassVar

import pytest
from mutation import struck, unbroken

from codeflow_engine.contracts import WorkflowBackend, WorkflowCapability
from codeflow_engine.contracts.workflow import Execute
from codeflow_engine.errors import ConfigurationError, WorkflowError
from codeflow_engine.providers.workflow.local import LocalBackend, LocalSettings
from codeflow_engine.testing.contracts import WorkflowBackendContract
from codeflow_engine.testing.fakes import FakeWorkflowBackend


class TestFakeWorkflowBackend(WorkflowBackendContract):
    @pytest.fixture
    def create(self) -> Callable[[], WorkflowBackend]:
        return FakeWorkflowBackend


@pytest.mark.parametrize("create", [1, 100], indirect=True)
class TestLocalBackend(WorkflowBackendContract):
    @pytest.fixture
    def create(self, request: pytest.FixtureRequest) -> Callable[[], WorkflowBackend]:
        settings = LocalSettings(concurrency=request.param)
        return lambda: LocalBackend(settings)


class Prompt(FakeWorkflowBackend):
    """Holds nothing back, and says so."""

    capabilities: ClassVar[frozenset[StrEnum]] = frozenset()

    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        if not_before is not None:
            raise ConfigurationError("Prompt holds nothing back; enqueue without a moment")
        await super().enqueue(run_id)


class TestPrompt(WorkflowBackendContract):
    @pytest.fixture
    def create(self) -> Callable[[], WorkflowBackend]:
        return Prompt


class Spread(FakeWorkflowBackend):
    """Several of them stand on one list of what is held back, as if on one broker."""

    capabilities: ClassVar[frozenset[StrEnum]] = frozenset(WorkflowCapability)

    def __init__(self, broker: dict[str, datetime]) -> None:
        super().__init__()
        self._broker = broker

    async def start(self, execute: Execute) -> None:
        await super().start(execute)
        for run_id, moment in list(self._broker.items()):
            await self.enqueue(run_id, not_before=moment)

    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        await super().enqueue(run_id, not_before=not_before)
        if not_before is not None:
            self._broker[run_id] = not_before


class Brokers:
    """Gives each test a broker of its own."""

    spread: ClassVar[type[Spread]] = Spread

    @pytest.fixture
    def create(self) -> Callable[[], WorkflowBackend]:
        broker: dict[str, datetime] = {}
        return lambda: self.spread(broker)


class TestSpread(Brokers, WorkflowBackendContract):
    pass


class Enqueueing(FakeWorkflowBackend):
    """Passes an id on as `change` makes it."""

    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        await super().enqueue(self.change(run_id), not_before=not_before)

    def change(self, run_id: str) -> str:
        return run_id


class Executing(FakeWorkflowBackend):
    """Executes in a way of its own."""

    async def start(self, execute: Execute) -> None:
        await super().start(lambda run_id: self.run(run_id, execute))

    async def run(self, run_id: str, execute: Execute) -> None:
        await execute(run_id)


class Tidy(Enqueueing):
    """Makes ids fit for a command line."""

    def change(self, run_id: str) -> str:
        return run_id.strip("-")


class Inline(FakeWorkflowBackend):
    """Executes on the spot."""

    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        await super().enqueue(run_id, not_before=not_before)
        await asyncio.wait([task for task, one in self._running.items() if one == run_id])


class Crowded(FakeWorkflowBackend):
    """Drops what comes while all places are taken."""

    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        if len(self._running) < 100:
            await super().enqueue(run_id, not_before=not_before)


class Unique(FakeWorkflowBackend):
    """Uses the run's id as that of its own job, which exists once."""

    def __init__(self) -> None:
        super().__init__()
        self.known: set[str] = set()

    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        if run_id not in self.known:
            self.known.add(run_id)
            await super().enqueue(run_id, not_before=not_before)


class Strict(FakeWorkflowBackend):
    """Takes a repeated id for a mistake."""

    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        if run_id in {one for one, _ in self.accepted}:
            raise WorkflowError(f"run {run_id!r} was accepted already")
        await super().enqueue(run_id, not_before=not_before)


class Busy(FakeWorkflowBackend):
    """Does not carry a run that executes."""

    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        if run_id not in self._running.values():
            await super().enqueue(run_id, not_before=not_before)


class Locked(Executing):
    """Accepts nothing while it executes something."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = asyncio.Lock()

    async def run(self, run_id: str, execute: Execute) -> None:
        async with self.lock:
            await execute(run_id)

    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        async with self.lock:
            await super().enqueue(run_id, not_before=not_before)


class Single(FakeWorkflowBackend):
    """Has one worker, whose loop ends with an error."""

    worker: asyncio.Task[None] | None = None

    async def start(self, execute: Execute) -> None:
        await super().start(execute)
        self.queue: asyncio.Queue[str] = asyncio.Queue()
        self.worker = asyncio.create_task(self.work(execute))

    async def work(self, execute: Execute) -> None:
        while True:
            with suppress(Exception):
                await execute(await self.queue.get())

    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        await self.queue.put(run_id)

    async def aclose(self) -> None:
        if self.worker:
            self.worker.cancel()
            await asyncio.wait([self.worker])


class Blocking(Executing):
    """Executes after a look at a slow disk."""

    async def run(self, run_id: str, execute: Execute) -> None:
        time.sleep(0.7 if run_id == "r1" else 0)  # noqa: ASYNC251 - that is what is wrong with it
        await execute(run_id)


class Willing(FakeWorkflowBackend):
    """Cannot stop what runs."""

    async def cancel(self, run_id: str) -> None: ...


class Careless(FakeWorkflowBackend):
    """Stops each run whose id begins like the one that was meant."""

    async def cancel(self, run_id: str) -> None:
        tasks = {**self._held, **self._running}
        for task in [task for task, one in tasks.items() if one.startswith(run_id)]:
            task.cancel()


class Remembering(FakeWorkflowBackend):
    """Keeps a list of the runs that were cancelled, for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.stopped: set[str] = set()

    async def cancel(self, run_id: str) -> None:
        self.stopped.add(run_id)
        await super().cancel(run_id)

    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        if run_id not in self.stopped:
            await super().enqueue(run_id, not_before=not_before)


class Precise(FakeWorkflowBackend):
    """Knows what runs, and nothing else."""

    async def cancel(self, run_id: str) -> None:
        next(task for task, one in self._running.items() if one == run_id).cancel()


class Open(FakeWorkflowBackend):
    """Accepts runs until everything has ended."""

    async def drain(self, *, grace: float) -> None:
        if running := list(self._running):
            await asyncio.wait(running, timeout=grace)
        await super().drain(grace=0)


class Swallowing(FakeWorkflowBackend):
    """Accepts runs after its end, and drops them."""

    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        if self._accepts:
            await super().enqueue(run_id, not_before=not_before)


class Hasty(FakeWorkflowBackend):
    """Has no grace."""

    async def drain(self, *, grace: float) -> None:
        await super().drain(grace=0)


class Fleeing(FakeWorkflowBackend):
    """Tells runs to end, and leaves before they do."""

    async def drain(self, *, grace: float) -> None:
        self._accepts = False
        if self._running:
            await asyncio.wait(list(self._running), timeout=grace)
        for task in self._running:
            task.cancel()


class Thorough(FakeWorkflowBackend):
    """Uses the whole of its grace."""

    async def drain(self, *, grace: float) -> None:
        await super().drain(grace=grace)
        await asyncio.sleep(grace)


class Once(FakeWorkflowBackend):
    """Can be drained only once."""

    async def drain(self, *, grace: float) -> None:
        if not self._accepts:
            raise RuntimeError("it is drained")
        await super().drain(grace=grace)

    async def aclose(self) -> None: ...


class Patient(FakeWorkflowBackend):
    """Closes when everything has ended by itself."""

    async def aclose(self) -> None:
        await super().drain(grace=0.3)


class Deserted(FakeWorkflowBackend):
    """Closes nothing."""

    async def aclose(self) -> None: ...


class Polling(FakeWorkflowBackend):
    """Has a task of its own, and forgets it."""

    async def start(self, execute: Execute) -> None:
        await super().start(execute)
        self.poll = asyncio.create_task(asyncio.sleep(3600))


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


class Boastful(FakeWorkflowBackend):
    """Executes at once what it cannot hold back, without a word."""

    capabilities: ClassVar[frozenset[StrEnum]] = frozenset()

    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        await super().enqueue(run_id)


class Closing(Spread):
    """Drains the broker for all."""

    drained: ClassVar[set[int]] = set()

    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        if id(self._broker) not in self.drained:
            await super().enqueue(run_id, not_before=not_before)

    async def drain(self, *, grace: float) -> None:
        self.drained.add(id(self._broker))
        await super().drain(grace=grace)


class Forgetful(Spread):
    """Keeps what it holds back to itself."""

    async def start(self, execute: Execute) -> None:
        await FakeWorkflowBackend.start(self, execute)


class Impatient(WorkflowBackendContract):
    patience = 0.25
    pause = 0.1


def contract_of(mutant: type[FakeWorkflowBackend], *tests: str) -> type:
    return struck(Impatient, mutant, *tests)


def contract_of_spread(mutant: type[Spread], test: str) -> type:
    def make(directory: Path) -> WorkflowBackend:
        return mutant(broker_in(directory))

    make.__name__ = mutant.__name__
    return struck(Impatient, make, test)


@cache
def broker_in(directory: Path) -> dict[str, datetime]:
    return {}


REPEATED = "test_a_run_that_has_executed_can_come_again"
IDLE = "test_draining_an_idle_backend_returns_at_once"
NOTHING_LEFT = "test_closing_leaves_nothing_behind"
ZONE = "test_a_moment_is_in_its_own_zone"
PAST = "test_a_past_moment_holds_nothing_back"

TestTidy = contract_of(Tidy, "test_an_accepted_run_executes")
TestInline = contract_of(Inline, "test_accepting_a_run_does_not_wait_for_it")
TestCrowded = contract_of(Crowded, "test_every_run_of_a_burst_executes")
TestUnique = contract_of(Unique, REPEATED)
TestStrict = contract_of(Strict, "test_a_run_that_comes_twice_executes")
TestBusy = contract_of(Busy, "test_a_run_that_executes_can_come_again")
TestLocked = contract_of(Locked, "test_a_run_can_bring_another_run")
TestSingle = contract_of(Single, "test_an_execution_that_raises_stops_no_other")
TestBlocking = contract_of(Blocking, "test_it_does_not_block_the_event_loop")
TestWilling = contract_of(Willing, "test_cancelling_stops_a_run")
TestCareless = contract_of(
    Careless, "test_cancelling_stops_a_run", "test_a_run_that_is_held_back_can_be_cancelled"
)
TestRemembering = contract_of(Remembering, "test_a_cancelled_run_can_come_again")
TestPrecise = contract_of(
    Precise,
    "test_cancelling_what_does_not_run_is_no_error",
    "test_a_run_that_is_held_back_can_be_cancelled",
)
TestOpen = contract_of(Open, "test_a_drained_backend_accepts_nothing")
TestSwallowing = contract_of(Swallowing, "test_a_drained_backend_accepts_nothing")
TestHasty = contract_of(
    Hasty,
    "test_draining_waits_for_what_runs",
    "test_draining_cancels_what_outlasts_the_grace",
)
TestFleeing = contract_of(Fleeing, "test_draining_cancels_what_outlasts_the_grace")
TestThorough = contract_of(Thorough, IDLE)
TestOnce = contract_of(Once, IDLE)
TestPatient = contract_of(Patient, "test_closing_cancels_what_runs")
TestDeserted = contract_of(Deserted, "test_closing_cancels_what_runs")
TestPolling = contract_of(Polling, NOTHING_LEFT)
TestEarly = contract_of(Early, "test_a_run_is_held_back_until_its_moment")
TestQueueing = contract_of(Queueing, "test_a_run_that_waits_for_long_holds_up_no_other")
TestNaive = contract_of(Naive, ZONE, PAST)
TestLoyal = contract_of(Loyal, "test_draining_lets_go_what_is_held_back")
TestLate = contract_of(Late, "test_draining_lets_go_what_is_held_back")
TestBoastful = contract_of(Boastful, "test_without_delays_a_moment_is_refused")
TestClosing = contract_of_spread(Closing, "test_one_of_several_executes_a_run")
TestForgetful = contract_of_spread(
    Forgetful, "test_what_a_drained_place_held_back_executes_elsewhere"
)


def test_every_test_of_the_suite_can_fail() -> None:
    """Each has a mutant that it finds out."""
    assert unbroken(WorkflowBackendContract, globals()) == set()
