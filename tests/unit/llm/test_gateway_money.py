"""No budget is overspent, and none dies of what costs nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from gateway_world import (
    PAYER,
    Patient,
    Scripted,
    cut,
    engine_of,
    failure,
    gateway_of,
    question,
    whole,
)

from codeflow_engine import Budget
from codeflow_engine.domain.budget import Spend
from codeflow_engine.domain.chat import ChatAnswer, ChatRequest, FinishReason, Room
from codeflow_engine.errors import (
    AuthenticationError,
    BudgetExhaustedError,
    ConfigurationError,
    ModelUnavailableError,
    PluginError,
    ProviderError,
    ProviderUnavailableError,
    RateLimitError,
    StorageUnavailableError,
)
from codeflow_engine.pace import Clock
from codeflow_engine.storage.memory import MemoryStorage
from stopwatch import stopwatch

PRICES = {"m": {"input_usd_per_million": "1000", "output_usd_per_million": "1000"}}


@pytest.mark.parametrize(
    "said",
    [
        ProviderUnavailableError("broke off", charged=True),
        KeyError("after the answer came"),
        lambda _: whole("fine", input_tokens=10, cached_tokens=11),
        lambda _: cut(FinishReason.LENGTH),
    ],
    ids=["failure", "broken plugin", "counts that disagree", "cut off"],
)
async def test_no_attempt_is_made_for_which_there_is_no_money(said: Any) -> None:
    """Whatever comes of attempts, all together stay within the budget, also one question's."""
    model = Scripted("m", said)
    engine = engine_of([model], budget=Budget(usd="0.40"), models=PRICES)
    async with engine:
        gateway = gateway_of(engine)
        failures = [await failure(gateway, str(number)) for number in range(30)]
        (balance,) = await engine.balances("run:run-1")

    assert isinstance(failures[-1], BudgetExhaustedError)
    assert len(model.requests) <= 0.40 / 0.015
    assert Decimal("0.25") < balance.booked.usd <= Decimal("0.40")


async def test_counts_that_disagree_are_paid_by_the_larger() -> None:
    """More from the cache than was sent has no price; what was received is paid all the same."""
    said = whole("fine", input_tokens=10, cached_tokens=30, output_tokens=1000)
    async with engine_of([Scripted("m", said)], models=PRICES) as engine:
        answer = await gateway_of(engine).ask(question(), PAYER)
        (balance,) = await engine.balances("run:run-1")

    assert answer.usage.cost_usd is None
    assert balance.booked.usd == Decimal("1.03")


