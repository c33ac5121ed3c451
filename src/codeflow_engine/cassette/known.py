"""What a storage knew before a recording, on a tape."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import override

from codeflow_engine.cassette.entry import Call
from codeflow_engine.cassette.tape import Tape
from codeflow_engine.contracts import Pruned, Storage
from codeflow_engine.domain.dismissal import Dismissal
from codeflow_engine.domain.encoding import to_plain
from codeflow_engine.domain.identity import KnownFinding
from codeflow_engine.domain.review import Review
from codeflow_engine.domain.run import RunEvent, RunRecord, RunStatus
from codeflow_engine.reports.prose import count

__all__ = ["TapedStorage"]


class TapedStorage(Storage):
    """A storage whose findings and dismissals of earlier reviews are on a tape.

    What a review finds in it decides whether a finding is new. Everything else goes through.

    Args:
        storage: Where everything is kept.
        tape: What reviews ask of it.
    """

    def __init__(self, storage: Storage, tape: Tape) -> None:
        self.capabilities: frozenset[StrEnum] = storage.capabilities  # type: ignore[misc] # as the storage has them
        self._storage = storage
        self._tape = tape

    @override
    async def find_findings(
        self, tenant: str, *, change: str | None = None, prefix: str = "", limit: int = 100_000
    ) -> tuple[KnownFinding, ...]:
        async def live() -> tuple[KnownFinding, ...]:
            return await self._storage.find_findings(
                tenant, change=change, prefix=prefix, limit=limit
            )

        if change is None or prefix:
            return await live()
        found: tuple[KnownFinding, ...] = await self._tape.ask(
            self._call("find_findings", change, {"change": change}),
            tuple[KnownFinding, ...],
            live,
        )
        return found

    @override
    async def find_dismissals(
        self, tenant: str, fingerprints: Collection[str] | None = None
    ) -> tuple[Dismissal, ...]:
        async def live() -> tuple[Dismissal, ...]:
            return await self._storage.find_dismissals(tenant, fingerprints)

        if fingerprints is None:
            return await live()
        found: tuple[Dismissal, ...] = await self._tape.ask(
            self._call(
                "find_dismissals",
                count(len(fingerprints), "finding"),
                {"fingerprints": sorted(fingerprints)},
            ),
            tuple[Dismissal, ...],
            live,
        )
        return found

    def _call(self, method: str, about: str, asked: object) -> Call:
        redactor = self._tape.redactor
        return Call(
            kind="storage",
            name="",
            method=method,
            about=redactor.redact(to_plain(about)),
            asked=redactor.scrub(to_plain(asked)),
        )

    @override
    async def migrate(self) -> None:
        await self._storage.migrate()

    @override
    async def put_runs(self, runs: Sequence[RunRecord]) -> None:
        await self._storage.put_runs(runs)

    @override
    async def get_runs(self, tenant: str, run_ids: Sequence[str]) -> tuple[RunRecord, ...]:
        return await self._storage.get_runs(tenant, run_ids)

    @override
    async def find_runs(
        self, tenant: str, *, status: RunStatus | None = None, limit: int = 100
    ) -> tuple[RunRecord, ...]:
        return await self._storage.find_runs(tenant, status=status, limit=limit)

    @override
    async def append_events(self, tenant: str, events: Sequence[RunEvent]) -> None:
        await self._storage.append_events(tenant, events)

    @override
    async def read_events(
        self, tenant: str, run_id: str, *, after: int = 0, limit: int = 1000
    ) -> tuple[RunEvent, ...]:
        return await self._storage.read_events(tenant, run_id, after=after, limit=limit)

    @override
    async def put_reviews(
        self, tenant: str, reviews: Sequence[Review], findings: Sequence[KnownFinding] = ()
    ) -> None:
        await self._storage.put_reviews(tenant, reviews, findings)

    @override
    async def get_reviews(self, tenant: str, run_ids: Sequence[str]) -> tuple[Review, ...]:
        return await self._storage.get_reviews(tenant, run_ids)

    @override
    async def put_dismissals(self, tenant: str, dismissals: Sequence[Dismissal]) -> None:
        await self._storage.put_dismissals(tenant, dismissals)

    @override
    async def remove_dismissals(self, tenant: str, dismissals: Sequence[Dismissal]) -> int:
        return await self._storage.remove_dismissals(tenant, dismissals)

    @override
    async def prune(self, tenant: str, *, before: datetime, limit: int = 1000) -> Pruned:
        return await self._storage.prune(tenant, before=before, limit=limit)
