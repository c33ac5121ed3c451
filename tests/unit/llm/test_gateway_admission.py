"""When a question has its place with the models, and the next one may come."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from gateway_world import PAYER, Scripted, question

from codeflow_engine import Budget
from codeflow_engine.domain.chat import ChatAnswer, ChatRequest
from codeflow_engine.errors import BudgetExhaustedError
from codeflow_engine.pace.admission import telling_admission


class Watching(Scripted):
    """Notes what was told before it was asked."""

    def __init__(self, told: list[str], *said: Any) -> None:
        super().__init__("m", *said)
        self._told = told

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        self._told.append("asked")
        return await super().complete(request)


async def test_a_question_is_admitted_when_it_is_booked_and_before_it_is_sent(ask: Any) -> None:
    """So that the next one need not wait for the answer."""
    told: list[str] = []
    gateway = ask(Watching(told, "fine"))

    with telling_admission(lambda: told.append("admitted")):
        await gateway.ask(question("one"), PAYER)

    assert told == ["admitted", "asked"]


async def test_a_question_that_has_its_answer_is_admitted(ask: Any) -> None:
    """Nothing is booked for it."""
    told: list[str] = []
    gateway = ask(Watching(told, "fine"))
    await gateway.ask(question("one"), PAYER)
    told.clear()

    with telling_admission(lambda: told.append("admitted")):
        await gateway.ask(question("one"), PAYER)

    assert told == ["admitted"]


async def test_a_question_that_another_one_asks_already_is_admitted(ask: Any) -> None:
    """It waits for an answer, and not for money."""
    asked, go, told = asyncio.Event(), asyncio.Event(), asyncio.Event()

    class Slow(Scripted):
        async def complete(self, request: ChatRequest) -> ChatAnswer:
            asked.set()
            await go.wait()
            return await super().complete(request)

    gateway = ask(Slow("m", "fine"))
    first = asyncio.create_task(gateway.ask(question("one"), PAYER))
    await asyncio.wait_for(asked.wait(), 10)
    with telling_admission(told.set):
        second = asyncio.create_task(gateway.ask(question("one"), PAYER))

    await asyncio.wait_for(told.wait(), 10)
    assert not first.done()
    go.set()
    assert (await first).text == (await second).text == "fine"


async def test_a_question_that_is_too_dear_is_not_admitted(ask: Any) -> None:
    """Whoever asks decides what comes next."""
    told: list[str] = []
    gateway = ask(Watching(told, "fine"), budget=Budget(tokens=1))

    with telling_admission(lambda: told.append("admitted")), pytest.raises(BudgetExhaustedError):
        await gateway.ask(question("one"), PAYER)

    assert told == []
