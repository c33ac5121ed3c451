"""Journals that are each broken in one way: in how runs end, and in what they leave outside."""

from __future__ import annotations

import asyncio
import time
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from codeflow_engine.contracts import Pruned
from codeflow_engine.domain.chat import ChatAnswer
from codeflow_engine.domain.effect import Effect, Receipt
from codeflow_engine.domain.journal import RunWrite, StepState, Submission
from codeflow_engine.domain.run import RunRecord, RunStatus
from codeflow_engine.domain.usage import Usage
from codeflow_engine.storage.memory import MemoryStorage
from codeflow_engine.storage.memory.records import Entry, Records


class Flagging(MemoryStorage):
    """Leaves it to the next worker to end a run."""

    def _cancel(self, records: Records, run: RunRecord, now: datetime) -> None:
        self._put(replace(run, cancelling=True))


class Killing(MemoryStorage):
    """Ends a run under the hands of its worker."""

    async def cancel(
        self, tenant: str, run_ids: Sequence[str], *, now: datetime
    ) -> tuple[RunRecord, ...]:
        await super().cancel(tenant, run_ids, now=now)
        records = self._tenants[tenant]
        for run in records.get(run_ids):
            if run.status is RunStatus.RUNNING:
                self._cancel(records, run, now)
        return tuple(records.get(run_ids))


class Overruling(MemoryStorage):
    """Makes a cancelled run of one that has ended otherwise."""

    async def cancel(
        self, tenant: str, run_ids: Sequence[str], *, now: datetime
    ) -> tuple[RunRecord, ...]:
        await super().cancel(tenant, run_ids, now=now)
        records = self._tenants[tenant]
        for run in records.get(run_ids):
            if run.status.is_terminal:
                self._cancel(records, run, now)
        return tuple(records.get(run_ids))


class Childless(MemoryStorage):
    async def cancel(
        self, tenant: str, run_ids: Sequence[str], *, now: datetime
    ) -> tuple[RunRecord, ...]:
        children = self._tenants[tenant].children
        kept = dict(children)
        children.clear()
        told = await super().cancel(tenant, run_ids, now=now)
        children.update(kept)
        return told


class Silent(MemoryStorage):
    def _cancel(self, records: Records, run: RunRecord, now: datetime) -> None:
        super()._cancel(records, replace(run, parent=None), now)
        self._put(replace(records.runs[run.run_id], parent=run.parent))


class Everyones(MemoryStorage):
    """Has forgotten the tenant where somebody ends runs, or lets them go on."""

    async def cancel(
        self, tenant: str, run_ids: Sequence[str], *, now: datetime
    ) -> tuple[RunRecord, ...]:
        for one in [*self._tenants]:
            await super().cancel(one, run_ids, now=now)
        return await super().get_runs(tenant, run_ids)

    async def resume(
        self, tenant: str, run_ids: Sequence[str], *, now: datetime, seconds: float | None
    ) -> tuple[RunRecord, ...]:
        for one in [*self._tenants]:
            await super().resume(one, run_ids, now=now, seconds=seconds)
        return await super().get_runs(tenant, run_ids)


class Reproachful(MemoryStorage):
    """Keeps the error of a run that goes on."""

    def _resume(self, run: RunRecord, entry: Entry, now: datetime, seconds: float | None) -> None:
        super()._resume(run, entry, now, seconds)
        self._put(replace(self._tenants[run.tenant].runs[run.run_id], error=run.error))


class Insistent(MemoryStorage):
    """Resumes what goes on anyway."""

    async def resume(
        self, tenant: str, run_ids: Sequence[str], *, now: datetime, seconds: float | None
    ) -> tuple[RunRecord, ...]:
        records = self._tenants[tenant]
        for run in records.get(run_ids):
            if run.status is RunStatus.WAITING:
                self._resume(run, records.entries[run.run_id], now, seconds)
        return await super().resume(tenant, run_ids, now=now, seconds=seconds)


class Unrepentant(MemoryStorage):
    """Keeps the record of the step that failed, so that the run fails again."""

    def _resume(self, run: RunRecord, entry: Entry, now: datetime, seconds: float | None) -> None:
        steps = dict(entry.steps)
        super()._resume(run, entry, now, seconds)
        entry.steps = steps


class Wiping(MemoryStorage):
    """Drops the last step that failed, whatever ended the run."""

    def _resume(self, run: RunRecord, entry: Entry, now: datetime, seconds: float | None) -> None:
        super()._resume(run, entry, now, seconds)
        for one in entry.sorted_steps()[::-1]:
            if one.state is StepState.FAILED:
                entry.steps.pop((one.name, one.key))
                break


class Resentful(MemoryStorage):
    """Tells a run that goes on once more of what its children did before."""

    def _resume(self, run: RunRecord, entry: Entry, now: datetime, seconds: float | None) -> None:
        signals = dict(entry.signals)
        super()._resume(run, entry, now, seconds)
        entry.signals.update(signals)


class Hurrying(MemoryStorage):
    """Lets a run go on with the time that it had."""

    def _resume(self, run: RunRecord, entry: Entry, now: datetime, seconds: float | None) -> None:
        super()._resume(run, entry, now, run.seconds_left)


