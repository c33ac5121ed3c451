"""Journals that are each broken in one way: in who may execute a run, and when."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from codeflow_engine.domain.journal import Claim, Submission
from codeflow_engine.domain.run import RunRecord, RunStatus
from codeflow_engine.storage.memory import MemoryStorage
from codeflow_engine.storage.memory.records import Entry

_MICROSECOND = timedelta(microseconds=1)


class Shortening(MemoryStorage):
    """Has no column for the priority."""

    async def submit(self, runs: Sequence[Submission]) -> tuple[RunRecord, ...]:
        return await super().submit(
            [replace(one, record=replace(one.record, priority=0)) for one in runs]
        )


class Overwriting(MemoryStorage):
    async def submit(self, runs: Sequence[Submission]) -> tuple[RunRecord, ...]:
        stored = await super().submit(runs)
        await self.put_runs([one.record for one in runs])
        return stored


class Keyless(MemoryStorage):
    """Compares keys, and has no index that makes them unique."""

    async def submit(self, runs: Sequence[Submission]) -> tuple[RunRecord, ...]:
        stored = []
        for one in runs:
            (kept,) = await super().submit([replace(one, record=replace(one.record, key=None))])
            stored.append(replace(kept, key=one.record.key))
        return tuple(stored)


class GlobalKeys(MemoryStorage):
    async def submit(self, runs: Sequence[Submission]) -> tuple[RunRecord, ...]:
        return tuple([(await super().submit([one]))[0] for one in map(self._found, runs)])

    def _found(self, one: Submission) -> Submission:
        for records in self._tenants.values():
            if one.record.key in records.keys:
                return replace(one, record=records.runs[records.keys[one.record.key]])
        return one


class Careless(MemoryStorage):
    """Takes anything for a transaction."""

    async def submit_within(
        self, transaction: object, runs: Sequence[Submission]
    ) -> tuple[RunRecord, ...]:
        return await self.submit(runs)


class NewFirst(MemoryStorage):
    """Inserts what is new, and then reads what was there."""

    async def submit(self, runs: Sequence[Submission]) -> tuple[RunRecord, ...]:
        known = {run_id for one in self._tenants.values() for run_id in one.runs}
        stored = await super().submit(runs)
        return tuple(sorted(stored, key=lambda one: one.run_id in known))


class OneByOne(MemoryStorage):
    """Has a transaction for each value."""

    async def submit(self, runs: Sequence[Submission]) -> tuple[RunRecord, ...]:
        return tuple([(await super(OneByOne, self).submit([one]))[0] for one in runs])

    async def write(self, writes: Sequence[Any]) -> tuple[bool, ...]:
        return tuple([(await super(OneByOne, self).write([one]))[0] for one in writes])


class Apart(MemoryStorage):
    """Keeps the runs of the journal beside those of the storage."""

    def __init__(self) -> None:
        super().__init__()
        self._put_in: set[str] = set()

    async def put_runs(self, runs: Sequence[RunRecord]) -> None:
        self._put_in |= {one.run_id for one in runs}
        await super().put_runs(runs)

    async def find_runs(self, tenant: str, **asked: Any) -> tuple[RunRecord, ...]:
        found = await super().find_runs(tenant, **asked)
        return tuple(one for one in found if one.run_id in self._put_in)


class _Finding(MemoryStorage):
    """Looks for work in a way of its own."""

    async def find_due(self, tenant: str, *, limit: int, **asked: Any) -> tuple[str, ...]:
        found = await super().find_due(tenant, limit=10**9, **asked)
        runs = self._tenants[tenant].runs
        return tuple(self.chosen([runs[one] for one in found], limit, asked))

    @abstractmethod
    def chosen(self, found: list[RunRecord], limit: int, asked: dict[str, Any]) -> Iterable[str]:
        """List the ids of some of the runs that are due."""


class Strict(MemoryStorage):
    """Takes a moment for one that has to be over."""

    async def find_due(self, tenant: str, *, now: datetime, **asked: Any) -> tuple[str, ...]:
        return await super().find_due(tenant, now=now - _MICROSECOND, **asked)


class ByMoment(_Finding):
    def chosen(self, found: list[RunRecord], limit: int, asked: dict[str, Any]) -> Iterable[str]:
        long_ago = datetime.min.replace(tzinfo=UTC)
        order = sorted(found, key=lambda one: (-one.priority, one.wake_at or long_ago))
        return [one.run_id for one in order][: max(0, limit)]


class Unlimited(_Finding):
    """Takes a limit of 0 for none, and a negative one as Python's slices do."""

    def chosen(self, found: list[RunRecord], limit: int, asked: dict[str, Any]) -> Iterable[str]:
        return [one.run_id for one in found][: limit or None]


