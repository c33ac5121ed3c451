from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from durable import Frozen, opened, until
from waiting_workflows import DAY, register

from codeflow_engine import AsyncEngine
from codeflow_engine.domain.budget import Budget
from codeflow_engine.domain.run import RunFinished, RunStatus, RunWaiting
from codeflow_engine.errors import (
    ConfigurationError,
    RunCancelledError,
    RunNotFoundError,
    SerializationError,
    StepTimeoutError,
    WorkflowError,
)
from codeflow_engine.runs.context import RunContext
from codeflow_engine.storage.memory import MemoryStorage
from codeflow_engine.testing.fakes import FakeClock


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def engine(storage: MemoryStorage, clock: FakeClock) -> AsyncIterator[AsyncEngine]:
    async with opened(register(AsyncEngine(storage=storage, clock=clock))) as one:
        yield one


async def test_a_run_that_sleeps_is_put_aside_until_its_moment(
    engine: AsyncEngine, clock: FakeClock
) -> None:
    """It takes no task meanwhile, and the time in which it slept does not count as executed."""
    run = await engine.submit("rest", {"seconds": 3 * DAY})
    await until(run, RunStatus.WAITING)
    assert run.record.wake_at == clock.now() + timedelta(days=3)
    assert run.record.deadline is None
    assert engine._executor.active == {}
    clock.advance(2.9 * DAY)
    await asyncio.sleep(0.06)
    assert (await run.refresh()).status is RunStatus.WAITING
    clock.advance(0.2 * DAY)
    assert await run.result() == "rested"


async def test_a_sleep_ends_when_it_was_to_end_whoever_executes_it(
    storage: MemoryStorage, clock: FakeClock
) -> None:
    """A restart does not begin it anew."""
    frozen = Frozen(storage, "wait.recorded:sleep", clock=clock)
    register(frozen.engine)
    run_id = (await frozen.engine.submit("rest", {"seconds": 100})).id
    await frozen.until_frozen()
    clock.advance(60)
    async with opened(register(AsyncEngine(storage=storage, clock=clock))) as engine:
        run = await engine.run(run_id)
        await until(run, RunStatus.WAITING)
        clock.advance(41)
        assert await run.result() == "rested"
    await frozen.close()


async def test_a_short_sleep_is_not_put_aside(engine: AsyncEngine, clock: FakeClock) -> None:
    """What is soon over is waited for in memory."""
    run = await engine.submit("rest", {"seconds": 0.01})
    await asyncio.sleep(0.1)
    assert run.status is RunStatus.RUNNING
    clock.advance(0.02)
    assert await run.result() == "rested"


async def test_a_wait_is_written_down_from_its_begin_to_its_end(
    engine: AsyncEngine, clock: FakeClock
) -> None:
    """What a timeline shows of it is what it took, also where one process sees all of it."""
    began = clock.now()
    run = await engine.submit("rest", {"seconds": 0.01})
    await asyncio.sleep(0.1)
    clock.advance(0.02)
    await run.result()
    (step,) = await run.steps()
    assert (step.started_at, step.finished_at) == (began, clock.now())


async def test_a_signal_is_received_once_and_in_order(engine: AsyncEngine) -> None:
    """Signals of a name come in the order in which they were sent, early ones too."""
    run = await engine.submit("inquire", {"times": 3})
    await run.send("answer", {"number": 1})
    await run.send("other", "not meant")
    await until(run, RunStatus.WAITING)
    await run.send("answer", 2)
    await run.send("answer", "three")
    assert await run.result() == [{"number": 1}, 2, "three"]


async def test_a_signal_sent_twice_under_one_id_counts_once(engine: AsyncEngine) -> None:
    """A sender that does not know whether it got through may send again."""
    run = await engine.submit("inquire", {"times": 2})
    for value in ("first", "again", "again"):
        await run.send("answer", value, id="same")
    await run.send("answer", "second", id="other")
    assert await run.result() == ["first", "second"]


async def test_a_wait_for_a_signal_has_an_end(engine: AsyncEngine, clock: FakeClock) -> None:
    """The error is that of a step, and stands in the journal."""
    run = await engine.submit("inquire", {"timeout": DAY})
    await until(run, RunStatus.WAITING)
    clock.advance(DAY + 1)
    with pytest.raises(StepTimeoutError, match="answer"):
        await run.result()


async def test_a_run_that_waits_goes_on_in_another_process(
    storage: MemoryStorage, clock: FakeClock
) -> None:
    """A signal reaches it wherever it was put aside, and days after."""
    async with opened(register(AsyncEngine(storage=storage, clock=clock, executes="none"))) as web:
        run = await web.submit("inquire", {})
        async with opened(register(AsyncEngine(storage=storage, clock=clock))) as worker:
            await until(await worker.run(run.id), RunStatus.WAITING)
            await worker.drain(grace=1)
        clock.advance(5 * DAY)
        await run.send("answer", "yes")
        assert (await run.refresh()).status is RunStatus.WAITING
        async with opened(register(AsyncEngine(storage=storage, clock=clock))):
            assert await run.result() == ["yes"]
        events = [event async for event in run.events()]
    assert any(isinstance(event, RunWaiting) for event in events)
    assert isinstance(events[-1], RunFinished)


