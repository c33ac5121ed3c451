"""What all tests of workflow backends stand on."""

from __future__ import annotations

import asyncio
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from codeflow_engine.contracts import WorkflowBackend, WorkflowCapability
from codeflow_engine.testing.contracts.backend import BackendContract
from codeflow_engine.testing.contracts.watching import PATIENCE, well
from codeflow_engine.testing.contracts.workflow.executions import Executions

__all__ = ["AT_ONCE", "Starting"]

AT_ONCE = 1.0
"""Seconds within which a call returns that has nothing to wait for."""


class Starting(BackendContract[WorkflowBackend]):
    """A suite whose backends are started with a function of its own."""

    contract: ClassVar[type[WorkflowBackend]] = WorkflowBackend
    capability: ClassVar[type[StrEnum] | None] = WorkflowCapability

    patience: ClassVar[float] = PATIENCE
    """Seconds after which a run that was accepted has to execute."""

    pause: ClassVar[float] = 0.1
    """Seconds for which a run is held back, and for which the suite looks whether nothing
    happens. A backend that looks for work more rarely needs more."""

    crowd: ClassVar[int] = 120
    """Runs that are handed in where some of them have to wait for their turn: more than the
    backend executes at once, where it has a limit."""

    async def started(self, backend: WorkflowBackend) -> Executions:
        """Start a backend, and give what it executes."""
        runs = Executions(self.patience)
        await well(backend.start(runs.execute), seconds=self.patience)
        return runs

    async def enqueue(
        self, backend: WorkflowBackend, run_id: str, *, not_before: datetime | None = None
    ) -> None:
        """Hand in a run, which has to be accepted."""
        call = backend.enqueue(run_id, not_before=not_before)
        await well(call, seconds=self.patience, why="the run can be accepted")

    async def crowded(self, backend: WorkflowBackend, runs: Executions) -> list[str]:
        """Hand in a crowd of runs that go on until they are let go; give those without a turn."""
        ids = [f"r{number}" for number in range(self.crowd)]
        runs.hold(*ids)
        for run_id in ids:
            await self.enqueue(backend, run_id)
        await runs.until_begun(ids[0])
        await asyncio.sleep(self.pause)
        return [run_id for run_id in ids if run_id not in runs.begun]
