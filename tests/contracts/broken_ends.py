"""Storages that are each broken in one way: in pruning, between tenants, or under a load."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Collection, Sequence
from dataclasses import is_dataclass, replace
from datetime import UTC, datetime
from typing import Any

from codeflow_engine.contracts import Pruned
from codeflow_engine.domain.dismissal import Dismissal
from codeflow_engine.domain.identity import KnownFinding
from codeflow_engine.domain.review import Review
from codeflow_engine.domain.run import RunEvent, RunRecord, RunStatus
from codeflow_engine.errors import StorageError, StorageUnavailableError
from codeflow_engine.storage.memory import MemoryStorage


class Orphaning(MemoryStorage):
    """Prunes runs, and leaves what belongs to them."""

    def _remove(self, tenant: str, run_id: str) -> None:
        self._tenants[tenant].runs.pop(run_id, None)


class Sweeping(MemoryStorage):
    """Takes every run that does not wait for one that has ended."""

    async def prune(self, tenant: str, *, before: datetime, limit: int = 1000) -> Pruned:
        more = 0
        for one in [*self._tenants[tenant].runs.values()][: max(0, limit)]:
            if one.status is RunStatus.RUNNING and one.updated_at < before:
                self._remove(tenant, one.run_id)
                more += 1
        return Pruned(runs=more) + await super().prune(tenant, before=before, limit=limit)


class Unfeeling(MemoryStorage):
    """Takes a run from the one that has started it, and waits for it."""

    def _is_awaited(self, run: RunRecord) -> bool:
        return False


class ByAge(MemoryStorage):
    """Prunes by when a run began."""

    async def prune(self, tenant: str, *, before: datetime, limit: int = 1000) -> Pruned:
        runs = self._tenants[tenant].runs
        kept = dict(runs)
        runs.update({key: replace(one, updated_at=one.created_at) for key, one in kept.items()})
        pruned = await super().prune(tenant, before=before, limit=limit)
        runs.update({key: kept[key] for key in runs})
        return pruned


class YoungestFirst(MemoryStorage):
    async def prune(self, tenant: str, *, before: datetime, limit: int = 1000) -> Pruned:
        found = self._tenants[tenant].findings
        old = sorted((one.seen_at, key) for key, one in found.items() if one.seen_at < before)
        held = {key: found.pop(key) for _, key in old[: max(0, len(old) - limit)]}
        pruned = await super().prune(tenant, before=before, limit=limit)
        found.update(held)
        return pruned


class Cascading(MemoryStorage):
    """Lets known findings go with the run that saw them last."""

    def _remove(self, tenant: str, run_id: str) -> None:
        super()._remove(tenant, run_id)
        records = self._tenants[tenant]
        for one in [one for one in records.findings.values() if one.last_run == run_id]:
            records.remove_finding(one)


class NullIsOld(MemoryStorage):
    async def prune(self, tenant: str, *, before: datetime, limit: int = 1000) -> Pruned:
        kept = self._tenants[tenant].dismissals
        endless = [key for key, one in kept.items() if one.expires_at is None]
        for key in endless:
            del kept[key]
        pruned = await super().prune(tenant, before=before, limit=limit)
        return pruned + Pruned(dismissals=len(endless))


class Guessable(MemoryStorage):
    """Gives a review to whoever knows the id of its run."""

    async def get_reviews(self, tenant: str, run_ids: Sequence[str]) -> tuple[Review, ...]:
        every = [tenant, *self._tenants]
        return tuple([one for name in every for one in await super().get_reviews(name, run_ids)])


class OneNamespace(MemoryStorage):
    """Has forgotten the tenant in the key of a dismissal."""

    async def put_dismissals(self, tenant: str, dismissals: Sequence[Dismissal]) -> None:
        for name in [*self._tenants]:
            await self.remove_dismissals(name, dismissals)
        await super().put_dismissals(tenant, dismissals)


class FirstTenant(MemoryStorage):
    """Takes the tenant of the first run for that of the batch."""

    async def put_runs(self, runs: Sequence[RunRecord]) -> None:
        await super().put_runs([replace(one, tenant=runs[0].tenant) for one in runs])


class PruningAll(MemoryStorage):
    async def prune(self, tenant: str, *, before: datetime, limit: int = 1000) -> Pruned:
        calls = [
            await super(PruningAll, self).prune(name, before=before, limit=limit)
            for name in {tenant, *self._tenants}
        ]
        return sum(calls, Pruned())


class Defaulting(MemoryStorage):
    """Has a name of its own for a tenant without one."""

    async def put_runs(self, runs: Sequence[RunRecord]) -> None:
        await super().put_runs([replace(one, tenant=one.tenant or "default") for one in runs])


class Lenient(MemoryStorage):
    """Makes what has no form in JSON into something that has one."""

    async def put_runs(self, runs: Sequence[RunRecord]) -> None:
        given = [json.loads(json.dumps(dict(one.input), default=str)) for one in runs]
        pairs = zip(runs, given, strict=True)
        await super().put_runs([replace(one, input=some) for one, some in pairs])


class Zoneless(MemoryStorage):
    """Takes a time without a zone for one in UTC."""

    async def put_runs(self, runs: Sequence[RunRecord]) -> None:
        def zoned(at: datetime) -> datetime:
            return at if at.tzinfo else at.replace(tzinfo=UTC)

        await super().put_runs(
            [
                replace(one, created_at=zoned(one.created_at), updated_at=zoned(one.updated_at))
                for one in runs
            ]
        )


class Unfinished(MemoryStorage):
    """Stores one after another, and stops where one cannot be stored."""

    async def append_events(self, tenant: str, events: Sequence[RunEvent]) -> None:
        for one in events:
            if type(one).__module__ != RunEvent.__module__:
                raise StorageError("an event of a kind that is not known")
            await super().append_events(tenant, [one])

    async def put_reviews(
        self, tenant: str, reviews: Sequence[Review], findings: Sequence[KnownFinding] = ()
    ) -> None:
        await super().put_reviews(tenant, reviews)
        if not all(is_dataclass(one.traits) for one in findings):
            raise StorageError("a finding that cannot be stored")
        await super().put_reviews(tenant, [], findings)

    async def put_dismissals(self, tenant: str, dismissals: Sequence[Dismissal]) -> None:
        for one in dismissals:
            if not isinstance(one.title, str):
                raise StorageError("a dismissal that cannot be stored")
            await super().put_dismissals(tenant, [one])


class Divided(MemoryStorage):
    """Lets others in between the rows of a batch."""

    async def put_runs(self, runs: Sequence[RunRecord]) -> None:
        for one in runs:
            await super().put_runs([one])
            await asyncio.sleep(0.0005)

    async def put_reviews(
        self, tenant: str, reviews: Sequence[Review], findings: Sequence[KnownFinding] = ()
    ) -> None:
        for one in findings:
            await super().put_reviews(tenant, reviews, [one])
            await asyncio.sleep(0)


class Busy(MemoryStorage):
    """Refuses a writer while there is another one."""

    _writes = 0

    async def put_runs(self, runs: Sequence[RunRecord]) -> None:
        if self._writes:
            raise StorageUnavailableError("busy with another writer")
        self._writes += 1
        await asyncio.sleep(0)
        await super().put_runs(runs)
        self._writes -= 1


class Racing(MemoryStorage):
    """Looks what is there, and acts on it later."""

    async def append_events(self, tenant: str, events: Sequence[RunEvent]) -> None:
        found = {one.run_id: await self.read_events(tenant, one.run_id) for one in events}
        await asyncio.sleep(0)
        streams = self._tenants[tenant].events
        for one in events:
            rows = {each.sequence: each for each in found[one.run_id]}
            found[one.run_id] = tuple(({one.sequence: one} | rows).values())
        for run_id, stream in found.items():
            streams[run_id] = sorted(stream, key=lambda one: one.sequence)

    async def prune(self, tenant: str, *, before: datetime, limit: int = 1000) -> Pruned:
        runs = self._tenants[tenant].runs
        old = [one.run_id for one in runs.values() if one.status.is_terminal][:limit]
        await asyncio.sleep(0)
        for run_id in old:
            if run_id in runs:
                self._remove(tenant, run_id)
        return Pruned(runs=len(old))


class Remarking(MemoryStorage):
    """Keeps in the storage what belongs to one call."""

    async def find_dismissals(
        self, tenant: str, fingerprints: Collection[str] | None = None
    ) -> tuple[Dismissal, ...]:
        self._asked = fingerprints
        await asyncio.sleep(0)
        return await super().find_dismissals(tenant, self._asked)


class Blocking(MemoryStorage):
    async def find_runs(self, tenant: str, **asked: Any) -> tuple[RunRecord, ...]:
        time.sleep(0.7)  # noqa: ASYNC251 - that is what is wrong with it
        return await super().find_runs(tenant, **asked)


class Recreating(MemoryStorage):
    """Makes the tables anew whenever it is asked to migrate."""

    async def migrate(self) -> None:
        self._tenants.clear()


class Unprepared(MemoryStorage):
    """Does not tell tables that are missing from a server that is."""

    _is_ready = False

    async def migrate(self) -> None:
        self._is_ready = True

    async def find_runs(self, tenant: str, **asked: Any) -> tuple[RunRecord, ...]:
        if not self._is_ready:
            raise StorageUnavailableError("something is wrong with the database")
        return await super().find_runs(tenant, **asked)
