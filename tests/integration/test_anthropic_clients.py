"""Whose client asks Anthropic, with which key, and how it ends."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import pytest
from anthropic._streaming import ServerSentEvent
from anthropic_asking import (
    MESSAGE,
    MODEL,
    beginning,
    ending,
    events,
    piece,
    question,
)

from codeflow_engine.errors import (
    AuthenticationError,
    ConfigurationError,
    ProviderError,
)
from codeflow_engine.providers.llm.anthropic import Anthropic, AnthropicSettings
from codeflow_engine.providers.llm.calls import sdk
from fault_server import FaultServer, Reply
from model_replies import in_json


@asynccontextmanager
async def hosted(url: str, **options: Any) -> AsyncIterator[anthropic.AsyncAnthropic]:
    """Give a client as a host has it, and see that it is left as it was."""
    client = anthropic.AsyncAnthropic(base_url=url, **{"api_key": "sk-host", **options})
    before = dict(vars(client))
    try:
        yield client
        assert not client.is_closed()
        assert {name: vars(client)[name] for name in before} == {
            **before,
            "api_key": client.api_key,
        }
        assert set(vars(client)) == set(before)
    finally:
        await client.close()


def test_a_constructor_imports_no_sdk_and_reads_the_environment_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Variables that change afterwards change nothing, and an argument wins over all."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-environment")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://user:pass@gateway.test/claude/")
    monkeypatch.setitem(sys.modules, "anthropic", None)

    plain = Anthropic(MODEL)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-later")
    settings = AnthropicSettings(
        api_key="sk-set",
        base_url="http://set.test",
        headers={"X-Gateway-Token": "gateway-token", "anthropic-version": "2023-06-01"},
    )
    told = Anthropic(MODEL, settings)
    argued = Anthropic(MODEL, settings, api_key="sk-given", base_url="http://given.test")

    assert plain.secrets == ("sk-environment", "pass")
    assert plain.endpoint == "http://gateway.test/claude"
    assert told.secrets == ("sk-set", "gateway-token")
    assert told.endpoint == "http://set.test"
    assert argued.secrets == ("sk-given", "gateway-token")
    assert argued.endpoint == "http://given.test"
    assert (plain.model, plain.provider) == (MODEL, "anthropic")


async def test_a_missing_key_is_named_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both ways to set the key are named; a server of one's own may want none."""
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "other")
    provider = Anthropic(MODEL)
    with pytest.raises(ConfigurationError, match="ANTHROPIC_API_KEY or CODEFLOW_PLUGINS__"):
        provider.check()
    with pytest.raises(ConfigurationError, match="ANTHROPIC_API_KEY"):
        await provider.complete(question())

    async with FaultServer(in_json(MESSAGE)) as server:
        async with contextlib.aclosing(Anthropic(MODEL, base_url=server.url)) as keyless:
            keyless.check()
            await keyless.complete(question())
        assert keyless.secrets == ()

    assert "authorization" not in server.requests[0].headers


def test_a_missing_sdk_is_named_by_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install stands in the error."""
    monkeypatch.delitem(sys.modules, "anthropic")
    monkeypatch.setattr(sdk, "find_spec", lambda name: None)

    with pytest.raises(ConfigurationError, match=r"codeflow-engine\[anthropic\]"):
        Anthropic(MODEL, api_key="k").check()


async def test_the_hosts_client_is_used_through_a_copy_that_retries_nothing() -> None:
    """One call is one request; headers and retries of the host's client stay the host's."""
    async with (
        FaultServer(in_json({}, status=500)) as server,
        hosted(server.url, default_headers={"X-Host": "h"}, max_retries=5) as client,
    ):
        provider = Anthropic(MODEL, AnthropicSettings(headers={"X-Ours": "o"}), client=client)
        provider.check()
        with pytest.raises(ProviderError):
            await provider.complete(question())
        with pytest.raises(ProviderError):
            await anext(aiter(provider.stream(question())))
        await provider.aclose()

        assert provider.endpoint == server.url
        assert client.max_retries == 5
        assert "X-Ours" not in client.default_headers

    assert len(server.requests) == 2
    assert all(each.headers["x-host"] == "h" for each in server.requests)
    assert all(each.headers["x-ours"] == "o" for each in server.requests)


async def test_a_key_that_the_host_changes_is_followed() -> None:
    """The next call takes the new key, and the old one is no secret any more."""
    async with FaultServer(in_json(MESSAGE)) as server, hosted(server.url) as client:
        provider = Anthropic(MODEL, client=client)
        await provider.complete(question())
        await provider.complete(question())
        client.api_key = "sk-new"
        assert provider.secrets == ("sk-new",)
        await provider.complete(question())

    told = [each.headers["authorization"] for each in server.requests]
    assert told == ["Bearer sk-host", "Bearer sk-host", "Bearer sk-new"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: anthropic.Anthropic(api_key="k"),
        object,
        lambda: "sk-1",
    ],
)
def test_a_client_that_cannot_be_awaited_is_refused(make: Callable[[], Any]) -> None:
    """A synchronous client would block the loop; anything else is no client."""
    client = make()

    with pytest.raises(ConfigurationError, match=r"has to be an anthropic.AsyncAnthropic"):
        Anthropic(MODEL, client=client)
    if isinstance(client, anthropic.Anthropic):
        client.close()


async def test_a_client_beside_a_key_is_refused() -> None:
    """The client has a key and a URL of its own: two of them are a mistake."""
    async with hosted("http://127.0.0.1:1") as client:
        more: dict[str, Any]
        for more in ({"api_key": "k"}, {"base_url": "http://x.test"}):
            with pytest.raises(ConfigurationError, match="brings its key and its URL"):
                Anthropic(MODEL, client=client, **more)


async def test_a_client_of_the_host_without_a_key_is_told_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The SDK says so with a plain TypeError; ours is an error of the provider."""
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)

    async with FaultServer(in_json(MESSAGE)) as server, hosted(server.url, api_key=None) as client:
        with pytest.raises(AuthenticationError, match="no key"):
            await Anthropic(MODEL, client=client).complete(question())


