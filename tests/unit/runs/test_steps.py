from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from durable import Frozen, opened, until
from shop import Price, Shop

from codeflow_engine import AsyncEngine
from codeflow_engine.domain.journal import StepState
from codeflow_engine.domain.run import RunFinished, RunResumed, RunStatus, StepStarted
from codeflow_engine.errors import (
    LeaseLostError,
    ProviderUnavailableError,
    RateLimitError,
    RunTimeoutError,
    SerializationError,
    StepError,
    StepTimeoutError,
)
from codeflow_engine.pace.retry import Retry
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
    ("point", "looks", "pays"),
    [
        ("run.submitted", 1, 1),
        ("run.claimed", 1, 1),
        ("step.asked:look", 1, 1),
        ("step.worked:look", 2, 1),
        ("step.recorded:look", 1, 1),
        ("step.worked:pay", 1, 2),
        ("step.recorded:pay", 1, 1),
        ("run.ending", 1, 1),
    ],
)
async def test_d2_d3_d4_another_worker_goes_on_where_one_has_stopped(
    shop: Shop, storage: MemoryStorage, point: str, looks: int, pays: int
) -> None:
    """A step that was written down runs once; one that was not may run again."""
    frozen = Frozen(storage, point)
    shop.register(frozen.engine)
    submitting = asyncio.create_task(frozen.engine.submit("buy", {}, key="k"))
    await frozen.until_frozen()
    async with opened(shop.register(AsyncEngine(storage=storage))) as engine:
        run = await engine.submit("buy", {}, key="k")
        assert await run.result() == ["LOOK", "PAY", "SEND"]
        events = [event async for event in run.events()]
        assert (shop.done["look"], shop.done["pay"], shop.done["send"]) == (looks, pays, 1)
        await frozen.close()
        await asyncio.gather(submitting, return_exceptions=True)
        assert await run.refresh() == run.record
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert isinstance(events[-1], RunFinished)


async def test_d12_a_worker_that_was_taken_for_dead_is_fenced(
    shop: Shop, storage: MemoryStorage
) -> None:
    """Whatever it brings when it comes back is refused, and it stops before its next step."""
    frozen = Frozen(storage, "step.worked:pay")
    shop.register(frozen.engine)
    theirs = await frozen.engine.submit("buy", {})
    await frozen.until_frozen()
    async with opened(shop.register(AsyncEngine(storage=storage))) as engine:
        ours = await engine.run(theirs.id)
        assert await ours.result() == ["LOOK", "PAY", "SEND"]
        steps = await ours.steps()
        await frozen.thaw()
        assert await theirs.result() == ["LOOK", "PAY", "SEND"]
        assert await ours.steps() == steps
    assert (shop.done["pay"], shop.done["send"]) == (2, 1)
    await frozen.close()


async def test_a_fenced_write_says_who_has_the_run(shop: Shop, storage: MemoryStorage) -> None:
    """The error names the run, and is no failure of a step."""
    seen: list[BaseException] = []

    async def watched(run: RunContext, given: dict[str, Any]) -> None:
        try:
            await run.step("look", shop.work, "look")
        except LeaseLostError as error:
            seen.append(error)
            raise

    frozen = Frozen(storage, "step.worked:look")
    frozen.engine.workflow("watched")(watched)
    run = await frozen.engine.submit("watched", {})
    await frozen.until_frozen()
    await storage.renew("other", lease=30)
    now = frozen.engine._tools.clock.now()
    await storage.claim("default", "other", run_ids=[run.id], now=now)
    await frozen.thaw()
    assert run.id in str(seen[0])
    assert [step.state for step in await run.steps()] == []
    await frozen.close()


async def test_a_resumed_run_says_so(shop: Shop, storage: MemoryStorage) -> None:
    """Who follows learns that another worker has gone on, and how often that was."""
    frozen = Frozen(storage, "step.worked:pay")
    shop.register(frozen.engine)
    run_id = (await frozen.engine.submit("buy", {})).id
    await frozen.until_frozen()
    async with opened(shop.register(AsyncEngine(storage=storage))) as engine:
        run = await engine.run(run_id)
        await run.result()
        events = [event async for event in run.events()]
    resumed = [event for event in events if isinstance(event, RunResumed)]
    assert [event.recoveries for event in resumed] == [1]
    looks = [e for e in events if isinstance(e, StepStarted) and e.step == "look"]
    assert len(looks) == 1
    await frozen.close()


async def test_parallel_steps_are_found_again_by_their_keys(
    shop: Shop, storage: MemoryStorage
) -> None:
    """Of parallel steps those run again that were not written down, and no others."""
    frozen = Frozen(storage, "step.recorded:part", 3)
    shop.register(frozen.engine)
    run_id = (await frozen.engine.submit("many", {"parts": 5})).id
    await frozen.until_frozen()
    await asyncio.sleep(0.05)
    async with opened(shop.register(AsyncEngine(storage=storage))) as engine:
        result = await (await engine.run(run_id)).result()
    assert result == ["LOOK", *(f"PART {n}" for n in range(5))]
    assert set(shop.done.values()) == {1}
    await frozen.close()


