from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from durable import Frozen, opened, until

from codeflow_engine import AsyncEngine
from codeflow_engine.domain.effect import Effect, Plan, Receipt
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.errors import (
    ConfigurationError,
    ProviderError,
    ProviderUnavailableError,
    PublishError,
    StepTimeoutError,
)
from codeflow_engine.storage.memory import MemoryStorage
from codeflow_engine.testing.examples import EXAMPLES
from codeflow_engine.testing.fakes import FakeClock, FakeHost, FakeVCS
from codeflow_engine.testing.faults import FaultPlan, faulty, raises
from codeflow_engine.testing.values import NOON

EXAMPLE = next(one for one in EXAMPLES if one.revisions[1])
NAME = EXAMPLE.name
OTHER = next(one for one in EXAMPLES if one.revisions[1] not in {None, EXAMPLE.revisions[1]})
DAY = 86_400.0


@pytest.fixture
def host() -> FakeHost:
    return FakeHost(EXAMPLE)


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def options(host: FakeHost, storage: MemoryStorage, clock: FakeClock) -> dict[str, Any]:
    return {"storage": storage, "vcs": FakeVCS(host), "clock": clock}


@pytest.fixture
async def engine(options: dict[str, Any]) -> AsyncIterator[AsyncEngine]:
    async with opened(AsyncEngine(**options)) as one:
        yield one


@pytest.fixture
async def plan(options: dict[str, Any]) -> Plan:
    """Plan by an engine of its own, which ends: it would execute the runs of a test, too."""
    async with opened(AsyncEngine(**options)) as engine:
        return await engine.plan(await engine.review(NAME, analyzers=["secrets"]))


def written(host: FakeHost) -> list[str]:
    return [post.marker for post in host.posts]


def keys(plan: Plan) -> list[str]:
    return [effect.key for effect in plan.effects]


async def test_a_plan_writes_nothing_and_apply_writes_exactly_that(
    engine: AsyncEngine, host: FakeHost, plan: Plan
) -> None:
    """The receipts come in the order of the plan, and are those of what stands there."""
    assert host.posts == []
    receipts = await engine.apply(plan)
    assert written(host) == keys(plan) == [receipt.key for receipt in receipts]
    assert not any(receipt.found for receipt in receipts)


async def test_a_plan_is_applied_once(
    engine: AsyncEngine, options: dict[str, Any], host: FakeHost, plan: Plan
) -> None:
    """Applied again, here and in another engine, it gives the same receipts."""
    first = await engine.apply(plan)
    assert await engine.apply(plan) == first
    async with opened(AsyncEngine(**options)) as other:
        assert await other.apply(Plan.from_json(plan.to_json())) == first
    assert len(host.posts) == len(plan.effects)


async def test_a_review_of_the_same_content_plans_the_same(
    engine: AsyncEngine, host: FakeHost, plan: Plan
) -> None:
    """Another run that finds the same writes nothing anew."""
    again = await engine.plan(await engine.review(NAME, analyzers=["secrets"]))
    assert keys(again) == keys(plan)
    await engine.apply(plan)
    run = await engine.submit("apply", {"plan": again.to_json()}, key="another")
    assert all(receipt.found for receipt in await run.result())
    assert len(host.posts) == len(plan.effects)


async def test_a_plan_waits_for_approval_across_restarts_and_days(
    engine: AsyncEngine, options: dict[str, Any], host: FakeHost, plan: Plan, clock: FakeClock
) -> None:
    """Nothing is written before, and exactly the plan after; approved twice counts once."""
    run = await engine.submit("apply", {"plan": plan.to_json(), "approval": True})
    await until(run, RunStatus.WAITING)
    assert host.posts == []
    clock.advance(6 * DAY)
    async with opened(AsyncEngine(**options, executes="none")) as web:
        approved = await web.run(run.id)
        await approved.approve(by="ada")
        await approved.approve(by="ada")
    receipts = await run.result()
    assert [receipt.key for receipt in receipts] == written(host) == keys(plan)


