"""What a host sees of a question on each wire: one span, its tokens, and its price."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from wire_asking import refusing_with
from wire_gateway import PAYER, gateway, good, question

from codeflow_engine.errors import ProviderError
from fault_server import FaultServer, Reply
from model_replies import JSON
from wires import KEY, Wire

PROVIDERS = {
    "responses": "openai",
    "chat": "openai",
    "messages": "anthropic",
    "mistral": "mistral_ai",
    "groq": "groq",
}
PRICES = {"input_usd_per_million": "2", "output_usd_per_million": "8"}


class Eyes:
    """The exporters of a host."""

    def __init__(self) -> None:
        self.spans = InMemorySpanExporter()
        self.tracer_provider = TracerProvider(shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.spans))
        self.reader = InMemoryMetricReader()
        self.meter_provider = MeterProvider([self.reader], shutdown_on_exit=False)

    def span(self) -> ReadableSpan:
        """Give the one span of a question."""
        (found,) = [one for one in self.spans.get_finished_spans() if one.name.startswith("chat ")]
        return found

    def sums(self, metric: str, label: str) -> dict[str, float]:
        """Give the sums of a metric by one of its labels."""
        data = self.reader.get_metrics_data()
        told = json.loads(data.to_json()) if data is not None else {"resource_metrics": []}
        return {
            str(point["attributes"].get(label)): point.get("sum", point.get("value"))
            for resource in told["resource_metrics"]
            for scope in resource["scope_metrics"]
            for one in scope["metrics"]
            if one["name"] == metric
            for point in one["data"]["data_points"]
        }


def options(eyes: Eyes, wire: Wire) -> dict[str, Any]:
    return {
        "tracer_provider": eyes.tracer_provider,
        "meter_provider": eyes.meter_provider,
        "models": {wire.model: PRICES},
    }


async def test_o4_a_question_is_one_span_with_its_provider_and_its_counts(wire: Wire) -> None:
    """Provider, models, reason to stop and tokens are what the wire said; the price is exact."""
    eyes = Eyes()
    reply = Reply(headers=JSON, body=wire.answer("Fine.", usage=(1100, 70)))
    async with (
        FaultServer(reply) as server,
        wire.connect(server.url) as provider,
        gateway(provider, **options(eyes, wire)) as models,
    ):
        await models.ask(question("canary words of a prompt"), PAYER)

    span = eyes.span()
    told = dict(span.attributes or {})
    assert told["gen_ai.provider.name"] == PROVIDERS[wire.name]
    assert (told["gen_ai.request.model"], told["gen_ai.response.model"]) == (wire.model,) * 2
    assert told["gen_ai.response.finish_reasons"] == ("stop",)
    assert told["gen_ai.usage.input_tokens"] == 1100
    assert told["gen_ai.usage.output_tokens"] == 70
    assert told["server.address"] == "127.0.0.1"
    assert eyes.sums("gen_ai.client.token.usage", "gen_ai.token.type") == {
        "input": 1100,
        "output": 70,
    }
    assert span.to_json().count("canary") == 0


async def test_o13_the_cost_that_is_told_is_that_of_the_answer(wire: Wire) -> None:
    """To the token: 1,100 sent and 70 received, at 2 and 8 dollars for a million."""
    eyes = Eyes()
    reply = Reply(headers=JSON, body=wire.answer("Fine.", usage=(1100, 70)))
    async with (
        FaultServer(reply) as server,
        wire.connect(server.url) as provider,
        gateway(provider, **options(eyes, wire)) as models,
    ):
        answer = await models.ask(question("cost"), PAYER)

    assert str(answer.usage.cost_usd) == "0.002760"
    (cost,) = eyes.sums("codeflow.llm.cost", "gen_ai.provider.name").values()
    assert cost == pytest.approx(0.00276)


async def test_o8_retries_are_one_span_and_their_tokens_count_once(wire: Wire) -> None:
    """Two attempts that were refused are events of the one span."""
    eyes = Eyes()
    replies = [refusing_with(wire.status(503))] * 2 + [good(wire)]

    def script(_: object) -> Reply:
        return replies.pop(0)

    async with (
        FaultServer(script) as server,
        wire.connect(server.url) as provider,
        gateway(provider, **options(eyes, wire)) as models,
    ):
        await models.ask(question("retries"), PAYER)

    attempts = [one for one in eyes.span().events if "attempt" in one.name]
    assert len(attempts) == 3
    assert sum((one.attributes or {}).get("error.type") == "server" for one in attempts) == 2
    assert sum(eyes.sums("gen_ai.client.token.usage", "gen_ai.token.type").values()) == 18


async def test_o5_o6_a_failure_tells_its_kind_and_nothing_else(wire: Wire) -> None:
    """The span has the documented type, and neither key nor prompt nor the server's words."""
    eyes = Eyes()
    async with (
        FaultServer(refusing_with(wire.status(401, "canary of the server"))) as server,
        wire.connect(server.url) as provider,
        gateway(provider, **options(eyes, wire)) as models,
    ):
        with pytest.raises(ProviderError):
            await models.ask(question("canary of the prompt"), PAYER)

    span = eyes.span()
    assert (span.attributes or {})["error.type"] == "authentication"
    assert "canary" not in span.to_json()
    assert KEY not in span.to_json()
