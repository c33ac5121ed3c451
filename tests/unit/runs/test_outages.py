"""Runs whose journal is away for a moment, wherever they ask it for something."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from durable import DurableStorage, opened, until

from codeflow_engine import AsyncEngine, Retry
from codeflow_engine.domain.effect import Effect, EffectKind, effect_key
from codeflow_engine.domain.journal import StepState
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.errors import ProviderUnavailableError, StorageUnavailableError
from codeflow_engine.runs.context import RunContext
from codeflow_engine.testing.examples import EXAMPLES
from codeflow_engine.testing.fakes import FakeHost, FakeVCS
from codeflow_engine.testing.faults import Call, FaultPlan, delays, faulty, raises

EXAMPLE = next(one for one in EXAMPLES if one.revisions[1])


async def child(run: RunContext, given: dict[str, Any]) -> int:
    return 7


async def parent(run: RunContext, given: dict[str, Any]) -> Any:
    return await run.child("child", {})


async def receiving(run: RunContext, given: dict[str, Any]) -> Any:
    return await run.receive("go")


async def sleeping(run: RunContext, given: dict[str, Any]) -> int:
    await run.sleep(0.01)
    return 7


async def writing(run: RunContext, given: dict[str, Any]) -> int:
    head, name = str(EXAMPLE.revisions[1]), EXAMPLE.name
    key = effect_key(name, EffectKind.SUMMARY, head, "told")
    payload = {"body": "seven"}
    await run.effect(
        Effect(key=key, kind=EffectKind.SUMMARY, target=name, head=head, payload=payload)
    )
    return 7


class Flaky:
    """A workflow whose step is tried again."""

    def __init__(self) -> None:
        self.calls = 0

    async def call(self) -> int:
        self.calls += 1
        if self.calls == 1:
            raise ProviderUnavailableError("away")
        return 7

    async def retrying(self, run: RunContext, given: dict[str, Any]) -> int:
        return await run.step("call", self.call, retry=Retry(attempts=3, first=0.01))


def once(matches: Callable[[Call], bool]) -> Callable[[Call], bool]:
    """Choose the first call of some."""
    seen: list[Call] = []

    def is_first(call: Call) -> bool:
        if seen or not matches(call):
            return False
        seen.append(call)
        return True

    return is_first


def any_call(call: Call) -> bool:
    return True


def of_state(state: StepState) -> Callable[[Call], bool]:
    return lambda call: any(
        step.state is state for one in call.arguments["writes"] for step in one.steps
    )


def of_child(call: Call) -> bool:
    return any(one.record.workflow == "child" for one in call.arguments["runs"])


def without_parts(call: Call) -> bool:
    """Choose the write that only asks whether the run is still ours, before an effect."""
    return any(
        not (one.steps or one.effects or one.receipts or one.events or one.state)
        for one in call.arguments["writes"]
    )


@pytest.mark.parametrize(
    ("workflow", "method", "matches"),
    [
        ("retrying", "write", of_state(StepState.DONE)),
        ("retrying", "write", of_state(StepState.WAITING)),
        ("sleeping", "write", of_state(StepState.WAITING)),
        ("receiving", "read_signals", any_call),
        ("parent", "submit", of_child),
        ("parent", "read_signals", any_call),
        ("parent", "read_results", any_call),
        ("writing", "write", without_parts),
    ],
)
async def test_d14_a_journal_that_is_away_for_a_moment_fails_no_run(
    workflow: str, method: str, matches: Callable[[Call], bool]
) -> None:
    """Whatever was asked of it: the run goes on behind its last record, and no step has failed."""
    away = raises(method, StorageUnavailableError("it is away"), on=once(matches))
    storage = faulty(DurableStorage(), FaultPlan(away))
    flaky, vcs = Flaky(), FakeVCS(FakeHost(EXAMPLE))
    async with asyncio.timeout(10), opened(AsyncEngine(storage=storage, vcs=vcs)) as engine:
        for function in (child, parent, receiving, sleeping, writing, flaky.retrying):
            engine.workflow(function.__name__)(function)
        run = await engine.submit(workflow, {})
        await run.send("go", 7)
        await until(run, RunStatus.SUCCEEDED)

        assert await run.result() == 7
        assert {step.state for step in await run.steps()} == {StepState.DONE}


async def test_a_run_whose_step_is_being_written_does_not_only_wait() -> None:
    """It is not put aside for the signal of another branch, however slow the storage is."""
    done: list[int] = []

    async def note(number: int) -> None:
        done.append(number)

    async def branches(run: RunContext, given: dict[str, Any]) -> None:
        async def working() -> None:
            for number in range(3):
                await run.step("note", note, number, key=str(number))

        await run.together([run.receive("go", key="go"), working()])

    slow = delays("write", 0.1, on=of_state(StepState.DONE))
    storage = faulty(DurableStorage(), FaultPlan(slow))
    async with asyncio.timeout(5), opened(AsyncEngine(storage=storage)) as engine:
        engine.workflow("branches")(branches)
        run = await engine.submit("branches", {})
        while len(done) < 3:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
        await until(run, RunStatus.WAITING)
        await run.send("go")
        await run.result()

    assert done == [0, 1, 2]
