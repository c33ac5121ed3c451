"""What a storage in memory keeps for one tenant."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import takewhile

from codeflow_engine.domain.chat import ChatAnswer
from codeflow_engine.domain.dismissal import Dismissal
from codeflow_engine.domain.effect import Effect, Receipt
from codeflow_engine.domain.identity import KnownFinding
from codeflow_engine.domain.journal import Signal, StepRecord
from codeflow_engine.domain.review import Review
from codeflow_engine.domain.run import RunEvent, RunRecord, RunStatus
from codeflow_engine.errors import StorageError
from codeflow_engine.storage.memory.changes import woken
from codeflow_engine.storage.sums import Account, Booking

__all__ = ["Entry", "Records", "check_runs", "check_zones", "rank", "sequence_of"]


@dataclass(slots=True, kw_only=True)
class Entry:
    """What the journal knows of one run beside its record."""

    payload: bytes | None = None
    """None where it was not submitted, or needs it no longer; nobody can execute it then."""

    result: bytes | None = None
    owner: str | None = None
    """The worker that holds it, or did until its lease was over."""

    fence: int = 0
    steps: dict[tuple[str, str], StepRecord] = field(default_factory=dict)
    """By name and key."""

    signals: dict[str, Signal | None] = field(default_factory=dict)
    """By id, in the order in which they came; None where a step has received it, so that the
    same one is not taken for a new one."""

    effects: list[str] = field(default_factory=list)
    """Keys of those that it was the first to plan."""

    def add_step(self, step: StepRecord) -> None:
        """Keep a step; a final record of its identity stays."""
        known = self.steps.get((step.name, step.key))
        if known is None or not known.state.is_final:
            self.steps[step.name, step.key] = step

    def sorted_steps(self) -> list[StepRecord]:
        """List the steps by position."""
        return sorted(self.steps.values(), key=lambda one: (one.position, one.name, one.key))

    def drop_values(self) -> None:
        """Forget what only an execution needs."""
        self.payload = None
        for identity, step in self.steps.items():
            if step.value is not None:
                self.steps[identity] = replace(step, value=None)

    def take(self, signal_ids: Iterable[str]) -> None:
        """Note that a step has received signals."""
        for signal_id in signal_ids:
            if signal_id in self.signals:
                self.signals[signal_id] = None

    def untaken(self) -> list[Signal]:
        """List the signals that no step has received."""
        return [one for one in self.signals.values() if one is not None]


class Records:
    """What is kept for one tenant."""

    def __init__(self) -> None:
        self.runs: dict[str, RunRecord] = {}
        self.entries: dict[str, Entry] = {}
        """One for each run."""

        self.keys: dict[str, str] = {}
        """Ids of runs by the caller's key."""

        self.children: defaultdict[str, dict[str, None]] = defaultdict(dict)
        """Ids of the runs that a run has started."""

        self.queue: list[tuple[int, datetime, str]] = []
        """Ranks of the runs that have not ended, sorted: who looks for the first that is due
        would else sort ten thousand each time."""

        self.running: dict[str, None] = {}
        """Ids of the runs that are `RUNNING`."""

        self.events: dict[str, list[RunEvent]] = {}
        self.reviews: dict[str, Review] = {}
        self.findings: dict[tuple[str, str], KnownFinding] = {}
        self.seen_last: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        """Keys of the findings that a run has stored; a later one may have replaced them."""

        self.dismissals: dict[tuple[str, str, str], Dismissal] = {}
        self.effects: dict[str, tuple[str, Effect]] = {}
        """By key, with the id of the run that has planned it."""

        self.receipts: dict[str, Receipt] = {}
        self.answers: dict[str, tuple[ChatAnswer, datetime]] = {}
        """By key, with the moment at which each was put."""

        self.accounts: dict[str, Account] = {}
        """By scope."""

        self.bookings: dict[str, Booking] = {}
        self.settled: dict[str, datetime] = {}
        """When those bookings were settled that are, the first one first."""

        self.top_ups: set[str] = set()

    def put(self, run: RunRecord) -> None:
        """Insert or replace a run."""
        before = self.runs.get(run.run_id)
        if before is None:
            self.entries[run.run_id] = Entry()
        elif before is not run:
            self._unlist(before, run)
        self.runs[run.run_id] = run
        if run.key is not None:
            self.keys[run.key] = run.run_id
        if run.parent is not None:
            self.children[run.parent][run.run_id] = None
        if not run.status.is_terminal and not self._is_queued(run):
            insort(self.queue, rank(run))
        if run.status is RunStatus.RUNNING:
            self.running[run.run_id] = None

    def get(self, run_ids: Iterable[str]) -> list[RunRecord]:
        """List runs by id, in the order of the ids; unknown ids are left out."""
        return [self.runs[run_id] for run_id in run_ids if run_id in self.runs]

    def family(self, run_ids: Iterable[str]) -> list[RunRecord]:
        """List runs and all that they have started, each once."""
        found = dict.fromkeys(run_ids)
        waiting = list(found)
        while waiting:
            new = [one for one in self.children.get(waiting.pop(), ()) if one not in found]
            found.update(dict.fromkeys(new))
            waiting += new
        return self.get(found)

    def remove(self, run_id: str) -> None:
        """Remove a run with all that is only its own."""
        self._unlist(self.runs.pop(run_id))
        for key in self.entries.pop(run_id).effects:
            del self.effects[key]
            self.receipts.pop(key, None)
        self.events.pop(run_id, None)
        self.reviews.pop(run_id, None)
        self.accounts.pop(f"run:{run_id}", None)

    def forget_found(self, run_id: str) -> None:
        """Forget the findings that only this run has seen, and what is older than its end.

        That are answers, and the ids of settled bookings.
        """
        for finding in self.seen_last.pop(run_id, ()):
            if finding in self.findings and self.findings[finding].last_run == run_id:
                del self.findings[finding]
        end = self.runs[run_id].updated_at
        for key in list(takewhile(lambda one: self.answers[one][1] < end, self.answers)):
            del self.answers[key]
        for one in list(takewhile(lambda one: self.settled[one] < end, self.settled)):
            self.forget_booking(one)

    def forget_booking(self, reservation_id: str) -> None:
        """Forget a settled booking, which stays spent."""
        del self.settled[reservation_id]
        del self.bookings[reservation_id]

    def append_events(self, events: Iterable[RunEvent]) -> None:
        """Append events; one whose number is there already changes nothing."""
        for event in events:
            stream = self.events.setdefault(event.run_id, [])
            if not stream or stream[-1].sequence < event.sequence:
                stream.append(event)
                continue
            at = bisect_left(stream, event.sequence, key=sequence_of)
            if stream[at].sequence != event.sequence:
                stream.insert(at, event)

    def send(self, signal: Signal) -> bool:
        """Keep a signal, wake the run that waits for it, and say whether its run is there."""
        run = self.runs.get(signal.run_id)
        if run is None:
            return False
        signals = self.entries[signal.run_id].signals
        if signal.signal_id not in signals:
            signals[signal.signal_id] = signal
            if signal.name in run.waits_for:
                self.put(woken(run))
        return True

    def settle(self, run_id: str, effects: Iterable[Effect], receipts: Iterable[Receipt]) -> None:
        """Keep the effects that a run has planned, and receipts; the first of each stays."""
        for effect in effects:
            if effect.key not in self.effects:
                self.effects[effect.key] = run_id, effect
                self.entries[run_id].effects.append(effect.key)
        for receipt in receipts:
            if receipt.key in self.effects:
                self.receipts.setdefault(receipt.key, receipt)

    def remove_finding(self, finding: KnownFinding) -> None:
        """Remove a known finding; a run that saw it may be gone already."""
        key = (finding.change, finding.fingerprint)
        del self.findings[key]
        seen = self.seen_last[finding.last_run]
        seen.discard(key)
        if not seen:
            del self.seen_last[finding.last_run]

    def _unlist(self, run: RunRecord, after: RunRecord | None = None) -> None:
        """Take a run out of the lists in which it does not stand any more."""
        kept = after is not None and not after.status.is_terminal and rank(after) == rank(run)
        if not kept and self._is_queued(run):
            del self.queue[bisect_left(self.queue, rank(run))]
        self.running.pop(run.run_id, None)
        if run.key is not None and self.keys.get(run.key) == run.run_id:
            del self.keys[run.key]
        if run.parent is not None:
            children = self.children[run.parent]
            children.pop(run.run_id, None)
            if not children:
                del self.children[run.parent]

    def _is_queued(self, run: RunRecord) -> bool:
        at = bisect_left(self.queue, rank(run))
        return at < len(self.queue) and self.queue[at] == rank(run)


def rank(run: RunRecord) -> tuple[int, datetime, str]:
    """Give what runs that are due are sorted by."""
    return -run.priority, run.created_at, run.run_id


def sequence_of(event: RunEvent) -> int:
    """Give the number of an event."""
    return event.sequence


def check_zones(times: Iterable[datetime | None]) -> None:
    """Refuse times that name no moment.

    Raises:
        StorageError: One has no zone.
    """
    if any(time is not None and time.utcoffset() is None for time in times):
        raise StorageError("a time without a zone names no moment")


def check_runs(runs: Sequence[RunRecord]) -> None:
    """Refuse runs with a time that names no moment.

    Raises:
        StorageError: One has no zone.
    """
    for run in runs:
        moments = (run.created_at, run.updated_at, run.wake_at, run.started_at, run.deadline)
        check_zones(moments)