async def test_an_approval_is_bound_to_the_head_that_was_reviewed(
    engine: AsyncEngine, host: FakeHost, plan: Plan
) -> None:
    """Where the change has moved on meanwhile, nothing is written."""
    run = await engine.submit("apply", {"plan": plan.to_json(), "approval": True})
    await until(run, RunStatus.WAITING)
    host.push(OTHER, target=NAME)
    await run.approve(by="ada")
    with pytest.raises(PublishError, match="moved on"):
        await run.result()
    assert host.posts == []


async def test_an_approval_that_does_not_come_ends_the_wait(
    engine: AsyncEngine, host: FakeHost, plan: Plan, clock: FakeClock
) -> None:
    """Where patience was asked for, the run ends without writing anything."""
    given = {"plan": plan.to_json(), "approval": True, "patience": DAY}
    run = await engine.submit("apply", given)
    await until(run, RunStatus.WAITING)
    clock.advance(DAY + 1)
    with pytest.raises(StepTimeoutError):
        await run.result()
    assert host.posts == []


@pytest.mark.parametrize(
    "point", ["effect.planned", "effect.looked", "effect.delivered", "effect.settled"]
)
@pytest.mark.parametrize("turn", [1, 2])
async def test_d5_d6_effects_stand_once_wherever_a_worker_stops(
    options: dict[str, Any], host: FakeHost, plan: Plan, point: str, turn: int
) -> None:
    """Another one looks before it writes; the first one's claim is refused when it wakes."""
    storage = options.pop("storage")
    frozen = Frozen(storage, point, turn, **options)
    run_id = (await frozen.engine.submit("apply", {"plan": plan.to_json()}, key="k")).id
    await frozen.until_frozen()
    async with opened(AsyncEngine(storage=storage, **options)) as engine:
        receipts = await (await engine.run(run_id)).result()
        await frozen.thaw()
    assert written(host) == keys(plan) == [receipt.key for receipt in receipts]
    assert await storage.find_unsettled("default") == ()
    await frozen.close()


async def test_d12_what_a_writer_wrote_that_was_paused_in_its_request_is_taken_back(
    options: dict[str, Any], host: FakeHost, plan: Plan, storage: MemoryStorage
) -> None:
    """A write that nobody could see when another one looked is a duplicate, and goes."""
    arrived, go_on = asyncio.Event(), asyncio.Event()

    class Slow(FakeVCS):
        """A host whose first request is on its way for a long time."""

        async def deliver(self, effect: Effect) -> Receipt:
            if not arrived.is_set():
                arrived.set()
                await go_on.wait()
                post = self.host.post(effect.target, effect.key, author=self.author, effect=effect)
                return Receipt(
                    key=effect.key, external_id=str(post.number), found=False, at=post.at
                )
            return await super().deliver(effect)

    vcs = Slow(host)
    provider = "slow"
    first = AsyncEngine(**{**options, "vcs": vcs})
    slow = replace(plan, provider=provider)
    run_id = (await first.submit("apply", {"plan": slow.to_json()})).id
    await arrived.wait()
    await first._executor._worker.stop_looking()
    await storage.retire(first._executor._worker.id)
    async with opened(AsyncEngine(**{**options, "vcs": vcs})) as second:
        await (await second.run(run_id)).result()
        go_on.set()
        await asyncio.sleep(0.1)
    assert sorted(written(host)) == sorted(keys(plan))
    await first.aclose()


async def test_a_write_that_failed_and_stands_all_the_same_is_found(
    options: dict[str, Any], host: FakeHost, plan: Plan
) -> None:
    """An answer that got lost is no reason to write again."""
    loss = FaultPlan(raises("deliver", ProviderUnavailableError("no answer"), after=True, on=1))
    vcs = faulty(FakeVCS(host), loss)
    name = type(vcs).__name__.lower()
    clock = FakeClock(NOON + timedelta(days=1))
    async with opened(AsyncEngine(**{**options, "vcs": vcs, "clock": clock})) as engine:
        plan = replace(plan, provider=name)
        run = await engine.submit("apply", {"plan": plan.to_json()})
        while not loss.struck:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        clock.advance(60)
        receipts = await run.result()
    assert next(iter(receipts)).found
    assert written(host) == keys(plan)


