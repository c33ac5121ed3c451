"""How calls to Anthropic end, and which way they take."""

from __future__ import annotations

import asyncio
import gc
import ssl
import subprocess
import time
import warnings
from pathlib import Path
from shutil import which

import pytest
from anthropic_wire import MESSAGE, MODEL, beginning, piece, question, serving, streamed, whole

from codeflow_engine.errors import (
    ConfigurationError,
    ProviderError,
    ProviderTimeoutError,
)
from codeflow_engine.providers.llm.anthropic import Anthropic, AnthropicSettings


def certificate(place: Path) -> tuple[Path, ssl.SSLContext]:
    """Make a certificate for the loopback address, and what a server takes."""
    file, secret = place / "cert.pem", place / "key.pem"
    made = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2")
    names = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    out = ("-keyout", str(secret), "-out", str(file))
    subprocess.run([*made, *names, *out], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file, secret)
    return file, context


async def test_two_hundred_calls_at_once_all_settle_and_leave_nothing_open() -> None:
    """The pool holds two hundred connections, and closing ends them all."""

    async def slow(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.2)
        await whole()(writer)

    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        async with serving(slow) as wire:
            provider = Anthropic(MODEL, api_key="sk-1", base_url=wire.url)
            answers = await asyncio.gather(
                *(provider.complete(question(("user", f"n {n}"))) for n in range(200))
            )
            await provider.aclose()
        gc.collect()

    assert {answer.text for answer in answers} == {"Looks right."}
    assert len(wire.sent) == 200


async def test_closing_ends_calls_that_are_under_way() -> None:
    """Each of them fails with an error of the tree, and none hangs."""

    async def never(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async with serving(never) as wire:
        provider = Anthropic(MODEL, api_key="sk-1", base_url=wire.url)
        asked = [asyncio.create_task(provider.complete(question())) for _ in range(10)]
        while len(wire.sent) < 10:  # noqa: ASYNC110 - until all have come to the server
            await asyncio.sleep(0.01)
        await provider.aclose()
        done, _ = await asyncio.wait(asked, timeout=5)

    assert len(done) == 10
    assert all(isinstance(task.exception(), ProviderError) for task in done)


@pytest.mark.parametrize("way", ["complete", "stream"])
async def test_cancelling_closes_the_connection_at_once(way: str) -> None:
    """A cancelled call returns within 100 ms, and its server sees it go."""
    held = streamed(beginning(), piece("A"), end="open")

    async with serving(held) as wire:
        provider = Anthropic(MODEL, api_key="sk-1", base_url=wire.url)

        async def ask() -> None:
            if way == "complete":
                await provider.complete(question())
            else:
                async for _ in provider.stream(question()):
                    pass

        task = asyncio.create_task(ask())
        while not wire.sent:  # noqa: ASYNC110 - until it has come to the server
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        began = time.perf_counter()
        task.cancel()
        await asyncio.wait([task])
        took = time.perf_counter() - began
        await asyncio.wait_for(wire.closed.wait(), 1)
        await provider.aclose()

    assert task.cancelled()
    assert took < 0.1


async def test_a_stream_that_nobody_reads_on_is_closed() -> None:
    """Whoever stops reading, and closes the stream, closes its connection."""
    async with serving(streamed(beginning(), piece("A"), end="open")) as wire:
        provider = Anthropic(MODEL, api_key="sk-1", base_url=wire.url)
        stream = provider.stream(question())
        assert (await anext(stream)).text == "A"
        await stream.aclose()  # type: ignore[attr-defined] # it is a generator
        await asyncio.wait_for(wire.closed.wait(), 1)
        await provider.aclose()


async def test_a_whole_call_may_take_no_longer_than_its_timeout() -> None:
    """Bytes that keep dripping in are no reason to wait on, streamed or not."""

    async def dripping(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\n\r\n")
        while True:
            writer.write(b": still here\n\n")
            await writer.drain()
            await asyncio.sleep(0.05)

    settings = AnthropicSettings(timeout=0.4, idle_timeout=0.2)
    async with serving(dripping) as wire:
        provider = Anthropic(MODEL, settings, api_key="sk-1", base_url=wire.url)
        for ask in (provider.complete(question()), anext(aiter(provider.stream(question())))):
            began = time.perf_counter()
            with pytest.raises(ProviderTimeoutError) as caught:
                await ask
            assert 0.3 < time.perf_counter() - began < 2
            assert caught.value.charged
        await provider.aclose()


async def test_proxies_of_the_environment_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call goes through HTTP_PROXY, and past it where NO_PROXY names the place."""
    async with serving() as proxy, serving() as wire:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        through = Anthropic(MODEL, api_key="sk-1", base_url="http://claude.test")
        await through.complete(question())
        await through.aclose()
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        past = Anthropic(MODEL, api_key="sk-1", base_url=wire.url)
        await past.complete(question())
        await past.aclose()

    assert [sent.path for sent in proxy.sent] == ["http://claude.test/v1/messages"]
    assert [sent.path for sent in wire.sent] == ["/v1/messages"]


async def test_certificates_that_cannot_be_read_are_told_of(tmp_path: Path) -> None:
    """A file that is not there, or holds no certificate, is a mistake in the settings."""
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing\n")

    for file in (tmp_path / "none.pem", empty):
        settings = AnthropicSettings(ca_file=str(file))
        provider = Anthropic(MODEL, settings, api_key="k", base_url="https://127.0.0.1:1")
        with pytest.raises(ConfigurationError, match="cannot be read as certificates"):
            await provider.complete(question())


@pytest.mark.skipif(which("openssl") is None, reason="openssl makes the certificate")
async def test_certificates_of_the_settings_are_the_ones_that_are_trusted(tmp_path: Path) -> None:
    """A server whose certificate stands in `ca_file` is trusted, and without it it is not."""
    file, context = certificate(tmp_path)

    async with serving(tls=context) as wire:
        own = AnthropicSettings(ca_file=str(file))
        provider = Anthropic(MODEL, own, api_key="k", base_url=wire.url)
        assert (await provider.complete(question())).text == MESSAGE["content"][0]["text"]
        await provider.aclose()
        stranger = Anthropic(MODEL, api_key="k", base_url=wire.url)
        with pytest.raises(ProviderError) as caught:
            await stranger.complete(question())
        await stranger.aclose()

    assert caught.value.kind == "tls"


@pytest.mark.parametrize("url", ["ftp://x:pw@x.test", "http://[::1", "nowhere", "http://x:y/"])
def test_a_base_url_that_is_none_is_told_of(url: str) -> None:
    """A URL that cannot be asked is told of at once, and never shown: it may hold a password."""
    with pytest.raises(ConfigurationError, match="base_url of anthropic") as caught:
        Anthropic(MODEL, api_key="k", base_url=url)

    assert url not in str(caught.value)


@pytest.mark.parametrize("proxy", ["http://[::1", "socks9://x.test", "http://x.test:nine"])
async def test_a_proxy_that_is_none_is_told_of(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong with the environment's proxies names their variables."""
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, proxy)
    provider = Anthropic(MODEL, api_key="k", base_url="http://claude.test")

    with pytest.raises(ConfigurationError, match="HTTP_PROXY"):
        await provider.complete(question())
