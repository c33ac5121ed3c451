"""OpenAI as a provider: what it sends, whose client it uses, and what it makes of answers."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from llm_server import CHAT, LLMServer, Reply, in_json, usual
from openai_asking import ASK, provider

from codeflow_engine.domain.chat import ChatRequest, FinishReason, Message, Role
from codeflow_engine.errors import (
    AuthenticationError,
    ConfigurationError,
    ProviderError,
    ProviderUnavailableError,
)
from codeflow_engine.providers.llm.openai import OpenAI, OpenAISettings

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"sum": {"type": "integer"}},
    "required": ["sum"],
    "additionalProperties": False,
}
BOTH = pytest.mark.parametrize("api", ["responses", "chat"])


@pytest.fixture
async def server() -> AsyncIterator[LLMServer]:
    """Answer as OpenAI would."""
    async with LLMServer(usual) as server:
        yield server


@BOTH
async def test_both_interfaces_give_the_same_answer(server: LLMServer, api: str) -> None:
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


async def test_the_responses_interface_is_told_to_keep_nothing(server: LLMServer) -> None:
    """System messages are instructions, nothing is stored, and no temperature is sent."""
    llm = provider(server, api="responses")

    await llm.complete(ASK)

    assert server.asked[0].path == "/v1/responses"
    assert server.asked[0].body == {
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
    server: LLMServer, settings: dict[str, Any], field: str
) -> None:
    """A server that is no OpenAI is asked in the form, and with the limit, that it knows."""
    llm = provider(server, **settings)

    await llm.complete(ASK)

    assert server.asked[0].path == "/v1/chat/completions"
    assert server.asked[0].body == {
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
    server: LLMServer, api: str, given: float | None
) -> None:
    """Models that reason refuse any temperature."""
    llm = provider(server, api=api)

    await llm.complete(ChatRequest(messages=ASK.messages, max_output_tokens=9, temperature=given))

    assert server.asked[0].body.get("temperature") == given
    await llm.aclose()


@pytest.mark.parametrize("strict", [True, False])
@BOTH
async def test_a_schema_is_strict_where_it_may_be(
    server: LLMServer,
    api: str,
    strict: bool,  # noqa: FBT001 - a case
) -> None:
    """OpenAI answers 400 to `strict` with a schema that leaves something open."""
    schema = SCHEMA if strict else {**SCHEMA, "required": []}
    llm = provider(server, api=api)

    await llm.complete(
        ChatRequest(messages=ASK.messages, max_output_tokens=9, answer_schema=schema)
    )

    body = server.asked[0].body
    form = {"name": "answer", "schema": schema, "strict": strict}
    if api == "responses":
        assert body["text"] == {"format": {"type": "json_schema", **form}}
    else:
        assert body["response_format"] == {"type": "json_schema", "json_schema": form}
    await llm.aclose()


async def test_text_that_is_no_unicode_is_sent_with_replacements(server: LLMServer) -> None:
    """A file's byte that is no UTF-8 does not keep its change from being reviewed."""
    llm = provider(server)

    await llm.complete(
        ChatRequest(messages=(Message(role=Role.USER, text="a\udce9b"),), max_output_tokens=9)
    )

    assert server.asked[0].body["messages"][0]["content"] == "a\N{REPLACEMENT CHARACTER}b"
    await llm.aclose()


async def test_a_server_may_need_no_key(server: LLMServer) -> None:
    """With a base_url and without a key, no authorization is sent."""
    llm = OpenAI("m", base_url=f"{server.url}/v1")

    llm.check()
    await llm.complete(ASK)

    assert "authorization" not in server.asked[0].headers
    assert llm.secrets == ()
    await llm.aclose()