async def test_two_waits_at_the_same_time_each_get_their_signal(engine: AsyncEngine) -> None:
    """A run waits for all of its names, and wakes for any of them."""
    run = await engine.submit("both", {})
    await until(run, RunStatus.WAITING)
    assert run.record.waits_for == ("left", "right")
    await run.send("right", "r")
    await asyncio.sleep(0.1)
    await until(run, RunStatus.WAITING)
    await run.send("left", "l")
    assert await run.result() == ("l", "r")


async def test_a_signal_that_comes_while_the_run_is_put_aside_is_not_lost(
    storage: MemoryStorage,
) -> None:
    """Between the last look and the wait that is written down nothing gets lost."""
    frozen = Frozen(storage, "run.suspending")
    register(frozen.engine)
    run = await frozen.engine.submit("inquire", {})
    async with asyncio.timeout(5):
        await frozen.freeze.arrived.wait()
    await run.send("answer", "in between")
    frozen.freeze.go_on.set()
    assert await run.result() == ["in between"]
    await frozen.close()


async def test_signals_need_a_run_and_plain_data(engine: AsyncEngine) -> None:
    """What cannot be delivered is an error of the sender."""
    run = await engine.submit("inquire", {})
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    for value in (object(), b"x", float("nan"), 10**5000, deep):
        with pytest.raises(SerializationError):
            await run.send("answer", value)
    for name, signal_id in ((5, None), ("answer", 5)):
        with pytest.raises(ConfigurationError):
            await run.send(name, 1, id=signal_id)  # type: ignore[arg-type] # it is wrong
    await run.cancel()
    with pytest.raises(RunNotFoundError):
        await engine._executor.send("nobody", "answer", 1, None)


async def test_an_approval_counts_once(engine: AsyncEngine) -> None:
    """Who approves twice approves once, and the first one is named."""

    @engine.workflow("approved")
    async def approved(run: RunContext, given: dict[str, Any]) -> Any:
        return await run.receive("approval")

    run = await engine.submit("approved", {})
    await run.approve(by="ada")
    await run.approve(by="bob")
    assert await run.result() == {"by": "ada"}


async def test_a_top_up_reaches_the_workflow(engine: AsyncEngine) -> None:
    """A budget comes as a signal, with dollars as a decimal text."""

    @engine.workflow("poor")
    async def poor(run: RunContext, given: dict[str, Any]) -> Any:
        return await run.receive("budget")

    run = await engine.submit("poor", {})
    await run.top_up(Budget(usd="2.50"))
    assert await run.result() == {"usd": "2.50", "tokens": None}


async def test_a_top_up_that_is_asked_for_again_counts_once(engine: AsyncEngine) -> None:
    """By its key: in the budget, also from the engine's own verb, and for the workflow."""

    @engine.workflow("poor")
    async def poor(run: RunContext, given: dict[str, Any]) -> Any:
        return [await run.receive("budget") for _ in range(3)]

    run = await engine.submit("poor", {})
    for key in ("order-7", "order-7", "order-8"):
        await run.top_up(Budget(tokens=7), key=key)
    await engine.top_up(f"run:{run.id}", Budget(tokens=7), key="order-7")
    await run.top_up(Budget(tokens=1))

    assert [one["tokens"] for one in await run.result()] == [7, 7, 1]
    (balance,) = await engine.balances(f"run:{run.id}")
    assert balance.added.tokens == 15


async def test_children_are_runs_of_their_own(engine: AsyncEngine) -> None:
    """The parent gets their results, and each knows its parent."""
    run = await engine.submit("family", {"names": ["ann", "ben"], "with": {}})
    assert await run.result() == ["ann of us", "ben of us"]
    children = [one for one in await engine.runs() if one.record.parent == run.id]
    assert len(children) == 2


async def test_a_parent_is_put_aside_while_its_children_wait(engine: AsyncEngine) -> None:
    """It wakes at the end of each."""
    run = await engine.submit("family", {"names": ["ann", "ben"], "with": {"waits": True}})
    await until(run, RunStatus.WAITING)
    children = [one for one in await engine.runs() if one.record.parent == run.id]
    for child in children:
        await child.send("answer")
    assert await run.result() == ["ann of us", "ben of us"]


async def test_a_failed_child_fails_its_parent_with_its_own_error(engine: AsyncEngine) -> None:
    """The error is that of the child, unless the workflow catches it."""
    run = await engine.submit("family", {"names": ["ann"], "child": "broken", "with": {}})
    with pytest.raises(WorkflowError, match="this child is broken"):
        await run.result()


async def test_a_parent_that_is_resumed_hears_of_a_child_that_has_ended_long_ago(
    engine: AsyncEngine, clock: FakeClock
) -> None:
    """The sign of its end came once; the second time the child is looked at."""
    run = await engine.submit("family", {"names": ["ann"], "child": "broken", "with": {}})
    with pytest.raises(WorkflowError, match="this child is broken"):
        await run.result()
    await run.resume()
    with pytest.raises(WorkflowError, match="this child is broken"):
        await run.result()
    (child,) = [one for one in await engine.runs() if one.record.parent == run.id]
    await child.resume()
    with pytest.raises(WorkflowError, match="this child is broken"):
        await child.result()
    assert clock.monotonic() == 0.0


async def test_d34_children_are_cancelled_with_their_parent(engine: AsyncEngine) -> None:
    """All that it has started ends, also what was put aside."""
    run = await engine.submit("family", {"names": ["ann", "ben"], "with": {"waits": True}})
    await until(run, RunStatus.WAITING)
    await run.cancel()
    assert {one.status for one in await engine.runs()} == {RunStatus.CANCELLED}
    with pytest.raises(RunCancelledError):
        await run.result()
