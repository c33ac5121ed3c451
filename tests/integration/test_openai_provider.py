"""OpenAI as a provider: what it sends, whose client it uses, and what it makes of answers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai_asking import ASK, CHAT, provider, usual

from codeflow_engine.domain.chat import ChatRequest, FinishReason, Message, Role
from codeflow_engine.errors import (
    ConfigurationError,
    ProviderError,
    ProviderUnavailableError,
)
from codeflow_engine.providers.llm.openai import OpenAI, OpenAISettings
from fault_server import FaultServer, Reply
from model_replies import in_json

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"sum": {"type": "integer"}},
    "required": ["sum"],
    "additionalProperties": False,
}
BOTH = pytest.mark.parametrize("api", ["responses", "chat"])


@pytest.fixture
async def server() -> AsyncIterator[FaultServer]:
    """Answer as OpenAI would."""
    async with FaultServer(usual) as server:
        yield server


@BOTH
async def test_both_interfaces_give_the_same_answer(server: FaultServer, api: str) -> None:
    """Text, reason, counts and ids are read from either form."""
    llm = provider(server, api=api)

    answer = await llm.complete(ASK)

    assert (answer.text, answer.finish_reason) == ("four", FinishReason.STOP)
    assert (answer.model, answer.provider) == ("asked-model-2026", "openai")
    usage = answer.usage
    assert (usage.calls, usage.input_tokens, usage.output_tokens) == (1, 20, 9)
    assert (usage.cached_tokens, usage.reasoning_tokens, usage.cost_usd) == (8, 6, None)
    assert not answer.is_estimated
    await llm.aclose()


async def test_the_responses_interface_is_told_to_keep_nothing(server: FaultServer) -> None:
    """System messages are instructions, nothing is stored, and no temperature is sent."""
    llm = provider(server, api="responses")

    await llm.complete(ASK)

    assert server.requests[0].path == "/v1/responses"
    assert server.requests[0].json == {
        "model": "m",
        "instructions": "Be short.",
        "input": [{"role": "user", "content": "Two and two?"}],
        "max_output_tokens": 100,
        "store": False,
    }
    await llm.aclose()


@pytest.mark.parametrize(
    ("settings", "field"),
    [({}, "max_tokens"), ({"output_limit": "max_completion_tokens"}, "max_completion_tokens")],
)
async def test_a_compatible_server_is_asked_by_chat(
    server: FaultServer, settings: dict[str, Any], field: str
) -> None:
    """A server that is no OpenAI is asked in the form, and with the limit, that it knows."""
    llm = provider(server, **settings)

    await llm.complete(ASK)

    assert server.requests[0].path == "/v1/chat/completions"
    assert server.requests[0].json == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": "Two and two?"},
        ],
        field: 100,
    }
    await llm.aclose()


@pytest.mark.parametrize("given", [None, 0.0, 0.7])
@BOTH
async def test_a_temperature_is_sent_only_where_it_was_asked(
    server: FaultServer, api: str, given: float | None
) -> None:
    """Models that reason refuse any temperature."""
    llm = provider(server, api=api)

    await llm.complete(ChatRequest(messages=ASK.messages, max_output_tokens=9, temperature=given))

    assert server.requests[0].json.get("temperature") == given
    await llm.aclose()


@pytest.mark.parametrize("strict", [True, False])
@BOTH
async def test_a_schema_is_strict_where_it_may_be(
    server: FaultServer,
    api: str,
    strict: bool,  # noqa: FBT001 - a case
) -> None:
    """OpenAI answers 400 to `strict` with a schema that leaves something open."""
    schema = SCHEMA if strict else {**SCHEMA, "required": []}
    llm = provider(server, api=api)

    await llm.complete(
        ChatRequest(messages=ASK.messages, max_output_tokens=9, answer_schema=schema)
    )

    body = server.requests[0].json
    form = {"name": "answer", "schema": schema, "strict": strict}
    if api == "responses":
        assert body["text"] == {"format": {"type": "json_schema", **form}}
    else:
        assert body["response_format"] == {"type": "json_schema", "json_schema": form}
    await llm.aclose()


async def test_text_that_is_no_unicode_is_sent_with_replacements(server: FaultServer) -> None:
    """A file's byte that is no UTF-8 does not keep its change from being reviewed."""
    llm = provider(server)

    await llm.complete(
        ChatRequest(messages=(Message(role=Role.USER, text="a\udce9b"),), max_output_tokens=9)
    )

    assert server.requests[0].json["messages"][0]["content"] == "a\N{REPLACEMENT CHARACTER}b"
    await llm.aclose()


async def test_a_server_may_need_no_key(server: FaultServer) -> None:
    """With a base_url and without a key, no authorization is sent."""
    llm = OpenAI("m", base_url=f"{server.url}/v1")

    llm.check()
    await llm.complete(ASK)

    assert "authorization" not in server.requests[0].headers
    assert llm.secrets == ()
    await llm.aclose()


async def test_nothing_of_the_environment_is_read_after_construction(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first call comes later, and the SDK itself would read the environment then."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-before")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-before")
    llm = OpenAI("m")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-after")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-after")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-after")

    await llm.complete(ASK)

    headers = server.requests[0].headers
    assert headers["authorization"] == "Bearer sk-before"
    assert headers["openai-organization"] == "org-before"
    assert "openai-project" not in headers
    await llm.aclose()


