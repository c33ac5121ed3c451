"""What a storage in memory holds, and for how long."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection

from codeflow_engine.domain.run import RunRecord
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.storage.buckets import Bucket
from codeflow_engine.storage.memory.records import Records

__all__ = ["MemoryState"]


class MemoryState:
    """Holds the records of all tenants, the leases of workers, and buckets.

    Args:
        keep: Number of ended runs to keep, at least 1.
        monotonic: Tells seconds that never go back, for leases and buckets.

    Raises:
        ConfigurationError: `keep` is less than 1.
    """

    def __init__(
        self, *, keep: int = 1000, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        if keep < 1:
            raise ConfigurationError(f"a storage keeps at least one ended run, not {keep}")
        self._keep = keep
        self._monotonic = monotonic
        self._tenants: defaultdict[str, Records] = defaultdict(Records)
        self._leases: dict[str, float] = {}
        """When the lease of a worker is over."""

        self._buckets: dict[str, Bucket] = {}
        self._ended: dict[tuple[str, str], None] = {}
        """Tenants and ids of the runs that have ended, in the order in which they did."""

    def _live(self) -> Collection[str]:
        now = self._monotonic()
        return {worker for worker, until in self._leases.items() if until > now}

    def _put(self, run: RunRecord) -> None:
        """Insert or replace a run, and note whether it has ended."""
        records = self._tenants[run.tenant]
        records.put(run)
        if not run.status.is_terminal:
            self._ended.pop((run.tenant, run.run_id), None)
            return
        # A run under way needs the results of those that it has started.
        for child in records.get(records.children.get(run.run_id, ())):
            if child.status.is_terminal:
                self._ended.setdefault((run.tenant, child.run_id))
        if not self._is_awaited(run):
            self._ended.setdefault((run.tenant, run.run_id))

    def _is_awaited(self, run: RunRecord) -> bool:
        """Say whether the run that has started this one is under way."""
        if run.parent is None:
            return False
        parent = self._tenants[run.tenant].runs.get(run.parent)
        return parent is not None and not parent.status.is_terminal

    def _trim(self) -> None:
        """Forget the runs that ended first, beyond the number of those to keep."""
        while len(self._ended) > self._keep:
            tenant, run_id = next(iter(self._ended))
            records = self._tenants[tenant]
            records.forget_found(run_id)
            self._remove(tenant, run_id)

    def _remove(self, tenant: str, run_id: str) -> None:
        self._ended.pop((tenant, run_id), None)
        self._tenants[tenant].remove(run_id)
