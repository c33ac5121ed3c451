"""Runs are cancelled, and the backend is drained and closed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from codeflow_engine.contracts import WorkflowBackend
from codeflow_engine.errors import WorkflowError
from codeflow_engine.testing.contracts.watching import well, within
from codeflow_engine.testing.contracts.workflow.executions import refused
from codeflow_engine.testing.contracts.workflow.starting import AT_ONCE, Starting

__all__ = ["Ending"]

_TIMER = 0.01
"""Seconds by which a timer may be early."""


class Ending(Starting):
    """Tests of how executions end before their time."""

    async def test_cancelling_stops_a_run(self, backend: WorkflowBackend) -> None:
        """Its execution is cancelled, and no other one."""
        runs = await self.started(backend)
        runs.hold("r1")
        await self.enqueue(backend, "r1")
        await runs.until_begun("r1")
        await self.enqueue(backend, "r10")

        await well(backend.cancel("r1"), seconds=self.patience)

        await runs.until_cancelled("r1")
        await runs.until_ended("r10")
        assert runs.cancelled == ["r1"]

    async def test_a_cancelled_run_can_come_again(self, backend: WorkflowBackend) -> None:
        """That it was stopped once is in the engine's storage, and not here."""
        runs = await self.started(backend)
        runs.hold("r1")
        await self.enqueue(backend, "r1")
        await runs.until_begun("r1")
        await backend.cancel("r1")
        await runs.until_cancelled("r1")

        runs.let_go("r1")
        await self.enqueue(backend, "r1")

        await runs.until_ended("r1")

    async def test_cancelling_what_does_not_run_is_no_error(self, backend: WorkflowBackend) -> None:
        """An id that nobody knows, and one that has ended; each may come afterwards."""
        runs = await self.started(backend)
        await self.enqueue(backend, "ended")
        await runs.until_ended("ended")

        for run_id in ("unknown", "ended", "ended"):
            await well(backend.cancel(run_id), seconds=self.patience)
            await self.enqueue(backend, run_id)

        await runs.until_ended("unknown", "ended", "ended")

    async def test_a_run_that_waits_for_its_turn_can_be_cancelled(
        self, backend: WorkflowBackend
    ) -> None:
        """It does not begin when others have made room; where all begin at once, none waits."""
        runs = await self.started(backend)
        waiting = await self.crowded(backend, runs)
        begun = set(runs.begun)

        for run_id in waiting:
            await well(backend.cancel(run_id), seconds=self.patience)
        runs.let_go(*begun)
        await runs.until_ended(*begun)
        await asyncio.sleep(self.pause)

        assert set(runs.begun) == begun

    async def test_a_drained_backend_accepts_nothing(self, backend: WorkflowBackend) -> None:
        """From the call on, while it still waits, and for ever: what is refused never begins."""
        runs = await self.started(backend)
        runs.hold("r1")
        await self.enqueue(backend, "r1")
        await runs.until_begun("r1")

        draining = asyncio.create_task(backend.drain(grace=self.patience))
        await asyncio.sleep(self.pause)
        early = await refused(backend.enqueue("early"))
        runs.let_go("r1")
        await within(draining, self.patience)
        late = await refused(backend.enqueue("late"))
        await asyncio.sleep(self.pause)

        assert isinstance(early, WorkflowError)
        assert isinstance(late, WorkflowError)
        assert set(runs.begun) == {"r1"}

    async def test_draining_waits_for_what_runs(self, backend: WorkflowBackend) -> None:
        """Within the grace a run comes to its end, and is not cancelled."""
        runs = await self.started(backend)
        runs.hold("r1")
        await self.enqueue(backend, "r1")
        await runs.until_begun("r1")

        draining = asyncio.create_task(backend.drain(grace=self.patience))
        await asyncio.sleep(self.pause)
        was_waiting = not draining.done()
        runs.let_go("r1")
        await within(draining, self.patience)

        assert was_waiting
        assert (runs.ended, runs.cancelled) == (["r1"], [])

    async def test_draining_lets_go_what_waits_for_its_turn(self, backend: WorkflowBackend) -> None:
        """What has not begun does not begin any more, though there is room and grace for it."""
        runs = await self.started(backend)
        await self.crowded(backend, runs)
        begun = set(runs.begun)

        draining = asyncio.create_task(backend.drain(grace=self.patience))
        await asyncio.sleep(self.pause)
        runs.let_go(*begun)
        await within(draining, self.patience)
        await asyncio.sleep(self.pause)

        assert set(runs.begun) == set(runs.ended) == begun

    async def test_draining_again_cuts_the_grace_short(self, backend: WorkflowBackend) -> None:
        """Whoever is told a second time to end does not wait any longer; the first call ends."""
        runs = await self.started(backend)
        runs.hold("r1")
        await self.enqueue(backend, "r1")
        await runs.until_begun("r1")

        patient = asyncio.create_task(backend.drain(grace=3600))
        await asyncio.sleep(self.pause)
        await well(backend.drain(grace=0), seconds=AT_ONCE)
        await within(patient, AT_ONCE)

        assert runs.cancelled == ["r1"]

    async def test_draining_cancels_what_outlasts_the_grace(self, backend: WorkflowBackend) -> None:
        """Then, and not before; when it returns, all has ended, also what takes leave slowly."""
        runs = await self.started(backend)
        runs.hold("r1")
        runs.linger(self.pause / 2)
        await self.enqueue(backend, "r1")
        await runs.until_begun("r1")

        before = time.monotonic()
        await well(backend.drain(grace=self.pause), seconds=self.patience)

        assert runs.cancelled == ["r1"]
        assert runs.stopped_at["r1"] - before > self.pause - _TIMER

    async def test_draining_an_idle_backend_returns_at_once(self, backend: WorkflowBackend) -> None:
        """There is nothing to wait for; once more is no error."""
        runs = await self.started(backend)
        await self.enqueue(backend, "r1")
        await runs.until_ended("r1")

        await well(backend.drain(grace=3600), seconds=AT_ONCE)
        await well(backend.drain(grace=3600), seconds=AT_ONCE)

    async def test_what_was_not_started_can_be_drained(self, backend: WorkflowBackend) -> None:
        """A process that only submits ends as any other one."""
        await well(backend.cancel("r1"), seconds=self.patience)
        await well(backend.drain(grace=3600), seconds=AT_ONCE)

        assert isinstance(await refused(backend.enqueue("r1")), WorkflowError)

    async def test_closing_cancels_what_runs(self, create: Callable[[], WorkflowBackend]) -> None:
        """Without a drain before it there is no grace."""
        backend = create()
        runs = await self.started(backend)
        runs.hold("r1")
        await self.enqueue(backend, "r1")
        await runs.until_begun("r1")

        await well(backend.aclose(), seconds=self.patience)

        assert runs.cancelled == ["r1"]

    async def test_closing_leaves_nothing_behind(
        self, create: Callable[[], WorkflowBackend]
    ) -> None:
        """No task of it goes on in the host's event loop."""
        before = asyncio.all_tasks()
        backend = create()
        runs = await self.started(backend)
        await self.enqueue(backend, "r1")
        await runs.until_ended("r1")

        await well(backend.drain(grace=self.patience), seconds=self.patience)
        await well(backend.aclose(), seconds=self.patience)
        await asyncio.sleep(0)

        assert asyncio.all_tasks() - before == set()
