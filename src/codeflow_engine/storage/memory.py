"""Storage in the memory of the process: nothing survives it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from codeflow_engine.contracts import Storage
from codeflow_engine.domain.review import Review
from codeflow_engine.domain.run import RunEvent, RunRecord, RunStatus
from codeflow_engine.errors import ConfigurationError

__all__ = ["MemoryStorage"]


class MemoryStorage(Storage):
    """Keeps the newest runs in dictionaries, for notebooks, tests and the terminal.

    Args:
        keep: Number of ended runs to keep, at least 1; with one more, the run that ended
            first is forgotten with its events and its review, so that a long-lived process
            does not grow.

    Raises:
        ConfigurationError: `keep` is less than 1.
    """

    def __init__(self, *, keep: int = 1000) -> None:
        if keep < 1:
            raise ConfigurationError(f"a storage keeps at least one ended run, not {keep}")
        self._keep = keep
        self._runs: dict[str, RunRecord] = {}
        self._ended: dict[str, None] = {}
        """Ids of the runs that have ended, in the order in which they did."""

        self._events: dict[str, list[RunEvent]] = {}
        self._reviews: dict[str, tuple[str, Review]] = {}

    async def put_runs(self, runs: Sequence[RunRecord]) -> None:
        """Insert or replace runs, and forget the first ended ones beyond the limit."""
        for run in runs:
            self._runs[run.run_id] = run
            if run.status.is_terminal:
                self._ended.setdefault(run.run_id)
            else:
                self._ended.pop(run.run_id, None)
        while len(self._ended) > self._keep:
            self._forget(next(iter(self._ended)))

    async def get_runs(self, tenant: str, run_ids: Sequence[str]) -> tuple[RunRecord, ...]:
        """Read runs by id."""
        found = (self._runs.get(run_id) for run_id in run_ids)
        return tuple(run for run in found if run is not None and run.tenant == tenant)

    async def find_runs(
        self, tenant: str, *, status: RunStatus | None = None, limit: int = 100
    ) -> tuple[RunRecord, ...]:
        """Read the newest runs, newest first."""
        runs = [run for run in self._runs.values() if run.tenant == tenant]
        if status is not None:
            runs = [run for run in runs if run.status is status]
        runs.sort(key=lambda run: (run.created_at, run.run_id), reverse=True)
        return tuple(runs[:limit])

    async def append_events(self, events: Sequence[RunEvent]) -> None:
        """Append events; one whose number is there already changes nothing."""
        for event in events:
            stream = self._events.setdefault(event.run_id, [])
            at = bisect_left(stream, event.sequence, key=_sequence)
            if at == len(stream) or stream[at].sequence != event.sequence:
                stream.insert(at, event)

    async def read_events(
        self, run_id: str, *, after: int = 0, limit: int = 1000
    ) -> tuple[RunEvent, ...]:
        """Read events above a number, in order."""
        stream = self._events.get(run_id, [])
        start = bisect_right(stream, after, key=_sequence)
        return tuple(stream[start : start + limit])

    async def put_reviews(self, tenant: str, reviews: Sequence[Review]) -> None:
        """Insert or replace reviews by their run."""
        for review in reviews:
            self._reviews[review.run_id] = (tenant, review)

    async def get_reviews(self, tenant: str, run_ids: Sequence[str]) -> tuple[Review, ...]:
        """Read reviews by run."""
        found = (self._reviews.get(run_id) for run_id in run_ids)
        return tuple(row[1] for row in found if row is not None and row[0] == tenant)

    def _forget(self, run_id: str) -> None:
        del self._ended[run_id]
        del self._runs[run_id]
        self._events.pop(run_id, None)
        self._reviews.pop(run_id, None)


def _sequence(event: RunEvent) -> int:
    return event.sequence
