"""Journals that are each broken in one way: in what they make of what executions write."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from codeflow_engine.domain.journal import Notice, RunState, RunWrite, Signal, StepRecord
from codeflow_engine.domain.run import RunRecord, RunStatus
from codeflow_engine.storage.memory import MemoryStorage
from codeflow_engine.storage.memory.records import Entry

_HIGHEST = 256


class Leaking(MemoryStorage):
    """Has forgotten the fence where it appends events."""

    async def write(self, writes: Sequence[RunWrite]) -> tuple[bool, ...]:
        told = await super().write(writes)
        for one in writes:
            await self.append_events(one.tenant, one.events)
        return told


class AllOrNothing(MemoryStorage):
    """Gives the whole transaction up where one write is refused."""

    async def write(self, writes: Sequence[RunWrite]) -> tuple[bool, ...]:
        entries = [self._tenants[one.tenant].entries.get(one.run_id) for one in writes]
        pairs = zip(entries, writes, strict=True)
        if all(entry is not None and entry.fence == one.fence for entry, one in pairs):
            return await super().write(writes)
        return (False,) * len(writes)


class Lasting(MemoryStorage):
    """Looks at the fence, and not at whether the run is held."""

    def _write(self, write: RunWrite) -> bool:
        entry = self._tenants[write.tenant].entries.get(write.run_id)
        if entry is None or entry.fence != write.fence:
            return False
        for step in write.steps:
            entry.add_step(step)
        return super()._write(write) or True


class Polite(MemoryStorage):
    """Says yes where there is nobody."""

    def _write(self, write: RunWrite) -> bool:
        return write.run_id not in self._tenants[write.tenant].runs or super()._write(write)


class LastCounts(MemoryStorage):
    """Writes one row for each run of a call."""

    async def write(self, writes: Sequence[RunWrite]) -> tuple[bool, ...]:
        last = {(one.tenant, one.run_id): one for one in writes}
        told = dict(zip(last, await super().write([*last.values()]), strict=True))
        return tuple(told[one.tenant, one.run_id] for one in writes)


class Unknowing(MemoryStorage):
    """Does not see that it has written something already."""

    def _written_before(self, writes: Sequence[RunWrite]) -> Sequence[int]:
        return ()


class Paged(MemoryStorage):
    """Writes as many runs as it has room for in one statement."""

    async def write(self, writes: Sequence[RunWrite]) -> tuple[bool, ...]:
        told = await super().write(writes[:_HIGHEST])
        return told + (True,) * (len(writes) - len(told))


class Touching(MemoryStorage):
    """Notes the time of every write in the row of the run."""

    async def write(self, writes: Sequence[RunWrite]) -> tuple[bool, ...]:
        told = await super().write(writes)
        for one in writes:
            run = self._tenants[one.tenant].runs.get(one.run_id)
            if run is not None and one.state is None:
                self._put(replace(run, updated_at=run.updated_at.replace(microsecond=1)))
        return told


class Rewriting(MemoryStorage):
    """Writes back all steps that it has read before."""

    async def write(self, writes: Sequence[RunWrite]) -> tuple[bool, ...]:
        entries = [self._tenants[one.tenant].entries[one.run_id] for one in writes]
        read = [dict(entry.steps) for entry in entries]
        await asyncio.sleep(0)
        for entry, steps in zip(entries, read, strict=True):
            entry.steps = steps
        return await super().write(writes)


class _Stepping(MemoryStorage):
    """Keeps something else in place of a step."""

    async def write(self, writes: Sequence[RunWrite]) -> tuple[bool, ...]:
        kept = [replace(one, steps=tuple(map(self.kept, one.steps))) for one in writes]
        return await super().write(kept)

    @abstractmethod
    def kept(self, step: StepRecord) -> StepRecord:
        """Say what is kept."""


class Emptying(_Stepping):
    """Takes an empty value for none."""

    def kept(self, step: StepRecord) -> StepRecord:
        return replace(step, value=step.value or None)


class ByName(_Stepping):
    """Has forgotten the key where it inserts."""

    def kept(self, step: StepRecord) -> StepRecord:
        return replace(step, key="#1")


class Truncating(_Stepping):
    def kept(self, step: StepRecord) -> StepRecord:
        return replace(step, value=None if step.value is None else step.value[: 2**24])


class Stripping(_Stepping):
    """Leaves out what its database would refuse."""

    def kept(self, step: StepRecord) -> StepRecord:
        return replace(step, name=step.name.replace("\x00", ""))


class Generous(MemoryStorage):
    async def read_steps(
        self, tenant: str, run_id: str, *, values: bool = False
    ) -> tuple[StepRecord, ...]:
        return await super().read_steps(tenant, run_id, values=True)


class Lexical(MemoryStorage):
    """Sorts numbers as texts."""

    async def read_steps(
        self, tenant: str, run_id: str, *, values: bool = False
    ) -> tuple[StepRecord, ...]:
        found = await super().read_steps(tenant, run_id, values=values)
        return tuple(sorted(found, key=lambda one: str(one.position)))


class Replacing(MemoryStorage):
    """Puts the last record and the last event in the place of the first."""

    def _write(self, write: RunWrite) -> bool:
        records = self._tenants[write.tenant]
        for step in write.steps:
            records.entries[write.run_id].steps.pop((step.name, step.key), None)
        numbers = {one.sequence for one in write.events}
        stream = records.events.get(write.run_id, [])
        stream[:] = [one for one in stream if one.sequence not in numbers]
        return super()._write(write)


class FirstStays(MemoryStorage):
    """Inserts a step where there is none, and does nothing else."""

    def _write(self, write: RunWrite) -> bool:
        known = self._tenants[write.tenant].entries[write.run_id].steps
        new = {(one.name, one.key): one for one in reversed(write.steps)}
        steps = tuple(one for key, one in new.items() if key not in known)
        return super()._write(replace(write, steps=steps))


class _Standing(MemoryStorage):
    """Makes something else of where a run stands."""

    def _set_state(self, run: RunRecord, entry: Entry, state: RunState) -> None:
        before = replace(run), dict(entry.steps)
        super()._set_state(run, entry, state)
        after = self._tenants[run.tenant].runs[run.run_id]
        self.stand(after, entry, state, before)

    @abstractmethod
    def stand(
        self,
        run: RunRecord,
        entry: Entry,
        state: RunState,
        before: tuple[RunRecord, Mapping[tuple[str, str], StepRecord]],
    ) -> None:
        """Change what a state has left."""


class Hoarding(_Standing):
    def stand(self, run: RunRecord, entry: Entry, state: RunState, before: Any) -> None:
        entry.steps = before[1]


class Dropping(_Standing):
    """Drops what an execution needs whatever the end was."""

    def stand(self, run: RunRecord, entry: Entry, state: RunState, before: Any) -> None:
        if run.status.is_terminal:
            entry.drop_values()


class Merging(_Standing):
    """Leaves what a state does not name."""

    def stand(self, run: RunRecord, entry: Entry, state: RunState, before: Any) -> None:
        self._put(replace(run, error=run.error or before[0].error))


class Ticking(_Standing):
    """Keeps the deadline of a run that does not execute."""

    def stand(self, run: RunRecord, entry: Entry, state: RunState, before: Any) -> None:
        self._put(replace(run, deadline=before[0].deadline))


class GivingUp(_Standing):
    """Takes any state for the end of a claim."""

    def stand(self, run: RunRecord, entry: Entry, state: RunState, before: Any) -> None:
        entry.owner = None


class Sleeping(_Standing):
    """Does not look at what came while the run executed."""

    def stand(self, run: RunRecord, entry: Entry, state: RunState, before: Any) -> None:
        if not run.status.is_terminal and run.status is not RunStatus.RUNNING:
            self._put(replace(run, wake_at=state.wake_at))


class Falsy(MemoryStorage):
    async def read_results(self, tenant: str, run_ids: Sequence[str]) -> Mapping[str, bytes]:
        found = await super().read_results(tenant, run_ids)
        return {run_id: result for run_id, result in found.items() if result}


class ById(MemoryStorage):
    async def read_signals(self, tenant: str, run_id: str) -> tuple[Signal, ...]:
        found = await super().read_signals(tenant, run_id)
        return tuple(sorted(found, key=lambda one: one.signal_id))


class LastSent(MemoryStorage):
    async def send(self, tenant: str, signals: Sequence[Signal]) -> tuple[bool, ...]:
        for one in signals:
            self._tenants[tenant].entries[one.run_id].signals.pop(one.signal_id, None)
            await super().send(tenant, [one])
        return (True,) * len(signals)


class Amnesic(MemoryStorage):
    """Removes what was received, and knows nothing of it afterwards."""

    async def write(self, writes: Sequence[RunWrite]) -> tuple[bool, ...]:
        told = await super().write(writes)
        for one in writes:
            for signal_id in one.taken:
                self._tenants[one.tenant].entries[one.run_id].signals.pop(signal_id, None)
        return told


class Mailbox(MemoryStorage):
    """Keeps what is sent to nobody."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[Signal] = []

    async def send(self, tenant: str, signals: Sequence[Signal]) -> tuple[bool, ...]:
        told = await super().send(tenant, signals)
        self._kept += [one for one, known in zip(signals, told, strict=True) if not known]
        return (True,) * len(signals)

    async def read_signals(self, tenant: str, run_id: str) -> tuple[Signal, ...]:
        kept = [one for one in self._kept if one.run_id == run_id]
        return (*kept, *await super().read_signals(tenant, run_id))


