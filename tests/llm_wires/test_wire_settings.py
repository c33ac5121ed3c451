"""Keys, places, proxies and certificates of each wire are those that were set."""

from __future__ import annotations

import contextlib
import logging

import pytest
from wire_asking import WAY, ask, failure, hear, refusing_with

from fault_places import Certificate
from fault_server import FaultServer, Received, Reply
from model_replies import streamed
from wires import KEY, REQUEST, Wire

NOWHERE = "http://models.invalid"
"""A host that only a proxy can know."""


def answering(wire: Wire, way: str) -> Reply:
    """Reply with a good answer, whole or in a stream."""
    return streamed(*wire.stream("Fine.")) if way == "stream" else Reply(body=wire.answer("Fine."))


@WAY
async def test_l34_a_key_that_changed_is_used_by_the_next_call(
    wire: Wire, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A key is asked for before each call, the engine knows it, and no log holds it."""
    keys = ["sk-canary-first", "sk-canary-second"]
    held = list(keys)
    with caplog.at_level(logging.INFO):
        async with (
            FaultServer(answering(wire, way)) as server,
            wire.connect(server.url, key=lambda: held[0]) as provider,
        ):
            for key in keys:
                await (hear(provider) if way == "stream" else ask(provider))
                assert key in provider.secrets
                held.append(held.pop(0))

    assert [each.key for each in server.requests] == keys
    assert "canary" not in caplog.text


async def test_l34_a_key_that_is_refused_after_a_change_is_not_shown(wire: Wire) -> None:
    """Neither the old nor the new key stands in the error of a call with it."""
    held = ["sk-canary-first"]
    replies = [Reply(body=wire.answer()), refusing_with(wire.status(401, "sk-canary-second"))]
    async with (
        FaultServer(replies) as server,
        wire.connect(server.url, key=lambda: held[0]) as provider,
    ):
        await ask(provider)
        held[0] = "sk-canary-second"
        await failure(provider, "whole")

    assert [each.key for each in server.requests] == ["sk-canary-first", "sk-canary-second"]


async def test_l35_a_place_of_ones_own_is_asked(wire: Wire) -> None:
    """A base URL with a path of its own, with or without a slash at its end, is kept."""
    async with FaultServer(Reply(body=wire.answer())) as server:
        for end in ("", "/"):
            url = f"{server.url}/gate/way"
            own = {"settings": wire.settings(base_url=f"{url}{wire.prefix}{end}")}
            async with contextlib.aclosing(wire.make(api_key=KEY, **own)) as provider:
                assert provider.endpoint is not None
                assert provider.endpoint.startswith(url)
                await ask(provider)

    assert [each.path for each in server.requests] == [f"/gate/way{wire.path}"] * 2


async def test_l35_headers_of_ones_own_are_sent(wire: Wire) -> None:
    """A gateway in front of a provider gets the headers that it wants."""
    async with (
        FaultServer(Reply(body=wire.answer())) as server,
        wire.connect(server.url, headers={"X-Gate": "open"}) as provider,
    ):
        await ask(provider)

    assert server.requests[0].headers["x-gate"] == "open"


HIDDEN = {
    **{
        f"{vendor}_CUSTOM_HEADERS": "Authorization: Bearer ambient\nX-Ambient: yes\nhost: ambient"
        for vendor in ("OPENAI", "ANTHROPIC", "GROQ", "MISTRAL")
    },
    **{
        f"{vendor}_BASE_URL": "http://ambient.invalid"
        for vendor in ("OPENAI", "ANTHROPIC", "GROQ", "MISTRAL")
    },
    "OPENAI_ADMIN_KEY": "ambient",
    "OPENAI_WEBHOOK_SECRET": "ambient",
    "OPENAI_ORG_ID": "ambient",
    "OPENAI_PROJECT_ID": "ambient",
    "AZURE_OPENAI_AD_TOKEN": "ambient",
    "ANTHROPIC_AUTH_TOKEN": "ambient",
    "ANTHROPIC_PROFILE": "ambient",
    "ANTHROPIC_WEBHOOK_SIGNING_KEY": "ambient",
    "MISTRAL_SA_TOKEN_PATH": "/ambient",
    "MISTRAL_SERVER_URL": "http://ambient.invalid",
}
"""What the SDKs read of the environment that says where a call goes, or what it carries."""


@WAY
@pytest.mark.parametrize("key", [KEY, None])
async def test_l35_an_sdk_reads_no_environment_of_its_own(
    wire: Wire, way: str, key: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call is the same with it: what is read is read by us, when the provider is made."""
    async with FaultServer(answering(wire, way)) as server:
        for given in ({}, HIDDEN):
            async with wire.connect(server.url, key=key) as provider:
                for name, value in given.items():
                    monkeypatch.setenv(name, value)
                await (hear(provider) if way == "stream" else ask(provider))

    plain, ambient = server.requests
    assert ambient.headers == plain.headers
    assert (ambient.target, ambient.body) == (plain.target, plain.body)


@WAY
async def test_l35_a_proxy_of_the_environment_is_asked(
    wire: Wire, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where `HTTP_PROXY` names a proxy, it is asked for the whole URL."""
    async with FaultServer(answering(wire, way)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        async with wire.connect(NOWHERE) as provider:
            await (hear(provider) if way == "stream" else ask(provider))

    assert [each.target for each in proxy.requests] == [f"{NOWHERE}{wire.path}"]


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
async def test_l35_a_host_that_needs_no_proxy_gets_none(
    wire: Wire, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that `NO_PROXY` names is asked itself."""
    async with (
        FaultServer(Reply(status=502)) as proxy,
        FaultServer(Reply(body=wire.answer())) as server,
    ):
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv(name, "localhost,127.0.0.1")
        async with wire.connect(server.url) as provider:
            await ask(provider)

    assert (len(proxy.requests), len(server.requests)) == (0, 1)


async def test_l35_an_authority_of_ones_own_is_trusted(
    wire: Wire, certificate: Certificate
) -> None:
    """The certificates of `ca_file` are those that are trusted."""
    async with (
        FaultServer(Reply(body=wire.answer()), tls=certificate.context) as server,
        wire.connect(server.url, ca_file=str(certificate.file)) as provider,
    ):
        answer = await ask(provider)

    assert answer.finish_reason.is_complete
    assert [each.key for each in server.requests] == [KEY]


async def test_l35_a_proxy_sees_neither_key_nor_prompt_of_what_is_encrypted(
    wire: Wire, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through a proxy, TLS goes from here to the provider, and the proxy learns its host alone."""

    def carrying(received: Received) -> Reply:
        return Reply(tunnel=received.method == "CONNECT")

    async with (
        FaultServer(carrying) as proxy,
        FaultServer(Reply(body=wire.answer()), tls=certificate.context) as server,
    ):
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("https_proxy", proxy.url)
        async with wire.connect(server.url, ca_file=str(certificate.file)) as provider:
            await ask(provider)

    (asked,) = proxy.requests
    assert (asked.method, asked.target) == ("CONNECT", f"127.0.0.1:{server.port}")
    assert (asked.key, asked.body) == ("", b"")
    assert [each.key for each in server.requests] == [KEY]


async def test_l35_a_proxy_that_fails_is_told(
    wire: Wire, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that does not let a call through is a place that cannot be reached."""
    async with FaultServer(Reply(status=503)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("https_proxy", proxy.url)
        async with wire.connect("https://models.invalid") as provider:
            error = await failure(provider, "whole", REQUEST)

    assert error.retryable
