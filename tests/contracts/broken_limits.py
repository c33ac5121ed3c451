"""Journals that are each broken in one way: in how many runs they let execute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from codeflow_engine.domain.journal import RunLimits
from codeflow_engine.domain.run import RunRecord
from codeflow_engine.storage.memory import MemoryStorage
from codeflow_engine.storage.memory.limits import Slots
from codeflow_engine.storage.memory.records import Records


class _Limited(MemoryStorage):
    """Counts by slots of its own."""

    slots: type[Slots] = Slots

    def _slots(
        self, records: Records, limits: Mapping[str, RunLimits] | None, now: datetime
    ) -> Slots:
        executing = [records.runs[one] for one in records.running]
        live = self._live()
        counted = [one for one in executing if records.entries[one.run_id].owner in live]
        return self.slots(limits, counted, records.runs.values(), now)


class Heedless(MemoryStorage):
    def _slots(
        self, records: Records, limits: Mapping[str, RunLimits] | None, now: datetime
    ) -> Slots:
        return super()._slots(records, None, now)


class Behind(MemoryStorage):
    """Looks at the limits when it has found enough."""

    async def find_due(
        self, tenant: str, *, limit: int, limits: Any = None, **asked: Any
    ) -> tuple[str, ...]:
        found = await super().find_due(tenant, limit=limit, **asked)
        allowed = await super().find_due(tenant, limit=10**9, limits=limits, **asked)
        return tuple(one for one in found if one in allowed)


class Leaking(MemoryStorage):
    """Counts whatever is `RUNNING`, whoever executes it."""

    def _slots(
        self, records: Records, limits: Mapping[str, RunLimits] | None, now: datetime
    ) -> Slots:
        executing = [records.runs[one] for one in records.running]
        return Slots(limits, executing, records.runs.values(), now)


class AllTenants(MemoryStorage):
    def _slots(
        self, records: Records, limits: Mapping[str, RunLimits] | None, now: datetime
    ) -> Slots:
        every = [(one, run_id) for one in self._tenants.values() for run_id in one.running]
        return Slots(limits, [one.runs[run_id] for one, run_id in every], (), now)


class _Partitioned(Slots):
    def take(self, run: RunRecord) -> bool:
        return super().take(replace(run, partition=run.partition or ""))


class NoneIsOne(_Limited):
    """Takes no partition for one that has no name."""

    slots = _Partitioned


class _Starting(Slots):
    def take(self, run: RunRecord) -> bool:
        return super().take(replace(run, started_at=None))


class EachIsAStart(_Limited):
    slots = _Starting


class _Falsy(Slots):
    def take(self, run: RunRecord) -> bool:
        known = self._limits.get(run.workflow)
        return known is None or known == RunLimits(running=0) or super().take(run)


class NoneIsZero(_Limited):
    slots = _Falsy


class _Impatient(Slots):
    def retake(self, run: RunRecord) -> bool:
        return self.take(run)


class OneTooMany(_Limited):
    """Counts a run against itself."""

    slots = _Impatient
