"""Runs are accepted, and each of them executes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from codeflow_engine.contracts import WorkflowBackend, WorkflowCapability
from codeflow_engine.errors import ConfigurationError, WorkflowError
from codeflow_engine.testing.contracts.backend import another, lacks
from codeflow_engine.testing.contracts.watching import LONGEST_STALL, longest_stall, within
from codeflow_engine.testing.contracts.workflow.executions import Executions, refused
from codeflow_engine.testing.contracts.workflow.starting import Starting

__all__ = ["Accepting"]

_IDS = ("r1", "0199c0ffee", "acme/shop#42", "a b", "é\U0001f600", "--help", "x" * 200)


class Accepting(Starting):
    """Tests of what was accepted."""

    async def test_an_accepted_run_executes(self, backend: WorkflowBackend) -> None:
        """Each id comes as it was given, whatever it looks like, and nothing comes with it."""
        runs = await self.started(backend)
        for run_id in _IDS:
            await self.enqueue(backend, run_id)

        await runs.until_ended(*_IDS)
        assert set(runs.begun) == set(_IDS)

    async def test_accepting_a_run_does_not_wait_for_it(self, backend: WorkflowBackend) -> None:
        """The caller goes on, and its own end is not that of the run."""
        runs = await self.started(backend)
        runs.hold("r1")

        await within(asyncio.create_task(backend.enqueue("r1")), self.patience)
        await runs.until_begun("r1")
        runs.let_go("r1")
        await runs.until_ended("r1")

    async def test_every_run_of_a_burst_executes(self, backend: WorkflowBackend) -> None:
        """However many come at once."""
        runs = await self.started(backend)
        ids = [f"r{number}" for number in range(200)]

        await asyncio.gather(*(self.enqueue(backend, run_id) for run_id in ids))

        await runs.until_ended(*ids)

    async def test_its_room_comes_back(self, backend: WorkflowBackend) -> None:
        """It wants runs when it is idle, never fewer than none, and again when they have ended."""
        runs = await self.started(backend)
        ids = [f"r{number}" for number in range(200)]

        rooms = [backend.room]
        for run_id in ids:
            await self.enqueue(backend, run_id)
            rooms.append(backend.room)
        await runs.until_ended(*ids)
        for _ in range(20):
            if backend.room != 0:
                break
            await asyncio.sleep(self.patience / 20)

        assert 0 not in {rooms[0], backend.room}
        assert all(room is None or room >= 0 for room in rooms)

    async def test_a_run_that_comes_twice_executes(self, backend: WorkflowBackend) -> None:
        """A repeated id is no error."""
        runs = await self.started(backend)

        await asyncio.gather(*(self.enqueue(backend, "r1") for _ in range(3)))

        await runs.until_ended("r1")

    async def test_a_run_that_has_executed_can_come_again(self, backend: WorkflowBackend) -> None:
        """It may have stopped to wait for something; what came has to be looked at."""
        runs = await self.started(backend)
        await self.enqueue(backend, "r1")
        await runs.until_ended("r1")

        await self.enqueue(backend, "r1")

        await runs.until_ended("r1", "r1")

    async def test_a_run_that_executes_can_come_again(self, backend: WorkflowBackend) -> None:
        """The execution under way may be past the place where it would see what is new."""
        runs = await self.started(backend)
        runs.hold("r1")
        await self.enqueue(backend, "r1")
        await runs.until_begun("r1")

        await self.enqueue(backend, "r1")
        runs.let_go("r1")

        await runs.until_ended("r1", "r1")

    async def test_a_run_can_bring_another_run(self, backend: WorkflowBackend) -> None:
        """Whoever executes may enqueue."""
        runs = await self.started(backend)
        runs.do("r1", lambda: backend.enqueue("r2"))

        await self.enqueue(backend, "r1")

        await runs.until_ended("r1", "r2")

    async def test_an_execution_that_raises_stops_no_other(self, backend: WorkflowBackend) -> None:
        """Neither those beside it nor those after it, nor the same run when it comes again."""
        runs = await self.started(backend)
        errors = (ValueError("broken"), asyncio.CancelledError(), TimeoutError(), BaseException())
        for number, error in enumerate(errors):
            runs.fail(f"bad{number}", error)
            await self.enqueue(backend, f"bad{number}")
            await self.enqueue(backend, f"good{number}")
            await runs.until_begun(f"bad{number}")
        await runs.until_ended(*(f"good{number}" for number in range(len(errors))))

        runs.mend()
        await self.enqueue(backend, "bad0")
        await runs.until_ended("bad0")

    @lacks(WorkflowCapability.DISTRIBUTED)
    async def test_before_the_start_runs_are_refused(self, backend: WorkflowBackend) -> None:
        """Nothing would execute them here, and no other process does."""
        error = await refused(backend.enqueue("early"))
        runs = await self.started(backend)
        await self.enqueue(backend, "late")
        await runs.until_ended("late")

        assert isinstance(error, WorkflowError)
        assert runs.begun == ["late"]

    async def test_it_starts_only_once(self, backend: WorkflowBackend) -> None:
        """A second engine is refused, so that none is handed the runs of another."""
        runs, others = await self.started(backend), Executions(self.patience)

        error = await refused(backend.start(others.execute))
        await self.enqueue(backend, "r1")

        await runs.until_ended("r1")
        assert isinstance(error, ConfigurationError)
        assert others.begun == []

    async def test_it_does_not_block_the_event_loop(
        self, create: Callable[[], WorkflowBackend]
    ) -> None:
        """The host goes on while runs are accepted and cancelled."""
        ids = [f"r{number}" for number in range(20)]

        async def use() -> None:
            async with another(create) as backend:
                runs = await self.started(backend)
                for run_id in ids:
                    await self.enqueue(backend, run_id)
                await runs.until_ended(*ids)
                for run_id in ids:
                    await backend.cancel(run_id)
                await backend.drain(grace=0)

        assert await longest_stall(use) < LONGEST_STALL
