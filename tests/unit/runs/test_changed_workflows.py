from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from durable import Frozen, opened
from shop import Shop

from codeflow_engine import AsyncEngine
from codeflow_engine.errors import (
    NonDeterminismError,
    WorkflowError,
)
from codeflow_engine.runs.context import RunContext
from codeflow_engine.storage.memory import MemoryStorage
from codeflow_engine.testing.fakes import FakeClock


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
async def engine(shop: Shop, storage: MemoryStorage) -> AsyncIterator[AsyncEngine]:
    async with opened(shop.register(AsyncEngine(storage=storage))) as one:
        yield one


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (("look", "cash", "send"), "work 'pay'"),
        (("pay", "look", "send"), "work 'look'"),
        (("look", "wrap", "pay", "send"), "work 'pay'"),
        (("look",), "work 'pay'"),
    ],
    ids=["renamed", "reordered", "inserted", "removed"],
)
async def test_d38_a_changed_workflow_is_found_out(
    shop: Shop, storage: MemoryStorage, changed: tuple[str, ...], expected: str
) -> None:
    """The error names run and place, what stands in the journal, and what was asked for."""

    def ways(*names: str) -> Any:
        async def way(run: RunContext, given: dict[str, Any]) -> None:
            for name in names:
                await run.step(name, shop.work, name)

        return way

    frozen = Frozen(storage, "step.asked:send")
    frozen.engine.workflow("way")(ways("look", "pay", "send"))
    run_id = (await frozen.engine.submit("way", {})).id
    await frozen.until_frozen()
    async with opened(AsyncEngine(storage=storage)) as engine:
        engine.workflow("way")(ways(*changed))
        shop.register(engine)
        run = await engine.run(run_id)
        with pytest.raises(NonDeterminismError, match=expected) as caught:
            await run.result()
        assert run_id in str(caught.value)
        other = await engine.submit("buy", {})
        assert await other.result() == ["LOOK", "PAY", "SEND"]
    assert shop.done["wrap"] == shop.done["cash"] == 0
    await frozen.close()


async def test_d38_a_changed_parallel_step_is_found_out(shop: Shop, storage: MemoryStorage) -> None:
    """A record that nobody asks for belongs to another workflow."""

    def parts(*keys: str) -> Any:
        async def part(run: RunContext, given: dict[str, Any]) -> None:
            await run.together(run.step("part", shop.work, key, key=key) for key in keys)
            await run.step("send", shop.work, "send")

        return part

    frozen = Frozen(storage, "step.asked:send")
    frozen.engine.workflow("parts")(parts("a", "b"))
    run_id = (await frozen.engine.submit("parts", {})).id
    await frozen.until_frozen()
    async with opened(AsyncEngine(storage=storage)) as engine:
        engine.workflow("parts")(parts("a", "c"))
        with pytest.raises(NonDeterminismError, match="part b"):
            await (await engine.run(run_id)).result()
    assert shop.done["c"] == 0
    await frozen.close()


async def test_d38_a_changed_step_is_found_out_with_a_clock_that_stands_still(
    shop: Shop, storage: MemoryStorage
) -> None:
    """A test of a changed workflow with the clock of the fakes comes to its end."""

    def looking(key: str) -> Any:
        async def look(run: RunContext, given: dict[str, Any]) -> None:
            await run.step("look", shop.work, key, key=key)
            await run.receive("go on")

        return look

    clock = FakeClock()
    frozen = Frozen(storage, "wait.recorded:receive go on", clock=clock)
    frozen.engine.workflow("look")(looking("a"))
    run_id = (await frozen.engine.submit("look", {})).id
    await frozen.until_frozen()
    async with opened(AsyncEngine(storage=storage, clock=clock)) as engine:
        engine.workflow("look")(looking("b"))
        async with asyncio.timeout(10):
            with pytest.raises(NonDeterminismError, match="look a"):
                await (await engine.run(run_id)).result()
    assert shop.done["b"] == 0
    await frozen.close()


async def test_g_older_runs_finish_on_the_code_that_is_kept_for_them(
    shop: Shop, storage: MemoryStorage
) -> None:
    """A run goes on with the version that it began with."""

    async def first(run: RunContext, given: dict[str, Any]) -> str:
        await run.step("look", shop.work, "look")
        return await run.step("pay", shop.work, "pay")

    async def second(run: RunContext, given: dict[str, Any]) -> str:
        return await run.step("send", shop.work, "send")

    frozen = Frozen(storage, "step.asked:pay")
    frozen.engine.workflow("buying", version=1)(first)
    run_id = (await frozen.engine.submit("buying", {})).id
    await frozen.until_frozen()
    async with opened(AsyncEngine(storage=storage)) as engine:
        engine.workflow("buying", version=2, earlier={1: first})(second)
        assert await (await engine.run(run_id)).result() == "PAY"
        assert await (await engine.submit("buying", {})).result() == "SEND"
    await frozen.close()


async def test_steps_without_a_key_do_not_run_at_the_same_time(engine: AsyncEngine) -> None:
    """Nobody could tell them apart the second time."""

    async def wait() -> None:
        await asyncio.sleep(0.01)

    @engine.workflow("unkeyed")
    async def unkeyed(run: RunContext, given: dict[str, Any]) -> None:
        await run.together(run.step("wait", wait) for _ in range(2))

    with pytest.raises(WorkflowError, match="give each a key"):
        await (await engine.submit("unkeyed", {})).result()


async def test_a_step_does_not_stand_inside_of_a_step(engine: AsyncEngine, shop: Shop) -> None:
    """The inner one would be skipped or repeated with the outer one, unseen."""

    @engine.workflow("nested")
    async def nested(run: RunContext, given: dict[str, Any]) -> None:
        async def outer() -> str:
            return await run.step("inner", shop.work, "inner")

        await run.step("outer", outer)

    with pytest.raises(WorkflowError, match="inside of a step"):
        await (await engine.submit("nested", {})).result()


async def test_steps_without_a_key_may_repeat_one_after_the_other(
    engine: AsyncEngine, shop: Shop
) -> None:
    """A loop needs no keys: its turns are counted."""

    @engine.workflow("loop")
    async def loop(run: RunContext, given: dict[str, Any]) -> int:
        return len([await run.step("look", shop.work, "look") for _ in range(3)])

    run = await engine.submit("loop", {})
    assert await run.result() == 3
    assert [step.key for step in await run.steps()] == ["#1", "#2", "#3"]
