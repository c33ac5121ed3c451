"""The gateway on each wire: what it makes of faults, and how an outside judge sees it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import pytest
from llmock_judge import Judge
from wire_asking import ONE_WIRE, refusing_with
from wire_gateway import PAYER, Hasty, Steady, broke, gateway, good, question

from codeflow_engine import AsyncEngine
from codeflow_engine.domain.chat import FinishReason
from codeflow_engine.domain.run import RunWaiting
from codeflow_engine.errors import (
    ProviderError,
    ProviderUnavailableError,
    QuotaExhaustedError,
    RateLimitError,
)
from codeflow_engine.pace import Clock
from fault_server import FaultServer, Received, Reply
from model_replies import JSON
from wires import WIRES, Wire


@ONE_WIRE
async def test_l1_a_rate_limit_that_passes_is_one_answer(wire: Wire, llmock: Judge) -> None:
    """Refused twice with a wait, asked a third time after it, and its tokens count once."""
    llmock.tell({"type": "fail", "status": 429, "retry_after": 1, "times": 2})
    clock = Clock()
    began = time.monotonic()
    async with (
        wire.connect(llmock.url(wire)) as provider,
        gateway(provider, clock=clock) as models,
    ):
        answer = await models.ask(question("rate limit"), PAYER)

    verdict = llmock.verdict()
    assert time.monotonic() - began >= 2
    assert (answer.usage.calls, verdict.attempts, verdict.calls) == (1, 3, 1)
    assert verdict.findings == []


JUDGED: list[tuple[str, list[dict[str, Any]]]] = [
    ("good", [{"type": "reply", "text": "One two three."}]),
    ("503", [{"type": "fail", "status": 503, "times": 2}]),
    ("529", [{"type": "fail", "status": 529, "times": 1}]),
    ("500", [{"type": "fail", "status": 500, "times": 2}]),
    ("408", [{"type": "fail", "status": 408, "times": 1}]),
    ("409", [{"type": "fail", "status": 409, "times": 1}]),
    ("429", [{"type": "fail", "status": 429, "retry_after": 1, "times": 1}]),
    ("429 bare", [{"type": "fail", "status": 429, "times": 1}]),
]


@ONE_WIRE
async def test_l32_llmock_finds_nothing_to_blame(wire: Wire, llmock: Judge) -> None:
    """Over all faults that pass, the verdict has 0 failures and 0 warnings."""
    async with (
        wire.connect(llmock.url(wire)) as provider,
        gateway(provider, clock=Steady()) as models,
    ):
        for name, behaviors in JUDGED:
            llmock.tell(*behaviors)
            answer = await models.ask(question(f"judged {name}"), PAYER)
            assert answer.finish_reason is FinishReason.STOP, name

    verdict = llmock.verdict()
    assert verdict.findings == []
    assert (verdict.calls, verdict.attempts) == (len(JUDGED), len(JUDGED) + verdict.faults)


@ONE_WIRE
@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
async def test_l7_llmock_sees_no_retry_of_what_cannot_pass(
    wire: Wire, llmock: Judge, status: int
) -> None:
    """A refusal that stays one is sent once, and raised."""
    llmock.tell({"type": "fail", "status": status, "times": 5})
    async with wire.connect(llmock.url(wire)) as provider, gateway(provider) as models:
        with pytest.raises(ProviderError):
            await models.ask(question(f"status {status}"), PAYER)

    verdict = llmock.verdict()
    assert verdict.attempts == 1
    assert "retried_non_retryable" not in {code for _, code in verdict.findings}


async def test_l3_two_clients_do_not_stay_together(wire: Wire) -> None:
    """Refused at the same time without a wait, each comes back at its own moment."""
    clocks = [Hasty(), Hasty()]
    async with FaultServer(refusing_with(wire.status(503))) as server:
        for clock in clocks:
            async with (
                wire.connect(server.url) as provider,
                gateway(provider, clock=clock) as models,
            ):
                with pytest.raises(ProviderUnavailableError):
                    await models.ask(question("backoff"), PAYER)

    one, two = (clock.slept for clock in clocks)
    assert len(one) == len(two) == 2
    assert all(first != second for first, second in zip(one, two, strict=True))
    assert all(pause <= limit for pause, limit in zip(one, (1, 2), strict=True))


async def test_l2_a_long_wait_is_not_slept(wire: Wire) -> None:
    """Ten minutes are for the run: the call ends at once, and says so."""
    slow = refusing_with(wire.status(429), ("retry-after", "600"))
    clock = Hasty()
    async with FaultServer(slow) as server:
        async with wire.connect(server.url) as provider, gateway(provider, clock=clock) as models:
            with pytest.raises(RateLimitError) as raised:
                await models.ask(question("long wait"), PAYER)

        assert (raised.value.retry_after, clock.slept, len(server.requests)) == (600, [], 1)


async def test_l4_l27_no_money_goes_to_the_next_wire(wire: Wire) -> None:
    """An empty account is asked once; the next provider answers, and the answer names it."""
    other = next(one for one in WIRES if one.name != wire.name)
    empty = refusing_with(broke(wire))
    async with FaultServer(empty) as poor, FaultServer(good(other, "From the other.")) as rich:
        async with (
            wire.connect(poor.url) as first,
            other.connect(rich.url) as second,
            gateway(first, second) as models,
        ):
            one = await models.ask(question("money 1"), PAYER)
            two = await models.ask(question("money 2"), PAYER)

        assert (one.text, one.model, one.provider) == (
            "From the other.",
            other.model,
            second.provider,
        )
        assert two.provider == second.provider
        assert (len(poor.requests), len(rich.requests)) == (1, 2)


async def test_l5_a_storm_ends_with_an_open_circuit(wire: Wire) -> None:
    """Of 60 calls in an outage few reach the server, and half open it is asked once."""
    clock = Hasty()
    async with FaultServer(refusing_with(wire.status(529))) as server:
        async with wire.connect(server.url) as provider, gateway(provider, clock=clock) as models:
            for number in range(60):
                with pytest.raises(ProviderUnavailableError):
                    await models.ask(question(f"storm {number}"), PAYER)
            during = len(server.requests)
            clock._ahead += 60
            with pytest.raises(ProviderUnavailableError):
                await models.ask(question("probe"), PAYER)

        assert during <= 6
        assert len(server.requests) == during + 1


async def test_l9_what_is_too_long_says_how_long_it_was(wire: Wire) -> None:
    """The error names a size, and nothing is sent again."""
    async with FaultServer(refusing_with(wire.overflow[0])) as server:
        async with wire.connect(server.url) as provider, gateway(provider) as models:
            with pytest.raises(ProviderError, match=r"\d"):
                await models.ask(question("long " * 50), PAYER)

        assert len(server.requests) == 1


@ONE_WIRE
async def test_l28_where_all_are_down_the_run_is_put_aside(wire: Wire) -> None:
    """Nobody sleeps for half an hour in memory: the run waits for its moment."""
    away = refusing_with(wire.status(429), ("retry-after", "1800"))
    async with (
        FaultServer(away) as server,
        wire.connect(server.url) as provider,
        AsyncEngine(llm=[provider]) as engine,
    ):

        @engine.workflow("asks")
        async def asks(run: Any, given: dict[str, Any]) -> str:
            return str((await run.ask(question("down"))).text)

        run = await engine.submit("asks", {})
        async with asyncio.timeout(20), contextlib.aclosing(run.events()) as events:
            waiting = await anext(event async for event in events if isinstance(event, RunWaiting))
        await run.cancel()

    assert waiting.wake_at is not None
    assert 1700 < (waiting.wake_at - waiting.at).total_seconds() <= 1800


async def test_l30_a_failure_is_asked_again(wire: Wire) -> None:
    """A truncated answer is not kept; the same question then has its answer, and keeps it."""
    cut = Reply(headers=JSON, body=wire.answer("Half", finish=wire.reasons[FinishReason.LENGTH]))
    replies = [cut, good(wire, "Whole.")]

    def script(_: Received) -> Reply:
        return replies.pop(0) if len(replies) > 1 else replies[0]

    async with FaultServer(script) as server:
        async with wire.connect(server.url) as provider, gateway(provider) as models:
            with contextlib.suppress(ProviderError):
                await models.ask(question("kept"), PAYER)
            answers = [await models.ask(question("kept"), PAYER) for _ in range(3)]

        assert {answer.text for answer in answers} == {"Whole."}
        assert len(server.requests) == 2


async def test_l4_a_quota_error_is_told_as_one(wire: Wire) -> None:
    """With nobody else to ask, the error says that waiting does not help."""
    async with FaultServer(refusing_with(broke(wire))) as server:
        async with wire.connect(server.url) as provider, gateway(provider) as models:
            with pytest.raises(QuotaExhaustedError) as raised:
                await models.ask(question("quota"), PAYER)

        assert (raised.value.retryable, len(server.requests)) == (False, 1)
