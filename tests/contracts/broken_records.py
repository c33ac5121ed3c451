"""Storages that are each broken in one way: in how they keep and find records."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from codeflow_engine.contracts import Pruned
from codeflow_engine.domain.dismissal import Dismissal
from codeflow_engine.domain.identity import KnownFinding, Traits
from codeflow_engine.domain.review import Review
from codeflow_engine.domain.run import RunEvent, RunRecord, RunStatus
from codeflow_engine.storage.memory import MemoryStorage

PAGE = 500


class Untyped(MemoryStorage):
    async def get_runs(self, tenant: str, run_ids: Sequence[str]) -> tuple[RunRecord, ...]:
        found = await super().get_runs(tenant, run_ids)
        return tuple(replace(one, status=one.status.value) for one in found)  # type: ignore[arg-type] # what is broken


class Millisecond(MemoryStorage):
    async def put_runs(self, runs: Sequence[RunRecord]) -> None:
        def cut(at: datetime) -> datetime:
            return at.replace(microsecond=at.microsecond // 1000 * 1000)

        await super().put_runs(
            [
                replace(one, created_at=cut(one.created_at), updated_at=cut(one.updated_at))
                for one in runs
            ]
        )


class Unordered(MemoryStorage):
    async def get_runs(self, tenant: str, run_ids: Sequence[str]) -> tuple[RunRecord, ...]:
        return await super().get_runs(tenant, sorted(set(run_ids)))

    async def get_reviews(self, tenant: str, run_ids: Sequence[str]) -> tuple[Review, ...]:
        return await super().get_reviews(tenant, sorted(set(run_ids)))


class Unconditional(MemoryStorage):
    """Leaves a condition out where there is nothing to put into it."""

    async def get_runs(self, tenant: str, run_ids: Sequence[str]) -> tuple[RunRecord, ...]:
        return await super().get_runs(tenant, run_ids or [*self._tenants[tenant].runs])

    async def get_reviews(self, tenant: str, run_ids: Sequence[str]) -> tuple[Review, ...]:
        return await super().get_reviews(tenant, run_ids or [*self._tenants[tenant].reviews])

    async def find_findings(
        self, tenant: str, *, change: str | None = None, prefix: str = "", limit: int = 100_000
    ) -> tuple[KnownFinding, ...]:
        return await super().find_findings(
            tenant, change=change or None, prefix=prefix, limit=limit
        )

    async def find_dismissals(
        self, tenant: str, fingerprints: Collection[str] | None = None
    ) -> tuple[Dismissal, ...]:
        return await super().find_dismissals(tenant, fingerprints or None)

    async def remove_dismissals(self, tenant: str, dismissals: Sequence[Dismissal]) -> int:
        return await super().remove_dismissals(
            tenant, dismissals or [*self._tenants[tenant].dismissals.values()]
        )


class Inserting(MemoryStorage):
    """Lets the row stay that was there first, of any kind."""

    async def put_runs(self, runs: Sequence[RunRecord]) -> None:
        for one in runs:
            if one.run_id not in self._tenants[one.tenant].runs:
                await super().put_runs([one])

    async def put_reviews(
        self, tenant: str, reviews: Sequence[Review], findings: Sequence[KnownFinding] = ()
    ) -> None:
        new = [one for one in reviews if one.run_id not in self._tenants[tenant].reviews]
        await super().put_reviews(tenant, new, findings)


class Replacing(MemoryStorage):
    async def append_events(self, tenant: str, events: Sequence[RunEvent]) -> None:
        streams = self._tenants[tenant].events
        for event in events:
            rows = {one.sequence: one for one in streams.get(event.run_id, [])}
            rows[event.sequence] = event
            streams[event.run_id] = [rows[number] for number in sorted(rows)]


class Paged(MemoryStorage):
    """Writes and reads one page."""

    async def put_runs(self, runs: Sequence[RunRecord]) -> None:
        await super().put_runs(runs[:PAGE])

    async def append_events(self, tenant: str, events: Sequence[RunEvent]) -> None:
        await super().append_events(tenant, events[: 10 * PAGE])

    async def put_dismissals(self, tenant: str, dismissals: Sequence[Dismissal]) -> None:
        await super().put_dismissals(tenant, dismissals[: 2 * PAGE])

    async def find_dismissals(
        self, tenant: str, fingerprints: Collection[str] | None = None
    ) -> tuple[Dismissal, ...]:
        some = None if fingerprints is None else [*fingerprints][:PAGE]
        return await super().find_dismissals(tenant, some)

    async def get_runs(self, tenant: str, run_ids: Sequence[str]) -> tuple[RunRecord, ...]:
        return await super().get_runs(tenant, run_ids[: 2**15])


class ByUpdate(MemoryStorage):
    async def find_runs(
        self, tenant: str, *, status: RunStatus | None = None, limit: int = 100
    ) -> tuple[RunRecord, ...]:
        found = await super().find_runs(tenant, status=status, limit=10**9)
        return tuple(sorted(found, key=lambda one: one.updated_at, reverse=True)[:limit])


class Collated(MemoryStorage):
    """Sorts as people do, who pass over the case of letters."""

    async def find_runs(
        self, tenant: str, *, status: RunStatus | None = None, limit: int = 100
    ) -> tuple[RunRecord, ...]:
        found = [*await super().find_runs(tenant, status=status, limit=limit)]
        found.sort(key=lambda one: (one.created_at, one.run_id.casefold()), reverse=True)
        return tuple(found)

    async def find_findings(self, tenant: str, **asked: Any) -> tuple[KnownFinding, ...]:
        found = [*await super().find_findings(tenant, **asked)]
        found.sort(key=lambda one: (one.change.casefold(), one.fingerprint.casefold()))
        return tuple(found)

    async def find_dismissals(
        self, tenant: str, fingerprints: Collection[str] | None = None
    ) -> tuple[Dismissal, ...]:
        found = [*await super().find_dismissals(tenant, fingerprints)]
        found.sort(key=lambda one: (one.fingerprint.casefold(), (one.where or "").casefold()))
        return tuple(found)


class Sliced(MemoryStorage):
    """Takes a negative limit as Python's slices do."""

    async def find_runs(
        self, tenant: str, *, status: RunStatus | None = None, limit: int = 100
    ) -> tuple[RunRecord, ...]:
        return (await super().find_runs(tenant, status=status, limit=10**9))[:limit]

    async def read_events(
        self, tenant: str, run_id: str, *, after: int = 0, limit: int = 1000
    ) -> tuple[RunEvent, ...]:
        return (await super().read_events(tenant, run_id, after=after, limit=10**9))[:limit]

    async def find_findings(
        self, tenant: str, *, change: str | None = None, prefix: str = "", limit: int = 100_000
    ) -> tuple[KnownFinding, ...]:
        found = await super().find_findings(tenant, change=change, prefix=prefix)
        return found[:limit]


