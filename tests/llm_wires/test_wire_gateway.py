"""The gateway on each wire: what it makes of faults, and how an outside judge sees it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from llmock_judge import Judge
from wire_asking import refusing_with

from codeflow_engine import AsyncEngine, Budget
from codeflow_engine.contracts import LLM, ModelGateway
from codeflow_engine.domain.budget import Payer
from codeflow_engine.domain.chat import ChatRequest, FinishReason
from codeflow_engine.domain.run import RunWaiting
from codeflow_engine.errors import (
    BudgetExhaustedError,
    InvalidResponseError,
    ProviderError,
    ProviderUnavailableError,
    QuotaExhaustedError,
    RateLimitError,
    TruncatedAnswerError,
)
from codeflow_engine.pace import Clock
from fault_server import FaultServer, Received, Reply
from model_replies import JSON
from wires import KEY, REQUEST, WIRES, Told, Wire

PAYER = Payer(run_id="run-1")
FORM: dict[str, Any] = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}


class Hasty(Clock):
    """Lets pauses pass a hundred times as fast, and knows how long they were to be."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self._ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self._ahead

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._ahead += seconds
        await asyncio.sleep(seconds / 100)


class Steady(Clock):
    """Draws the same each time, so that pauses double as llmock wants to see it."""

    def random(self) -> float:
        return 0.2


@contextlib.asynccontextmanager
async def gateway(
    *llms: LLM, clock: Clock | None = None, **options: Any
) -> AsyncIterator[ModelGateway]:
    """Give the way to these models in an engine of its own."""
    async with AsyncEngine(llm=llms, clock=clock or Hasty(), **options) as engine:
        models = engine._tools.models
        assert models is not None
        yield models


def question(text: str, **fields: Any) -> ChatRequest:
    first, *_ = REQUEST.messages
    return replace(REQUEST, messages=(replace(first, text=text),), **fields)


def good(wire: Wire, text: str = "Fine.") -> Reply:
    return Reply(headers=JSON, body=wire.answer(text))


def broke(wire: Wire) -> Told:
    """Say that there is no money left, in the vendor's words or by the status for it."""
    return wire.quota[0] if wire.quota else wire.status(402)


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


async def test_l26_a_limit_of_tokens_is_kept_before_the_provider_refuses(
    wire: Wire, tmp_path: Path
) -> None:
    """Of forty chunks at once as many are sent as fit into the minute, and the others hear when."""
    file = tmp_path / "settings.toml"
    file.write_text("llm_pause = 1\n")
    sizes = {wire.model: {"tokens_per_minute": 20_000}}
    async with FaultServer(good(wire)) as server:
        async with (
            wire.connect(server.url) as provider,
            gateway(provider, models=sizes, settings_file=file) as models,
        ):
            asked = [
                models.ask(question(f"chunk {n} " + "word " * 500, max_output_tokens=1000), PAYER)
                for n in range(40)
            ]
            told = await asyncio.gather(*asked, return_exceptions=True)

        held = [one for one in told if isinstance(one, RateLimitError)]
        assert 0 < len(server.requests) == 40 - len(held) <= 20
        assert all(one.kind == "local_rate_limit" and (one.retry_after or 0) > 1 for one in held)


async def test_l26_what_the_headers_say_is_heeded(wire: Wire) -> None:
    """Where an answer says that nothing is left for half a minute, nothing is sent meanwhile."""
    if wire.name == "messages":
        moment = (datetime.now(UTC) + timedelta(seconds=30)).isoformat()
        room = (
            ("anthropic-ratelimit-requests-remaining", "0"),
            ("anthropic-ratelimit-requests-reset", moment),
        )
    else:
        room = (
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-reset-requests", "30s"),
        )
    clock = Hasty()
    async with FaultServer(Reply(headers=(*JSON, *room), body=wire.answer("Fine."))) as server:
        async with wire.connect(server.url) as provider, gateway(provider, clock=clock) as models:
            await models.ask(question("first"), PAYER)
            assert clock.slept == []
            await models.ask(question("second"), PAYER)

        assert 28 < sum(clock.slept) <= 30
        assert len(server.requests) == 2


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


async def test_l13_a_wrong_form_has_one_repair(wire: Wire) -> None:
    """Prose is answered by one more turn that says what is wrong; its JSON is the answer."""
    replies = iter([good(wire, "I found nothing."), good(wire, '```json\n{"n": 1}\n```')])

    def script(_: Received) -> Reply:
        return next(replies)

    async with FaultServer(script) as server:
        async with wire.connect(server.url) as provider, gateway(provider) as models:
            answer = await models.ask(question("form", answer_schema=FORM), PAYER)

        assert json.loads(answer.text) == {"n": 1}
        assert answer.usage.calls == len(server.requests) == 2
        assert b"not JSON" in server.requests[1].body


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        '{"n": NaN}',
        '{"n": 1, "n": 2}',
        '{"n": 1, "extra": 1}',
        '{"n": "1"}',
        "[" * 10_000,
        "x" * 5_100_000,
    ],
    ids=["empty", "prose", "nan", "twice", "extra", "type", "deep", "huge"],
)
async def test_l13_nonsense_is_never_an_answer(wire: Wire, text: str) -> None:
    """Whatever comes in place of the form, after one repair it is an error."""
    async with FaultServer(good(wire, text)) as server:
        async with wire.connect(server.url) as provider, gateway(provider) as models:
            with pytest.raises((InvalidResponseError, TruncatedAnswerError)):
                await models.ask(question("nonsense", answer_schema=FORM), PAYER)

        assert len(server.requests) <= 2


