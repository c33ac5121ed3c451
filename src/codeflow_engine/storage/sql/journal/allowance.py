"""What limits leave for runs to begin, counted over all workers of a tenant."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, not_, or_, select, tuple_

from codeflow_engine.domain.journal import RunLimits
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.storage.sql.journal.leases import is_live
from codeflow_engine.storage.sql.tables import RUNS, WORKERS

__all__ = ["Allowance", "Candidate", "claim_alone"]


def claim_alone(connection: Connection, tenant: str) -> None:
    """Let nobody else claim under limits, to the end of the transaction.

    Two that count at the same time would both take the last place. SQLite has one writer.
    """
    if connection.dialect.name == "postgresql":
        digest = hashlib.blake2b(f"codeflow claims {tenant}".encode("utf-8", "surrogatepass"))
        number = int.from_bytes(digest.digest()[:8], "big", signed=True)
        connection.execute(select(func.pg_advisory_xact_lock(number)))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A run that is due, with what limits are about; of a damaged one that may be anything."""

    run_id: str
    workflow: Any
    partition: Any
    started_at: Any


class Allowance:
    """Counts the runs that workers execute against limits.

    Args:
        connection: In a transaction.
        tenant: Whose runs.
        limits: By the name of a workflow.
        now: The engine's time.
    """

    def __init__(
        self, connection: Connection, tenant: str, limits: Mapping[str, RunLimits], now: datetime
    ) -> None:
        self._limits = limits
        self._running: Counter[Any] = Counter()
        self._partitions: Counter[tuple[Any, Any]] = Counter()
        self._starts: Counter[str] = Counter()
        if limits:
            self._count(connection, tenant, now)

    def take(self, row: Candidate | Row[Any]) -> bool:
        """Give a run a place; say whether there was one."""
        limits = self._limits.get(row.workflow)
        if limits is None:
            return True
        running = self._running[row.workflow]
        beside = 0 if row.partition is None else self._partitions[row.workflow, row.partition]
        begins = row.started_at is None
        if _is_full(limits.running, running) or (
            row.partition is not None and _is_full(limits.partition, beside)
        ):
            return False
        if begins and _is_full(limits.starts, self._starts[row.workflow]):
            return False
        self._add(row, 1)
        self._starts[row.workflow] += begins
        return True

    def retake(self, row: Row[Any]) -> bool:
        """Give a run the place that it has; it may have to leave it."""
        self._add(row, -1)
        taken = self.take(row)
        if not taken:
            self._add(row, 1)
        return taken

    def admits(self) -> ColumnElement[bool] | None:
        """Say which rows of runs may have a place; None where all may."""
        shut, unable, crowded = [], [], []
        for name, limits in self._limits.items():
            if _is_full(limits.running, self._running[name]):
                shut.append(name)
            elif _is_full(limits.starts, self._starts[name]):
                unable.append(name)
        for key, count in self._partitions.items():
            if isinstance(key[1], str) and _is_full(self._limits[key[0]].partition, count):
                crowded.append(key)
        refused: list[ColumnElement[bool]] = []
        if shut:
            refused.append(RUNS.c.workflow.in_(shut))
        if unable:
            refused.append(RUNS.c.workflow.in_(unable) & RUNS.c.started_at.is_(None))
        if crowded:
            pairs = tuple_(RUNS.c.workflow, RUNS.c.partition)
            refused.append(RUNS.c.partition.is_not(None) & pairs.in_(crowded))
        return not_(or_(*refused)) if refused else None

    def _add(self, row: Candidate | Row[Any], number: int) -> None:
        self._running[row.workflow] += number
        self._partitions[row.workflow, row.partition] += number

    def _count(self, connection: Connection, tenant: str, now: datetime) -> None:
        columns = (RUNS.c.workflow, RUNS.c.partition)
        workers = select(WORKERS.c.worker).where(is_live(connection))
        running = (
            select(*columns, func.count())
            .where(RUNS.c.tenant == tenant, RUNS.c.status == RunStatus.RUNNING.value)
            .where(RUNS.c.workflow.in_(self._limits), RUNS.c.owner.in_(workers))
            .group_by(*columns)
        )
        for workflow, partition, count in connection.execute(running):
            self._running[workflow] += count
            self._partitions[workflow, partition] += count
        for workflow, limits in self._limits.items():
            if limits.starts is None:
                continue
            # In both directions: where a clock was ahead, nobody waits until it is that time.
            within = timedelta(seconds=limits.seconds)
            begun = select(func.count()).where(
                RUNS.c.tenant == tenant,
                RUNS.c.workflow == workflow,
                RUNS.c.started_at > now - within,
                RUNS.c.started_at < now + within,
            )
            self._starts[workflow] = connection.execute(begun).scalar_one()


def _is_full(limit: int | None, count: int) -> bool:
    return limit is not None and count >= limit