class AsAsked(_Finding):
    """Has the order of the ids, and not of the runs."""

    def chosen(self, found: list[RunRecord], limit: int, asked: dict[str, Any]) -> Iterable[str]:
        due = [one.run_id for one in found]
        ids = asked.get("run_ids") or due
        return [one for one in ids if one in due][: max(0, limit)]


class Pending(_Finding):
    """Has forgotten those that wait."""

    def chosen(self, found: list[RunRecord], limit: int, asked: dict[str, Any]) -> Iterable[str]:
        waits = {RunStatus.WAITING, RunStatus.PARKED}
        return [one.run_id for one in found if one.status not in waits][: max(0, limit)]


class Abandoning(_Finding):
    """Takes nothing over."""

    def chosen(self, found: list[RunRecord], limit: int, asked: dict[str, Any]) -> Iterable[str]:
        executes = RunStatus.RUNNING
        return [one.run_id for one in found if one.status is not executes][: max(0, limit)]


class Undead(MemoryStorage):
    async def find_due(self, tenant: str, **asked: Any) -> tuple[str, ...]:
        runs = self._tenants[tenant].runs.values()
        failed = [one.run_id for one in runs if one.status is RunStatus.FAILED]
        return (*await super().find_due(tenant, **asked), *failed)


class Everyones(MemoryStorage):
    """Has forgotten the tenant where it looks for work, and where it claims."""

    async def find_due(self, tenant: str, **asked: Any) -> tuple[str, ...]:
        found = [await super(Everyones, self).find_due(one, **asked) for one in [*self._tenants]]
        return tuple(run_id for one in found for run_id in one)

    async def claim(self, tenant: str, worker: str, **asked: Any) -> tuple[Claim, ...]:
        owners = [one for one in self._tenants if asked["run_ids"][0] in self._tenants[one].runs]
        return await super().claim(owners[0] if owners else tenant, worker, **asked)


class _Claiming(MemoryStorage):
    """Makes something else of the record of a run that it has claimed."""

    def _claim(self, run: RunRecord, entry: Entry, worker: str, now: datetime) -> Claim:
        claim = super()._claim(run, entry, worker, now)
        record = self.altered(run, claim.record, now)
        self._put(record)
        return replace(claim, record=record)

    @abstractmethod
    def altered(self, before: RunRecord, record: RunRecord, now: datetime) -> RunRecord:
        """Say how the run stands."""


class Restarting(_Claiming):
    def altered(self, before: RunRecord, record: RunRecord, now: datetime) -> RunRecord:
        return replace(record, started_at=now)


class Expecting(_Claiming):
    def altered(self, before: RunRecord, record: RunRecord, now: datetime) -> RunRecord:
        return replace(record, waits_for=before.waits_for)


class Timeless(_Claiming):
    def altered(self, before: RunRecord, record: RunRecord, now: datetime) -> RunRecord:
        return replace(record, deadline=None, seconds_left=before.seconds_left)


class Prolonging(_Claiming):
    """Begins to count anew with each claim."""

    def altered(self, before: RunRecord, record: RunRecord, now: datetime) -> RunRecord:
        begun = record.started_at or now
        whole = None if record.deadline is None else record.deadline - begun + now
        return replace(record, deadline=whole)


