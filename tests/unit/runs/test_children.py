"""Runs that start others: ended, resumed, cancelled and drained together."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from durable import DurableStorage, opened, until

from codeflow_engine import AsyncEngine
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.errors import RunCancelledError
from codeflow_engine.runs.context import RunContext
from codeflow_engine.testing.faults import FaultPlan, faulty


class Family:
    """A parent and a child, whose work waits, or fails, as often as it is told to."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.before = asyncio.Event()
        self.before.set()
        self.fails = 0
        self.done: Counter[str] = Counter()

    def register(self, engine: AsyncEngine) -> AsyncEngine:
        for name in ("parent", "child"):
            engine.workflow(name)(getattr(self, name))
        return engine

    async def prepare(self) -> None:
        self.done["prepare"] += 1
        await self.before.wait()

    async def work(self) -> str:
        self.done["work"] += 1
        await self.gate.wait()
        if self.fails:
            self.fails -= 1
            raise ValueError("not yet")
        return "worked"

    async def parent(self, run: RunContext, given: dict[str, Any]) -> Any:
        await run.step("prepare", self.prepare)
        return await run.child("child", {})

    async def child(self, run: RunContext, given: dict[str, Any]) -> str:
        return await run.step("work", self.work)


@pytest.fixture
def family() -> Family:
    return Family()


@pytest.fixture
def storage() -> DurableStorage:
    return DurableStorage()


async def by_workflow(engine: AsyncEngine) -> dict[str, RunStatus]:
    return {run.record.workflow: run.status for run in await engine.runs()}


async def worked(family: Family, times: int = 1) -> None:
    async with asyncio.timeout(5):
        while family.done["work"] < times:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.005)


async def test_d34_a_family_that_was_cancelled_is_resumed_with_its_parent(
    family: Family, storage: DurableStorage
) -> None:
    """What had ended is not executed again, and the child goes on."""
    async with opened(family.register(AsyncEngine(storage=storage))) as engine:
        run = await engine.submit("parent", {})
        await worked(family)
        await run.cancel()
        assert set((await by_workflow(engine)).values()) == {RunStatus.CANCELLED}
        family.gate.set()

        await run.resume()

        assert await run.result() == "worked"
    assert family.done == {"prepare": 1, "work": 2}


async def test_a_child_that_has_failed_goes_on_when_its_parent_is_resumed(
    family: Family, storage: DurableStorage
) -> None:
    """As often as that is asked for, and each failure is told once."""
    family.gate.set()
    family.fails = 2
    async with opened(family.register(AsyncEngine(storage=storage))) as engine:
        run = await engine.submit("parent", {})
        for _ in range(2):
            with pytest.raises(ValueError, match="not yet"):
                await run.result()
            await run.resume()

        assert await run.result() == "worked"
        assert set((await by_workflow(engine)).values()) == {RunStatus.SUCCEEDED}
    assert family.done == {"prepare": 1, "work": 3}


async def test_a_child_may_be_resumed_before_its_parent(
    family: Family, storage: DurableStorage
) -> None:
    """The parent waits for what comes of it now, whatever it was told before."""
    family.gate.set()
    family.fails = 1
    async with opened(family.register(AsyncEngine(storage=storage))) as engine:
        run = await engine.submit("parent", {})
        with pytest.raises(ValueError, match="not yet"):
            await run.result()
        family.gate.clear()
        (child,) = [one for one in await engine.runs() if one.record.workflow == "child"]

        await child.resume()
        await worked(family, 2)
        await run.resume()
        await asyncio.sleep(0.05)
        family.gate.set()

        assert await run.result() == await child.result() == "worked"


async def test_a_sign_of_an_end_that_is_past_is_looked_at_once(family: Family) -> None:
    """A child that was resumed before its parent looked is waited for, and not asked on and on."""
    plan = FaultPlan()
    storage = faulty(DurableStorage(), plan)
    async with opened(family.register(AsyncEngine(storage=storage))) as engine:
        run = await engine.submit("parent", {})
        await worked(family)
        (child,) = [one for one in await engine.runs() if one.record.workflow == "child"]
        await run.send(f"child:{child.id}", {"status": "failed"}, id="of an end before")
        await asyncio.sleep(0.1)
        before = len(plan.of("get_runs"))
        await asyncio.sleep(0.3)
        asked = len(plan.of("get_runs")) - before
        family.gate.set()

        assert await run.result() == "worked"
        assert asked < 5


async def test_a_child_that_somebody_cancels_ends_its_parent(
    family: Family, storage: DurableStorage
) -> None:
    """The parent is told so, and both go on when it is resumed."""
    async with opened(family.register(AsyncEngine(storage=storage))) as engine:
        run = await engine.submit("parent", {})
        await worked(family)
        (child,) = [one for one in await engine.runs() if one.record.workflow == "child"]
        await child.cancel()
        with pytest.raises(RunCancelledError):
            await run.result()
        family.gate.set()

        await run.resume()

        assert await run.result() == "worked"


async def test_d34_a_child_that_starts_while_its_parent_is_cancelled_ends_with_it(
    family: Family, storage: DurableStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parent hears of its end late, and has started a child by then."""
    monkeypatch.setenv("CODEFLOW_POLL", "0.4")
    family.before.clear()
    elsewhere = AsyncEngine(storage=storage, executes="none")
    async with opened(family.register(AsyncEngine(storage=storage))), family.register(elsewhere):
        run = await elsewhere.submit("parent", {})
        async with asyncio.timeout(5):
            while not family.done["prepare"]:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.005)
        cancelling = asyncio.create_task(run.cancel())
        async with asyncio.timeout(5):
            while not (await elsewhere.run(run.id)).record.cancelling:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.005)
        family.before.set()

        await cancelling

        assert set((await by_workflow(elsewhere)).values()) == {RunStatus.CANCELLED}


async def test_d35_a_run_that_starts_a_child_while_its_worker_drains_goes_on_elsewhere(
    family: Family, storage: DurableStorage
) -> None:
    """The child is stored, and others take both up."""
    family.before.clear()
    family.gate.set()
    async with opened(family.register(AsyncEngine(storage=storage))) as first:
        run = await first.submit("parent", {})
        async with asyncio.timeout(5):
            while not family.done["prepare"]:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.005)
        draining = asyncio.create_task(first.drain(grace=5))
        await asyncio.sleep(0.05)
        family.before.set()
        await draining
        assert not run.status.is_terminal

    async with opened(family.register(AsyncEngine(storage=storage))) as second:
        assert await (await second.run(run.id)).result() == "worked"
    assert family.done == {"prepare": 1, "work": 1}


async def test_children_are_told_apart_by_their_keys_however_those_look(
    storage: DurableStorage,
) -> None:
    """A key that looks like the number of a step without one is another one."""

    async def echo(run: RunContext, given: dict[str, Any]) -> Any:
        return given["number"]

    async def three(run: RunContext, given: dict[str, Any]) -> list[Any]:
        return [
            await run.child("echo", {"number": 1}),
            await run.child("echo", {"number": 2}),
            await run.child("echo", {"number": 3}, key="#2"),
        ]

    async with opened(AsyncEngine(storage=storage)) as engine:
        engine.workflow("echo")(echo)
        engine.workflow("three")(three)
        run = await engine.submit("three", {})
        await until(run, RunStatus.SUCCEEDED)
        assert await run.result() == [1, 2, 3]