@pytest.mark.parametrize(
    "error",
    [
        ProviderUnavailableError("refused"),
        RateLimitError("slow", retry_after=500),
        ModelUnavailableError("gone"),
        AuthenticationError("no"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_failures_that_cost_nothing_leave_nothing_booked(error: ProviderError) -> None:
    """No budget dies of a server that is down."""
    engine = engine_of([Scripted("m", error)], budget=Budget(usd="0.40"), models=PRICES)
    async with engine:
        gateway = gateway_of(engine)
        failures = [await failure(gateway, str(number)) for number in range(30)]
        (balance,) = await engine.balances("run:run-1")

    assert not any(isinstance(one, BudgetExhaustedError) for one in failures)
    assert balance.booked.usd == 0


@pytest.mark.parametrize("waits", ["between attempts", "for room"])
async def test_who_waits_holds_no_money(waits: str) -> None:
    """Only what is under way is booked, so that a wait which is cancelled costs nothing."""
    model = Scripted("m", RateLimitError("slow", retry_after=50))
    limits = {} if waits == "between attempts" else {"requests_per_minute": 1}
    engine = engine_of([model], models={"m": {**PRICES["m"], **limits}}, clock=Clock())
    async with engine:
        asking = asyncio.create_task(failure(gateway_of(engine), "?"))
        await asyncio.sleep(0.3)
        waiting = asyncio.create_task(failure(gateway_of(engine), "!"))
        await asyncio.sleep(0.05)
        (balance,) = await engine.balances("run:run-1")
        assert [task.done() for task in (asking, waiting)] == [False, False]
        for task in (asking, waiting):
            task.cancel()
        await asyncio.gather(asking, waiting, return_exceptions=True)

    assert balance.booked.usd == 0


class Leaky(MemoryStorage):
    """Loses what it is told after a call."""

    async def settle(self, *arguments: Any, **more: Any) -> None:
        raise StorageUnavailableError("away")

    async def drain(self, *arguments: Any, **more: Any) -> None:
        raise StorageUnavailableError("away")


async def test_an_answer_is_not_lost_to_a_meter_that_fails_after_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is paid for; its booking stays, and nobody else is asked."""
    room = Room(requests=1, requests_reset=5.0)
    first = Scripted("m", replace(whole("fine"), room=room))
    second = Scripted("n", "fine, too")
    limits = {**PRICES["m"], "requests_per_minute": 100}
    engine = engine_of([first, second], storage=Leaky(), models={"m": limits})
    async with engine:
        answer = await gateway_of(engine).ask(question(), PAYER)
        (balance,) = await engine.balances("run:run-1")

    assert (answer.text, len(second.requests)) == ("fine", 0)
    assert balance.booked.usd > Decimal("0.1")
    assert caplog.text.count("storage did not take") == 2


class Deaf(MemoryStorage):
    """Takes no booking."""

    async def reserve(self, *arguments: Any, **more: Any) -> Any:
        raise StorageUnavailableError("away")


async def test_a_storage_that_fails_is_no_failure_of_a_model() -> None:
    """Neither is it tried again here, nor is another model asked."""
    models = [Scripted("m", "fine"), Scripted("n", "fine")]
    clock = Patient()
    async with engine_of(models, storage=Deaf(), clock=clock) as engine:
        with pytest.raises(StorageUnavailableError):
            await gateway_of(engine).ask(question(), PAYER)

    assert clock.slept == []


class Locked(Scripted):
    """Has a key that cannot be had for a while, or is none."""

    key: Any = "key-of-the-host"

    @property
    def secrets(self) -> Any:
        if isinstance(self.key, Exception):
            raise self.key
        return (self.key,)

    def check(self) -> None:
        if self.key is None:
            raise KeyError("no key")


@pytest.mark.parametrize("key", [RuntimeError("vault is down"), 5, None], ids=repr)
async def test_what_a_hosts_key_raises_is_told_of_its_model(key: Any) -> None:
    """The error is one of our tree, and names the model."""
    model = Locked("m", "fine")
    async with engine_of([model]) as engine:
        model.key = key
        with pytest.raises(PluginError, match="llm 'locked:m' broke its contract"):
            await gateway_of(engine).ask(question(), PAYER)


class Thorough(MemoryStorage):
    """Takes its time for a booking, and does it whatever happens to whoever asked for it."""

    def __init__(self) -> None:
        super().__init__()
        self.books = asyncio.Event()

    async def reserve(self, *arguments: Any, **more: Any) -> Any:
        self.books.set()
        await asyncio.sleep(0.05)
        return await super().reserve(*arguments, **more)


async def test_a_booking_that_is_cancelled_is_given_back() -> None:
    """Nothing was asked yet; the caller does not wait for it, and the budget has it again."""
    model, storage = Scripted("m", "fine"), Thorough()
    async with engine_of([model], models=PRICES, storage=storage) as engine:
        asking = asyncio.create_task(failure(gateway_of(engine), "?"))
        await storage.books.wait()
        asking.cancel()
        async with stopwatch() as watch:
            await asyncio.wait([asking])
        await asyncio.sleep(0.2)
        (balance,) = await engine.balances("run:run-1")
        booked = [*storage._tenants["default"].bookings.values()]

    assert (asking.cancelled(), watch.seconds < 0.04) == (True, True)
    assert model.requests == []
    assert len(booked) == 1
    assert balance.booked.usd == 0


class Hanging(Scripted):
    """Never answers."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.begun = asyncio.Event()

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        self.begun.set()
        await asyncio.sleep(60)
        return await super().complete(request)


async def test_balances_tell_what_a_scope_may_spend_and_what_is_open() -> None:
    """Limits are the engine's; a call that was broken off stays booked, and is told as open."""
    model = Hanging("m", "never said")
    budgets = {"run": Budget(usd="9"), "month": Budget(tokens=10_000)}
    async with engine_of([model], budget=budgets, models=PRICES) as engine:
        call = asyncio.create_task(gateway_of(engine).ask(question(), PAYER))
        await model.begun.wait()
        call.cancel()
        await asyncio.wait([call])
        run, tenant = await engine.balances("run:run-1", "tenant:default")
        topped = await engine.top_up("run:run-1", Budget(usd="1"))

    assert (run.limit, tenant.limit, topped.limit) == (budgets["run"], None, budgets["run"])
    assert run.reserved == run.booked != Spend()
    assert (tenant.reserved, topped.reserved) == (run.reserved, run.reserved)


@pytest.mark.parametrize("scope", ["month", "rn:1", "", "run:", ":run"])
async def test_a_top_up_of_nothing_is_refused(scope: str) -> None:
    """Money for a scope that nobody spends from would be gone without a word."""
    async with engine_of([Scripted("m", "fine")]) as engine:
        with pytest.raises(ConfigurationError, match="no budget of"):
            await engine.top_up(scope, Budget(usd="1"))


async def test_a_key_of_a_top_up_is_one_of_its_scope() -> None:
    """The same top-up counts once; one of another scope with the same key is another one."""
    async with engine_of([Scripted("m", "fine")]) as engine:
        for scope in ("run:a", "run:b", "run:a"):
            await engine.top_up(scope, Budget(usd="1"), key="ticket-5")
        balances = await engine.balances("run:a", "run:b")

    assert [balance.added.usd for balance in balances] == [1, 1]
