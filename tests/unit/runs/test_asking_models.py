"""A workflow asks models: once, on somebody's account, and with patience."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from durable import Frozen, opened, until

import codeflow_engine as codeflow
from codeflow_engine import AsyncEngine, Budget, ChatAnswer, ChatRequest, Message
from codeflow_engine.contracts import LLM
from codeflow_engine.domain.budget import Spend
from codeflow_engine.domain.chat import FinishReason, Role
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.domain.usage import CallUsage
from codeflow_engine.errors import (
    AuthenticationError,
    BudgetExhaustedError,
    ConfigurationError,
    DisclosureError,
    RateLimitError,
)
from codeflow_engine.storage.memory import MemoryStorage
from codeflow_engine.testing.fakes import FakeClock

PRICE = {"input_usd_per_million": "1000000", "output_usd_per_million": "1000000"}
"""A dollar for each token."""


class Counting(LLM):
    """Counts its calls, raises what it was given, and then answers with its last word."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.calls = 0

    @property
    def model(self) -> str:
        return "m"

    @property
    def provider(self) -> str:
        return "counting"

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        self.calls += 1
        if self._errors:
            raise self._errors.pop(0)
        return ChatAnswer(
            text=f"answer {self.calls} to {request.messages[-1].text}",
            finish_reason=FinishReason.STOP,
            model="m",
            usage=CallUsage(calls=1, input_tokens=3, output_tokens=2),
        )


def question(text: str, **fields: Any) -> ChatRequest:
    return ChatRequest(
        messages=(Message(role=Role.USER, text=text),), **{"max_output_tokens": 10, **fields}
    )


async def talk(run: codeflow.RunContext, given: dict[str, Any]) -> list[str]:
    """Ask, wait for somebody, and ask again."""
    first = await run.ask(question("one", paths=tuple(given.get("paths", ()))))
    if given.get("waits"):
        await run.receive("go on")
    second = await run.ask(question("two"))
    return [first.text, second.text]


async def several(run: codeflow.RunContext, given: dict[str, Any]) -> list[str]:
    """Ask at the same time, for a change."""
    asked = [
        run.ask(question(text), key=text, change="acme/shop#1", repository="acme/shop")
        for text in given["texts"]
    ]
    return [answer.text for answer in await run.together(asked)]


async def modest(run: codeflow.RunContext, given: dict[str, Any]) -> str:
    """Ask with a budget of its own."""
    return (await run.ask(question("one"), budget=Budget(tokens=given["tokens"]))).text


def made(**options: Any) -> AsyncEngine:
    """Make an engine with the workflows."""
    engine = AsyncEngine(**options)
    for function in (talk, several, modest):
        engine.workflow(function.__name__)(function)
    return engine


async def test_a_workflow_asks_the_models_of_its_engine() -> None:
    """The shipped provider echo answers with the question."""
    async with made(llm="echo:echo") as engine:
        run = await engine.submit("talk", {})

        assert await run.result() == ["one", "two"]
        assert [step.name for step in await run.steps()] == ["ask", "ask"]


async def test_questions_at_the_same_time_have_keys_and_one_account() -> None:
    """Each is a step of its own, and all are booked on run, change, repository and tenant."""
    llm = Counting()
    async with made(llm=llm, tenant="acme") as engine:
        run = await engine.submit("several", {"texts": ["a", "b", "c"]})
        await run.result()
        scopes = f"run:{run.id}", "change:acme/shop#1", "repository:acme/shop", "tenant:acme"
        balances = await engine.balances(*scopes)

    assert llm.calls == 3
    assert {balance.booked for balance in balances} == {Spend(tokens=15)}


