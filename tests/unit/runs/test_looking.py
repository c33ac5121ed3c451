"""Workers that look for runs: which they take up, and in which order."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from durable import DurableStorage, opened, until

from codeflow_engine import AsyncEngine
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.errors import StorageError
from codeflow_engine.runs.context import RunContext
from codeflow_engine.storage.memory import MemoryStorage
from codeflow_engine.testing.faults import Call, FaultPlan, delays, faulty, raises

ONE = {"local": {"concurrency": 1}}


class Order:
    """Runs that note when they were executed."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()

    def register(self, engine: AsyncEngine) -> AsyncEngine:
        engine.workflow("note")(self.note)
        return engine

    async def work(self, name: str) -> None:
        self.taken.append(name)
        await asyncio.sleep(0.005)
        await self.gate.wait()

    async def note(self, run: RunContext, given: dict[str, Any]) -> None:
        await run.step("work", self.work, given["name"])


@pytest.fixture
def order() -> Order:
    return Order()


async def test_d44_a_run_that_comes_during_a_look_passes_none_that_was_left(order: Order) -> None:
    """However long the look takes."""
    storage = faulty(MemoryStorage(), FaultPlan(delays("find_due", 0.03)))
    engine = AsyncEngine(storage=storage, backend_settings=ONE)
    async with opened(order.register(engine)):
        runs = [await engine.submit("note", {"name": f"low {n}"}) for n in range(4)]
        runs.append(await engine.submit("note", {"name": "urgent"}, priority=9))
        for number in range(15):
            await asyncio.sleep(0.01)
            runs.append(await engine.submit("note", {"name": f"late {number}"}))
        await asyncio.gather(*(run.result() for run in runs))

    assert order.taken[:5] == ["low 0", "low 1", "urgent", "low 2", "low 3"]


async def test_runs_that_cannot_be_claimed_take_no_room_for_long(order: Order) -> None:
    """They are tried less and less often, and the others go on."""
    bad: set[str] = set()

    def is_bad(call: Call) -> bool:
        return bool(bad & set(call.arguments["run_ids"]))

    damaged = raises("claim", StorageError("a row is damaged"), on=is_bad)
    plan = FaultPlan(damaged)
    engine = AsyncEngine(storage=faulty(DurableStorage(), plan), backend_settings=ONE)
    async with opened(order.register(engine)):
        order.gate.clear()
        first = await engine.submit("note", {"name": "first"})
        rotten = [await engine.submit("note", {"name": f"bad {n}"}, priority=9) for n in range(4)]
        bad |= {run.id for run in rotten}
        good = [await engine.submit("note", {"name": f"good {n}"}) for n in range(4)]
        order.gate.set()
        async with asyncio.timeout(5):
            await asyncio.gather(*(run.result() for run in (first, *good)))
        before = len(plan.struck)
        await asyncio.sleep(0.5)

    assert order.taken == ["first", *(f"good {n}" for n in range(4))]
    assert len(plan.struck) - before < 4 * 8


async def test_the_next_run_of_an_idle_engine_begins_at_once(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after others were left in the storage and cancelled there."""
    monkeypatch.setenv("CODEFLOW_POLL", "30")
    async with AsyncEngine(executes="own", backend_settings=ONE) as engine:
        order.register(engine)
        order.gate.clear()
        runs = [await engine.submit("note", {"name": str(number)}) for number in range(4)]
        await runs[3].cancel()
        order.gate.set()
        async with asyncio.timeout(5):
            await asyncio.gather(*(run.result() for run in runs[:3]))
            await asyncio.sleep(0.1)
            await (await engine.submit("note", {"name": "next"})).result()

    assert order.taken == ["0", "1", "2", "next"]


@pytest.mark.parametrize(("executes", "kept"), [("none", 0), ("all", 0), ("own", 3)])
async def test_only_who_needs_them_keeps_the_ids_of_what_it_was_asked_for(
    order: Order, executes: str, kept: int
) -> None:
    """A service that submits for years does not grow with what others execute."""
    engine = AsyncEngine(storage=DurableStorage(), executes=executes)
    async with order.register(engine):
        order.gate.clear()
        for number in range(3):
            await engine.submit("note", {"name": str(number)})
        assert len(engine._executor._worker.owned) == kept
        order.gate.set()


async def test_d34_a_worker_that_drains_hears_that_its_runs_are_cancelled(order: Order) -> None:
    """The grace is for work that somebody wants."""
    storage = DurableStorage()
    order.gate.clear()
    web = order.register(AsyncEngine(storage=storage, executes="none"))
    async with opened(order.register(AsyncEngine(storage=storage))) as worker, web:
        run = await web.submit("note", {"name": "long"})
        await until(run, RunStatus.RUNNING)
        draining = asyncio.create_task(worker.drain(grace=30))
        await asyncio.sleep(0.05)
        late = await web.submit("note", {"name": "late"})

        async with asyncio.timeout(5):
            await run.cancel()
            await draining

        assert run.status is RunStatus.CANCELLED
        assert (await late.refresh()).status is RunStatus.PENDING
