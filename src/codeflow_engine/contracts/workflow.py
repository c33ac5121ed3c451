"""The contract of workflow backends: where and when a run executes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum

from codeflow_engine.contracts.backend import Backend

__all__ = ["Execute", "WorkflowBackend", "WorkflowCapability"]

type Execute = Callable[[str], Awaitable[None]]
"""Executes the run with this id to its end; safe to call twice for the same run."""


class WorkflowCapability(StrEnum):
    """What a workflow backend can do beyond running in this process."""

    DISTRIBUTED = "distributed"
    """Runs may execute in another process or on another machine."""

    DELAYS = "delays"
    """It holds a run back until `not_before`."""


class WorkflowBackend(Backend):
    """Carries ids of runs to a place where they execute.

    It carries ids and nothing else: input, journal and result stay in the engine's storage.
    An id that was accepted is executed at least once; executing twice is harmless, because
    completed steps are not repeated.
    """

    @abstractmethod
    async def start(self, execute: Execute) -> None:
        """Begin to execute runs; called once before the first `enqueue`."""

    @abstractmethod
    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        """Accept a run; it may begin before this call returns.

        Raises:
            ConfigurationError: `not_before` without the `DELAYS` capability.
            WorkflowError: The run was not accepted.
        """

    @abstractmethod
    async def cancel(self, run_id: str) -> None:
        """Stop a run that executes here; an unknown or ended one is no error."""

    @abstractmethod
    async def drain(self, *, grace: float) -> None:
        """Accept nothing more; wait `grace` seconds for what runs, then cancel it."""