async def test_an_effect_that_fails_for_good_fails_the_run_and_is_tried_again_when_resumed(
    options: dict[str, Any], host: FakeHost, plan: Plan
) -> None:
    """What was written before stays, and is not written again."""
    fault = FaultPlan(raises("deliver", ProviderError("refused"), on=2))
    vcs = faulty(FakeVCS(host), fault)
    plan = replace(plan, provider=type(vcs).__name__.lower())
    async with opened(AsyncEngine(**{**options, "vcs": vcs})) as engine:
        run = await engine.submit("apply", {"plan": plan.to_json()})
        with pytest.raises(ProviderError, match="refused"):
            await run.result()
        assert written(host) == keys(plan)[:1]
        await run.resume()
        await run.result()
    assert written(host) == keys(plan)


@pytest.mark.parametrize("written_before", [0, 1])
async def test_a_run_that_is_resumed_writes_nothing_for_an_old_head(
    options: dict[str, Any], host: FakeHost, plan: Plan, written_before: int
) -> None:
    """The head is looked at by whoever writes; when it is back there, the rest is written."""
    fault = FaultPlan(raises("deliver", ProviderError("refused"), on=written_before + 1))
    vcs = faulty(FakeVCS(host), fault)
    plan = replace(plan, provider=type(vcs).__name__.lower())
    async with opened(AsyncEngine(**{**options, "vcs": vcs})) as engine:
        run = await engine.submit("apply", {"plan": plan.to_json()})
        with pytest.raises(ProviderError, match="refused"):
            await run.result()
        host.push(OTHER, target=NAME)
        await run.resume()
        with pytest.raises(PublishError, match=f"moved on.*{written_before} of 2 effects"):
            await run.result()
        assert written(host) == keys(plan)[:written_before]
        host.push(EXAMPLE, target=NAME)
        await run.resume()
        await run.result()
    assert written(host) == keys(plan)


async def test_effects_that_stand_already_need_no_look_at_the_head(
    options: dict[str, Any], host: FakeHost, plan: Plan
) -> None:
    """A change that has moved on when all is written takes nothing away from that."""
    loss = FaultPlan(raises("deliver", ProviderError("no answer"), after=True, on=2))
    vcs = faulty(FakeVCS(host), loss)
    plan = replace(plan, provider=type(vcs).__name__.lower())
    async with opened(AsyncEngine(**{**options, "vcs": vcs})) as engine:
        run = await engine.submit("apply", {"plan": plan.to_json()})
        with pytest.raises(ProviderError, match="no answer"):
            await run.result()
        host.push(OTHER, target=NAME)
        await run.resume()
        assert [receipt.found for receipt in await run.result()] == [False, True]
    assert written(host) == keys(plan)


async def test_the_look_at_the_head_is_tried_again(
    options: dict[str, Any], host: FakeHost, plan: Plan, clock: FakeClock
) -> None:
    """A host that is away for a moment keeps nothing from being written."""
    away = FaultPlan(raises("read_head", ProviderUnavailableError("away"), on=1))
    vcs = faulty(FakeVCS(host), away)
    plan = replace(plan, provider=type(vcs).__name__.lower())
    async with opened(AsyncEngine(**{**options, "vcs": vcs})) as engine:
        run = await engine.submit("apply", {"plan": plan.to_json()})
        while not away.struck:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        clock.advance(60)
        await run.result()
    assert written(host) == keys(plan)


async def test_a_plan_of_another_review_that_says_the_same_finds_what_stands(
    engine: AsyncEngine, host: FakeHost, plan: Plan
) -> None:
    """It is another run, which looks: others may have replaced what the first one wrote."""
    again = await engine.plan(await engine.review(NAME, analyzers=["secrets"]))
    assert (again.key, again == plan) == (plan.key, False)

    first = await engine.apply(plan)
    second = await engine.apply(again)

    assert [one.external_id for one in second] == [one.external_id for one in first]
    assert all(one.found for one in second)
    assert written(host) == keys(plan)


