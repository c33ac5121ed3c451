"""Two journals that are told the same, in any order that Hypothesis thinks of.

Time is a number that the machine moves, ids are drawn from a few, and leases end when the
machine says so, so that a sequence that fails does so again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from journal_pair import JournalPair

from codeflow_engine.domain.chat import ChatAnswer, FinishReason
from codeflow_engine.domain.effect import Effect, EffectKind, Receipt
from codeflow_engine.domain.journal import (
    Claim,
    RunLimits,
    RunState,
    RunWrite,
    Signal,
    StepKind,
    StepRecord,
    StepState,
    Submission,
)
from codeflow_engine.domain.run import RunRecord, RunStatus, StepStarted
from codeflow_engine.testing.values import NOON

__all__ = ["JournalMachine"]

TENANT = "a"
RUNS = tuple(f"r{number}" for number in range(1, 6))
WORKERS = ("w1", "w2", "w3")
SIGNALS = ("go", "stop")
STEPS = {("fetch", "#1"): 1, ("ask", "=a"): 2, ("ask", "=b"): 3, ("nap", "#1"): 4}
EFFECTS = ("e1", "e2", "e3")
LIMITS: Mapping[str, RunLimits] = {"w": RunLimits(running=2, partition=1, starts=3, seconds=30)}

runs = st.sampled_from(RUNS)
workers = st.sampled_from(WORKERS)
some_runs = st.lists(runs, min_size=1, max_size=4, unique=True)
seconds = st.sampled_from([1, 5, 40])


def _answer(text: str) -> ChatAnswer:
    return ChatAnswer(text=text, finish_reason=FinishReason.STOP, model="m")


def _effect(key: str) -> Effect:
    return Effect(key=key, kind=EffectKind.LABEL, target="t", head="h", payload={"key": key})


class JournalMachine(JournalPair):
    """Tells both journals everything, and knows by itself what must never happen."""

    def __init__(self) -> None:
        super().__init__()
        self.claims: list[tuple[str, Claim]] = []
        """Every claim that was ever given, with its worker: also those of the dead."""

        self.fences: dict[str, int] = {}
        self.holders: dict[str, str] = {}
        """Who executes a run, as far as those know whose writes were taken."""

        self.alive: set[str] = set()
        self.last: dict[str, int] = {}
        self.final: dict[tuple[str, str, str], StepRecord] = {}
        self.planned: set[str] = set()
        self.receipts: dict[str, Receipt] = {}
        self.answers: dict[str, ChatAnswer] = {}

    @initialize(keyed=st.booleans())
    def begin(self, *, keyed: bool) -> None:
        """Begin with runs of every kind, of which a worker has taken some."""
        first = [(run_id, None, 0, 0, "p" if run_id < "r3" else None) for run_id in RUNS[:3]]
        self.submit([*first, ("r4", "k1" if keyed else None, 10, 5, None)], None)
        self.sweep("w1", 2)

    @rule(by=seconds)
    def pass_time(self, by: int) -> None:
        self.now += timedelta(seconds=by)

    @rule(
        given=st.lists(
            st.tuples(
                runs,
                st.sampled_from([None, "k1", "k2"]),
                st.sampled_from([0, 0, 0, 10, None]),
                st.sampled_from([0, 0, 5]),
                st.sampled_from([None, "p"]),
            ),
            min_size=1,
            max_size=3,
            unique_by=lambda given: given[0],
        ),
        parent=st.sampled_from([None, "r1"]),
    )
    def submit(
        self,
        given: list[tuple[str, str | None, int | None, int, str | None]],
        parent: str | None,
    ) -> None:
        submissions = []
        for run_id, key, delay, priority, partition in given:
            at = self.tick()
            record = RunRecord(
                run_id=run_id,
                workflow="w",
                version=1,
                tenant=TENANT,
                input={"text": self.text()},
                created_at=at,
                updated_at=at,
                key=key,
                digest="d",
                parent=None if run_id == parent else parent,
                priority=priority,
                partition=partition,
                wake_at=None if delay is None else at + timedelta(seconds=delay),
                seconds_left=60.0,
            )
            submissions.append(Submission(record=record, payload=run_id.encode()))
        stored = self.both(lambda journal: journal.submit(submissions))
        assert len(stored) == len(submissions)
        for record in stored:
            self.last.setdefault(record.run_id, 0)

    @rule(limit=st.integers(0, 4), chosen=st.none() | some_runs, limited=st.booleans())
    def find_due(self, limit: int, chosen: list[str] | None, *, limited: bool) -> None:
        self.both(
            lambda journal: journal.find_due(
                TENANT,
                now=self.now,
                limit=limit,
                run_ids=chosen,
                limits=LIMITS if limited else None,
            )
        )

    @rule(worker=workers, limit=st.integers(1, 4))
    def sweep(self, worker: str, limit: int) -> None:
        """Claim what is due, as a worker does."""
        self.renew(worker, lease=3600)
        due = self.both(lambda journal: journal.find_due(TENANT, now=self.now, limit=limit))
        if due:
            self.claim(worker, list(due), limited=False)

    @rule(worker=workers, chosen=some_runs, limited=st.booleans())
    def claim(self, worker: str, chosen: list[str], *, limited: bool) -> None:
        """Claim what may or may not be due."""
        at = self.tick()
        claims: Sequence[Claim] | None = self.both(
            lambda journal: journal.claim(
                TENANT, worker, run_ids=chosen, now=at, limits=LIMITS if limited else None
            )
        )
        assert (claims is None) == (worker not in self.alive)
        for claim in claims or ():
            run_id = claim.record.run_id
            assert claim.fence > self.fences.get(run_id, 0)
            holder = self.holders.get(run_id)
            assert holder in {None, worker} or holder not in self.alive
            assert claim.record.status is RunStatus.RUNNING
            assert claim.last_event == self.last[run_id]
            self.fences[run_id] = claim.fence
            self.holders[run_id] = worker
            self.claims.append((worker, claim))

    @rule(worker=workers, lease=st.sampled_from([3600, 3600, 0]))
    def renew(self, worker: str, lease: float) -> None:
        self.both(lambda journal: journal.renew(worker, lease=lease))
        (self.alive.add if lease else self.alive.discard)(worker)

    @rule(worker=workers)
    def retire(self, worker: str) -> None:
        self.both(lambda journal: journal.retire(worker))
        self.alive.discard(worker)

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def write_again(self, data: st.DataObject) -> None:
        """Write once more: this happens more often than all else."""
        self.write(data)

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def write(self, data: st.DataObject) -> None:
        """Write under one or two claims, new or old ones."""
        count = min(len(self.claims), data.draw(st.integers(1, 2)))
        # The last claims are those that are likely to hold.
        places = data.draw(
            st.lists(
                st.integers(1, min(len(self.claims), 6)),
                min_size=count,
                max_size=count,
                unique_by=lambda place: self.claims[-place][1].record.run_id,
            )
        )
        writes = [self._drawn_write(data, self.claims[-place][1]) for place in places]
        told: Sequence[bool] = self.both(lambda journal: journal.write(writes))
        for write, taken in zip(writes, told, strict=True):
            if taken:
                assert write.fence == self.fences[write.run_id]
                self._learn(write)

    def _drawn_write(self, data: st.DataObject, claim: Claim) -> RunWrite:
        run_id = claim.record.run_id
        at = self.tick()
        events = [
            StepStarted(run_id=run_id, sequence=self.last[run_id] + number, at=at, step="s")
            for number in range(1, data.draw(st.integers(0, 2)) + 1)
        ]
        planned = data.draw(st.lists(st.sampled_from(EFFECTS), max_size=2, unique=True))
        known = sorted({*planned, *self.planned})
        settled = data.draw(st.lists(st.sampled_from(known), max_size=1)) if known else []
        return RunWrite(
            tenant=TENANT,
            run_id=run_id,
            fence=claim.fence,
            steps=self._drawn_steps(data, run_id),
            events=tuple(events),
            taken=self._drawn_taken(data, run_id),
            effects=tuple(_effect(key) for key in planned),
            receipts=tuple(
                Receipt(key=key, external_id=self.text(), found=False, at=at) for key in settled
            ),
            signals=tuple(self._drawn_signals(data, 1)),
            state=data.draw(st.none() | st.none() | self._states()),
        )

    def _drawn_taken(self, data: st.DataObject, run_id: str) -> tuple[str, ...]:
        waiting = self.both(lambda journal: journal.read_signals(TENANT, run_id))
        ids = [signal.signal_id for signal in waiting]
        return tuple(data.draw(st.lists(st.sampled_from(ids), max_size=1))) if ids else ()

    def _drawn_steps(self, data: st.DataObject, run_id: str) -> tuple[StepRecord, ...]:
        chosen = data.draw(st.lists(st.sampled_from([*STEPS]), max_size=2, unique=True))
        steps = []
        for name, key in chosen:
            state = data.draw(st.sampled_from(StepState))
            done, failed = state is StepState.DONE, state is StepState.FAILED
            steps.append(
                StepRecord(
                    run_id=run_id,
                    name=name,
                    key=key,
                    position=STEPS[name, key],
                    kind=StepKind.SLEEP if name == "nap" else StepKind.WORK,
                    state=state,
                    attempts=data.draw(st.integers(1, 3)),
                    started_at=NOON,
                    finished_at=self.tick(),
                    wake_at=None if done or failed else self.now + timedelta(seconds=5),
                    value=self.text().encode() if done else None,
                    error=self.text() if failed else None,
                )
            )
        return tuple(steps)

    def _states(self) -> st.SearchStrategy[RunState]:
        def state(status: RunStatus, wake: int | None, waits_for: tuple[str, ...]) -> RunState:
            is_waiting = status in {RunStatus.WAITING, RunStatus.PARKED, RunStatus.PENDING}
            succeeded = status is RunStatus.SUCCEEDED
            return RunState(
                status=status,
                at=self.now,
                wake_at=self.now + timedelta(seconds=wake)
                if is_waiting and wake is not None
                else None,
                waits_for=waits_for if status is RunStatus.WAITING else (),
                seconds_left=None if status.is_terminal else 30.0,
                error="it failed" if status.is_terminal and not succeeded else None,
                summary={"of": "it"} if succeeded else None,
                result=b"result" if succeeded else None,
            )

        waits_for = st.lists(st.sampled_from(SIGNALS), max_size=2, unique=True).map(tuple)
        wake = st.sampled_from([None, 0, 20])
        return st.builds(state, st.sampled_from(RunStatus), wake, waits_for)

    def _drawn_signals(self, data: st.DataObject, most: int) -> list[Signal]:
        drawn = data.draw(
            st.lists(
                st.tuples(runs, st.sampled_from(["s1", "s2", "s3"]), st.sampled_from(SIGNALS)),
                max_size=most,
            )
        )
        return [
            Signal(run_id=run_id, signal_id=signal, name=name, value=self.text(), sent_at=self.now)
            for run_id, signal, name in drawn
        ]

    def _learn(self, write: RunWrite) -> None:
        run_id = write.run_id
        self.last[run_id] += len(write.events)
        self.planned.update(effect.key for effect in write.effects)
        for step in write.steps:
            if step.state.is_final:
                self.final.setdefault((run_id, step.name, step.key), step)
        for receipt in write.receipts:
            (stored,) = self.both(
                lambda journal, key=receipt.key: journal.find_receipts(TENANT, [key])
            ) or (None,)
            if stored is not None:
                self.receipts.setdefault(receipt.key, stored)
        if write.state is not None and write.state.status is not RunStatus.RUNNING:
            self.holders.pop(run_id, None)

    @rule(data=st.data())
    def send(self, data: st.DataObject) -> None:
        signals = self._drawn_signals(data, 3)
        self.both(lambda journal: journal.send(TENANT, signals))

    @rule(chosen=some_runs)
    def cancel(self, chosen: list[str]) -> None:
        at = self.tick()
        self.both(lambda journal: journal.cancel(TENANT, chosen, now=at))

    @rule(chosen=some_runs)
    def resume(self, chosen: list[str]) -> None:
        at = self.tick()
        resumed: Sequence[RunRecord] = self.both(
            lambda journal: journal.resume(TENANT, chosen, now=at, seconds=60.0)
        )
        for record in resumed:
            self.forget_lost_steps(record.run_id)

    def forget_lost_steps(self, run_id: str) -> None:
        """Take back what is known of steps whose failure was taken back."""
        there = {(step.name, step.key) for step in self.steps(run_id)}
        for of_run, name, key in [*self.final]:
            if of_run == run_id and (name, key) not in there:
                lost = self.final.pop((of_run, name, key))
                assert lost.state is StepState.FAILED

    def steps(self, run_id: str) -> Sequence[StepRecord]:
        found: Sequence[StepRecord] = self.both(
            lambda journal: journal.read_steps(TENANT, run_id, values=True)
        )
        return found

    @rule(key=st.sampled_from(["q1", "q2"]))
    def answer(self, key: str) -> None:
        # Of two that are equally old, nobody says which one is pruned first.
        at, given = self.tick(), {key: _answer(self.text())}
        kept: Mapping[str, ChatAnswer] = self.both(
            lambda journal: journal.put_answers(TENANT, given, now=at)
        )
        assert kept[key] == self.answers.setdefault(key, given[key])

    @rule(before=st.sampled_from([45, 45, 45, 0]), limit=st.integers(0, 2))
    def prune(self, before: int, limit: int) -> None:
        moment = self.now - timedelta(seconds=before)
        self.both(lambda journal: journal.prune(TENANT, before=moment, limit=limit))
        there = {record.run_id for record in self.records()}
        for run_id in set(RUNS) - there:
            for known in (self.fences, self.holders, self.last):
                known.pop(run_id, None)
            self.claims = [one for one in self.claims if one[1].record.run_id != run_id]
        self.final = {key: step for key, step in self.final.items() if key[0] in there}
        # The effects of a run go with it; what is left is not asked for again.
        self.planned = set()
        for known, ask in (
            (self.receipts, lambda journal: journal.find_receipts(TENANT, EFFECTS)),
            (self.answers, lambda journal: journal.get_answers(TENANT, ["q1", "q2"])),
        ):
            left = self.both(ask)
            names = {one.key for one in left} if isinstance(left, tuple) else set(left)
            for key in known.keys() - names:
                del known[key]

    def records(self) -> Sequence[RunRecord]:
        found: Sequence[RunRecord] = self.both(lambda journal: journal.find_runs(TENANT))
        return found

    @invariant()
    def both_hold_the_same(self) -> None:
        for record in self.records():
            run_id = record.run_id
            self.both(lambda journal, one=run_id: journal.read_signals(TENANT, one))
            events = self.both(lambda journal, one=run_id: journal.read_events(TENANT, one))
            assert [event.sequence for event in events] == [*range(1, self.last[run_id] + 1)]
            for step in self.steps(run_id):
                known = self.final.get((run_id, step.name, step.key))
                if known is not None:
                    # A run that has succeeded drops the values.
                    assert replace(known, value=step.value) == step
        self.both(lambda journal: journal.notices(TENANT, RUNS))
        self.both(lambda journal: journal.read_results(TENANT, RUNS))
        self.both(lambda journal: journal.find_unsettled(TENANT))
        receipts = self.both(lambda journal: journal.find_receipts(TENANT, EFFECTS))
        assert {one.key: one for one in receipts} == self.receipts
        answers = self.both(lambda journal: journal.get_answers(TENANT, ["q1", "q2"]))
        assert answers == self.answers