class Limitless(MemoryStorage):
    """Takes a limit that is missing, or 0, for none; and is thrifty where it should not be."""

    async def find_runs(
        self, tenant: str, *, status: RunStatus | None = None, limit: int = 0
    ) -> tuple[RunRecord, ...]:
        return await super().find_runs(tenant, status=status, limit=limit or 10**9)

    async def read_events(
        self, tenant: str, run_id: str, *, after: int = 0, limit: int = 0
    ) -> tuple[RunEvent, ...]:
        return await super().read_events(tenant, run_id, after=after, limit=limit or 10**9)

    async def find_findings(
        self, tenant: str, *, change: str | None = None, prefix: str = "", limit: int = 1000
    ) -> tuple[KnownFinding, ...]:
        return await super().find_findings(tenant, change=change, prefix=prefix, limit=limit)

    async def prune(self, tenant: str, *, before: datetime, limit: int = 0) -> Pruned:
        return await super().prune(tenant, before=before, limit=limit or 10**9)


class FilteringLate(MemoryStorage):
    async def find_runs(
        self, tenant: str, *, status: RunStatus | None = None, limit: int = 100
    ) -> tuple[RunRecord, ...]:
        found = await super().find_runs(tenant, limit=limit)
        return tuple(one for one in found if status in {None, one.status})


class Kindless(MemoryStorage):
    async def read_events(
        self, tenant: str, run_id: str, *, after: int = 0, limit: int = 1000
    ) -> tuple[RunEvent, ...]:
        found = await super().read_events(tenant, run_id, after=after, limit=limit)
        return tuple(RunEvent(run_id=run_id, sequence=one.sequence, at=one.at) for one in found)


class Grouped(MemoryStorage):
    async def read_events(
        self, tenant: str, run_id: str, *, after: int = 0, limit: int = 1000
    ) -> tuple[RunEvent, ...]:
        found = await super().read_events(tenant, run_id, after=after, limit=limit)
        return tuple(sorted(found, key=lambda one: type(one).__name__))


class Inclusive(MemoryStorage):
    async def read_events(
        self, tenant: str, run_id: str, *, after: int = 0, limit: int = 1000
    ) -> tuple[RunEvent, ...]:
        return await super().read_events(tenant, run_id, after=after - 1, limit=limit)


class Lexical(MemoryStorage):
    """Sorts numbers as texts."""

    async def read_events(
        self, tenant: str, run_id: str, *, after: int = 0, limit: int = 1000
    ) -> tuple[RunEvent, ...]:
        found = await super().read_events(tenant, run_id, after=after, limit=limit)
        return tuple(sorted(found, key=lambda one: str(one.sequence)))


class Narrow(MemoryStorage):
    async def read_events(
        self, tenant: str, run_id: str, *, after: int = 0, limit: int = 1000
    ) -> tuple[RunEvent, ...]:
        return await super().read_events(tenant, run_id, after=after & 0xFFFF_FFFF, limit=limit)


