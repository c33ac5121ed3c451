"""The gateway on each wire: many calls, their form, their limits and their keys."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from wire_asking import ONE_WIRE
from wire_gateway import PAYER, Hasty, gateway, good, question

from codeflow_engine import Budget
from codeflow_engine.contracts import ModelGateway
from codeflow_engine.errors import (
    BudgetExhaustedError,
    InvalidResponseError,
    RateLimitError,
    TruncatedAnswerError,
)
from fault_server import FaultServer, Received, Reply
from model_replies import JSON
from stopwatch import stopwatch
from wires import KEY, Wire

FORM: dict[str, Any] = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}


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


@ONE_WIRE
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
        task.cancel()
        async with stopwatch() as watch:
            with pytest.raises(asyncio.CancelledError):
                await task
        async with asyncio.timeout(2):
            await server.requests[0].left.wait()

    assert watch.seconds < 0.1


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


@ONE_WIRE
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


@ONE_WIRE
async def test_two_engines_with_different_keys_do_not_mix(wire: Wire) -> None:
    """Interleaved at random, each request has the key and the text of its own engine."""
    chance = random.Random(9)  # noqa: S311 - decides about times alone

    def script(request: Received) -> Reply:
        owner = b"one" if b"from one" in request.body else b"two"
        return replace(good(wire, owner.decode()), after=chance.random() / 20)

    keys = {"one": "sk-canary-engine-one-11", "two": "sk-canary-engine-two-22"}
    async with FaultServer(script) as server:
        async with (
            wire.connect(server.url, key=keys["one"]) as first,
            wire.connect(server.url, key=keys["two"]) as second,
            gateway(first, tenant="one") as one,
            gateway(second, tenant="two") as two,
        ):

            def order(*both: ModelGateway) -> list[tuple[str, ModelGateway]]:
                named = [*zip(keys, both, strict=True)] * 100
                random.Random(7).shuffle(named)  # noqa: S311 - the same each time
                return named

            told = await asyncio.gather(
                *[
                    models.ask(question(f"{number} from {name}, not {keys[name]}"), PAYER)
                    for number, (name, models) in enumerate(order(one, two))
                ]
            )

        assert [answer.text for answer in told] == [name for name, _ in order(one, two)]
        for request in server.requests:
            name = "one" if b"from one" in request.body else "two"
            other = keys["two" if name == "one" else "one"]
            headers = json.dumps(request.headers)
            assert keys[name] in headers
            assert other not in headers
            assert b"canary-engine" not in request.body
