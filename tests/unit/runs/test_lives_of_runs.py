from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from durable import Frozen, opened, until
from waiting_workflows import DAY, register, rest

from codeflow_engine import AsyncEngine
from codeflow_engine.domain.run import RunFinished, RunStatus
from codeflow_engine.errors import (
    ConfigurationError,
    ConflictingRunError,
    UnknownBackendError,
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
    for workflow, given in (("member", {"name": "ben"}), ("inquire", {"name": "ann"})):
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


@pytest.mark.parametrize(
    "wrong",
    [
        {"input": None},
        {"input": [1]},
        {"key": 5},
        {"key": ""},
        {"priority": 1.5},
        {"priority": "high"},
        {"priority": True},
        {"priority": 2**63},
        {"not_before": "tomorrow"},
        {"not_before": 5},
    ],
    ids=str,
)
async def test_what_cannot_be_meant_is_refused(engine: AsyncEngine, wrong: dict[str, Any]) -> None:
    """The error is one of the caller, and not of the storage."""
    asked: dict[str, Any] = {"input": {"name": "ann"}, **wrong}
    with pytest.raises(ConfigurationError):
        await engine.submit("member", **asked)
    assert await engine.runs() == ()


async def test_d34_cancel_while_a_run_is_put_aside(engine: AsyncEngine) -> None:
    """It ends at once, with a last event, and can be resumed."""
    run = await engine.submit("inquire", {})
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


@pytest.mark.parametrize("executes", ["all", "own"])
async def test_d44_who_is_more_urgent_passes_those_that_wait(
    storage: MemoryStorage, executes: str
) -> None:
    """Also in the process that they were all submitted in: what waits does so in the storage."""
    order: list[int] = []

    async def note(number: int) -> None:
        await asyncio.sleep(0.002)
        order.append(number)

    async def noted(run: RunContext, given: dict[str, Any]) -> None:
        await run.step("note", note, given["number"])

    few = {"local": {"concurrency": 2}}
    async with AsyncEngine(storage=storage, backend_settings=few, executes=executes) as engine:
        engine.workflow("noted")(noted)
        runs = [await engine.submit("noted", {"number": number}) for number in range(30)]
        runs.append(await engine.submit("noted", {"number": 99}, priority=1))
        await asyncio.gather(*(run.result() for run in runs))

    assert sorted(order) == [*range(30), 99]
    assert order.index(99) < 15
    order.remove(99)
    assert all(abs(number - place) < 4 for place, number in enumerate(order))


async def test_d2_interrupted_runs_are_found_and_go_on_where_somebody_asks_for_it(
    storage: MemoryStorage, clock: FakeClock
) -> None:
    """A run counts as interrupted when its worker is gone: not before, and not while it waits."""
    frozen = Frozen(storage, "wait.recorded:sleep", clock=clock)
    register(frozen.engine)
    run_id = (await frozen.engine.submit("rest", {"seconds": 0.01})).id
    async with opened(register(AsyncEngine(storage=storage, executes="own", clock=clock))) as own:
        await until(await own.run(run_id), RunStatus.RUNNING)
        assert await own.interrupted() == ()
        with pytest.raises(ConfigurationError, match="running"):
            await (await own.run(run_id)).resume()
        await frozen.until_frozen()
        waiting = await own.submit("rest", {"seconds": DAY})
        await until(waiting, RunStatus.WAITING)
        (found,) = await own.interrupted()
        assert (found.id, found.status) == (run_id, RunStatus.RUNNING)
        await found.resume()
        clock.advance(1)
        assert await found.result() == "rested"
        assert (found.record.recoveries, await own.interrupted()) == (1, ())
    await frozen.close()


async def test_d34_an_interrupted_run_is_cancelled_by_whoever_is_asked_for_it(
    storage: MemoryStorage, clock: FakeClock
) -> None:
    """Nobody executes it, so that the engine that was asked writes its end."""
    frozen = Frozen(storage, "wait.recorded:sleep", clock=clock)
    register(frozen.engine)
    run_id = (await frozen.engine.submit("rest", {"seconds": 1})).id
    await frozen.until_frozen()
    async with register(AsyncEngine(storage=storage, executes="own", clock=clock)) as own:
        run = await own.run(run_id)
        async with asyncio.timeout(5):
            await run.cancel()
        assert (await run.refresh()).status is RunStatus.CANCELLED
    await frozen.close()


async def test_events_are_read_without_waiting_for_more(engine: AsyncEngine) -> None:
    """Whoever shows a run that waits gets what is stored now, and not an endless stream."""
    run = await engine.submit("inquire", {})
    await until(run, RunStatus.WAITING)
    async with asyncio.timeout(5):
        events = [event async for event in run.events(wait=False)]
        later = [event async for event in run.events(after=events[-1].sequence, wait=False)]
    assert [type(event).__name__ for event in events] == ["RunStarted", "RunWaiting"]
    assert later == []