async def test_an_application_that_failed_is_tried_again(
    options: dict[str, Any], host: FakeHost, plan: Plan
) -> None:
    """An error of the host is no last word; what was written stays, by the same run."""
    fault = FaultPlan(raises("deliver", ProviderError("refused"), on=2))
    vcs = faulty(FakeVCS(host), fault)
    plan = replace(plan, provider=type(vcs).__name__.lower())
    async with opened(AsyncEngine(**{**options, "vcs": vcs})) as engine:
        with pytest.raises(ProviderError, match="refused"):
            await engine.apply(plan)
        receipts = await engine.apply(plan)
        runs = [run for run in await engine.runs() if run.record.workflow == "apply"]
    assert [receipt.key for receipt in receipts] == written(host) == keys(plan)
    assert [run.status for run in runs] == [RunStatus.SUCCEEDED]


async def test_all_who_try_again_at_the_same_time_share_one_run(
    options: dict[str, Any], host: FakeHost, plan: Plan
) -> None:
    """Who comes late finds it resumed, or even ended, and gets the same receipts."""
    fault = FaultPlan(raises("deliver", ProviderError("refused"), on=1))
    vcs = faulty(FakeVCS(host), fault)
    plan = replace(plan, provider=type(vcs).__name__.lower())
    options["vcs"] = vcs
    async with (
        opened(AsyncEngine(**options)) as first,
        opened(AsyncEngine(**options)) as second,
    ):
        with pytest.raises(ProviderError, match="refused"):
            await first.apply(plan)
        each = await asyncio.gather(*(one.apply(plan) for one in [first, second] * 5))
        assert len([run for run in await first.runs() if run.record.workflow == "apply"]) == 1
    assert each == [each[0]] * 10
    assert written(host) == keys(plan)


async def test_d34_nothing_is_written_after_a_cancel_is_acknowledged(
    options: dict[str, Any], host: FakeHost, plan: Plan
) -> None:
    """A write under way is waited for, and its receipt is kept; the next one does not begin."""
    began, go_on = asyncio.Event(), asyncio.Event()

    class Slow(FakeVCS):
        """A host that takes its time."""

        async def deliver(self, effect: Effect) -> Receipt:
            began.set()
            await go_on.wait()
            return await super().deliver(effect)

    async with opened(AsyncEngine(**{**options, "vcs": Slow(host)})) as engine:
        slow = replace(plan, provider="slow")
        run = await engine.submit("apply", {"plan": slow.to_json()})
        await began.wait()
        cancelling = asyncio.create_task(run.cancel())
        await asyncio.sleep(0.05)
        assert not cancelling.done()
        go_on.set()
        await cancelling
        assert written(host) == keys(plan)[:1]
        assert [step.name for step in await run.steps()] == ["effect"]
        await asyncio.sleep(0.05)
        assert written(host) == keys(plan)[:1]
        await run.resume()
        await run.result()
    assert written(host) == keys(plan)


async def test_a_plan_that_is_none_is_refused(engine: AsyncEngine, plan: Plan) -> None:
    """Bad input is told before a run begins."""
    for given in ({}, {"plan": {}}, {"plan": plan.to_json(), "more": 1}):
        with pytest.raises(ConfigurationError):
            await engine.submit("apply", given)
    wrong = {"plan": plan.to_json(), "patience": "long"}
    with pytest.raises(ConfigurationError, match="patience"):
        await engine.submit("apply", wrong)


async def test_a_patch_has_no_host_to_publish_to(engine: AsyncEngine) -> None:
    """A plan needs a revision that the host knows."""
    patch = "--- a/shop.py\n+++ b/shop.py\n@@ -1 +1 @@\n-price = 1\n+price = 2\n"
    review = await engine.review(patch, analyzers=["secrets"])
    with pytest.raises(ConfigurationError, match="bare patch"):
        await engine.plan(review)
