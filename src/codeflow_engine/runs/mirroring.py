"""A journal in memory beside a storage that keeps none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import override

from codeflow_engine.contracts import Journal, Storage
from codeflow_engine.domain.journal import Claim, Limits, RunWrite, Submission
from codeflow_engine.domain.run import RunRecord
from codeflow_engine.runs.passing import PassingJournal

__all__ = ["MirroredJournal"]


class MirroredJournal(PassingJournal):
    """Keeps the journal of runs elsewhere, and shows the storage how the runs stand.

    The runs end with the process, and their records and events outlive it, as far as the
    storage does.

    Args:
        journal: What keeps it.
        storage: What is shown each run and each event.
    """

    def __init__(self, journal: Journal, storage: Storage) -> None:
        super().__init__(journal)
        self._storage = storage

    @override
    async def submit(self, runs: Sequence[Submission]) -> tuple[RunRecord, ...]:
        records = await self._journal.submit(runs)
        await self._storage.put_runs(records)
        return records

    @override
    async def claim(
        self,
        tenant: str,
        worker: str,
        *,
        run_ids: Sequence[str],
        now: datetime,
        limits: Mapping[str, Limits] | None = None,
    ) -> tuple[Claim, ...]:
        claims = await self._journal.claim(tenant, worker, run_ids=run_ids, now=now, limits=limits)
        await self._storage.put_runs([claim.record for claim in claims])
        return claims

    @override
    async def write(self, writes: Sequence[RunWrite]) -> tuple[bool, ...]:
        # The storage first: what it refuses is not written at all.
        for write in writes:
            if write.events:
                await self._storage.append_events(write.tenant, write.events)
            if write.state is not None:
                await self._show(write)
        return await self._journal.write(writes)

    async def _show(self, write: RunWrite) -> None:
        found = await self._storage.get_runs(write.tenant, [write.run_id])
        if write.state is not None:
            await self._storage.put_runs([write.state.of(record) for record in found])

    @override
    async def cancel(
        self, tenant: str, run_ids: Sequence[str], *, now: datetime
    ) -> tuple[RunRecord, ...]:
        records = await self._journal.cancel(tenant, run_ids, now=now)
        await self._storage.put_runs(records)
        return records

    @override
    async def resume(
        self, tenant: str, run_ids: Sequence[str], *, now: datetime, seconds: float | None
    ) -> tuple[RunRecord, ...]:
        records = await self._journal.resume(tenant, run_ids, now=now, seconds=seconds)
        await self._storage.put_runs(records)
        return records
