"""Runs are held back until their moment, or they are refused."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

from codeflow_engine.contracts import WorkflowBackend, WorkflowCapability
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.testing.contracts.backend import lacks, requires
from codeflow_engine.testing.contracts.watching import well
from codeflow_engine.testing.contracts.workflow.executions import refused
from codeflow_engine.testing.contracts.workflow.starting import AT_ONCE, Starting

__all__ = ["Delaying"]


class Delaying(Starting):
    """Tests of `not_before`."""

    @requires(WorkflowCapability.DELAYS)
    async def test_a_run_is_held_back_until_its_moment(self, backend: WorkflowBackend) -> None:
        """It does not begin before, it begins after, and others don't wait for it."""
        runs = await self.started(backend)
        moment = datetime.now(UTC) + timedelta(seconds=self.pause)

        await self.enqueue(backend, "later", not_before=moment)
        await self.enqueue(backend, "now")
        await runs.until_ended("now", "later")

        assert runs.moments["later"] >= moment

    @requires(WorkflowCapability.DELAYS)
    async def test_a_run_that_waits_for_long_holds_up_no_other(
        self, backend: WorkflowBackend
    ) -> None:
        """Days may lie before its moment."""
        runs = await self.started(backend)
        far = datetime.now(UTC) + timedelta(days=400)

        for number in range(20):
            await self.enqueue(backend, f"later{number}", not_before=far)
        await self.enqueue(backend, "now")

        await runs.until_ended("now")
        assert runs.begun == ["now"]

    @requires(WorkflowCapability.DELAYS)
    async def test_a_past_moment_holds_nothing_back(self, backend: WorkflowBackend) -> None:
        """It is the moment that counts, and not the numbers that a clock of its zone shows."""
        runs = await self.started(backend)
        past = datetime.now(UTC) - timedelta(minutes=1)
        zones = [timezone(timedelta(hours=hours)) for hours in (0, 14, -12)]

        for zone in zones:
            run_id = f"r{zone}"
            await self.enqueue(backend, run_id, not_before=past.astimezone(zone))

        await runs.until_ended(*(f"r{zone}" for zone in zones))

    @requires(WorkflowCapability.DELAYS)
    async def test_a_moment_is_in_its_own_zone(self, backend: WorkflowBackend) -> None:
        """A run is held back where the clock of another zone would have let it go."""
        runs = await self.started(backend)
        moment = datetime.now(UTC) + timedelta(minutes=30)

        for hours in (14, -12):
            there = moment.astimezone(timezone(timedelta(hours=hours)))
            await self.enqueue(backend, f"r{hours}", not_before=there)
        await asyncio.sleep(self.pause)

        assert runs.begun == []

    @requires(WorkflowCapability.DELAYS)
    async def test_a_run_that_is_held_back_can_be_cancelled(self, backend: WorkflowBackend) -> None:
        """It does not begin; others that wait are not touched."""
        runs = await self.started(backend)
        # A slow machine is to be done with the cancellation before.
        moment = datetime.now(UTC) + timedelta(seconds=self.pause * 3)
        await self.enqueue(backend, "r1", not_before=moment)
        await self.enqueue(backend, "r10", not_before=moment)

        await well(backend.cancel("r1"), seconds=self.patience)
        await runs.until_ended("r10")
        await asyncio.sleep(self.pause)

        assert runs.begun == ["r10"]

    @requires(WorkflowCapability.DELAYS)
    async def test_draining_lets_go_what_is_held_back(self, backend: WorkflowBackend) -> None:
        """It is not waited for, and does not begin here any more."""
        runs = await self.started(backend)
        moment = datetime.now(UTC) + timedelta(seconds=self.pause)
        await self.enqueue(backend, "soon", not_before=moment)
        await self.enqueue(backend, "late", not_before=moment + timedelta(days=1))

        await well(backend.drain(grace=3600), seconds=AT_ONCE)
        begun = list(runs.begun)
        await asyncio.sleep(self.pause * 2)

        assert runs.begun == begun

    @lacks(WorkflowCapability.DELAYS)
    async def test_without_delays_a_moment_is_refused(self, backend: WorkflowBackend) -> None:
        """A run that would begin too early, or never, is not accepted at all."""
        runs = await self.started(backend)

        error = await refused(backend.enqueue("r1", not_before=datetime.now(UTC)))
        await asyncio.sleep(self.pause)

        assert isinstance(error, ConfigurationError)
        assert runs.begun == []