async def test_l25_a_cancellation_in_a_call_is_quick(wire: Wire) -> None:
    """A call that hangs is given up within 100 ms, and its connection is closed."""
    asked = asyncio.Event()

    def script(_: Received) -> Reply:
        asked.set()
        return Reply(after=30)

    async with (
        FaultServer(script) as server,
        wire.connect(server.url) as provider,
        gateway(provider) as models,
    ):
        task = asyncio.create_task(models.ask(question("hang"), PAYER))
        await asked.wait()
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        took = time.monotonic() - began
        async with asyncio.timeout(2):
            await server.requests[0].left.wait()

    assert took < 0.1


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


async def test_l29_a_budget_ends_a_run_of_calls(wire: Wire) -> None:
    """The call that would pass it is not sent; what was spent stays below."""
    dear = Reply(headers=JSON, body=wire.answer("Fine.", usage=(900, 100)))
    async with FaultServer(dear) as server:
        async with (
            wire.connect(server.url) as provider,
            gateway(provider, budget=Budget(tokens=20_000)) as models,
        ):
            with pytest.raises(BudgetExhaustedError):  # noqa: PT012 - whichever call it is
                for number in range(50):
                    await models.ask(
                        question(f"budget {number} " + "word " * 400, max_output_tokens=800), PAYER
                    )

        assert 5 < len(server.requests) <= 20


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


async def test_l33_200_questions_at_once_and_then_the_end(wire: Wire) -> None:
    """All are answered, each with its own, and closing leaves nothing open."""

    def script(request: Received) -> Reply:
        number = request.body.split(b"number ")[1].split(b";")[0].decode()
        return good(wire, f"answer {number};")

    async with (
        FaultServer(script) as server,
        wire.connect(server.url) as provider,
        gateway(provider) as models,
    ):
        answers = await asyncio.gather(
            *[models.ask(question(f"number {n};"), PAYER) for n in range(200)]
        )

    assert [answer.text for answer in answers] == [f"answer {n};" for n in range(200)]


async def test_no_key_stands_in_what_is_sent_or_logged(
    wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    """A prompt that quotes the engine's own key is sent without it."""
    caplog.set_level("DEBUG", logger="codeflow_engine")
    async with FaultServer(good(wire)) as server:
        async with wire.connect(server.url) as provider, gateway(provider) as models:
            await models.ask(question(f"the key is {KEY}"), PAYER)

        assert KEY.encode() not in server.requests[0].body
        assert KEY not in caplog.text


async def test_two_engines_with_different_keys_do_not_mix(wire: Wire) -> None:
    """Interleaved, each request has the key and the text of its own engine."""

    def script(request: Received) -> Reply:
        owner = b"one" if b"from one" in request.body else b"two"
        return good(wire, owner.decode())

    keys = {"one": "sk-canary-engine-one-11", "two": "sk-canary-engine-two-22"}
    async with FaultServer(script) as server:
        async with (
            wire.connect(server.url, key=keys["one"]) as first,
            wire.connect(server.url, key=keys["two"]) as second,
            gateway(first, tenant="one") as one,
            gateway(second, tenant="two") as two,
        ):
            told = await asyncio.gather(
                *[
                    models.ask(question(f"{number} from {name}, not {keys[name]}"), PAYER)
                    for number in range(40)
                    for name, models in (("one", one), ("two", two))
                ]
            )

        assert [answer.text for answer in told] == ["one", "two"] * 40
        for request in server.requests:
            name = "one" if b"from one" in request.body else "two"
            other = keys["two" if name == "one" else "one"]
            headers = json.dumps(request.headers)
            assert keys[name] in headers
            assert other not in headers
            assert b"canary-engine" not in request.body


async def test_l4_a_quota_error_is_told_as_one(wire: Wire) -> None:
    """With nobody else to ask, the error says that waiting does not help."""
    async with FaultServer(refusing_with(broke(wire))) as server:
        async with wire.connect(server.url) as provider, gateway(provider) as models:
            with pytest.raises(QuotaExhaustedError) as raised:
                await models.ask(question("quota"), PAYER)

        assert (raised.value.retryable, len(server.requests)) == (False, 1)