async def test_a_client_of_bedrock_asks_in_its_own_way() -> None:
    """The private copy keeps the platform's URL, its body, and its region."""
    async with FaultServer(in_json(MESSAGE)) as server:
        client = anthropic.AsyncAnthropicBedrock(
            api_key="bedrock-key", aws_region="eu-west-1", base_url=server.url
        )
        provider = Anthropic("anthropic.claude-sonnet-5-5-v1:0", client=client)
        answer = await provider.complete(question())
        client.api_key = "bedrock-later"
        await provider.complete(question())
        await client.close()

    assert answer.text == "Looks right."
    assert server.requests[0].path == "/model/anthropic.claude-sonnet-5-5-v1:0/invoke"
    told = [each.headers["authorization"] for each in server.requests]
    assert told == ["Bearer bedrock-key", "Bearer bedrock-later"]
    assert provider.secrets == ("bedrock-later",)


class Framing:
    """Reads a stream that is no stream of events: a message a line, as JSON."""

    async def aiter_bytes(self, parts: AsyncIterator[bytes]) -> AsyncIterator[Any]:
        """Give the event in each line."""
        async for part in parts:
            told = json.loads(part)
            yield ServerSentEvent(event=told["type"], data=json.dumps(told))


class Bedrock(anthropic.AsyncAnthropicBedrock):
    """A client of Bedrock, whose decoder of streams needs no botocore."""

    def _make_sse_decoder(self) -> Any:
        return Framing()


async def test_a_stream_of_bedrock_is_read_by_its_own_decoder() -> None:
    """Amazon frames events in its own way, which the SDK alone knows."""
    told = [beginning(), piece("A"), *ending()]
    framed = Reply(
        headers=(("content-type", "application/vnd.amazon.eventstream"),),
        body=tuple(json.dumps(each).encode() for each in told),
        chunked=True,
        every=0.02,
    )
    async with FaultServer(framed) as server:
        client = Bedrock(api_key="bedrock-key", aws_region="eu-west-1", base_url=server.url)
        deltas = [delta async for delta in Anthropic("m", client=client).stream(question())]
        await client.close()

    assert [delta.text for delta in deltas] == ["A", ""]
    assert deltas[-1].answer is not None
    assert deltas[-1].answer.finish_reason.is_complete
    assert server.requests[0].path == "/model/m/invoke-with-response-stream"


async def test_a_middleware_of_the_host_stays_in_its_place() -> None:
    """What the host put around its calls sees ours too, errors as well as answers."""
    seen: list[int] = []

    async def watching(request: Any, call_next: Any) -> Any:
        response = await call_next(request)
        seen.append(response.status_code)
        return response

    replies = (
        in_json(MESSAGE),
        in_json({}, status=529),
        events(beginning(), piece("A"), *ending()),
    )
    async with (
        FaultServer(replies) as server,
        hosted(server.url, middleware=[watching]) as client,
    ):
        provider = Anthropic(MODEL, client=client)
        assert (await provider.complete(question())).text == "Looks right."
        with pytest.raises(ProviderError):
            await provider.complete(question())
        assert [delta.text async for delta in provider.stream(question())] == ["A", ""]

    assert seen == [200, 529, 200]


@pytest.mark.parametrize("whose", ["own", "host"])
@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_no_redirect_takes_a_key_anywhere(whose: str, status: int) -> None:
    """A redirect is an error, also where the host's transport would follow it."""
    async with FaultServer(in_json(MESSAGE)) as other:
        away = in_json({}, status=status, location=f"{other.url}/v1/messages")
        async with FaultServer(away) as server, hosted(server.url) as client:
            own: dict[str, Any] = {"api_key": "sk-1", "base_url": server.url}
            provider = Anthropic(MODEL, **(own if whose == "own" else {"client": client}))
            for ask in (
                provider.complete(question()),
                anext(aiter(provider.stream(question()))),
                provider.count_tokens(question()),
                provider.list_models(),
            ):
                with pytest.raises(ProviderError) as caught:
                    await ask
                assert caught.value.kind == "redirect"
            await provider.aclose()

    assert other.requests == []
    assert len(server.requests) == 4
