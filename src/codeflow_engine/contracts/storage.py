"""The contract of storage: the truth about runs, their events and reviews."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from enum import StrEnum

from codeflow_engine.contracts.backend import Backend
from codeflow_engine.domain.review import Review
from codeflow_engine.domain.run import RunEvent, RunRecord, RunStatus

__all__ = ["Storage", "StorageCapability"]


class StorageCapability(StrEnum):
    """What a storage can do beyond holding values for one process."""

    DURABLE = "durable"
    """What was acknowledged survives the end of the process."""

    SHARED = "shared"
    """Several processes may use it at the same time."""


class Storage(Backend):
    """Keeps runs, events and reviews. Every method takes a batch.

    A batch is written whole or not at all, and is on disk when the call returns, where the
    storage is durable. Values come back equal to what was put in. A tenant never sees a row
    of another one.
    """

    @abstractmethod
    async def put_runs(self, runs: Sequence[RunRecord]) -> None:
        """Insert or replace runs by their id.

        Raises:
            StorageError: Nothing of the batch was written.
        """

    @abstractmethod
    async def get_runs(self, tenant: str, run_ids: Sequence[str]) -> tuple[RunRecord, ...]:
        """Read runs by id, in the order of the ids; unknown ids are left out."""

    @abstractmethod
    async def find_runs(
        self, tenant: str, *, status: RunStatus | None = None, limit: int = 100
    ) -> tuple[RunRecord, ...]:
        """Read the newest runs of a tenant, newest first, at most `limit`."""

    @abstractmethod
    async def append_events(self, events: Sequence[RunEvent]) -> None:
        """Append events to the streams of their runs; a repeated number changes nothing."""

    @abstractmethod
    async def read_events(
        self, run_id: str, *, after: int = 0, limit: int = 1000
    ) -> tuple[RunEvent, ...]:
        """Read a run's events with a number above `after`, in order, at most `limit`."""

    @abstractmethod
    async def put_reviews(self, tenant: str, reviews: Sequence[Review]) -> None:
        """Insert or replace reviews by their run."""

    @abstractmethod
    async def get_reviews(self, tenant: str, run_ids: Sequence[str]) -> tuple[Review, ...]:
        """Read reviews by run, in the order of the ids; unknown ids are left out."""
