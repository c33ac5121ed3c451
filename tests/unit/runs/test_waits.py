from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from durable import Frozen, opened, until

from codeflow_engine import AsyncEngine
from codeflow_engine.domain.budget import Budget
from codeflow_engine.domain.run import RunFinished, RunStatus, RunWaiting
from codeflow_engine.errors import (
    ConfigurationError,
    ConflictingRunError,
    RunCancelledError,
    RunNotFoundError,
    SerializationError,
    StepTimeoutError,
    UnknownBackendError,
    WorkflowError,
)
from codeflow_engine.runs.context import RunContext
from codeflow_engine.storage.memory import MemoryStorage
from codeflow_engine.testing.fakes import FakeClock

DAY = 86_400.0


def register(engine: AsyncEngine) -> AsyncEngine:
    """Register workflows that wait."""
    for function in (rest, ask, family, member, broken, both):
        engine.workflow(function.__name__)(function)
    return engine


async def rest(run: RunContext, given: dict[str, Any]) -> str:
    await run.sleep(given["seconds"])
    return "rested"


async def ask(run: RunContext, given: dict[str, Any]) -> list[Any]:
    return [
        await run.receive("answer", timeout=given.get("timeout"))
        for _ in range(given.get("times", 1))
    ]


async def member(run: RunContext, given: dict[str, Any]) -> str:
    if given.get("waits"):
        await run.receive("answer")
    return f"{given['name']} of {given.get('family', 'nobody')}"


async def broken(run: RunContext, given: dict[str, Any]) -> None:
    raise WorkflowError("this child is broken")


async def family(run: RunContext, given: dict[str, Any]) -> list[str]:
    children = [
        run.child(
            given.get("child", "member"), {"name": name, "family": "us", **given["with"]}, key=name
        )
        for name in given["names"]
    ]
    return list(await run.together(children))


async def both(run: RunContext, given: dict[str, Any]) -> tuple[str, str]:
    first, second = await run.together(
        [run.receive("left", key="l"), run.receive("right", key="r")]
    )
    return first, second


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


async def test_a_signal_is_received_once_and_in_order(engine: AsyncEngine) -> None:
    """Signals of a name come in the order in which they were sent, early ones too."""
    run = await engine.submit("ask", {"times": 3})
    await run.send("answer", {"number": 1})
    await run.send("other", "not meant")
    await until(run, RunStatus.WAITING)
    await run.send("answer", 2)
    await run.send("answer", "three")
    assert await run.result() == [{"number": 1}, 2, "three"]


async def test_a_signal_sent_twice_under_one_id_counts_once(engine: AsyncEngine) -> None:
    """A sender that does not know whether it got through may send again."""
    run = await engine.submit("ask", {"times": 2})
    for value in ("first", "again", "again"):
        await run.send("answer", value, id="same")
    await run.send("answer", "second", id="other")
    assert await run.result() == ["first", "second"]


async def test_a_wait_for_a_signal_has_an_end(engine: AsyncEngine, clock: FakeClock) -> None:
    """The error is that of a step, and stands in the journal."""
    run = await engine.submit("ask", {"timeout": DAY})
    await until(run, RunStatus.WAITING)
    clock.advance(DAY + 1)
    with pytest.raises(StepTimeoutError, match="answer"):
        await run.result()


async def test_a_run_that_waits_goes_on_in_another_process(
    storage: MemoryStorage, clock: FakeClock
) -> None:
    """A signal reaches it wherever it was put aside, and days after."""
    async with opened(register(AsyncEngine(storage=storage, clock=clock, executes="none"))) as web:
        run = await web.submit("ask", {})
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
    run = await frozen.engine.submit("ask", {})
    async with asyncio.timeout(5):
        await frozen.freeze.arrived.wait()
    await run.send("answer", "in between")
    frozen.freeze.go_on.set()
    assert await run.result() == ["in between"]
    await frozen.close()


async def test_signals_need_a_run_and_plain_data(engine: AsyncEngine) -> None:
    """What cannot be delivered is an error of the sender."""
    run = await engine.submit("ask", {})
    with pytest.raises(SerializationError):
        await run.send("answer", object())
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


async def test_d34_children_are_cancelled_with_their_parent(engine: AsyncEngine) -> None:
    """All that it has started ends, also what was put aside."""
    run = await engine.submit("family", {"names": ["ann", "ben"], "with": {"waits": True}})
    await until(run, RunStatus.WAITING)
    await run.cancel()
    assert {one.status for one in await engine.runs()} == {RunStatus.CANCELLED}
    with pytest.raises(RunCancelledError):
        await run.result()


