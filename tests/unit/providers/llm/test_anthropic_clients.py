"""Whose client asks Anthropic, with which key, and how it ends."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import pytest
from anthropic_wire import MODEL, beginning, ending, piece, question, serving, streamed, whole

from codeflow_engine.errors import (
    AuthenticationError,
    ConfigurationError,
    ProviderError,
)
from codeflow_engine.providers.llm.anthropic import Anthropic, AnthropicSettings
from codeflow_engine.providers.llm.calls import sdk


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
        headers={"X-Gateway-Token": "t0ken", "anthropic-version": "2023-06-01"},
    )
    told = Anthropic(MODEL, settings)
    argued = Anthropic(MODEL, settings, api_key="sk-given", base_url="http://given.test")

    assert plain.secrets == ("sk-environment", "pass")
    assert plain.endpoint == "http://gateway.test/claude"
    assert told.secrets == ("sk-set", "t0ken")
    assert told.endpoint == "http://set.test"
    assert argued.secrets == ("sk-given", "t0ken")
    assert argued.endpoint == "http://given.test"
    assert (plain.model, plain.provider) == (MODEL, "anthropic")


async def test_a_missing_key_is_named_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both ways to set the key are named; the SDK's own search for credentials is not used."""
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "other")

    async with serving() as wire:
        provider = Anthropic(MODEL, base_url=wire.url)
        with pytest.raises(ConfigurationError, match="ANTHROPIC_API_KEY or CODEFLOW_PLUGINS__"):
            provider.check()
        with pytest.raises(ConfigurationError, match="ANTHROPIC_API_KEY"):
            await provider.complete(question())
        assert provider.secrets == ()

    assert wire.sent == []


def test_a_missing_sdk_is_named_by_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install stands in the error."""
    monkeypatch.delitem(sys.modules, "anthropic")
    monkeypatch.setattr(sdk, "find_spec", lambda name: None)

    with pytest.raises(ConfigurationError, match=r"codeflow-engine\[anthropic\]"):
        Anthropic(MODEL, api_key="k").check()


async def test_a_key_that_is_asked_for_is_asked_for_before_each_call() -> None:
    """A key that has changed is the one of the next call."""
    keys = iter(["sk-1", "sk-2", "sk-3"])
    now = ["sk-0"]

    def key() -> str:
        return now[0]

    async with serving() as wire:
        provider = Anthropic(MODEL, api_key=key, base_url=wire.url)
        for now[0] in keys:
            await provider.complete(question())
            assert provider.secrets == (now[0],)
        await provider.aclose()

    told = [sent.headers["authorization"] for sent in wire.sent]
    assert told == ["Bearer sk-1", "Bearer sk-2", "Bearer sk-3"]


async def test_the_hosts_client_is_used_through_a_copy_that_retries_nothing() -> None:
    """One call is one request; headers and retries of the host's client stay the host's."""
    async with (
        serving(whole({}, status=500)) as wire,
        hosted(wire.url, default_headers={"X-Host": "h"}, max_retries=5) as client,
    ):
        provider = Anthropic(MODEL, AnthropicSettings(headers={"X-Ours": "o"}), client=client)
        provider.check()
        with pytest.raises(ProviderError):
            await provider.complete(question())
        with pytest.raises(ProviderError):
            await anext(aiter(provider.stream(question())))
        await provider.aclose()

        assert provider.endpoint == wire.url
        assert client.max_retries == 5
        assert "X-Ours" not in client.default_headers

    assert len(wire.sent) == 2
    assert all(sent.headers["x-host"] == "h" for sent in wire.sent)
    assert all(sent.headers["x-ours"] == "o" for sent in wire.sent)


async def test_a_key_that_the_host_changes_is_followed() -> None:
    """The next call takes the new key, and the old one is no secret any more."""
    async with serving() as wire, hosted(wire.url) as client:
        provider = Anthropic(MODEL, client=client)
        await provider.complete(question())
        await provider.complete(question())
        client.api_key = "sk-new"
        assert provider.secrets == ("sk-new",)
        await provider.complete(question())

    told = [sent.headers["authorization"] for sent in wire.sent]
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

    with pytest.raises(ConfigurationError, match=r"client= takes an"):
        Anthropic(MODEL, client=client)
    if isinstance(client, anthropic.Anthropic):
        client.close()


async def test_a_client_beside_a_key_is_refused() -> None:
    """The client has a key and a URL of its own: two of them are a mistake."""
    async with hosted("http://127.0.0.1:1") as client:
        more: dict[str, Any]
        for more in ({"api_key": "k"}, {"base_url": "http://x.test"}):
            with pytest.raises(ConfigurationError, match="leave api_key, base_url out"):
                Anthropic(MODEL, client=client, **more)


async def test_a_client_of_the_host_without_a_key_is_told_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The SDK says so with a plain TypeError; ours is an error of the provider."""
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)

    async with serving() as wire, hosted(wire.url, api_key=None) as client:
        with pytest.raises(AuthenticationError, match="no key"):
            await Anthropic(MODEL, client=client).complete(question())


async def test_a_client_of_bedrock_asks_in_its_own_way() -> None:
    """The private copy keeps the platform's URL, its body, and its region."""
    async with serving() as wire:
        client = anthropic.AsyncAnthropicBedrock(
            api_key="bedrock-key", aws_region="eu-west-1", base_url=wire.url
        )
        provider = Anthropic("anthropic.claude-sonnet-5-5-v1:0", client=client)
        answer = await provider.complete(question())
        client.api_key = "bedrock-later"
        await provider.complete(question())
        await client.close()

    assert answer.text == "Looks right."
    assert wire.sent[0].path == "/model/anthropic.claude-sonnet-5-5-v1:0/invoke"
    told = [sent.headers["authorization"] for sent in wire.sent]
    assert told == ["Bearer bedrock-key", "Bearer bedrock-later"]
    assert provider.secrets == ("bedrock-later",)


async def test_a_middleware_of_the_host_stays_in_its_place() -> None:
    """What the host put around its calls sees ours too, errors as well as answers."""
    seen: list[int] = []

    async def watching(request: Any, call_next: Any) -> Any:
        response = await call_next(request)
        seen.append(response.status_code)
        return response

    replies = (whole(), whole({}, status=529), streamed(beginning(), piece("A"), *ending()))
    async with (
        serving(*replies) as wire,
        hosted(wire.url, middleware=[watching]) as client,
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
    async with serving() as other:
        away = whole({}, status=status, headers={"location": f"{other.url}/v1/messages"})
        async with serving(away) as wire, hosted(wire.url) as client:
            own: dict[str, Any] = {"api_key": "sk-1", "base_url": wire.url}
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

    assert other.sent == []
    assert len(wire.sent) == 4
