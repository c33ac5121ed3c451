"""A journal in memory beside a storage that keeps none."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import override

from codeflow_engine.contracts import Journal, Storage
from codeflow_engine.domain.journal import Claim, RunLimits, RunWrite, Submission
from codeflow_engine.domain.run import RunRecord, RunStatus
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
        self._fences: dict[str, int] = {}
        """Of runs that are claimed, by their ids: no two runs have the same."""

        self._order = asyncio.Lock()
        """Held while something changes, so that no older record of a run is shown later."""

    @override
    async def submit(self, runs: Sequence[Submission]) -> tuple[RunRecord, ...]:
        async with self._order:
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
        limits: Mapping[str, RunLimits] | None = None,
    ) -> tuple[Claim, ...]:
        async with self._order:
            claims = await super().claim(tenant, worker, run_ids=run_ids, now=now, limits=limits)
            self._fences.update((claim.record.run_id, claim.fence) for claim in claims)
            await self._storage.put_runs([claim.record for claim in claims])
        return claims

    @override
    async def write(self, writes: Sequence[RunWrite]) -> tuple[bool, ...]:
        async with self._order:
            return await self._write(writes)

    async def _write(self, writes: Sequence[RunWrite]) -> tuple[bool, ...]:
        held = [write for write in writes if self._fences.get(write.run_id) == write.fence]
        # The storage first: an end that it refuses is not written at all. Nobody sees there
        # what the journal would refuse.
        for write in held:
            if write.state is not None:
                await self._show(write)
        written = await self._journal.write(held)
        made = {id(write) for write, is_written in zip(held, written, strict=True) if is_written}
        for write in held:
            if id(write) in made and _gives_up(write):
                self._fences.pop(write.run_id, None)
        # Their numbers are given again where a write fails, so they come when it is made.
        for write in held:
            if id(write) in made and write.events:
                await self._storage.append_events(write.tenant, write.events)
        return tuple(id(write) in made for write in writes)

    async def _show(self, write: RunWrite) -> None:
        found = await self._storage.get_runs(write.tenant, [write.run_id])
        if write.state is not None:
            await self._storage.put_runs([write.state.of(record) for record in found])

    @override
    async def cancel(
        self, tenant: str, run_ids: Sequence[str], *, now: datetime
    ) -> tuple[RunRecord, ...]:
        async with self._order:
            records = await self._journal.cancel(tenant, run_ids, now=now)
            await self._storage.put_runs(records)
        return records

    @override
    async def resume(
        self, tenant: str, run_ids: Sequence[str], *, now: datetime, seconds: float | None
    ) -> tuple[RunRecord, ...]:
        async with self._order:
            records = await self._journal.resume(tenant, run_ids, now=now, seconds=seconds)
            await self._storage.put_runs(records)
        return records


def _gives_up(write: RunWrite) -> bool:
    """Say whether its run is claimed no more once it is written."""
    return write.state is not None and write.state.status is not RunStatus.RUNNING