class OneStream(MemoryStorage):
    """Has forgotten the run in the key of an event."""

    async def append_events(self, tenant: str, events: Sequence[RunEvent]) -> None:
        for event in events:
            streams = self._tenants[tenant].events.values()
            if event.sequence not in {one.sequence for stream in streams for one in stream}:
                await super().append_events(tenant, [event])


class Referential(MemoryStorage):
    """Keeps events and reviews of runs alone that it knows."""

    async def append_events(self, tenant: str, events: Sequence[RunEvent]) -> None:
        runs = self._tenants[tenant].runs
        await super().append_events(tenant, [one for one in events if one.run_id in runs])

    async def put_reviews(
        self, tenant: str, reviews: Sequence[Review], findings: Sequence[KnownFinding] = ()
    ) -> None:
        runs = self._tenants[tenant].runs
        known = [one for one in reviews if one.run_id in runs]
        await super().put_reviews(tenant, known, findings)


class Shortening(MemoryStorage):
    """Loses a field of everything that it keeps."""

    async def put_reviews(
        self, tenant: str, reviews: Sequence[Review], findings: Sequence[KnownFinding] = ()
    ) -> None:
        reviews = [replace(one, dropped={}) for one in reviews]
        known = [replace(one, traits=Traits(code=one.traits.code)) for one in findings]
        await super().put_reviews(tenant, reviews, known)

    async def put_dismissals(self, tenant: str, dismissals: Sequence[Dismissal]) -> None:
        await super().put_dismissals(tenant, [replace(one, rule="") for one in dismissals])


class ByFingerprint(MemoryStorage):
    """Has forgotten the change, and the place, in the keys."""

    async def put_reviews(
        self, tenant: str, reviews: Sequence[Review], findings: Sequence[KnownFinding] = ()
    ) -> None:
        kept = self._tenants[tenant].findings
        marks = {one.fingerprint for one in findings}
        for key in [key for key in kept if key[1] in marks]:
            del kept[key]
        await super().put_reviews(tenant, reviews, findings)

    async def put_dismissals(self, tenant: str, dismissals: Sequence[Dismissal]) -> None:
        kept = self._tenants[tenant].dismissals
        marks = {one.fingerprint for one in dismissals}
        for key in [key for key in kept if key[0] in marks]:
            del kept[key]
        await super().put_dismissals(tenant, dismissals)


class Matching(MemoryStorage):
    """Asks with patterns."""

    async def get_runs(self, tenant: str, run_ids: Sequence[str]) -> tuple[RunRecord, ...]:
        runs = self._tenants[tenant].runs.items()
        marks = [asked.replace("%", "*").replace("_", "?") for asked in run_ids]
        return tuple(one for mark in marks for name, one in runs if fnmatch.fnmatchcase(name, mark))

    async def find_findings(
        self, tenant: str, *, change: str | None = None, prefix: str = "", limit: int = 100_000
    ) -> tuple[KnownFinding, ...]:
        found = await super().find_findings(tenant, change=change, limit=limit)
        mark = prefix.replace("%", "*").replace("_", "?") + "*"
        return tuple(one for one in found if fnmatch.fnmatchcase(one.fingerprint, mark))


class Judging(MemoryStorage):
    async def find_dismissals(
        self, tenant: str, fingerprints: Collection[str] | None = None
    ) -> tuple[Dismissal, ...]:
        found = await super().find_dismissals(tenant, fingerprints)
        now = datetime.now(UTC)
        return tuple(one for one in found if one.expires_at is None or one.expires_at > now)


class Exact(MemoryStorage):
    """Removes what is equal in every field."""

    async def remove_dismissals(self, tenant: str, dismissals: Sequence[Dismissal]) -> int:
        kept = self._tenants[tenant].dismissals.values()
        return await super().remove_dismissals(tenant, [one for one in dismissals if one in kept])


class Stripping(MemoryStorage):
    """Leaves out of a key what its database would refuse."""

    async def put_runs(self, runs: Sequence[RunRecord]) -> None:
        await super().put_runs([replace(one, run_id=_strip(one.run_id)) for one in runs])

    async def put_dismissals(self, tenant: str, dismissals: Sequence[Dismissal]) -> None:
        await super().put_dismissals(
            tenant, [replace(one, fingerprint=_strip(one.fingerprint)) for one in dismissals]
        )


class Truncating(MemoryStorage):
    async def put_runs(self, runs: Sequence[RunRecord]) -> None:
        cut = [
            {key: one[:65_535] if isinstance(one, str) else one for key, one in each.input.items()}
            for each in runs
        ]
        pairs = zip(runs, cut, strict=True)
        await super().put_runs([replace(one, input=some) for one, some in pairs])


def _strip(text: str) -> str:
    return text.replace("\x00", "")