async def test_a_hosts_client_is_used_and_left_as_it_is(server: FaultServer) -> None:
    """Its settings stay, it is not closed, and none of its retries is made."""
    async with openai.AsyncOpenAI(
        api_key="sk-host", base_url=f"{server.url}/v1", max_retries=5, timeout=77
    ) as client:
        kept = vars(client).copy()
        llm = OpenAI("m", client=client)
        await llm.complete(ASK)
        server.tell(in_json({"error": {"message": "no"}}, status=500))
        with pytest.raises(ProviderUnavailableError):
            await llm.complete(ASK)

        await llm.aclose()

        assert len(server.requests) == 1
        assert {name: vars(client)[name] for name in kept if name != "_platform"} == {
            name: kept[name] for name in kept if name != "_platform"
        }
        assert not client.is_closed()
        assert llm.endpoint == f"{server.url}/v1"


async def test_l34_the_key_of_a_hosts_client_is_followed(server: FaultServer) -> None:
    """A key that the host sets on its client later is used for the next call."""
    async with openai.AsyncOpenAI(api_key="sk-old", base_url=f"{server.url}/v1") as client:
        llm = OpenAI("m", client=client)

        await llm.complete(ASK)
        client.api_key = "sk-new"
        await llm.complete(ASK)

        sent = [each.headers["authorization"] for each in server.requests]
        assert sent == ["Bearer sk-old", "Bearer sk-new"]
        assert llm.secrets == ("sk-new",)


async def test_azure_is_asked_for_a_deployment(server: FaultServer) -> None:
    """With an api_version, the SDK's client for Azure is made, and its key goes its own way."""
    settings = OpenAISettings(api_version="2025-03-01-preview", base_url=server.url)
    llm = OpenAI("deployed", settings, api_key="az-key")

    answer = await llm.complete(ASK)

    asked = server.requests[0]
    assert asked.target == (
        "/openai/deployments/deployed/chat/completions?api-version=2025-03-01-preview"
    )
    assert asked.headers["api-key"] == "az-key"
    assert "authorization" not in asked.headers
    assert asked.json["max_completion_tokens"] == 100
    assert (answer.provider, llm.provider) == ("azure.ai.openai", "azure.ai.openai")
    await llm.aclose()


async def test_a_hosts_client_for_azure_keeps_its_token(server: FaultServer) -> None:
    """A token in the place of a key is used as it is, and hidden."""
    async with openai.AsyncAzureOpenAI(
        azure_endpoint=server.url,
        api_version="2025-03-01-preview",
        azure_ad_token="entra-token",  # noqa: S106 - a sample
    ) as client:
        llm = OpenAI("deployed", client=client)

        await llm.complete(ASK)

        assert server.requests[0].headers["authorization"] == "Bearer entra-token"
        assert llm.secrets == ("entra-token",)
        assert llm.provider == "azure.ai.openai"


@pytest.mark.parametrize("is_hosts", [True, False])
async def test_l23_no_redirect_is_followed(server: FaultServer, is_hosts: bool) -> None:  # noqa: FBT001 - a case
    """Neither the key nor the prompt goes to another host, not even through the host's client."""
    async with FaultServer(usual) as other:
        server.tell(Reply(status=307, headers=(("location", f"{other.url}/v1"),)))
        async with openai.AsyncOpenAI(api_key="sk-host", base_url=f"{server.url}/v1") as client:
            llm = OpenAI("m", client=client) if is_hosts else provider(server)

            with pytest.raises(ProviderError) as caught:
                await llm.complete(ASK)

            assert caught.value.kind == "redirect"
            assert not other.requests
            await llm.aclose()


async def test_headers_of_the_settings_are_sent(server: FaultServer) -> None:
    """A gateway gets what it wants, and what looks like a secret is named as one."""
    headers = {"X-Gateway-Token": "gateway-secret", "X-Team": "a-team-of-ours"}
    llm = provider(server, headers=headers)

    await llm.complete(ASK)

    sent = server.requests[0].headers
    assert sent["x-gateway-token"] == "gateway-secret"
    assert sent["x-team"] == "a-team-of-ours"
    assert llm.secrets == ("sk-ours", "gateway-secret")
    await llm.aclose()


async def test_models_are_listed_in_order(server: FaultServer) -> None:
    """Ids alone, sorted; whatever else is listed is passed over."""
    listed = {"data": [{"id": "b"}, {"id": "a", "new": 1}, {"name": "x"}, 7]}
    server.tell(in_json(listed))
    llm = provider(server)

    models = await llm.list_models()

    assert models == ("a", "b")
    assert (server.requests[0].method, server.requests[0].path) == ("GET", "/v1/models")
    await llm.aclose()


async def test_what_is_left_of_the_limits_is_told(server: FaultServer) -> None:
    """The headers of an answer say how much room there is."""
    server.tell(
        in_json(CHAT, x_ratelimit_remaining_tokens="90000", x_ratelimit_reset_tokens="6m0s")
    )
    llm = provider(server)

    room = (await llm.complete(ASK)).room

    assert room is not None
    assert (room.tokens, room.tokens_reset) == (90000, 360.0)
    await llm.aclose()


def test_a_provider_serves_one_loop_after_another() -> None:
    """A client that belongs to a loop that is gone is not used again."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    llm = OpenAI("m", base_url=f"http://127.0.0.1:{port}/v1")

    async def ask() -> str:
        async with FaultServer(usual, port=port):
            answer = await llm.complete(ASK)
            await llm.aclose()
            return answer.text

    assert [asyncio.run(ask()) for _ in range(2)] == ["four", "four"]


async def test_a_ca_file_that_is_none_is_a_mistake_of_settings(server: FaultServer) -> None:
    """The first call says so; the constructor reads no file."""
    llm = provider(server, ca_file="/no/such/file.pem")

    with pytest.raises(ConfigurationError, match="ca_file of openai"):
        await llm.complete(ASK)
    await llm.aclose()
