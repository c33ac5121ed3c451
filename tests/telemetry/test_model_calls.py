from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from opentelemetry.trace import StatusCode
from telemetry_sight import Point, Sight, plain

from codeflow_engine.domain.chat import ChatAnswer, ChatRequest, FinishReason, Message, Role
from codeflow_engine.domain.usage import CallUsage
from codeflow_engine.errors import ProviderError, RateLimitError, TruncatedAnswerError
from codeflow_engine.redaction import Redactor
from codeflow_engine.telemetry.eyes import Eyes
from codeflow_engine.testing.fakes import FakeClock, FakeModel

REQUEST = ChatRequest(
    messages=(Message(role=Role.USER, text="the secret plan"),),
    max_output_tokens=800,
    temperature=0.2,
    answer_schema={"type": "object"},
    prompt="inspect/3",
    paths=("src/hidden.py",),
)
USAGE = CallUsage(
    calls=1,
    input_tokens=1200,
    output_tokens=340,
    cached_tokens=1000,
    cost_usd=Decimal("0.0123"),
    cache_write_tokens=128,
    reasoning_tokens=64,
)
ANSWER = ChatAnswer(
    text="the secret answer",
    finish_reason=FinishReason.STOP,
    model="gpt-5.1-2026-04-01",
    usage=USAGE,
    provider="openai",
    response_id="resp_1",
)
LABELS = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-5.1",
}
ASKED: dict[str, Any] = {"provider": "openai", "model": "gpt-5.1"}


@pytest.fixture
def sight() -> Sight:
    return Sight()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def eyes(sight: Sight, clock: FakeClock) -> Eyes:
    return Eyes(
        sight.tracer_provider,
        sight.meter_provider,
        redactor=Redactor(secrets=["hunter2-hunter2"]),
        monotonic=clock.monotonic,
        models=["gpt-5.1"],
    )


async def ask(eyes: Eyes, model: FakeModel, clock: FakeClock, *, attempts: int = 4) -> ChatAnswer:
    """Ask as a gateway does: again after what may pass."""
    with eyes.llm_call(REQUEST, endpoint="https://api.openai.com/v1", **ASKED) as call:
        for left in reversed(range(attempts)):
            try:
                with call.attempt():
                    clock.advance(1.5)
                    answer = await model.ask(REQUEST)
            except ProviderError as error:
                if not (error.retryable and left):
                    raise
                clock.advance(2.0)
            else:
                call.answered(answer)
                return answer
    raise AssertionError("the last attempt returns or raises")


def sums(points: list[Point], *labels: str) -> dict[tuple[Any, ...], tuple[float, int]]:
    """Give the sum and the count of each time series, by some of its labels."""
    return {
        tuple(one.labels.get(name) for name in labels): (one.value, one.count) for one in points
    }


async def test_o3_a_question_is_one_span_with_these_attributes(
    eyes: Eyes, sight: Sight, clock: FakeClock
) -> None:
    """Name, kind and attributes are those of the conventions, and ours beside."""
    await ask(eyes, FakeModel(ANSWER), clock)

    (span,) = sight.spans
    assert (span.name, span.kind.name) == ("chat gpt-5.1", "CLIENT")
    assert plain(span) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5.1",
        "gen_ai.request.max_tokens": 800,
        "gen_ai.request.temperature": 0.2,
        "gen_ai.output.type": "json",
        "gen_ai.prompt.name": "inspect/3",
        "server.address": "api.openai.com",
        "server.port": 443,
        "gen_ai.response.id": "resp_1",
        "gen_ai.response.model": "gpt-5.1-2026-04-01",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 1200,
        "gen_ai.usage.output_tokens": 340,
        "gen_ai.usage.cache_read.input_tokens": 1000,
        "gen_ai.usage.cache_creation.input_tokens": 128,
        "gen_ai.usage.reasoning.output_tokens": 64,
        "codeflow.cost_usd": 0.0123,
    }


async def test_a_sampler_sees_what_is_asked_for(sight: Sight, clock: FakeClock) -> None:
    """Provider, model and the like stand in the span when it starts."""
    seen: list[dict[str, Any]] = []

    class Start:
        def on_start(self, span: Any, parent_context: Any = None) -> None:
            seen.append(dict(span.attributes))

        def on_end(self, span: Any) -> None: ...
        def _on_ending(self, span: Any) -> None: ...
        def shutdown(self) -> None: ...
        def force_flush(self, timeout_millis: int = 0) -> bool:
            return True

    sight.tracer_provider.add_span_processor(Start())  # type: ignore[arg-type] # as one has them
    eyes = Eyes(sight.tracer_provider, None, redactor=Redactor(), monotonic=clock.monotonic)

    await ask(eyes, FakeModel(ANSWER), clock)

    assert {**LABELS, "gen_ai.request.max_tokens": 800}.items() <= seen[0].items()