class Miscounting(_Claiming):
    """Counts how often a run was claimed."""

    def altered(self, before: RunRecord, record: RunRecord, now: datetime) -> RunRecord:
        return replace(record, recoveries=before.recoveries + (before.started_at is not None))


class Unsorted(MemoryStorage):
    """Gives steps as they were written, and counts events instead of looking for the last."""

    def _claim(self, run: RunRecord, entry: Entry, worker: str, now: datetime) -> Claim:
        claim = super()._claim(run, entry, worker, now)
        events = self._tenants[run.tenant].events.get(run.run_id, ())
        return replace(claim, steps=tuple(entry.steps.values()), last_event=len(events))


class Racing(MemoryStorage):
    """Looks first, and takes later."""

    async def claim(
        self, tenant: str, worker: str, *, run_ids: Sequence[str], now: datetime, **asked: Any
    ) -> tuple[Claim, ...]:
        due = await self.find_due(tenant, now=now, limit=10**9, run_ids=run_ids, **asked)
        await asyncio.sleep(0)
        records = self._tenants[tenant]
        pairs = [(records.runs[one], records.entries[one]) for one in run_ids if one in due]
        return tuple(self._claim(run, entry, worker, now) for run, entry in pairs)


class Eager(MemoryStorage):
    """Takes what is not due yet."""

    async def claim(
        self, tenant: str, worker: str, *, now: datetime, **asked: Any
    ) -> tuple[Claim, ...]:
        return await super().claim(tenant, worker, now=now + timedelta(hours=1), **asked)


class Fenceless(MemoryStorage):
    def _claim(self, run: RunRecord, entry: Entry, worker: str, now: datetime) -> Claim:
        entry.fence = 0
        return super()._claim(run, entry, worker, now)


class Exclusive(MemoryStorage):
    """Lets nobody claim what is held, not even who holds it."""

    async def claim(
        self, tenant: str, worker: str, *, run_ids: Sequence[str], **asked: Any
    ) -> tuple[Claim, ...]:
        entries = self._tenants[tenant].entries
        free = [one for one in run_ids if one not in entries or entries[one].owner != worker]
        return await super().claim(tenant, worker, run_ids=free, **asked)


class Forgiving(MemoryStorage):
    """Takes any step for a good sign."""

    async def write(self, writes: Sequence[Any]) -> tuple[bool, ...]:
        told = await super().write(writes)
        for one in writes:
            run = self._tenants[one.tenant].runs.get(one.run_id)
            if run is not None and one.steps:
                self._put(replace(run, recoveries=0))
        return told


class Trusting(MemoryStorage):
    async def claim(self, tenant: str, worker: str, **asked: Any) -> tuple[Claim, ...]:
        self._leases.setdefault(worker, self._monotonic() + 60)
        return await super().claim(tenant, worker, **asked)


class Extending(MemoryStorage):
    """Never makes a lease shorter."""

    async def renew(self, worker: str, *, lease: float) -> None:
        before = self._leases.get(worker, 0.0)
        await super().renew(worker, lease=lease)
        self._leases[worker] = max(before, self._leases[worker])


class OneForAll(MemoryStorage):
    async def renew(self, worker: str, *, lease: float) -> None:
        for one in [*self._leases, worker]:
            await super().renew(one, lease=lease)


class Patient(MemoryStorage):
    async def retire(self, worker: str) -> None:
        pass


class Punctual(MemoryStorage):
    """Refuses what a worker writes without a lease."""

    async def write(self, writes: Sequence[Any]) -> tuple[bool, ...]:
        live = self._live()
        mine = [self._tenants[one.tenant].entries[one.run_id].owner in live for one in writes]
        return await super().write(writes) if all(mine) else (False,) * len(writes)


class WallClock(MemoryStorage):
    """Measures leases by the time that it is told."""

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(monotonic=lambda: self._now)

    async def find_due(self, tenant: str, *, now: datetime, **asked: Any) -> tuple[str, ...]:
        self._now = now.timestamp()
        return await super().find_due(tenant, now=now, **asked)