class AnyName(MemoryStorage):
    """Wakes whoever waits, whatever for."""

    async def send(self, tenant: str, signals: Sequence[Signal]) -> tuple[bool, ...]:
        told = await super().send(tenant, signals)
        records = self._tenants[tenant]
        for run in records.get([one.run_id for one in signals]):
            if run.status is RunStatus.WAITING:
                self._put(replace(run, wake_at=run.created_at))
        return told


class ByClock(MemoryStorage):
    """Wakes a run when the sender's clock says so."""

    async def send(self, tenant: str, signals: Sequence[Signal]) -> tuple[bool, ...]:
        told = await super().send(tenant, signals)
        for one in signals:
            run = self._tenants[tenant].runs[one.run_id]
            if run.waits_for:
                self._put(replace(run, wake_at=max(one.sent_at, run.wake_at or one.sent_at)))
        return told


class Folded(MemoryStorage):
    """Passes over the case of names."""

    async def send(self, tenant: str, signals: Sequence[Signal]) -> tuple[bool, ...]:
        told = await super().send(tenant, signals)
        for one in signals:
            run = self._tenants[tenant].runs.get(one.run_id)
            if run is not None and one.name.upper() in map(str.upper, run.waits_for):
                self._put(replace(run, wake_at=run.created_at))
        return told


class Deaf(MemoryStorage):
    """Does not send what a run has written for another one."""

    def _write(self, write: RunWrite) -> bool:
        return super()._write(replace(write, signals=()))


class OneBox(MemoryStorage):
    """Has forgotten the tenant of a signal."""

    async def send(self, tenant: str, signals: Sequence[Signal]) -> tuple[bool, ...]:
        told = [await super(OneBox, self).send(one, signals) for one in [*self._tenants]]
        return tuple(any(one) for one in zip(*told, strict=True))


class CountingAll(MemoryStorage):
    """Counts the signals that were received, too."""

    async def notices(self, tenant: str, run_ids: Sequence[str]) -> tuple[Notice, ...]:
        found = await super().notices(tenant, run_ids)
        entries = self._tenants[tenant].entries
        return tuple(replace(one, signals=len(entries[one.run_id].signals)) for one in found)
