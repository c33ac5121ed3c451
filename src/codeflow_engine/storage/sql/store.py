"""The storage in a SQL database."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import Connection

from codeflow_engine.contracts import Pruned, Storage
from codeflow_engine.contracts.storage import StorageCapability
from codeflow_engine.domain.dismissal import Dismissal
from codeflow_engine.domain.identity import KnownFinding
from codeflow_engine.domain.review import Review
from codeflow_engine.domain.run import RunEvent, RunRecord, RunStatus
from codeflow_engine.errors import StorageError
from codeflow_engine.storage.sql import knowledge, pruning, records
from codeflow_engine.storage.sql.database import Database
from codeflow_engine.storage.sql.journal.store import SQLJournal
from codeflow_engine.storage.sql.meter.store import SQLMeter
from codeflow_engine.storage.sql.runs import find_runs, get_runs, put_runs, run_row
from codeflow_engine.storage.sql.settings import SQLSettings
from codeflow_engine.storage.sql.target import Given
from codeflow_engine.storage.sql.version import SchemaVersion

__all__ = ["SQLStorage"]


class SQLStorage(SQLJournal, SQLMeter, Storage):
    """Keeps everything in SQLite or PostgreSQL.

    Args:
        target: A URL, which is opened on first use, or an `AsyncEngine` or `Engine` of
            SQLAlchemy that the host goes on owning: it is used, never closed, and keeps its
            configuration.
        settings: How to use it.

    Raises:
        ConfigurationError: The target or a setting cannot be used.
    """

    capabilities: ClassVar[frozenset[StrEnum]] = frozenset(
        {
            StorageCapability.DURABLE,
            StorageCapability.SHARED,
            StorageCapability.JOURNAL,
            StorageCapability.METER,
        }
    )

    def __init__(self, target: Given, settings: SQLSettings | None = None) -> None:
        self._database = Database(target, settings or SQLSettings())
        if self._database.serves_any_loop:
            more = {StorageCapability.ANY_LOOP}
            self.capabilities = self.capabilities | more  # type: ignore[misc] # it is the target's

    async def migrate(self) -> None:
        """Bring the tables into the form of this version; others wait that try it too."""
        await self._database.migrate()

    async def version(self) -> SchemaVersion:
        """Read which form the tables have, and change nothing."""
        return await self._database.version()

    async def put_runs(self, runs: Sequence[RunRecord]) -> None:
        """Insert or replace runs by their id."""
        if rows := [run_row(one) for one in runs]:
            await self._database.run(lambda to: put_runs(to, rows), write=True)

    async def get_runs(self, tenant: str, run_ids: Sequence[str]) -> tuple[RunRecord, ...]:
        """Read runs by id."""
        return await self._database.run(lambda by: get_runs(by, tenant, run_ids))

    async def find_runs(
        self, tenant: str, *, status: RunStatus | None = None, limit: int = 100
    ) -> tuple[RunRecord, ...]:
        """Read the newest runs, newest first."""
        return await self._database.run(lambda by: find_runs(by, tenant, status, limit))

    async def append_events(self, tenant: str, events: Sequence[RunEvent]) -> None:
        """Append events; one whose number is there already changes nothing."""
        if rows := records.event_rows(tenant, events):
            await self._database.run(lambda to: records.append_events(to, rows), write=True)

    async def read_events(
        self, tenant: str, run_id: str, *, after: int = 0, limit: int = 1000
    ) -> tuple[RunEvent, ...]:
        """Read events above a number, in order.

        Raises:
            SchemaVersionError: One is of a kind that only a newer version knows. It is not
                left out: who follows a run would take the rest for the whole.
        """
        return await self._database.run(
            lambda by: records.read_events(by, tenant, run_id, after, limit)
        )

    async def put_reviews(
        self, tenant: str, reviews: Sequence[Review], findings: Sequence[KnownFinding] = ()
    ) -> None:
        """Insert or replace reviews and known findings, in one transaction."""
        rows = records.review_rows(tenant, reviews)
        known = knowledge.finding_rows(tenant, findings)

        def write(connection: Connection) -> None:
            records.put_reviews(connection, rows)
            knowledge.put_findings(connection, known)

        if rows or known:
            await self._database.run(write, write=True)

    async def get_reviews(self, tenant: str, run_ids: Sequence[str]) -> tuple[Review, ...]:
        """Read reviews by run."""
        return await self._database.run(lambda by: records.get_reviews(by, tenant, run_ids))

    async def find_findings(
        self, tenant: str, *, change: str | None = None, prefix: str = "", limit: int = 100_000
    ) -> tuple[KnownFinding, ...]:
        """Read known findings, sorted by change and fingerprint."""
        return await self._database.run(
            lambda by: knowledge.find_findings(by, tenant, change, prefix, limit)
        )

    async def put_dismissals(self, tenant: str, dismissals: Sequence[Dismissal]) -> None:
        """Insert or replace dismissals."""
        if rows := knowledge.dismissal_rows(tenant, dismissals):
            await self._database.run(lambda to: knowledge.put_dismissals(to, rows), write=True)

    async def find_dismissals(
        self, tenant: str, fingerprints: Collection[str] | None = None
    ) -> tuple[Dismissal, ...]:
        """Read dismissals, sorted by fingerprint, scope and place."""
        return await self._database.run(
            lambda by: knowledge.find_dismissals(by, tenant, fingerprints)
        )

    async def remove_dismissals(self, tenant: str, dismissals: Sequence[Dismissal]) -> int:
        """Remove dismissals; return how many were there."""
        keys = {knowledge.dismissal_key(one) for one in dismissals}
        if not keys:
            return 0
        # Not repeated where it may have been kept: a second time it would find none.
        return await self._database.run(
            lambda to: knowledge.remove_dismissals(to, tenant, keys), write=True, repeatable=False
        )

    async def prune(self, tenant: str, *, before: datetime, limit: int = 1000) -> Pruned:
        """Remove what is old, the oldest first, in one transaction.

        Raises:
            StorageError: The moment has no time zone, or the database failed.
        """
        if before.utcoffset() is None:
            raise StorageError("a time without a zone cannot tell what is old")
        return await self._database.run(
            lambda to: pruning.prune(to, tenant, before, limit), write=True, repeatable=False
        )

    async def aclose(self) -> None:
        """Close what was opened here; a host's engine stays open."""
        await self._database.aclose()