class AsPlanned(MemoryStorage):
    """Gives effects in the order in which they were planned."""

    async def find_unsettled(
        self, tenant: str, *, run_id: str | None = None, limit: int = 1000
    ) -> tuple[Effect, ...]:
        found = {one.key: one for one in await super().find_unsettled(tenant, run_id=run_id)}
        return tuple([found[key] for key in self._tenants[tenant].effects if key in found][:limit])


class LastPlanner(MemoryStorage):
    def _write(self, write: RunWrite) -> bool:
        written = super()._write(write)
        effects = self._tenants[write.tenant].effects
        effects.update({one.key: (write.run_id, one) for one in write.effects})
        return written


class Sliced(MemoryStorage):
    async def find_unsettled(
        self, tenant: str, *, run_id: str | None = None, limit: int = 1000
    ) -> tuple[Effect, ...]:
        return (await super().find_unsettled(tenant, run_id=run_id, limit=10**9))[:limit]


class ByKey(MemoryStorage):
    async def find_receipts(self, tenant: str, keys: Sequence[str]) -> tuple[Receipt, ...]:
        return await super().find_receipts(tenant, sorted(keys))


class LastReceipt(MemoryStorage):
    def _write(self, write: RunWrite) -> bool:
        for one in write.receipts:
            self._tenants[write.tenant].receipts.pop(one.key, None)
        return super()._write(write)


class ReceiptsFirst(MemoryStorage):
    """Settles what was planned before, and then plans."""

    def _write(self, write: RunWrite) -> bool:
        known = self._tenants[write.tenant].effects
        return super()._write(
            replace(write, receipts=tuple(one for one in write.receipts if one.key in known))
        )


class OneOutside(MemoryStorage):
    """Has forgotten the tenant of a receipt."""

    async def find_receipts(self, tenant: str, keys: Sequence[str]) -> tuple[Receipt, ...]:
        found = [await super(OneOutside, self).find_receipts(one, keys) for one in [*self._tenants]]
        return tuple(one for receipts in found for one in receipts)


class Unpaid(MemoryStorage):
    """Keeps no usage."""

    async def put_answers(
        self, tenant: str, answers: Mapping[str, ChatAnswer], *, now: datetime
    ) -> Mapping[str, ChatAnswer]:
        kept = {key: replace(one, usage=Usage()) for key, one in answers.items()}
        return await super().put_answers(tenant, kept, now=now)


class LastAnswer(MemoryStorage):
    async def put_answers(
        self, tenant: str, answers: Mapping[str, ChatAnswer], *, now: datetime
    ) -> Mapping[str, ChatAnswer]:
        for key in answers:
            self._tenants[tenant].answers.pop(key, None)
        return await super().put_answers(tenant, answers, now=now)


class Refreshing(MemoryStorage):
    """Takes an answer that is put again for a new one."""

    async def put_answers(
        self, tenant: str, answers: Mapping[str, ChatAnswer], *, now: datetime
    ) -> Mapping[str, ChatAnswer]:
        kept = await super().put_answers(tenant, answers, now=now)
        self._tenants[tenant].answers.update({key: (one, now) for key, one in kept.items()})
        return kept


class Zoneless(MemoryStorage):
    """Takes a time without a zone for one of UTC."""

    async def find_due(self, tenant: str, *, now: datetime, **asked: Any) -> tuple[str, ...]:
        return await super().find_due(tenant, now=now.replace(tzinfo=UTC), **asked)


class Trimming(MemoryStorage):
    """Takes texts for equal that look so."""

    async def retire(self, worker: str) -> None:
        for one in [*self._leases]:
            if one.strip(" \x00") == worker:
                await super().retire(one)


class Normalizing(MemoryStorage):
    async def get_answers(self, tenant: str, keys: Sequence[str]) -> Mapping[str, ChatAnswer]:
        answers = self._tenants[tenant].answers
        found = {unicodedata.normalize("NFC", key): one for key, (one, _) in answers.items()}
        names = {key: unicodedata.normalize("NFC", key) for key in keys}
        return {key: found[name] for key, name in names.items() if name in found}


class Orphaning(MemoryStorage):
    """Removes a run, and leaves its effects and receipts."""

    def _remove(self, tenant: str, run_id: str) -> None:
        records = self._tenants[tenant]
        effects, receipts = dict(records.effects), dict(records.receipts)
        super()._remove(tenant, run_id)
        records.effects, records.receipts = effects, receipts


class Sweeping(MemoryStorage):
    """Removes old steps, whether or not their run has ended."""

    async def prune(self, tenant: str, *, before: datetime, limit: int = 1000) -> Pruned:
        for entry in self._tenants[tenant].entries.values():
            old = [key for key, one in entry.steps.items() if one.finished_at < before]
            for key in old:
                del entry.steps[key]
        return await super().prune(tenant, before=before, limit=limit)


class Divided(MemoryStorage):
    """Lets others in between the parts of a call."""

    async def submit(self, runs: Sequence[Submission]) -> tuple[RunRecord, ...]:
        stored: list[RunRecord] = []
        for one in runs:
            stored += await super().submit([one])
            await asyncio.sleep(0)
        return tuple(stored)


class Blocking(MemoryStorage):
    async def write(self, writes: Sequence[RunWrite]) -> tuple[bool, ...]:
        time.sleep(0.6)  # noqa: ASYNC251 - that is what is wrong with it
        return await super().write(writes)