async def test_o3_a_question_is_measured(eyes: Eyes, sight: Sight, clock: FakeClock) -> None:
    """Duration in seconds, tokens by type, and the price, with labels of few values."""
    await ask(eyes, FakeModel(ANSWER), clock)

    assert sight.metrics() == {
        "gen_ai.client.operation.duration s": [Point(labels=LABELS, value=1.5, count=1)],
        "gen_ai.client.token.usage {token}": [
            Point(labels={**LABELS, "gen_ai.token.type": "input"}, value=1200, count=1),
            Point(labels={**LABELS, "gen_ai.token.type": "output"}, value=340, count=1),
        ],
        "codeflow.llm.cost {USD}": [Point(labels=LABELS, value=0.0123, count=0)],
    }


async def test_o8_attempts_are_events_and_tokens_count_once(
    eyes: Eyes, sight: Sight, clock: FakeClock
) -> None:
    """Two failed attempts and a good one are one span, one duration, and one use of tokens."""
    model = FakeModel(RateLimitError("slow down"), RateLimitError("slow down"), ANSWER)

    await ask(eyes, model, clock)

    (span,) = sight.spans
    limited = {"error.type": "rate_limit", "codeflow.attempt.duration": 1.5}
    assert [dict(event.attributes or {}) for event in span.events] == [
        {"codeflow.attempt.number": 1, **limited},
        {"codeflow.attempt.number": 2, **limited},
        {"codeflow.attempt.number": 3, "codeflow.attempt.duration": 1.5},
    ]
    assert span.status.status_code is StatusCode.UNSET
    metrics = sight.metrics()
    assert sums(metrics["gen_ai.client.operation.duration s"]) == {(): (8.5, 1)}
    assert sums(metrics["gen_ai.client.token.usage {token}"], "gen_ai.token.type") == {
        ("input",): (1200, 1),
        ("output",): (340, 1),
    }


async def test_o13_the_cost_is_that_of_the_answers_to_the_token(
    eyes: Eyes, sight: Sight, clock: FakeClock
) -> None:
    """Over many questions the metrics are the sums of what the answers said."""
    usages = [
        CallUsage(calls=1, input_tokens=n, output_tokens=n % 7, cost_usd=Decimal(n) / 1_000_000)
        for n in range(1, 101)
    ]
    for usage in usages:
        await ask(eyes, FakeModel(replace(ANSWER, usage=usage)), clock)

    metrics = sight.metrics()
    tokens = sums(metrics["gen_ai.client.token.usage {token}"], "gen_ai.token.type")
    (cost,) = metrics["codeflow.llm.cost {USD}"]
    assert tokens == {
        ("input",): (sum(one.input_tokens for one in usages), 100),
        ("output",): (sum(one.output_tokens for one in usages), 100),
    }
    assert Decimal(cost.value).quantize(Decimal("1e-9")) == Decimal(5050) / 1_000_000


async def test_o13_an_answer_that_cannot_be_used_costs_all_the_same(
    eyes: Eyes, sight: Sight
) -> None:
    """Tokens of an answer that was cut off are told with the error that it becomes."""
    cut = replace(ANSWER, finish_reason=FinishReason.LENGTH)

    def ask_twice() -> None:
        with eyes.llm_call(REQUEST, **ASKED) as call:
            call.answered(cut)
            call.answered(cut)
            raise TruncatedAnswerError("cut off")

    with pytest.raises(TruncatedAnswerError):
        ask_twice()

    (span,), metrics = sight.spans, sight.metrics()
    assert plain(span)["gen_ai.response.finish_reasons"] == ("length",)
    assert plain(span)["error.type"] == "truncated"
    assert plain(span)["gen_ai.usage.input_tokens"] == 2400
    assert plain(span)["gen_ai.usage.reasoning.output_tokens"] == 128
    assert metrics["codeflow.llm.cost {USD}"][0].value == pytest.approx(0.0246)
    assert sums(metrics["gen_ai.client.operation.duration s"], "error.type").keys() == {
        ("truncated",)
    }


async def test_a_price_that_nobody_knows_is_no_price(eyes: Eyes, sight: Sight) -> None:
    """Without a price there is no cost, neither 0 nor any other."""
    unpriced = replace(ANSWER, usage=replace(USAGE, cost_usd=None), is_estimated=True)

    with eyes.llm_call(REQUEST, **ASKED) as call:
        call.answered(unpriced)

    (span,), metrics = sight.spans, sight.metrics()
    assert "codeflow.cost_usd" not in plain(span)
    assert plain(span)["codeflow.usage.is_estimated"] is True
    assert "codeflow.llm.cost {USD}" not in metrics
    assert all(
        point.labels["codeflow.usage.is_estimated"]
        for point in metrics["gen_ai.client.token.usage {token}"]
    )