async def test_d8_the_same_key_is_the_same_run(engine: AsyncEngine) -> None:
    """Asked for at the same time or later, it is executed once."""
    given = {"name": "ann"}
    runs = await asyncio.gather(*(engine.submit("member", given, key="k") for _ in range(5)))
    assert {run.id for run in runs} == {runs[0].id}
    assert {await run.result() for run in runs} == {"ann of nobody"}
    again = await engine.submit("member", given, key="k")
    assert (again.id, again.status) == (runs[0].id, RunStatus.SUCCEEDED)
    assert len(await engine.runs()) == 1


async def test_d9_the_same_key_with_another_input_is_refused(engine: AsyncEngine) -> None:
    """The first run stays as it is."""
    run = await engine.submit("member", {"name": "ann"}, key="k")
    for workflow, given in (("member", {"name": "ben"}), ("ask", {"name": "ann"})):
        with pytest.raises(ConflictingRunError, match=run.id):
            await engine.submit(workflow, given, key="k")
    assert await run.result() == "ann of nobody"


async def test_a_run_does_not_begin_before_its_time(engine: AsyncEngine, clock: FakeClock) -> None:
    """It waits in the storage, and nobody holds it."""
    later = clock.now() + timedelta(hours=1)
    run = await engine.submit("member", {"name": "ann"}, not_before=later)
    await asyncio.sleep(0.06)
    assert (await run.refresh()).status is RunStatus.PENDING
    clock.advance(3601)
    assert await run.result() == "ann of nobody"
    with pytest.raises(ConfigurationError, match="time zone"):
        await engine.submit("member", {}, not_before=later.replace(tzinfo=None))


async def test_d34_cancel_while_a_run_is_put_aside(engine: AsyncEngine) -> None:
    """It ends at once, with a last event, and can be resumed."""
    run = await engine.submit("ask", {})
    await until(run, RunStatus.WAITING)
    await run.cancel()
    assert run.status is RunStatus.CANCELLED
    assert isinstance([event async for event in run.events()][-1], RunFinished)
    await run.resume()
    await run.send("answer", "late")
    assert await run.result() == ["late"]


async def test_a_run_cannot_be_resumed_that_needs_it_not(engine: AsyncEngine) -> None:
    """A success stays one."""
    run = await engine.submit("member", {"name": "ann"})
    await run.result()
    with pytest.raises(ConfigurationError, match="succeeded"):
        await run.resume()


async def test_d39_a_run_whose_plugin_is_gone_is_parked_and_goes_on_when_it_is_back(
    storage: MemoryStorage, clock: FakeClock
) -> None:
    """It is not failed: the reason says what is missing, and nobody has to resume it."""
    frozen = Frozen(storage, "wait.recorded:sleep", clock=clock)
    register(frozen.engine)
    run_id = (await frozen.engine.submit("rest", {"seconds": 1})).id
    await frozen.until_frozen()
    clock.advance(2)
    async with opened(AsyncEngine(storage=storage, clock=clock)) as bare:
        run = await bare.run(run_id)
        await until(run, RunStatus.PARKED)
        assert run.record.error is not None
        assert run.record.error.startswith("PLUGIN_MISSING")
        assert "rest" in run.record.error
    clock.advance(61)
    async with opened(register(AsyncEngine(storage=storage, clock=clock))) as engine:
        assert await (await engine.run(run_id)).result() == "rested"
    await frozen.close()


async def test_d38_a_run_of_another_version_is_parked(
    storage: MemoryStorage, clock: FakeClock
) -> None:
    """It waits for somebody who has its code; a person sees why."""
    frozen = Frozen(storage, "run.claimed", clock=clock)
    frozen.engine.workflow("rest", version=7)(rest)
    run_id = (await frozen.engine.submit("rest", {"seconds": 1})).id
    await frozen.until_frozen()
    async with opened(register(AsyncEngine(storage=storage, clock=clock))) as engine:
        run = await engine.run(run_id)
        await until(run, RunStatus.PARKED)
        assert "VERSION_MISSING" in (run.record.error or "")
        assert "version 7" in (run.record.error or "")
    await frozen.close()


