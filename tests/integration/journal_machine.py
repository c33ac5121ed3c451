"""Two journals that are told the same, in any order that Hypothesis thinks of.

Time is a number that the machine moves, ids are drawn from a few, and leases end when the
machine says so, so that a sequence that fails does so again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from journal_draws import (
    EFFECTS,
    LIMITS,
    RUNS,
    TENANT,
    Draws,
    runs,
    seconds,
    some_runs,
    workers,
)

from codeflow_engine.domain.chat import ChatAnswer, FinishReason
from codeflow_engine.domain.effect import Receipt
from codeflow_engine.domain.journal import (
    Claim,
    RunWrite,
    StepRecord,
    StepState,
    Submission,
)
from codeflow_engine.domain.run import RunRecord, RunStatus
from codeflow_engine.errors import CodeflowError
from codeflow_engine.storage.memory import MemoryStorage
from codeflow_engine.storage.sql import SQLStorage

__all__ = ["JournalMachine"]

_MEMORY = "/dev/shm"  # noqa: S108 - a directory of its own is made in it


def _answer(text: str) -> ChatAnswer:
    return ChatAnswer(text=text, finish_reason=FinishReason.STOP, model="m")


class JournalMachine(Draws, RuleBasedStateMachine):
    """Tells both journals everything, and knows by itself what must never happen."""

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        # What is on disk is not what this is about, and a disk takes most of the time.
        self._place = TemporaryDirectory(dir=_MEMORY if os.path.isdir(_MEMORY) else None)  # noqa: PTH112
        path = Path(self._place.name, "x.db")
        self.journals = (MemoryStorage(), SQLStorage(f"sqlite:///{path}"))
        self.claims: list[tuple[str, Claim]] = []
        """Every claim that was ever given, with its worker: also those of the dead."""

        self.fences: dict[str, int] = {}
        self.holders: dict[str, str] = {}
        """Who executes a run, as far as those know whose writes were taken."""

        self.alive: set[str] = set()
        self.final: dict[tuple[str, str, str], StepRecord] = {}
        self.receipts: dict[str, Receipt] = {}
        self.answers: dict[str, ChatAnswer] = {}

    def teardown(self) -> None:
        for journal in self.journals:
            self._runner.run(journal.aclose())
        self._runner.close()
        self._place.cleanup()

    def both(self, ask: Callable[[Any], Awaitable[Any]]) -> Any:
        """Ask both journals, which have to say the same; give None where both refuse."""
        answers = [self._runner.run(self._told(ask, journal)) for journal in self.journals]
        assert answers[0] == answers[1], f"memory: {answers[0]}\nSQLite: {answers[1]}"
        kind, value = answers[0]
        return value if kind == "gave" else None

    @staticmethod
    async def _told(ask: Callable[[Any], Awaitable[Any]], journal: Any) -> tuple[str, Any]:
        try:
            return "gave", await ask(journal)
        except CodeflowError as error:
            return "raised", type(error)

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
        writes = [self.drawn_write(data, self.claims[-place][1]) for place in places]
        told: Sequence[bool] = self.both(lambda journal: journal.write(writes))
        for write, taken in zip(writes, told, strict=True):
            if taken:
                assert write.fence == self.fences[write.run_id]
                self._learn(write)

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
        signals = self.drawn_signals(data, 3)
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