async def test_o4_a_stream_tells_when_it_began(eyes: Eyes, sight: Sight, clock: FakeClock) -> None:
    """The time until the first piece counts from the attempt that gave it."""
    with eyes.llm_call(REQUEST, stream=True, **ASKED) as call:
        clock.advance(9)
        with pytest.raises(RateLimitError), call.attempt():
            raise RateLimitError("slow down")
        with call.attempt():
            clock.advance(0.25)
            call.first_chunk()
            clock.advance(2)
        call.answered(ANSWER)

    (span,) = sight.spans
    assert plain(span)["gen_ai.request.stream"] is True
    assert plain(span)["gen_ai.response.time_to_first_chunk"] == 0.25
    chunk = sight.metrics()["gen_ai.client.operation.time_to_first_chunk s"]
    assert chunk == [Point(labels=LABELS, value=0.25, count=1)]


@pytest.mark.parametrize("kind", ["rate_limit", "dns", "some_new_kind"])
async def test_o5_a_failure_is_told_by_its_kind(kind: str, eyes: Eyes, sight: Sight) -> None:
    """The kind of a provider's error is `error.type` of the span and of the duration."""
    with pytest.raises(ProviderError), eyes.llm_call(REQUEST, **ASKED) as call, call.attempt():
        raise ProviderError("quotes the prompt", kind=kind)

    (span,) = sight.spans
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    assert plain(span)["error.type"] == kind
    (duration,) = sight.metrics()["gen_ai.client.operation.duration s"]
    assert duration.labels == {**LABELS, "error.type": kind}


async def test_a_question_that_is_given_up_says_so(eyes: Eyes, sight: Sight) -> None:
    """A cancelled call is told as one, since it may have to be paid all the same."""
    with pytest.raises(asyncio.CancelledError), eyes.llm_call(REQUEST, **ASKED):
        raise asyncio.CancelledError

    assert plain(sight.spans[0])["error.type"] == "cancelled"


@pytest.mark.parametrize(
    ("endpoint", "told"),
    [
        ("http://127.0.0.1:8080/v1", {"server.address": "127.0.0.1", "server.port": 8080}),
        ("https://host/v1", {"server.address": "host", "server.port": 443}),
        ("unix://host", {"server.address": "host"}),
        ("http://[::1", {}),
        ("http://host:port", {}),
        ("no address", {}),
        (None, {}),
    ],
)
def test_the_address_of_a_server_is_told(
    endpoint: str | None, told: dict[str, Any], eyes: Eyes, sight: Sight
) -> None:
    """Host and port of the address, and nothing else of it."""
    with eyes.llm_call(REQUEST, endpoint=endpoint, **ASKED):
        pass

    found = plain(sight.spans[0])
    assert {name: found[name] for name in found if name.startswith("server.")} == told


def test_o6_what_a_provider_says_is_looked_through(eyes: Eyes, sight: Sight) -> None:
    """Ids and models of answers are cut, redacted and escaped before they are told."""
    said = replace(ANSWER, model="m hunter2-hunter2 \x1b[2J", response_id="i" * 10_000)

    with eyes.llm_call(REQUEST, **ASKED) as call:
        call.answered(said)

    told = plain(sight.spans[0])
    assert told["gen_ai.response.model"] == r"m [redacted:secret] \x1b[2J" or (
        "hunter2" not in told["gen_ai.response.model"]
        and "\x1b" not in told["gen_ai.response.model"]
    )
    assert len(told["gen_ai.response.id"]) == 200


def test_o9_metrics_name_configured_models_alone(eyes: Eyes, sight: Sight) -> None:
    """Any other model is `other` in metrics, and itself in its span."""
    for number in range(50):
        with eyes.llm_call(REQUEST, provider="openai", model=f"theirs-{number}"):
            pass

    (point,) = sight.metrics()["gen_ai.client.operation.duration s"]
    assert (point.labels["gen_ai.request.model"], point.count) == ("other", 50)
    assert sight.spans[7].name == "chat theirs-7"


def test_o9_kinds_of_plugins_cannot_grow_without_end(eyes: Eyes, sight: Sight) -> None:
    """Providers and kinds of errors that plugins make up end in `other`."""
    for number in range(500):
        with (
            pytest.raises(ProviderError),
            eyes.llm_call(REQUEST, provider=f"p{number}", model="gpt-5.1"),
        ):
            raise ProviderError("what", kind=f"kind-{number}")

    points = sight.metrics()["gen_ai.client.operation.duration s"]
    assert len({point.labels["gen_ai.provider.name"] for point in points}) == 21
    assert len({point.labels["error.type"] for point in points}) == 101