async def test_values_come_back_as_what_they_were(shop: Shop, storage: MemoryStorage) -> None:
    """A step gives a value of the type that its function declares, also from the journal."""
    frozen = Frozen(storage, "step.asked:look")
    shop.register(frozen.engine)
    run_id = (await frozen.engine.submit("values", {})).id
    await frozen.until_frozen()
    async with opened(shop.register(AsyncEngine(storage=storage))) as engine:
        assert await (await engine.run(run_id)).result() == Price(name="tea", cents=500)
    assert shop.done["price"] == 1
    await frozen.close()


async def test_d40_a_value_that_cannot_be_kept_fails_its_step(engine: AsyncEngine) -> None:
    """The error is typed, the run has failed, and its record says why."""

    async def give(what: str) -> Any:
        return {"set": {1, 2}, "nan": float("nan"), "object": object()}[what]

    @engine.workflow("give")
    async def giving(run: RunContext, given: dict[str, Any]) -> Any:
        return await run.step("give", give, given["what"])

    for what in ("set", "nan", "object"):
        run = await engine.submit("give", {"what": what})
        with pytest.raises(SerializationError):
            await run.result()
        assert run.status is RunStatus.FAILED
        assert run.record.error is not None
        assert "SerializationError" in run.record.error


async def test_a_step_is_tried_again_after_errors_that_may_pass(
    engine: AsyncEngine, shop: Shop
) -> None:
    """Attempts are counted, and the value is that of the last one."""
    shop.broken["pay"] = 2
    run = await engine.submit("buy", {"attempts": 3})
    assert await run.result() == ["LOOK", "PAY", "SEND"]
    attempts = {step.name: step.attempts for step in await run.steps()}
    assert attempts == {"look": 1, "pay": 3, "send": 1}


async def test_a_step_is_given_up_after_its_last_attempt(engine: AsyncEngine, shop: Shop) -> None:
    """The last error ends the run, and stands in the journal."""
    shop.broken["pay"] = 9
    run = await engine.submit("buy", {"attempts": 3})
    with pytest.raises(ProviderUnavailableError):
        await run.result()
    *_, pay = await run.steps()
    assert (pay.state, pay.attempts) == (StepState.FAILED, 3)
    assert shop.done["pay"] == 3


async def test_attempts_are_counted_across_workers(shop: Shop, storage: MemoryStorage) -> None:
    """A step is not tried more often because its process has ended."""
    shop.broken["pay"] = 9
    frozen = Frozen(storage, "wait.recorded:pay", 2)
    shop.register(frozen.engine)
    run_id = (await frozen.engine.submit("buy", {"attempts": 3})).id
    await frozen.until_frozen()
    async with opened(shop.register(AsyncEngine(storage=storage))) as engine:
        with pytest.raises(ProviderUnavailableError):
            await (await engine.run(run_id)).result()
    assert shop.done["pay"] == 3
    await frozen.close()


async def test_a_long_pause_takes_no_memory_and_is_kept(shop: Shop, storage: MemoryStorage) -> None:
    """An error that asks for a long wait puts the run aside until then."""
    clock = FakeClock()
    calls: list[float] = []

    async def limited() -> str:
        calls.append(clock.monotonic())
        if len(calls) == 1:
            raise RateLimitError("slow down", retry_after=3600)
        return "done"

    async with AsyncEngine(storage=storage, clock=clock) as engine:

        @engine.workflow("limited")
        async def workflow(run: RunContext, given: dict[str, Any]) -> str:
            return await run.step("ask", limited, retry=Retry(attempts=2, first=0.0))

        run = await engine.submit("limited", {})
        await until(run, RunStatus.WAITING)
        clock.advance(3599)
        await asyncio.sleep(0.1)
        assert len(calls) == 1
        clock.advance(2)
        assert await run.result() == "done"
    assert calls == [0.0, 3601.0]


async def test_d33_an_attempt_that_takes_too_long_is_a_timeout(engine: AsyncEngine) -> None:
    """The cause is the timeout, on the loop as in a thread."""

    async def slow() -> None:
        await asyncio.sleep(60)

    def slow_thread() -> None:
        time.sleep(0.2)

    for function in (slow, slow_thread):

        @engine.workflow(f"late {function.__name__}".replace(" ", "-"))
        async def late(run: RunContext, given: dict[str, Any], function: Any = function) -> None:
            await run.step("wait", function, timeout=0.05)

    for name in ("late-slow", "late-slow_thread"):
        run = await engine.submit(name, {})
        with pytest.raises(StepTimeoutError, match=r"0\.05 s"):
            await run.result()
        (step,) = await run.steps()
        assert step.state is StepState.FAILED


