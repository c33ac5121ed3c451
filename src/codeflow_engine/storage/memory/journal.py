"""The journal of runs in memory."""

from __future__ import annotations

from abc import ABC
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from codeflow_engine.contracts import Journal
from codeflow_engine.domain.chat import ChatAnswer
from codeflow_engine.domain.effect import Effect, Receipt
from codeflow_engine.domain.journal import (
    Claim,
    Notice,
    RunLimits,
    RunState,
    RunWrite,
    Signal,
    StepRecord,
    StepState,
    Submission,
)
from codeflow_engine.domain.run import RunRecord, RunStatus
from codeflow_engine.errors import StorageError
from codeflow_engine.storage.memory.changes import (
    cancelled,
    claimed,
    in_state,
    resumed,
    woken,
)
from codeflow_engine.storage.memory.limits import Slots
from codeflow_engine.storage.memory.records import Entry, Records, check_runs, check_zones, rank
from codeflow_engine.storage.memory.state import MemoryState

__all__ = ["MemoryJournal"]


class MemoryJournal(MemoryState, Journal, ABC):
    """The half of a storage in memory with which workers execute runs."""

    async def submit(self, runs: Sequence[Submission]) -> tuple[RunRecord, ...]:
        """Insert runs that are not there, and give each as it is stored."""
        check_runs([one.record for one in runs])
        stored = tuple([self._submit(one) for one in runs])
        self._trim()
        return stored

    def _submit(self, one: Submission) -> RunRecord:
        run, records = one.record, self._tenants[one.record.tenant]
        known = run.run_id
        if known not in records.runs and run.key is not None:
            known = records.keys.get(run.key, known)
        if known in records.runs:
            return records.runs[known]
        self._put(run)
        records.entries[known].payload = one.payload
        return run

    async def find_due(
        self,
        tenant: str,
        *,
        now: datetime,
        limit: int,
        run_ids: Collection[str] | None = None,
        limits: Mapping[str, RunLimits] | None = None,
    ) -> tuple[str, ...]:
        """Find runs that may be claimed, in the order in which they should be."""
        check_zones([now])
        records, live = self._tenants[tenant], self._live()
        slots = self._slots(records, limits, now)
        found: list[str] = []
        for run in _in_order(records, run_ids):
            if len(found) >= limit:
                break
            if _is_due(run, records.entries[run.run_id], now, live) and slots.take(run):
                found.append(run.run_id)
        return tuple(found)

    async def claim(
        self,
        tenant: str,
        worker: str,
        *,
        run_ids: Sequence[str],
        now: datetime,
        limits: Mapping[str, RunLimits] | None = None,
    ) -> tuple[Claim, ...]:
        """Take runs that are due, and raise their fences."""
        check_zones([now])
        live = self._live()
        if worker not in live:
            raise StorageError(f"the worker {worker!r} has no lease: it has to renew it first")
        records = self._tenants[tenant]
        slots = self._slots(records, limits, now)
        claims: list[Claim] = []
        for run_id in dict.fromkeys(run_ids):
            run = records.runs.get(run_id)
            if run is None:
                continue
            entry = records.entries[run_id]
            is_held = run.status is RunStatus.RUNNING and entry.owner == worker
            if slots.retake(run) if is_held else _is_due(run, entry, now, live) and slots.take(run):
                claims.append(self._claim(run, entry, worker, now))
        return tuple(claims)

    def _claim(self, run: RunRecord, entry: Entry, worker: str, now: datetime) -> Claim:
        lost = run.status is RunStatus.RUNNING and entry.owner != worker
        run = claimed(run, now, lost=lost)
        self._put(run)
        entry.owner = worker
        entry.fence += 1
        events = self._tenants[run.tenant].events.get(run.run_id)
        return Claim(
            record=run,
            fence=entry.fence,
            payload=entry.payload or b"",
            steps=tuple(entry.sorted_steps()),
            last_event=events[-1].sequence if events else 0,
        )

    async def write(self, writes: Sequence[RunWrite]) -> tuple[bool, ...]:
        """Write what runs have done, each under the fence of its claim."""
        for one in writes:
            check_zones(_moments(one))
        before = self._written_before(writes)
        written = tuple([place in before or self._write(one) for place, one in enumerate(writes)])
        self._trim()
        return written

    def _written_before(self, writes: Sequence[RunWrite]) -> Collection[int]:
        """Find the places of writes that were made already: nobody has told their writer.

        They are those whose run stands as one of them, or a later one of the call, has left
        it, and was not claimed since.
        """
        found: set[int] = set()
        left: set[tuple[str, str]] = set()
        for place, one in reversed([*enumerate(writes)]):
            records = self._tenants[one.tenant]
            entry = records.entries.get(one.run_id)
            if entry is None or entry.fence != one.fence:
                continue
            if _stands_in(records.runs[one.run_id], one.state):
                left.add((one.tenant, one.run_id))
            if (one.tenant, one.run_id) in left:
                found.add(place)
        return found

    def _write(self, write: RunWrite) -> bool:
        records = self._tenants[write.tenant]
        run = records.runs.get(write.run_id)
        if run is None or run.status is not RunStatus.RUNNING:
            return False
        entry = records.entries[run.run_id]
        if entry.fence != write.fence:
            return False
        for step in write.steps:
            entry.add_step(step)
        entry.take(write.taken)
        records.append_events(write.events)
        records.settle(run.run_id, write.effects, write.receipts)
        for signal in write.signals:
            records.send(signal)
        if run.recoveries and any(step.state is StepState.DONE for step in write.steps):
            run = replace(run, recoveries=0)
            self._put(run)
        if write.state is not None:
            self._set_state(run, entry, write.state)
        return True

    def _set_state(self, run: RunRecord, entry: Entry, state: RunState) -> None:
        changed = in_state(run, state)
        entry.result = state.result
        if changed.status is not RunStatus.RUNNING:
            entry.owner = None
        if changed.status is RunStatus.SUCCEEDED:
            entry.drop_values()
        is_told = any(one.name in changed.waits_for for one in entry.untaken())
        # Nobody executes it any more who could see that its end was asked for.
        is_cancelled = run.cancelling and not changed.status.is_terminal
        if changed.status is not RunStatus.RUNNING and (is_told or is_cancelled):
            changed = woken(changed)
        self._put(changed)

    async def read_steps(
        self, tenant: str, run_id: str, *, values: bool = False
    ) -> tuple[StepRecord, ...]:
        """Read the steps of a run, sorted by position."""
        steps = self._tenants[tenant].entries.get(run_id, Entry()).sorted_steps()
        return tuple(steps if values else [replace(one, value=None) for one in steps])

    async def read_results(self, tenant: str, run_ids: Sequence[str]) -> Mapping[str, bytes]:
        """Read the results of runs by id."""
        entries = self._tenants[tenant].entries
        results = ((one, entries[one].result) for one in run_ids if one in entries)
        return {run_id: result for run_id, result in results if result is not None}

    async def renew(self, worker: str, *, lease: float) -> None:
        """Give a worker a lease from now on."""
        now = self._monotonic()
        for one in self._leases.keys() - self._live():
            del self._leases[one]
        self._leases[worker] = now + lease

    async def retire(self, worker: str) -> None:
        """End the lease of a worker."""
        self._leases.pop(worker, None)

    async def notices(self, tenant: str, run_ids: Sequence[str]) -> tuple[Notice, ...]:
        """Read what was said about runs."""
        records = self._tenants[tenant]
        return tuple(
            Notice(
                run_id=run.run_id,
                fence=records.entries[run.run_id].fence,
                cancelling=run.cancelling,
                signals=len(records.entries[run.run_id].untaken()),
            )
            for run in records.get(run_ids)
        )

    async def cancel(
        self, tenant: str, run_ids: Sequence[str], *, now: datetime
    ) -> tuple[RunRecord, ...]:
        """Ask for the end of runs and of all that they started."""
        check_zones([now])
        records = self._tenants[tenant]
        family = records.family(run_ids)
        for run in family:
            if run.status is RunStatus.RUNNING:
                self._put(replace(run, cancelling=True))
            elif not run.status.is_terminal:
                self._cancel(records, run, now)
        asked = set(run_ids)
        started = [run.run_id for run in family if run.run_id not in asked]
        found = tuple(records.get([*run_ids, *started]))
        self._trim()
        return found

    def _cancel(self, records: Records, run: RunRecord, now: datetime) -> None:
        self._put(cancelled(run, now))
        if run.parent is not None:
            word = f"child:{run.run_id}"
            told = Signal(run_id=run.parent, signal_id=word, name=word, sent_at=now)
            records.send(told)

    async def resume(
        self, tenant: str, run_ids: Sequence[str], *, now: datetime, seconds: float | None
    ) -> tuple[RunRecord, ...]:
        """Let runs go on that have ended without success, or are parked."""
        check_zones([now])
        records = self._tenants[tenant]
        for run in records.get(run_ids):
            # Without its input nobody can execute it: it has succeeded, or was only put in.
            if records.entries[run.run_id].payload is not None and _can_resume(run):
                self._resume(run, records.entries[run.run_id], now, seconds)
        return tuple(records.get(run_ids))

    def _resume(self, run: RunRecord, entry: Entry, now: datetime, seconds: float | None) -> None:
        failed = [one for one in entry.sorted_steps() if one.state is StepState.FAILED]
        if run.status is RunStatus.FAILED and failed:
            del entry.steps[failed[-1].name, failed[-1].key]
        entry.take(one.signal_id for one in entry.untaken() if one.name.startswith("child:"))
        self._put(resumed(run, now, seconds))

    async def send(self, tenant: str, signals: Sequence[Signal]) -> tuple[bool, ...]:
        """Send signals, and say of each whether its run is there."""
        check_zones(one.sent_at for one in signals)
        return tuple([self._tenants[tenant].send(one) for one in signals])

    async def read_signals(self, tenant: str, run_id: str) -> tuple[Signal, ...]:
        """Read the signals that no step has received."""
        return tuple(self._tenants[tenant].entries.get(run_id, Entry()).untaken())

    async def find_receipts(self, tenant: str, keys: Sequence[str]) -> tuple[Receipt, ...]:
        """Read the receipts of effects by key."""
        receipts = self._tenants[tenant].receipts
        return tuple(receipts[key] for key in keys if key in receipts)

    async def find_unsettled(
        self, tenant: str, *, run_id: str | None = None, limit: int = 1000
    ) -> tuple[Effect, ...]:
        """Read planned effects without a receipt, sorted by key."""
        records = self._tenants[tenant]
        found = [
            effect
            for key, (planner, effect) in sorted(records.effects.items(), key=lambda row: row[0])
            if key not in records.receipts and run_id in {None, planner}
        ]
        return tuple(found[: max(0, limit)])

    async def get_answers(self, tenant: str, keys: Sequence[str]) -> Mapping[str, ChatAnswer]:
        """Read answers by key."""
        answers = self._tenants[tenant].answers
        return {key: answers[key][0] for key in keys if key in answers}

    async def put_answers(
        self, tenant: str, answers: Mapping[str, ChatAnswer], *, now: datetime
    ) -> Mapping[str, ChatAnswer]:
        """Keep answers whose keys have none, and give what is kept."""
        check_zones([now])
        kept = self._tenants[tenant].answers
        return {key: kept.setdefault(key, (one, now))[0] for key, one in answers.items()}

    def _slots(
        self, records: Records, limits: Mapping[str, RunLimits] | None, now: datetime
    ) -> Slots:
        live = self._live()
        executing = (
            records.runs[run_id]
            for run_id in records.running
            if records.entries[run_id].owner in live
        )
        return Slots(limits, executing, records.runs.values(), now)


