"""What a host that is busy, or moves, means for a run that writes to it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from durable import DurableStorage, opened, until

from codeflow_engine import AsyncEngine
from codeflow_engine.contracts import VCS
from codeflow_engine.domain.change import Change, ChangeRequest
from codeflow_engine.domain.effect import Effect, Plan, Receipt
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.errors import RateLimitError
from codeflow_engine.runs.handle import AsyncRun
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.examples import EXAMPLES
from codeflow_engine.testing.fakes import FakeClock, FakeHost, FakeVCS

EXAMPLE = next(one for one in EXAMPLES if one.revisions[1])
HOUR = 3_600.0


class Busy(FakeVCS):
    """A host that lets nothing in for an hour, the first few times."""

    def __init__(self, host: FakeHost, *, reads: int = 0, writes: int = 0) -> None:
        super().__init__(host)
        self.reads = reads
        self.writes = writes
        self.asked = 0

    async def fetch_change(self, request: ChangeRequest, sandbox: Sandbox) -> Change:
        self.asked += 1
        if self.reads > 0:
            self.reads -= 1
            raise RateLimitError("the limit of this hour is reached", retry_after=HOUR)
        return await super().fetch_change(request, sandbox)

    async def deliver(self, effect: Effect) -> Receipt:
        self.asked += 1
        if self.writes > 0:
            self.writes -= 1
            raise RateLimitError("the limit of this hour is reached", retry_after=HOUR)
        return await super().deliver(effect)


@pytest.fixture
def host() -> FakeHost:
    return FakeHost(EXAMPLE)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def options(clock: FakeClock) -> dict[str, Any]:
    return {"storage": DurableStorage(), "clock": clock}


class Slow(FakeVCS):
    """A host that counts how many write to it at the same time."""

    most = 0
    under_way = 0

    async def deliver(self, effect: Effect) -> Receipt:
        Slow.under_way += 1
        Slow.most = max(Slow.most, Slow.under_way)
        await asyncio.sleep(0.02)
        Slow.under_way -= 1
        return await super().deliver(effect)


async def until_rest(run: AsyncRun) -> None:
    """Wait until nobody executes a run."""
    async with asyncio.timeout(5):
        while not (await run.refresh()).status.is_terminal and run.status is not RunStatus.WAITING:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.005)


async def planned(options: dict[str, Any], vcs: VCS) -> Plan:
    async with opened(AsyncEngine(**options, vcs=vcs)) as engine:
        return await engine.plan(await engine.review(EXAMPLE.name, analyzers=["secrets"]))


@pytest.mark.parametrize("busy", [{"writes": 1}, {"reads": 1}], ids=["write", "look"])
async def test_g10_a_run_that_is_told_to_wait_is_put_aside(
    options: dict[str, Any], host: FakeHost, clock: FakeClock, busy: dict[str, int]
) -> None:
    """It asks nobody until its time has come, also after a restart, and then writes once."""
    plan = await planned(options, Busy(host))
    vcs = Busy(host, **busy)
    async with opened(AsyncEngine(**options, vcs=vcs)) as engine:
        run = await engine.submit("apply", {"plan": plan.to_json()})
        await until(run, RunStatus.WAITING)
        asked = vcs.asked
    clock.advance(HOUR - 60)
    async with opened(AsyncEngine(**options, vcs=vcs)) as engine:
        again = await engine.run(run.id)
        await asyncio.sleep(0.2)
        assert (await again.refresh()).status is RunStatus.WAITING
        assert vcs.asked == asked
        clock.advance(120)
        receipts = await again.result()
    assert [receipt.key for receipt in receipts] == [effect.key for effect in plan.effects]
    assert len(host.posts) == len(plan.effects)


async def test_g10_a_host_that_never_lets_it_in_ends_the_run(
    options: dict[str, Any], host: FakeHost, clock: FakeClock
) -> None:
    """It is asked four times, whatever process asks, and then given up."""
    plan = await planned(options, Busy(host))
    vcs = Busy(host, writes=1_000)
    async with opened(AsyncEngine(**options, vcs=vcs)) as engine:
        run = await engine.submit("apply", {"plan": plan.to_json()})
    for _ in range(6):
        async with opened(AsyncEngine(**options, vcs=vcs)) as engine:
            run = await engine.run(run.id)
            await until_rest(run)
        clock.advance(HOUR + 60)
    assert (await run.refresh()).status is RunStatus.FAILED
    assert vcs.writes == 1_000 - 4
    assert host.posts == []


async def test_g10_a_review_waits_for_its_host_too(
    options: dict[str, Any], host: FakeHost, clock: FakeClock
) -> None:
    """A change that cannot be fetched now is fetched later, by the same run."""
    vcs = Busy(host, reads=1)
    async with opened(AsyncEngine(**options, vcs=vcs, analyzers=["secrets"])) as engine:
        run = await engine.submit("review", {"change": EXAMPLE.name})
        await until(run, RunStatus.WAITING)
        clock.advance(HOUR + 60)
        review = await run.result()
    assert review.change.head == EXAMPLE.revisions[1]
    assert vcs.asked == 2


async def test_g28_plans_for_one_change_are_applied_one_after_the_other(
    options: dict[str, Any], host: FakeHost
) -> None:
    """Two that are applied at once never write at the same time, in whatever process."""
    plan = await planned(options, Slow(host))
    async with (
        opened(AsyncEngine(**options, vcs=Slow(host))) as one,
        opened(AsyncEngine(**options, vcs=Slow(host))) as other,
    ):
        given = {"plan": plan.to_json()}
        runs = [await engine.submit("apply", given) for engine in (one, other, one)]
        receipts = [await run.result() for run in runs]

    assert Slow.most == 1
    assert [sum(not one.found for one in each) for each in receipts].count(0) == 2
    assert len(host.posts) == len(plan.effects)


class Moving(FakeVCS):
    """A host whose pages move while they are read: it names each thing two times."""

    async def find_effects(self, effects: Sequence[Effect]) -> tuple[Receipt, ...]:
        return (await super().find_effects(effects)) * 2


async def test_g27_what_a_host_tells_of_twice_stands_there_once(
    options: dict[str, Any], host: FakeHost
) -> None:
    """It is one thing all the same, and is not taken back."""
    plan = await planned(options, Moving(host))
    async with opened(AsyncEngine(**options, vcs=Moving(host))) as engine:
        await engine.apply(plan)

    assert [post.marker for post in host.posts] == [effect.key for effect in plan.effects]
