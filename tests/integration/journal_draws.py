"""What a worker may write, drawn by Hypothesis."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

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
)
from codeflow_engine.domain.run import RunStatus, StepStarted
from codeflow_engine.testing.values import NOON

__all__ = [
    "EFFECTS",
    "LIMITS",
    "RUNS",
    "TENANT",
    "Draws",
    "runs",
    "seconds",
    "some_runs",
    "workers",
]

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


def _effect(key: str) -> Effect:
    return Effect(key=key, kind=EffectKind.LABEL, target="t", head="h", payload={"key": key})


class Draws:
    """Draws writes that could be meant, whether or not the claim behind them still holds."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.last: dict[str, int] = {}
        """Number of the last event of each run that is there."""

        self.planned: set[str] = set()
        self.texts = 0

    def both(self, ask: Callable[[Any], Awaitable[Any]]) -> Any:
        """Ask both journals."""
        raise NotImplementedError

    def text(self) -> str:
        """Make a text that was not there before."""
        self.texts += 1
        return f"text {self.texts}"

    def tick(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def drawn_write(self, data: st.DataObject, claim: Claim) -> RunWrite:
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
            signals=tuple(self.drawn_signals(data, 1)),
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

    def drawn_signals(self, data: st.DataObject, most: int) -> list[Signal]:
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