async def test_d33_a_cancelled_step_is_no_timeout_and_no_failure(engine: AsyncEngine) -> None:
    """What was stopped by a person leaves no record, so that it runs again when resumed."""
    began = asyncio.Event()

    async def slow() -> None:
        began.set()
        await asyncio.sleep(60)

    @engine.workflow("slow")
    async def workflow(run: RunContext, given: dict[str, Any]) -> None:
        await run.step("wait", slow, timeout=30)

    run = await engine.submit("slow", {})
    await began.wait()
    await run.cancel()
    assert run.status is RunStatus.CANCELLED
    assert await run.steps() == ()


async def test_code_that_cleans_up_begins_nothing_new(engine: AsyncEngine, shop: Shop) -> None:
    """A step in a `finally` does not run where the run goes on elsewhere."""
    began = asyncio.Event()

    async def slow() -> None:
        began.set()
        await asyncio.sleep(60)

    @engine.workflow("cleaning")
    async def cleaning(run: RunContext, given: dict[str, Any]) -> None:
        try:
            await run.step("wait", slow)
        finally:
            await run.step("clean", shop.work, "clean")

    run = await engine.submit("cleaning", {})
    await began.wait()
    await run.cancel()
    assert run.status is RunStatus.CANCELLED
    assert shop.done["clean"] == 0


async def test_an_error_that_was_caught_is_raised_again(shop: Shop, storage: MemoryStorage) -> None:
    """A workflow that goes on after a failed step takes the same way the second time."""

    async def careful(run: RunContext, given: dict[str, Any]) -> str:
        try:
            await run.step("pay", shop.work, "pay")
        except ProviderUnavailableError:
            return await run.step("send", shop.work, "send")
        return "paid"

    shop.broken["pay"] = 1
    frozen = Frozen(storage, "step.asked:send")
    frozen.engine.workflow("careful")(careful)
    run_id = (await frozen.engine.submit("careful", {})).id
    await frozen.until_frozen()
    async with opened(AsyncEngine(storage=storage)) as engine:
        engine.workflow("careful")(careful)
        assert await (await engine.run(run_id)).result() == "SEND"
    assert shop.done["pay"] == 1
    await frozen.close()


async def test_d40_an_error_that_cannot_be_kept_comes_back_as_one_that_says_so(
    storage: MemoryStorage,
) -> None:
    """Whoever is in another process gets the same: the type's name, and never foreign text."""

    class OddError(Exception):
        def __init__(self, one: str, two: str) -> None:
            super().__init__(f"{one} {two}")

    async def odd() -> None:
        raise OddError("opensesame", "text")

    async with opened(AsyncEngine(storage=storage)) as engine:

        @engine.workflow("odd")
        async def workflow(run: RunContext, given: dict[str, Any]) -> None:
            await run.step("break", odd)

        run = await engine.submit("odd", {})
        with pytest.raises(StepError, match="OddError") as caught:
            await run.result()
        assert isinstance(caught.value.__cause__, OddError)
    async with AsyncEngine(storage=storage) as other:
        with pytest.raises(StepError, match="OddError") as caught:
            await (await other.run(run.id)).result()
        assert "opensesame" not in str(caught.value)


async def test_d32_a_deadline_survives_its_worker(shop: Shop, storage: MemoryStorage) -> None:
    """A run whose time is over ends as timed out, and executes nothing more."""
    clock = FakeClock()
    frozen = Frozen(storage, "step.asked:pay", clock=clock)
    shop.register(frozen.engine)
    run_id = (await frozen.engine.submit("buy", {})).id
    await frozen.until_frozen()
    clock.advance(1801)
    async with opened(shop.register(AsyncEngine(storage=storage, clock=clock))) as engine:
        run = await engine.run(run_id)
        with pytest.raises(RunTimeoutError):
            await run.result()
        assert (await run.refresh()).status is RunStatus.TIMED_OUT
    assert shop.done["pay"] == 0
    await frozen.close()


async def test_d30_a_wall_clock_that_jumps_takes_no_run_from_its_worker(
    shop: Shop, storage: MemoryStorage
) -> None:
    """Leases are no matter of the wall clock."""
    clock = FakeClock()
    frozen = Frozen(storage, "step.asked:pay", clock=clock)
    shop.register(frozen.engine)
    run = await frozen.engine.submit("buy", {})
    async with asyncio.timeout(5):
        await frozen.freeze.arrived.wait()
    for days in (10, -11):
        moved = FakeClock()
        moved.advance(max(0, days) * 86400)
        async with opened(shop.register(AsyncEngine(storage=storage, clock=moved))):
            await asyncio.sleep(0.06)
        assert (await storage.get_runs("default", [run.id]))[0].recoveries == 0
    await frozen.thaw()
    assert await run.result() == ["LOOK", "PAY", "SEND"]
    assert shop.done["look"] == 1
    await frozen.close()
