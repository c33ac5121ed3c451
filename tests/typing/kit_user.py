"""Uses the kit as the tests of a plugin would; mypy checks it, and nothing runs it."""

from __future__ import annotations

from typing import assert_type

from codeflow_engine.contracts.strategy import Ask
from codeflow_engine.errors import StorageFullError
from codeflow_engine.testing.fakes import FakeModel, FakeObserver
from codeflow_engine.testing.faults import Call, FaultPlan, answers, faulty, loses, raises

plan = FaultPlan(
    raises("on_event", StorageFullError("full"), after=True, on=2),
    raises("on_event", OSError, chance=0.5),
    loses("on_event", on=lambda call: call.number > 3),
    answers("stream", tuple, pieces=2),
    seed=7,
)
assert_type(faulty(FakeObserver(), plan), FakeObserver)
assert_type(plan.calls, list[Call])
ask: Ask = FakeModel("yes", StorageFullError("full")).ask
