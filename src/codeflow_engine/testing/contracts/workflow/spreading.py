"""Several places execute the runs of one engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from codeflow_engine.contracts import WorkflowBackend, WorkflowCapability
from codeflow_engine.testing.contracts.backend import requires
from codeflow_engine.testing.contracts.watching import well, within
from codeflow_engine.testing.contracts.workflow.executions import Executions
from codeflow_engine.testing.contracts.workflow.starting import Starting

__all__ = ["Spreading"]


class Spreading(Starting):
    """Tests of backends that are distributed."""

    @requires(WorkflowCapability.DISTRIBUTED)
    async def test_one_of_several_executes_a_run(
        self, create: Callable[[], WorkflowBackend], backend: WorkflowBackend
    ) -> None:
        """Whoever accepted it; and a place that is drained takes no other one with it."""
        runs, other = await self.started(backend), create()
        await other.start(runs.execute)
        ids = [f"r{number}" for number in range(50)]
        await asyncio.gather(*(self.enqueue(backend, run_id) for run_id in ids))
        await runs.until_ended(*ids)

        await well(backend.drain(grace=self.patience), seconds=self.patience)
        await self.enqueue(other, "after")

        await runs.until_ended("after")
        await within(other.aclose(), self.patience)

    @requires(WorkflowCapability.DISTRIBUTED)
    async def test_a_process_that_only_submits_enqueues(
        self, create: Callable[[], WorkflowBackend], backend: WorkflowBackend
    ) -> None:
        """It is not started; a place that is executes, whether it was there before or not."""
        await self.enqueue(backend, "before")
        runs, place = Executions(self.patience), create()
        await place.start(runs.execute)
        await self.enqueue(backend, "after")

        await runs.until_ended("before", "after")
        await within(place.aclose(), self.patience)

    @requires(WorkflowCapability.DISTRIBUTED)
    async def test_what_had_no_turn_at_a_drained_place_executes_elsewhere(
        self, create: Callable[[], WorkflowBackend], backend: WorkflowBackend
    ) -> None:
        """It was accepted, and another place has room."""
        runs = await self.started(backend)
        waiting = await self.crowded(backend, runs)
        await well(backend.drain(grace=0), seconds=self.patience)
        runs.let_go(*waiting)
        other = create()

        await other.start(runs.execute)

        await runs.until_ended(*waiting)
        await within(other.aclose(), self.patience)

    @requires(WorkflowCapability.DISTRIBUTED, WorkflowCapability.DELAYS)
    async def test_what_a_drained_place_held_back_executes_elsewhere(
        self, create: Callable[[], WorkflowBackend], backend: WorkflowBackend
    ) -> None:
        """It was accepted, and another place is there when its moment comes."""
        runs, other = await self.started(backend), create()
        moment = datetime.now(UTC) + timedelta(seconds=self.pause)
        await self.enqueue(backend, "r1", not_before=moment)
        await well(backend.drain(grace=0), seconds=self.patience)

        await other.start(runs.execute)

        await runs.until_ended("r1")
        await within(other.aclose(), self.patience)
