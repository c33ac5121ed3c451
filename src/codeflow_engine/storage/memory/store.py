"""The storage in memory."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from codeflow_engine.contracts import Pruned, Storage, StorageCapability
from codeflow_engine.domain.dismissal import Dismissal
from codeflow_engine.domain.identity import KnownFinding
from codeflow_engine.domain.review import Review
from codeflow_engine.domain.run import RunEvent, RunRecord, RunStatus
from codeflow_engine.errors import StorageError
from codeflow_engine.storage.memory.journal import MemoryJournal
from codeflow_engine.storage.memory.meter import MemoryMeter
from codeflow_engine.storage.memory.records import check_runs, check_zones, sequence_of

__all__ = ["MemoryStorage"]


class MemoryStorage(MemoryJournal, MemoryMeter, Storage):
    """Keeps the newest runs in dictionaries, for notebooks, tests and the terminal.

    It is a journal, too: a run that has succeeded drops what only its execution needed. And it
    is a meter.

    Args:
        keep: Number of ended runs to keep, at least 1; with one more, the run that ended
            first is forgotten with its events, its review, its journal, the findings that
            only it has seen, what it was metered by, and the answers and the ids of settled
            bookings that are older than its end, so that a long-lived process does not grow. A
            run that was started by one under way counts when that has ended.
        monotonic: Tells seconds that never go back, for the leases of workers and for buckets.

    Raises:
        ConfigurationError: `keep` is less than 1.
    """

    capabilities: ClassVar[frozenset[StrEnum]] = frozenset(
        {StorageCapability.JOURNAL, StorageCapability.METER}
    )

    async def put_runs(self, runs: Sequence[RunRecord]) -> None:
        """Insert or replace runs, and forget the first ended ones beyond the limit."""
        check_runs(runs)
        self._check_keys(runs)
        for run in runs:
            self._put(run)
        self._trim()

    async def get_runs(self, tenant: str, run_ids: Sequence[str]) -> tuple[RunRecord, ...]:
        """Read runs by id."""
        runs = self._tenants[tenant].runs
        return tuple(runs[run_id] for run_id in run_ids if run_id in runs)

    async def find_runs(
        self, tenant: str, *, status: RunStatus | None = None, limit: int = 100
    ) -> tuple[RunRecord, ...]:
        """Read the newest runs, newest first."""
        runs = list(self._tenants[tenant].runs.values())
        if status is not None:
            runs = [run for run in runs if run.status is status]
        runs.sort(key=lambda run: (run.created_at, run.run_id), reverse=True)
        return tuple(runs[: max(0, limit)])

    async def append_events(self, tenant: str, events: Sequence[RunEvent]) -> None:
        """Append events; one whose number is there already changes nothing."""
        check_zones(event.at for event in events)
        self._tenants[tenant].append_events(events)

    async def read_events(
        self, tenant: str, run_id: str, *, after: int = 0, limit: int = 1000
    ) -> tuple[RunEvent, ...]:
        """Read events above a number, in order."""
        stream = self._tenants[tenant].events.get(run_id, [])
        start = bisect_right(stream, after, key=sequence_of)
        return tuple(stream[start : start + max(0, limit)])

    async def put_reviews(
        self, tenant: str, reviews: Sequence[Review], findings: Sequence[KnownFinding] = ()
    ) -> None:
        """Insert or replace reviews by their run, and known findings by their identity."""
        records = self._tenants[tenant]
        records.reviews.update((review.run_id, review) for review in reviews)
        for one in findings:
            key = (one.change, one.fingerprint)
            records.findings[key] = one
            records.seen_last[one.last_run].add(key)

    async def get_reviews(self, tenant: str, run_ids: Sequence[str]) -> tuple[Review, ...]:
        """Read reviews by run."""
        reviews = self._tenants[tenant].reviews
        return tuple(reviews[run_id] for run_id in run_ids if run_id in reviews)

    async def find_findings(
        self, tenant: str, *, change: str | None = None, prefix: str = "", limit: int = 100_000
    ) -> tuple[KnownFinding, ...]:
        """Read known findings, sorted by change and fingerprint."""
        found = (
            (key, one)
            for key, one in self._tenants[tenant].findings.items()
            if change in {None, one.change} and one.fingerprint.startswith(prefix)
        )
        rows = sorted(found, key=lambda row: row[0])
        return tuple(one for _, one in rows[: max(0, limit)])

    async def put_dismissals(self, tenant: str, dismissals: Sequence[Dismissal]) -> None:
        """Insert or replace dismissals."""
        self._tenants[tenant].dismissals.update((_key(one), one) for one in dismissals)

    async def find_dismissals(
        self, tenant: str, fingerprints: Collection[str] | None = None
    ) -> tuple[Dismissal, ...]:
        """Read dismissals, sorted by fingerprint, scope and place."""
        rows = sorted(self._tenants[tenant].dismissals.items(), key=lambda row: row[0])
        return tuple(
            one for _, one in rows if fingerprints is None or one.fingerprint in fingerprints
        )

    async def remove_dismissals(self, tenant: str, dismissals: Sequence[Dismissal]) -> int:
        """Remove dismissals; return how many were there."""
        kept = self._tenants[tenant].dismissals
        keys = {_key(one) for one in dismissals}
        return sum(kept.pop(key, None) is not None for key in keys)

    async def prune(self, tenant: str, *, before: datetime, limit: int = 1000) -> Pruned:
        """Remove what is old, the oldest first."""
        check_zones([before])
        records = self._tenants[tenant]
        ended = [
            run
            for run in records.runs.values()
            if run.status.is_terminal and not self._is_awaited(run)
        ]
        runs = _oldest(ended, lambda run: run.updated_at, before, limit)
        for run in runs:
            self._remove(tenant, run.run_id)
        findings = _oldest([*records.findings.values()], lambda one: one.seen_at, before, limit)
        for finding in findings:
            records.remove_finding(finding)
        dated = [one for one in records.dismissals.values() if one.expires_at is not None]
        dismissals = _oldest(dated, lambda one: one.expires_at or before, before, limit)
        for dismissal in dismissals:
            del records.dismissals[_key(dismissal)]
        answers = _oldest([*records.answers.items()], lambda row: row[1][1], before, limit)
        for key, _ in answers:
            del records.answers[key]
        settled = _oldest([*records.settled.items()], lambda row: row[1], before, limit)
        for reservation_id, _ in settled:
            records.forget_booking(reservation_id)
        return Pruned(
            runs=len(runs),
            findings=len(findings),
            dismissals=len(dismissals),
            answers=len(answers),
            bookings=len(settled),
        )

    def _check_keys(self, runs: Sequence[RunRecord]) -> None:
        """Refuse a key that another run of the tenant has."""
        new: dict[tuple[str, str], str] = {}
        for run in runs:
            if run.key is None:
                continue
            owner = self._tenants[run.tenant].keys.get(run.key, run.run_id)
            if run.run_id != owner or run.run_id != new.setdefault((run.tenant, run.key), owner):
                raise StorageError(f"run {run.run_id!r} cannot have the key of another one")


def _key(dismissal: Dismissal) -> tuple[str, str, str]:
    return dismissal.fingerprint, dismissal.scope.value, dismissal.where or ""


def _oldest[T](
    rows: Sequence[T], time: Callable[[T], datetime], before: datetime, limit: int
) -> list[T]:
    return sorted((row for row in rows if time(row) < before), key=time)[: max(0, limit)]