def _in_order(records: Records, run_ids: Collection[str] | None) -> Iterable[RunRecord]:
    """Give the runs to choose from, the one that comes first at the front."""
    if run_ids is None:
        return (records.runs[run_id] for _, _, run_id in records.queue)
    return sorted(records.get(set(run_ids)), key=rank)


def _is_due(run: RunRecord, entry: Entry, now: datetime, live: Collection[str]) -> bool:
    if entry.payload is None or run.status.is_terminal:
        return False
    if run.status is RunStatus.RUNNING:
        return entry.owner not in live
    return run.wake_at is not None and run.wake_at <= now


def _can_resume(run: RunRecord) -> bool:
    return run.status.is_terminal or run.status is RunStatus.PARKED


def _stands_in(run: RunRecord, state: RunState | None) -> bool:
    """Say whether a run stands as its execution left it when it gave the claim up."""
    if state is None or run.status is RunStatus.RUNNING:
        return False
    return (run.status, run.updated_at) == (state.status, state.at)


def _moments(write: RunWrite) -> Iterable[datetime | None]:
    for step in write.steps:
        yield from (step.started_at, step.finished_at, step.wake_at)
    yield from (event.at for event in write.events)
    yield from (receipt.at for receipt in write.receipts)
    for signal in write.signals:
        yield signal.sent_at
    if write.state is not None:
        yield from (write.state.at, write.state.wake_at)
