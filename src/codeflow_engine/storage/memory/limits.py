"""What the limits of workflows leave free."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from codeflow_engine.domain.journal import RunLimits
from codeflow_engine.domain.run import RunRecord

__all__ = ["Slots"]


class Slots:
    """Counts the runs that execute, and takes those on that still may.

    Args:
        limits: By the name of a workflow.
        executing: The runs that execute now.
        known: All runs; those of them count that have begun lately.
        now: The engine's time.
    """

    def __init__(
        self,
        limits: Mapping[str, RunLimits] | None,
        executing: Iterable[RunRecord],
        known: Iterable[RunRecord],
        now: datetime,
    ) -> None:
        self._limits = limits or {}
        self._running: Counter[str] = Counter()
        self._partitions: Counter[tuple[str, str | None]] = Counter()
        self._starts: Counter[str] = Counter()
        if not self._limits:
            return
        for run in executing:
            self._count(run, 1)
        seconds = {
            name: limits.seconds
            for name, limits in self._limits.items()
            if limits.starts is not None
        }
        for run in known if seconds else ():
            # In both directions: where a clock was ahead, nobody waits until it is that time.
            if run.started_at is not None and (within := seconds.get(run.workflow)) is not None:
                self._starts[run.workflow] += abs((now - run.started_at).total_seconds()) < within

    def take(self, run: RunRecord) -> bool:
        """Take a run on where the limits allow it, and say so."""
        limits = self._limits.get(run.workflow)
        if limits is None:
            return True
        place = run.workflow, run.partition
        if _is_full(limits.running, self._running[run.workflow]):
            return False
        if run.partition is not None and _is_full(limits.partition, self._partitions[place]):
            return False
        if run.started_at is None:
            if _is_full(limits.starts, self._starts[run.workflow]):
                return False
            self._starts[run.workflow] += 1
        self._count(run, 1)
        return True

    def retake(self, run: RunRecord) -> bool:
        """Take on a run that is counted already."""
        self._count(run, -1)
        taken = self.take(run)
        if not taken:
            self._count(run, 1)
        return taken

    def _count(self, run: RunRecord, number: int) -> None:
        self._running[run.workflow] += number
        self._partitions[run.workflow, run.partition] += number


def _is_full(limit: int | None, taken: int) -> bool:
    return limit is not None and taken >= limit