async def test_an_answer_is_not_asked_for_again_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite another engine goes on behind the first answer, which nobody pays for twice."""
    url, llm = f"sqlite:///{tmp_path / 'runs.db'}", Counting()
    monkeypatch.setenv("CODEFLOW_LINGER", "0.05")
    async with made(storage=url, llm=llm) as first:
        run = await first.submit("talk", {"waits": True})
        await until(run, RunStatus.WAITING, seconds=20)
    async with made(storage=url, llm=llm) as second:
        run = await second.run(run.id)
        await run.send("go on")

        assert await run.result() == ["answer 1 to one", "answer 2 to two"]
    assert llm.calls == 2


async def test_an_answer_is_kept_before_its_step_is(tmp_path: Path) -> None:
    """A process that ends between both has paid for it, and the next one asks nobody."""
    storage, llm = MemoryStorage(), Counting()
    frozen = Frozen(storage, "step.worked:ask", llm=llm)
    for function in (talk, several, modest):
        frozen.engine.workflow(function.__name__)(function)
    run_id = (await frozen.engine.submit("talk", {})).id
    await frozen.until_frozen()
    assert llm.calls == 1

    async with opened(made(storage=storage, llm=llm)) as engine:
        assert (await (await engine.run(run_id)).result())[0] == "answer 1 to one"

    await frozen.close()
    assert llm.calls == 2


async def test_another_run_of_the_tenant_does_not_pay_again() -> None:
    """The same question has one answer for all of them, and only the first was booked."""
    llm = Counting()
    async with made(llm=llm) as engine:
        first = await engine.submit("talk", {})
        await first.result()
        second = await engine.submit("talk", {})
        again = await second.result()
        paid, free = await engine.balances(f"run:{first.id}", f"run:{second.id}")

    assert (llm.calls, again[0]) == (2, "answer 1 to one")
    assert (paid.booked.tokens, free.booked.tokens) == (10, 0)


async def test_a_long_wait_puts_the_run_aside() -> None:
    """What a provider asks for beyond the pause of a call is waited for without a task."""
    clock, llm = FakeClock(), Counting(RateLimitError("slow down", retry_after=600))
    async with opened(made(storage=MemoryStorage(), llm=llm, clock=clock)) as engine:
        run = await engine.submit("talk", {})
        await until(run, RunStatus.WAITING)

        assert run.record.wake_at is not None
        assert run.record.wake_at >= clock.now() + timedelta(seconds=600)
        assert (llm.calls, engine._executor.active) == (1, {})

        clock.advance(599)
        await asyncio.sleep(0.06)
        assert (await run.refresh()).status is RunStatus.WAITING
        clock.advance(2)
        assert (await run.result())[0] == "answer 2 to one"


async def test_a_wait_is_given_up_after_three_turns() -> None:
    """A provider that always asks for more time ends the run with its own error."""
    clock = FakeClock()
    llm = Counting(*[RateLimitError("slow down", retry_after=600)] * 9)
    async with opened(made(storage=MemoryStorage(), llm=llm, clock=clock)) as engine:
        run = await engine.submit("talk", {})
        for _ in range(2):
            await until(run, RunStatus.WAITING)
            clock.advance(1000)
            await asyncio.sleep(0.06)
        with pytest.raises(RateLimitError, match="slow down"):
            await run.result()

    assert llm.calls == 3


async def test_a_run_whose_budget_is_spent_goes_on_after_a_top_up() -> None:
    """The error names the scope, nothing was sent, and a resumed run asks."""
    llm = Counting()
    async with made(llm=llm, budget=Budget(tokens=5)) as engine:
        run = await engine.submit("talk", {})
        with pytest.raises(BudgetExhaustedError) as raised:
            await run.result()
        assert (raised.value.scope, llm.calls) == (f"run:{run.id}", 0)

        await run.top_up(Budget(tokens=500))
        await run.resume()

        assert await run.result() == ["answer 1 to one", "answer 2 to two"]


async def test_any_scope_can_be_topped_up() -> None:
    """A budget in dollars of a tenant is filled by the name that the error has told."""
    async with made(
        llm=Counting(), models={"m": PRICE}, budget={"tenant": Budget(usd="1")}, tenant="acme"
    ) as engine:
        run = await engine.submit("talk", {})
        with pytest.raises(BudgetExhaustedError) as raised:
            await run.result()

        for _ in range(2):
            balance = await engine.top_up(raised.value.scope, Budget(usd="500"), key="order-7")
        await run.resume()

        assert (balance.scope, balance.added.usd) == ("tenant:acme", 500)
        assert (await run.result())[0] == "answer 1 to one"


@pytest.mark.parametrize(("tokens", "asked"), [(5, 0), (500, 1)])
async def test_a_question_brings_the_budget_of_its_run(tokens: int, asked: int) -> None:
    """It takes the place of the engine's, in both directions."""
    llm = Counting()
    async with made(llm=llm, budget=Budget(tokens=100 if asked == 0 else 5)) as engine:
        run = await engine.submit("modest", {"tokens": tokens})
        if asked:
            await run.result()
        else:
            with pytest.raises(BudgetExhaustedError):
                await run.result()

    assert llm.calls == asked


async def test_files_that_are_withheld_are_in_no_question() -> None:
    """The paths that a question shows are held against the rules before anything is sent."""
    llm = Counting()
    async with made(llm=llm, withheld={"*": ["payroll/"]}) as engine:
        run = await engine.submit("talk", {"paths": ["payroll/rates.py"]})
        with pytest.raises(DisclosureError, match=r"payroll/rates\.py"):
            await run.result()

    assert llm.calls == 0


async def test_a_wrong_key_ends_the_run_at_once() -> None:
    """Waiting does not help, so that nobody waits."""
    llm = Counting(AuthenticationError("no"), AuthenticationError("no"))
    async with made(llm=llm) as engine:
        with pytest.raises(AuthenticationError):
            await (await engine.submit("talk", {})).result()

    assert llm.calls == 1


async def test_an_engine_without_models_says_so() -> None:
    """A workflow that asks learns what to name."""
    async with made() as engine:
        with pytest.raises(ConfigurationError, match="no model is configured: name one"):
            await (await engine.submit("talk", {})).result()
