"""Groq as a provider: what differs from OpenAI's chat interface."""

from __future__ import annotations

from collections.abc import AsyncIterator

import groq
import pytest
from openai_asking import usual

from codeflow_engine.domain.chat import ChatRequest, FinishReason, Message, Role
from codeflow_engine.errors import (
    ConfigurationError,
    ProviderError,
    ProviderUnavailableError,
)
from codeflow_engine.providers.llm.groq import Groq, GroqSettings
from fault_server import FaultServer, Reply
from model_replies import in_events, in_json

ASK = ChatRequest(
    messages=(Message(role=Role.USER, text="Two and two?"),),
    max_output_tokens=100,
    answer_schema={
        "type": "object",
        "properties": {},
        "required": [],
        "additionalProperties": False,
    },
)


@pytest.fixture
async def server() -> AsyncIterator[FaultServer]:
    """Answer as Groq would."""
    async with FaultServer(usual) as server:
        yield server


@pytest.mark.parametrize("end", ["", "/", "/openai/v1", "/openai/v1/"])
async def test_the_url_may_hold_the_interface_or_not(server: FaultServer, end: str) -> None:
    """Groq's pages name it with `/openai/v1`, which its SDK adds."""
    llm = Groq("m", api_key="gsk-1", base_url=f"{server.url}{end}")

    answer = await llm.complete(ASK)

    asked = server.requests[0]
    assert asked.path == "/openai/v1/chat/completions"
    assert asked.headers["authorization"] == "Bearer gsk-1"
    assert asked.json["max_completion_tokens"] == 100
    assert asked.json["response_format"]["json_schema"]["strict"] is False
    assert (answer.text, answer.provider, llm.provider) == ("four", "groq", "groq")
    await llm.aclose()


async def test_counts_that_stand_in_groqs_own_place_are_read(server: FaultServer) -> None:
    """A stream's counts are in `x_groq` as well as in `usage`."""
    server.tell(
        in_events(
            {"id": "c1", "choices": [{"index": 0, "delta": {"content": "four"}}], "x_groq": {}},
            {
                "id": "c1",
                "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
                "x_groq": {"usage": {"prompt_tokens": 20, "completion_tokens": 9}},
            },
        )
    )
    llm = Groq("m", GroqSettings(api_key="gsk-1", base_url=server.url))

    deltas = [delta async for delta in llm.stream(ASK)]

    answer = deltas[-1].answer
    assert answer is not None
    assert (answer.text, answer.finish_reason) == ("four", FinishReason.STOP)
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (20, 9)
    await llm.aclose()


async def test_a_stream_that_groq_stops_early_is_an_error(server: FaultServer) -> None:
    """`x_groq.error` says why no more comes."""
    server.tell(
        in_events(
            {"id": "c1", "choices": [{"index": 0, "delta": {"content": "fo"}}]},
            {"id": "c1", "choices": [], "x_groq": {"error": "over capacity"}},
        )
    )
    llm = Groq("m", api_key="gsk-1", base_url=server.url)

    with pytest.raises(ProviderUnavailableError) as caught:
        [delta async for delta in llm.stream(ASK)]

    assert (caught.value.kind, caught.value.charged) == ("overloaded", True)
    await llm.aclose()


async def test_no_room_in_the_flex_tier_may_pass(server: FaultServer) -> None:
    """Status 498 is Groq's own word for it, and its SDK does not retry it."""
    server.tell(in_json({"error": {"message": "capacity"}}, status=498))
    llm = Groq("m", api_key="gsk-1", base_url=server.url)

    with pytest.raises(ProviderUnavailableError) as caught:
        await llm.complete(ASK)

    assert (caught.value.kind, caught.value.retryable) == ("overloaded", True)
    await llm.aclose()


async def test_a_hosts_client_is_used_and_its_key_followed(server: FaultServer) -> None:
    """It is not closed, retried or redirected, and its later key is used."""
    async with groq.AsyncGroq(api_key="gsk-old", base_url=server.url) as client:
        llm = Groq("m", client=client)
        await llm.complete(ASK)
        first = server.requests[0]
        client.api_key = "gsk-new"
        server.tell(Reply(status=308, headers=(("location", "http://127.0.0.1:9"),)))

        with pytest.raises(ProviderError) as caught:
            await llm.complete(ASK)
        await llm.aclose()

        assert caught.value.kind == "redirect"
        assert [each.key for each in (first, *server.requests)] == ["gsk-old", "gsk-new"]
        assert (client.max_retries, client.is_closed()) == (2, False)
        assert llm.secrets == ("gsk-new",)


async def test_a_server_in_groqs_place_may_need_no_key(server: FaultServer) -> None:
    """With a base_url and without a key, no authorization is sent."""
    llm = Groq("m", base_url=server.url)

    llm.check()
    await llm.complete(ASK)

    assert "authorization" not in server.requests[0].headers
    await llm.aclose()


async def test_models_are_listed(server: FaultServer) -> None:
    """They are asked for under the interface's URL."""
    server.tell(in_json({"data": [{"id": "llama"}]}))
    llm = Groq("m", api_key="gsk-1", base_url=server.url)

    assert await llm.list_models() == ("llama",)
    assert server.requests[0].path == "/openai/v1/models"
    await llm.aclose()


def test_a_key_is_needed_at_groqs_own_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its absence names the variable and the setting."""
    monkeypatch.delenv("GROQ_API_KEY", raising=False)

    with pytest.raises(ConfigurationError, match="GROQ_API_KEY or CODEFLOW_PLUGINS__GROQ__API_KEY"):
        Groq("m").check()
