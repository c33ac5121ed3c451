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
    """Runs may execute in another process or on another machine: one that only submits
    enqueues them without `start`."""

    DELAYS = "delays"
    """It holds a run back until `not_before`."""


class WorkflowBackend(Backend):
    """Carries ids of runs to a place where they execute.

    It carries ids and nothing else: input, journal and result stay in the engine's storage.
    An id that was accepted is executed at least once; executing twice is harmless, because
    completed steps are not repeated. That goes for each time that it is accepted: an
    execution begins afterwards, also where the same run has executed before, since it may
    have stopped to wait for something that has come now.

    How many execute at once is the backend's decision; the others wait for their turn. Nobody
    has to keep what it lets go: a run is due in the engine's storage until somebody has
    claimed it there, and whoever sweeps that enqueues it again. An execution that raises,
    whatever it raises, is over, and no other one notices; the backend may repeat it, and
    needs not, for the same reason.

    A process that executes calls `start` before anything else. One that only submits never
    does: its `enqueue` carries runs to others, where the backend is `DISTRIBUTED`, and
    `drain` and `aclose` have nothing to end.
    """

    @property
    def room(self) -> int | None:
        """How many more runs it wants now; None for as many as there are.

        The engine leaves the others in its storage, where they keep their order: of those
        that are accepted already, none lets a later one pass that is more urgent. A backend
        that executes few at once asks for little more than it can begin.
        """
        return None

    @abstractmethod
    async def start(self, execute: Execute) -> None:
        """Begin to execute runs in this process.

        Raises:
            ConfigurationError: It was started before: a backend executes for one engine.
        """

    @abstractmethod
    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        """Accept a run; it may begin before this call returns, which does not wait for it.

        Args:
            run_id: Its id, which `execute` is given as it is.
            not_before: The moment before which it does not begin, with a time zone; a past
                one holds nothing back.

        Raises:
            ConfigurationError: `not_before` without the `DELAYS` capability.
            WorkflowError: The run was not accepted: after `drain`, or where nothing was
                started, without the `DISTRIBUTED` capability.
        """

    @abstractmethod
    async def cancel(self, run_id: str) -> None:
        """Stop a run that executes here; an unknown or ended one is no error.

        `execute` is cancelled. A run that waits here for its turn or its moment does not
        begin. Both may be accepted again.
        """

    @abstractmethod
    async def drain(self, *, grace: float) -> None:
        """Accept nothing more; wait `grace` seconds for what runs, then cancel it.

        Returns once everything that ran here has ended. What was accepted and has not begun
        does not begin here any more, and is not waited for; where the backend is
        `DISTRIBUTED` it begins elsewhere. May be called again, also while a call waits: the
        shorter grace counts. `aclose` without it cancels what runs.
        """