async def test_d37_a_run_that_ends_its_worker_again_and_again_is_dead(
    storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is taken up so often and no more; others go on, and a person can resume it."""
    monkeypatch.setenv("CODEFLOW_RECOVERIES", "2")
    frozen: list[Frozen] = []
    run_id = ""
    for _ in range(3):
        one = Frozen(storage, "step.worked:poison")
        frozen.append(one)

        @one.engine.workflow("poisoned")
        async def poisoned(run: RunContext, given: dict[str, Any]) -> None:
            await run.step("poison", asyncio.sleep, 0)

        if run_id:
            await one.engine.open()
        else:
            run_id = (await one.engine.submit("poisoned", {})).id
        await one.until_frozen()
    async with opened(register(AsyncEngine(storage=storage))) as engine:
        engine.workflow("poisoned")(poisoned)
        run = await engine.run(run_id)
        await until(run, RunStatus.DEAD)
        with pytest.raises(WorkflowError, match="taken up"):
            await run.result()
        assert await (await engine.submit("member", {"name": "ann"})).result()
        await run.resume()
        await run.result()
        assert run.status is RunStatus.SUCCEEDED
        assert run.record.recoveries == 0
    for one in frozen:
        await one.close()


async def test_d35_a_drained_engine_gives_its_runs_back(
    storage: MemoryStorage, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others take them up at once, and that counts as no recovery."""
    monkeypatch.setattr(MemoryStorage, "capabilities", MemoryStorage.capabilities | {"durable"})
    gate = asyncio.Event()

    async def slow() -> str:
        await gate.wait()
        return "done"

    async def long(run: RunContext, given: dict[str, Any]) -> str:
        return await run.step("wait", slow)

    first = AsyncEngine(storage=storage)
    first.workflow("long")(long)
    run_id = (await first.submit("long", {})).id
    await asyncio.sleep(0.05)
    await first.drain(grace=0.01)
    with pytest.raises(ConfigurationError, match="closed"):
        await first.submit("long", {})
    assert (await storage.get_runs("default", [run_id]))[0].status is RunStatus.PENDING
    async with AsyncEngine(storage=storage) as second:
        second.workflow("long")(long)
        gate.set()
        run = await second.run(run_id)
        assert await run.result() == "done"
        assert run.record.recoveries == 0
    await first.aclose()


async def test_d35_a_drained_engine_lets_runs_end_that_are_quick(storage: MemoryStorage) -> None:
    """Within the grace they end as if nothing were."""
    engine = AsyncEngine(storage=storage)

    @engine.workflow("quick")
    async def quick(run: RunContext, given: dict[str, Any]) -> str:
        await run.step("wait", asyncio.sleep, 0.05)
        return "done"

    run = await engine.submit("quick", {})
    await asyncio.sleep(0.01)
    draining = asyncio.create_task(engine.drain(grace=5))
    assert await run.result() == "done"
    await draining
    await engine.aclose()


async def test_an_engine_that_executes_nothing_only_submits(storage: MemoryStorage) -> None:
    """Others find its runs."""
    async with register(AsyncEngine(storage=storage, executes="none")) as web:
        run = await web.submit("member", {"name": "ann"})
        await asyncio.sleep(0.06)
        assert (await run.refresh()).status is RunStatus.PENDING
        async with opened(register(AsyncEngine(storage=storage))):
            assert await run.result() == "ann of nobody"


async def test_an_engine_that_executes_its_own_leaves_others_alone(
    storage: MemoryStorage, clock: FakeClock
) -> None:
    """A command does not take up what another one has left."""
    async with register(AsyncEngine(storage=storage, executes="none", clock=clock)) as web:
        theirs = await web.submit("member", {"name": "ann"})
    async with opened(register(AsyncEngine(storage=storage, executes="own", clock=clock))) as own:
        ours = await own.submit("rest", {"seconds": DAY})
        await until(ours, RunStatus.WAITING)
        clock.advance(DAY + 1)
        assert await ours.result() == "rested"
        assert (await (await own.run(theirs.id)).refresh()).status is RunStatus.PENDING
    with pytest.raises(ConfigurationError, match="all, own, none"):
        AsyncEngine(executes="some")


async def test_workflow_names_are_owned_by_one(engine: AsyncEngine) -> None:
    """A name that is taken is refused, and an unknown one lists the known ones."""
    with pytest.raises(Exception, match="rest"):
        engine.workflow("rest")(rest)
    with pytest.raises(UnknownBackendError, match="member"):
        await engine.submit("nobody", {})


async def test_d44_limits_hold_over_workers(
    storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many runs of a workflow execute at once, however many workers there are."""
    monkeypatch.setenv("CODEFLOW_LIMITS", '{"counted": {"running": 2}}')
    running = most = 0

    async def count() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1

    async def counted(run: RunContext, given: dict[str, Any]) -> None:
        await run.step("count", count)

    engines = [AsyncEngine(storage=storage) for _ in range(3)]
    for one in engines:
        one.workflow("counted")(counted)
    runs = [await engines[n % 3].submit("counted", {}) for n in range(12)]
    await asyncio.gather(*(run.result() for run in runs))
    assert most == 2
    for one in engines:
        await one.aclose()
