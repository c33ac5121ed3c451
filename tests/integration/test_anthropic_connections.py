"""How calls to Anthropic end, and which way they take."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from anthropic_asking import (
    MODEL,
    question,
)

from codeflow_engine.errors import (
    ConfigurationError,
    ProviderError,
)
from codeflow_engine.providers.llm.anthropic import Anthropic, AnthropicSettings
from fault_server import FaultServer, Reply


async def test_closing_ends_calls_that_are_under_way() -> None:
    """Each of them fails with an error of the tree, and none hangs."""
    async with FaultServer(Reply(after=60)) as server:
        provider = Anthropic(MODEL, api_key="sk-1", base_url=server.url)
        asked = [asyncio.create_task(provider.complete(question())) for _ in range(10)]
        await server.until(lambda: len(server.requests) == 10)
        await provider.aclose()
        done, _ = await asyncio.wait(asked, timeout=5)

    assert len(done) == 10
    assert all(isinstance(task.exception(), ProviderError) for task in done)


async def test_certificates_that_cannot_be_read_are_told_of(tmp_path: Path) -> None:
    """A file that is not there, or holds no certificate, is a mistake in the settings."""
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing\n")

    for file in (tmp_path / "none.pem", empty):
        settings = AnthropicSettings(ca_file=str(file))
        provider = Anthropic(MODEL, settings, api_key="k", base_url="https://127.0.0.1:1")
        with pytest.raises(ConfigurationError, match="ca_file of anthropic"):
            await provider.complete(question())


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
