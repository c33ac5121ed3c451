"""What this process knows of runs, and how it looks at those of others."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from codeflow_engine.domain.run import RunRecord, RunStatus
from codeflow_engine.errors import RunNotFoundError
from codeflow_engine.runs.batches import Batches
from codeflow_engine.runs.live import LiveRun

if TYPE_CHECKING:
    from codeflow_engine.runs.toolbox import Toolbox

__all__ = ["KnownRuns"]

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""Before the moment of any run."""


class KnownRuns:
    """Reads runs, and lets nothing that was read replace what has happened here since.

    Whoever asks for the same run gets the same `LiveRun`, for as long as somebody holds it.

    Args:
        tools: What the engine works with.
        looks: Reads runs by their ids.
    """

    def __init__(self, tools: Toolbox, looks: Batches[str, RunRecord | None]) -> None:
        self._tools = tools
        self._tenant = tools.settings.tenant
        self._looks = looks
        self._live: weakref.WeakValueDictionary[str, LiveRun] = weakref.WeakValueDictionary()
        self.turn: int = 0
        """Counts what happens to runs in this process."""

    def get(self, run_id: str) -> LiveRun | None:
        """Give a run that somebody here holds on to."""
        return self._live.get(run_id)

    def see(self, record: RunRecord, turn: int) -> LiveRun:
        """Give what this process knows of a run; the same for all who ask.

        Args:
            record: As it was read.
            turn: When the reading began: what has happened here since is newer.
        """
        live = self._live.get(record.run_id)
        if live is None:
            live = self._live[record.run_id] = LiveRun(record)
        elif not live.is_executing and live.turn <= turn:
            live.record = record
        return live

    def mark(self, live: LiveRun) -> None:
        """Take note that something has happened here to a run."""
        self.turn += 1
        live.turn = self.turn
        live.tell()

    async def look(self, run_id: str) -> LiveRun:
        """Read how a run stands.

        Raises:
            RunNotFoundError: No run of this tenant has that id.
            StorageError: It cannot be read.
        """
        turn = self.turn
        record = await self._looks.ask(run_id)
        if record is None:
            raise RunNotFoundError(f"there is no run {run_id!r}")
        return self.see(record, turn)

    async def list(self, status: RunStatus | None, limit: int) -> tuple[LiveRun, ...]:
        """Read how the newest runs stand, newest first.

        Raises:
            StorageError: They cannot be read.
        """
        turn = self.turn
        records = await self._tools.storage.find_runs(self._tenant, status=status, limit=limit)
        return tuple([self.see(record, turn) for record in records])

    async def interrupted(
        self, *, limit: int, run_ids: Sequence[str] | None = None
    ) -> tuple[LiveRun, ...]:
        """Find runs whose worker is gone, and that nobody has taken up since.

        Args:
            limit: How many at most.
            run_ids: Those to choose from; None for all.

        Raises:
            StorageError: They cannot be read.
        """
        turn = self.turn
        # Whoever waits for a moment is not due so early: what is has lost its worker.
        found = await self._tools.journal.find_due(
            self._tenant, now=_LONG_AGO, limit=limit, run_ids=run_ids
        )
        records = await self._tools.storage.get_runs(self._tenant, found)
        runs = [self.see(record, turn) for record in records]
        return tuple([live for live in runs if live.record.status is RunStatus.RUNNING])

    def tell_all(self) -> None:
        """Wake all who wait for anything to happen to a run."""
        for live in list(self._live.values()):
            live.tell()
