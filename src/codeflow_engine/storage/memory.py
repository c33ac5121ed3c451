"""Storage and cache in the memory of the process: nothing survives it."""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

from codeflow_engine.contracts import Cache, Pruned, Storage
from codeflow_engine.domain.dismissal import Dismissal
from codeflow_engine.domain.identity import KnownFinding
from codeflow_engine.domain.review import Review
from codeflow_engine.domain.run import RunEvent, RunRecord, RunStatus
from codeflow_engine.errors import ConfigurationError, StorageError

__all__ = ["MemoryCache", "MemoryStorage"]

_MIB = 1024 * 1024


class MemoryStorage(Storage):
    """Keeps the newest runs in dictionaries, for notebooks, tests and the terminal.

    Args:
        keep: Number of ended runs to keep, at least 1; with one more, the run that ended
            first is forgotten with its events, its review, and the findings that only it
            has seen, so that a long-lived process does not grow.

    Raises:
        ConfigurationError: `keep` is less than 1.
    """

    def __init__(self, *, keep: int = 1000) -> None:
        if keep < 1:
            raise ConfigurationError(f"a storage keeps at least one ended run, not {keep}")
        self._keep = keep
        self._tenants: defaultdict[str, _Records] = defaultdict(_Records)
        self._ended: dict[tuple[str, str], None] = {}
        """Tenants and ids of the runs that have ended, in the order in which they did."""

    async def put_runs(self, runs: Sequence[RunRecord]) -> None:
        """Insert or replace runs, and forget the first ended ones beyond the limit."""
        _check_zones(time for run in runs for time in (run.created_at, run.updated_at))
        for run in runs:
            self._tenants[run.tenant].runs[run.run_id] = run
            if run.status.is_terminal:
                self._ended.setdefault((run.tenant, run.run_id))
            else:
                self._ended.pop((run.tenant, run.run_id), None)
        while len(self._ended) > self._keep:
            self._forget(*next(iter(self._ended)))

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
        _check_zones(event.at for event in events)
        streams = self._tenants[tenant].events
        for event in events:
            stream = streams.setdefault(event.run_id, [])
            at = bisect_left(stream, event.sequence, key=_sequence)
            if at == len(stream) or stream[at].sequence != event.sequence:
                stream.insert(at, event)

    async def read_events(
        self, tenant: str, run_id: str, *, after: int = 0, limit: int = 1000
    ) -> tuple[RunEvent, ...]:
        """Read events above a number, in order."""
        stream = self._tenants[tenant].events.get(run_id, [])
        start = bisect_right(stream, after, key=_sequence)
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
        _check_zones([before])
        records = self._tenants[tenant]
        ended = [run for run in records.runs.values() if run.status.is_terminal]
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
        return Pruned(runs=len(runs), findings=len(findings), dismissals=len(dismissals))

    def _remove(self, tenant: str, run_id: str) -> None:
        self._ended.pop((tenant, run_id), None)
        records = self._tenants[tenant]
        records.runs.pop(run_id, None)
        records.events.pop(run_id, None)
        records.reviews.pop(run_id, None)

    def _forget(self, tenant: str, run_id: str) -> None:
        self._remove(tenant, run_id)
        records = self._tenants[tenant]
        for key in records.seen_last.pop(run_id, ()):
            if key in records.findings and records.findings[key].last_run == run_id:
                del records.findings[key]


class _Records:
    """What is kept for one tenant."""

    def __init__(self) -> None:
        self.runs: dict[str, RunRecord] = {}
        self.events: dict[str, list[RunEvent]] = {}
        self.reviews: dict[str, Review] = {}
        self.findings: dict[tuple[str, str], KnownFinding] = {}
        self.seen_last: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        """Keys of the findings that a run has stored; a later one may have replaced them."""

        self.dismissals: dict[tuple[str, str, str], Dismissal] = {}

    def remove_finding(self, finding: KnownFinding) -> None:
        """Remove a known finding; a run that saw it may be gone already."""
        key = (finding.change, finding.fingerprint)
        del self.findings[key]
        seen = self.seen_last[finding.last_run]
        seen.discard(key)
        if not seen:
            del self.seen_last[finding.last_run]


class MemoryCache(Cache):
    """Keeps the items used last, up to a number of bytes.

    Args:
        max_bytes: Size of all values together; an item larger than that is not kept.
        monotonic: Tells seconds that never go back.
    """

    def __init__(
        self, *, max_bytes: int = 64 * _MIB, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._left = max_bytes
        self._monotonic = monotonic
        self._items: OrderedDict[str, tuple[bytes, float]] = OrderedDict()

    async def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Read what is there and has not expired."""
        now = self._monotonic()
        found: dict[str, bytes] = {}
        for key in keys:
            value, until = self._items.get(key, (b"", now))
            if until > now:
                found[key] = value
                self._items.move_to_end(key)
            else:
                self._drop(key)
        return found

    async def put(self, items: Mapping[str, bytes], *, ttl: float) -> None:
        """Keep items, and drop those that were used longest ago where room is needed."""
        until = self._monotonic() + ttl
        for key, value in items.items():
            self._drop(key)
            self._items[key] = (value, until)
            self._left -= len(value)
        while self._left < 0:
            self._drop(next(iter(self._items)))

    async def discard(self, keys: Sequence[str]) -> None:
        """Remove items."""
        for key in keys:
            self._drop(key)

    def _drop(self, key: str) -> None:
        value, _ = self._items.pop(key, (b"", 0.0))
        self._left += len(value)


def _sequence(event: RunEvent) -> int:
    return event.sequence


def _key(dismissal: Dismissal) -> tuple[str, str, str]:
    return dismissal.fingerprint, dismissal.scope.value, dismissal.where or ""


def _oldest[T](
    rows: Sequence[T], time: Callable[[T], datetime], before: datetime, limit: int
) -> list[T]:
    return sorted((row for row in rows if time(row) < before), key=time)[: max(0, limit)]


def _check_zones(times: Iterable[datetime]) -> None:
    if any(time.utcoffset() is None for time in times):
        raise StorageError("a time without a zone names no moment")