async def test_nothing_of_the_environment_is_read_after_construction(
    server: LLMServer, monkeypatch: pytest.MonkeyPatch
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

    headers = server.asked[0].headers
    assert headers["authorization"] == "Bearer sk-before"
    assert headers["openai-organization"] == "org-before"
    assert "openai-project" not in headers
    await llm.aclose()


async def test_l34_a_key_is_asked_for_before_each_call(server: LLMServer) -> None:
    """Whoever gives a function may give another key at any time."""
    keys = ["sk-old"]
    llm = OpenAI("m", api_key=lambda: keys[-1], base_url=f"{server.url}/v1")

    await llm.complete(ASK)
    keys.append("sk-new")
    await llm.complete(ASK)

    sent = [asked.headers["authorization"] for asked in server.asked]
    assert sent == ["Bearer sk-old", "Bearer sk-new"]
    assert llm.secrets == ("sk-new",)
    await llm.aclose()


async def test_a_hosts_client_is_used_and_left_as_it_is(server: LLMServer) -> None:
    """Its settings stay, it is not closed, and none of its retries is made."""
    async with openai.AsyncOpenAI(
        api_key="sk-host", base_url=f"{server.url}/v1", max_retries=5, timeout=77
    ) as client:
        kept = vars(client).copy()
        llm = OpenAI("m", client=client)
        await llm.complete(ASK)
        server.answer = lambda asked: in_json({"error": {"message": "no"}}, status=500)
        with pytest.raises(ProviderUnavailableError):
            await llm.complete(ASK)

        await llm.aclose()

        assert len(server.asked) == 2
        assert {name: vars(client)[name] for name in kept if name != "_platform"} == {
            name: kept[name] for name in kept if name != "_platform"
        }
        assert not client.is_closed()
        assert llm.endpoint == f"{server.url}/v1"


async def test_l34_the_key_of_a_hosts_client_is_followed(server: LLMServer) -> None:
    """A key that the host sets on its client later is used for the next call."""
    async with openai.AsyncOpenAI(api_key="sk-old", base_url=f"{server.url}/v1") as client:
        llm = OpenAI("m", client=client)

        await llm.complete(ASK)
        client.api_key = "sk-new"
        await llm.complete(ASK)

        sent = [asked.headers["authorization"] for asked in server.asked]
        assert sent == ["Bearer sk-old", "Bearer sk-new"]
        assert llm.secrets == ("sk-new",)


async def test_azure_is_asked_for_a_deployment(server: LLMServer) -> None:
    """With an api_version, the SDK's client for Azure is made, and its key goes its own way."""
    settings = OpenAISettings(api_version="2025-03-01-preview", base_url=server.url)
    llm = OpenAI("deployed", settings, api_key="az-key")

    answer = await llm.complete(ASK)

    asked = server.asked[0]
    assert asked.path == (
        "/openai/deployments/deployed/chat/completions?api-version=2025-03-01-preview"
    )
    assert asked.headers["api-key"] == "az-key"
    assert "authorization" not in asked.headers
    assert asked.body["max_completion_tokens"] == 100
    assert (answer.provider, llm.provider) == ("azure.ai.openai", "azure.ai.openai")
    await llm.aclose()


async def test_a_hosts_client_for_azure_keeps_its_token(server: LLMServer) -> None:
    """A token in the place of a key is used as it is, and hidden."""
    async with openai.AsyncAzureOpenAI(
        azure_endpoint=server.url,
        api_version="2025-03-01-preview",
        azure_ad_token="entra-token",  # noqa: S106 - a sample
    ) as client:
        llm = OpenAI("deployed", client=client)

        await llm.complete(ASK)

        assert server.asked[0].headers["authorization"] == "Bearer entra-token"
        assert llm.secrets == ("entra-token",)
        assert llm.provider == "azure.ai.openai"


@pytest.mark.parametrize("is_hosts", [True, False])
async def test_l23_no_redirect_is_followed(server: LLMServer, is_hosts: bool) -> None:  # noqa: FBT001 - a case
    """Neither the key nor the prompt goes to another host, not even through the host's client."""
    async with LLMServer(usual) as other:
        server.answer = lambda asked: Reply(status=307, headers={"location": f"{other.url}/v1"})
        async with openai.AsyncOpenAI(api_key="sk-host", base_url=f"{server.url}/v1") as client:
            llm = OpenAI("m", client=client) if is_hosts else provider(server)

            with pytest.raises(ProviderError) as caught:
                await llm.complete(ASK)

            assert caught.value.kind == "redirect"
            assert not other.asked
            await llm.aclose()


async def test_headers_of_the_settings_are_sent(server: LLMServer) -> None:
    """A gateway gets what it wants, and what looks like a secret is named as one."""
    headers = {"X-Gateway-Token": "gateway-secret", "X-Team": "a-team-of-ours"}
    llm = provider(server, headers=headers)

    await llm.complete(ASK)

    sent = server.asked[0].headers
    assert sent["x-gateway-token"] == "gateway-secret"
    assert sent["x-team"] == "a-team-of-ours"
    assert llm.secrets == ("sk-ours", "gateway-secret")
    await llm.aclose()


async def test_l7_a_wrong_key_names_what_to_set(server: LLMServer) -> None:
    """The message says where the key comes from, and nothing of the key."""
    told = {"message": "Incorrect API key provided: sk-ou**rs", "code": "invalid_api_key"}
    server.answer = lambda asked: in_json({"error": told}, status=401)
    llm = provider(server)

    with pytest.raises(AuthenticationError) as caught:
        await llm.complete(ASK)

    assert "OPENAI_API_KEY" in str(caught.value)
    assert "sk-ou" not in str(caught.value)
    assert caught.value.__suppress_context__
    await llm.aclose()


async def test_models_are_listed_in_order(server: LLMServer) -> None:
    """Ids alone, sorted; whatever else is listed is passed over."""
    listed = {"data": [{"id": "b"}, {"id": "a", "new": 1}, {"name": "x"}, 7]}
    server.answer = lambda asked: in_json(listed)
    llm = provider(server)

    models = await llm.list_models()

    assert models == ("a", "b")
    assert (server.asked[0].method, server.asked[0].path) == ("GET", "/v1/models")
    await llm.aclose()


async def test_what_is_left_of_the_limits_is_told(server: LLMServer) -> None:
    """The headers of an answer say how much room there is."""
    server.answer = lambda asked: in_json(
        CHAT, x_ratelimit_remaining_tokens="90000", x_ratelimit_reset_tokens="6m0s"
    )
    llm = provider(server)

    room = (await llm.complete(ASK)).room

    assert room is not None
    assert (room.tokens, room.tokens_reset) == (90000, 360.0)
    await llm.aclose()


async def test_l33_two_hundred_calls_at_once_leave_nothing_open(server: LLMServer) -> None:
    """All of them end, one client serves them, and no socket is left when it is closed."""
    llm = provider(server)

    answers = await asyncio.gather(*(llm.complete(ASK) for _ in range(200)))
    await llm.aclose()

    assert {answer.text for answer in answers} == {"four"}
    gc.collect()  # A socket that is left warns here, and a warning is an error.
    async with asyncio.timeout(5):
        await server.is_idle.wait()


def test_a_provider_serves_one_loop_after_another() -> None:
    """A client that belongs to a loop that is gone is not used again."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    llm = OpenAI("m", base_url=f"http://127.0.0.1:{port}/v1")

    async def ask() -> str:
        async with LLMServer(usual, port=port):
            answer = await llm.complete(ASK)
            await llm.aclose()
            return answer.text

    assert [asyncio.run(ask()) for _ in range(2)] == ["four", "four"]


async def test_a_ca_file_that_is_none_is_a_mistake_of_settings(server: LLMServer) -> None:
    """The first call says so; the constructor reads no file."""
    llm = provider(server, ca_file="/no/such/file.pem")

    with pytest.raises(ConfigurationError, match="ca_file of openai"):
        await llm.complete(ASK)
    await llm.aclose()


async def test_l35_a_proxy_of_the_environment_is_used(
    server: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTP_PROXY is honoured as the SDK honours it, and NO_PROXY as well."""
    server.answer = lambda asked: in_json(CHAT)
    monkeypatch.setenv("HTTP_PROXY", server.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    far = OpenAI("m", base_url="http://models.example/v1")
    near = OpenAI("m", base_url=f"{server.url}/v1")

    await far.complete(ASK)
    await near.complete(ASK)

    paths = [asked.path for asked in server.asked]
    assert paths == ["http://models.example/v1/chat/completions", "/v1/chat/completions"]
    await far.aclose()
    await near.aclose()
