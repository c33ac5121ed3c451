"""The provider of Anthropic's models."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from enum import StrEnum
from functools import cached_property
from typing import Any, ClassVar, Final, override

from codeflow_engine.contracts.llm import LLM, LLMCapability
from codeflow_engine.domain.chat import ChatAnswer, ChatDelta, ChatRequest
from codeflow_engine.errors import ConfigurationError, ProviderError
from codeflow_engine.providers.llm.anthropic.answering import Pieces, read_answer, read_json
from codeflow_engine.providers.llm.anthropic.asking import Form, knows_schemas, takes_temperature
from codeflow_engine.providers.llm.anthropic.clients import (
    REQUIRES,
    Clients,
    HostClients,
    OwnClients,
)
from codeflow_engine.providers.llm.anthropic.failing import Watch
from codeflow_engine.providers.llm.anthropic.settings import AnthropicSettings
from codeflow_engine.providers.llm.calls.faults import Called, malformed
from codeflow_engine.providers.llm.calls.keys import Key
from codeflow_engine.providers.llm.calls.sdk import require_sdk

__all__ = ["Anthropic"]

_MESSAGES: Final = "/v1/messages"
_UNREAD: Final = {"X-Stainless-Raw-Response": "stream"}
"""Has the SDK hand over a response as it comes: so it is known whether any came, and no model
of each field is made only to be taken apart again."""

_PAGE: Final = 1000
_PAGES: Final = 20
_ENDING: Final = 0.5
"""Seconds to wait for the end of a stream whose message has ended."""


class Anthropic(LLM):
    """A model of Anthropic, or of a server that speaks the same interface.

    Args:
        model: Its id, such as `claude-sonnet-5-5`.
        settings: What can be set; a keyword wins over it.
        client: The host's `AsyncAnthropic`, or its client of Bedrock or Vertex. Calls go through
            a private copy that retries nothing, with the timeouts of the settings; a key that
            the host changes is followed. It is never changed or closed.
        api_key: The key, or what gives the current one; without one it is `ANTHROPIC_API_KEY`,
            read now.
        base_url: Where the interface is; without one it is `ANTHROPIC_BASE_URL`, read now, or
            Anthropic itself.

    Raises:
        ConfigurationError: The client is synchronous, or stands beside a key or URL.
    """

    capabilities: ClassVar[frozenset[StrEnum]] = frozenset(LLMCapability)

    def __init__(
        self,
        model: str,
        settings: AnthropicSettings | None = None,
        *,
        client: Any = None,
        api_key: str | Callable[[], str] | None = None,
        base_url: str | None = None,
    ) -> None:
        settings = settings or AnthropicSettings()
        self._model = model
        self._settings = settings
        key = Key("anthropic", "ANTHROPIC_API_KEY", api_key or settings.api_key)
        self._key = key if client is None else None
        self._called = Called(provider="anthropic", model=model, key_name=key.name)
        if client is None:
            place = base_url or settings.base_url or os.environ.get("ANTHROPIC_BASE_URL")
            self._clients: Clients = OwnClients(settings, key, place)
        elif api_key is not None or base_url is not None:
            raise ConfigurationError("client= has its own key and URL: leave api_key, base_url out")
        else:
            self._clients = HostClients(settings, client)
        native = knows_schemas(model) if settings.native_schema is None else settings.native_schema
        if not native:
            less = frozenset({LLMCapability.ANSWER_SCHEMA})
            self.capabilities = self.capabilities - less  # type: ignore[misc] # it is the model's
        self._form = Form(
            model,
            marks=settings.cache_prompts,
            native=native,
            sampling=takes_temperature(settings.headers),
        )

    @property
    @override
    def model(self) -> str:
        """Id of the model."""
        return self._model

    @property
    @override
    def provider(self) -> str:
        """The interface that it is asked through."""
        return "anthropic"

    @property
    @override
    def endpoint(self) -> str:
        """URL that calls go to."""
        return self._clients.endpoint

    @property
    @override
    def secrets(self) -> tuple[str, ...]:
        """Keys in use now."""
        return self._clients.secrets

    @override
    def check(self) -> None:
        """Look for a key and for the SDK."""
        require_sdk("anthropic", requires=REQUIRES)
        if self._key is not None:
            self._key.require()

    @override
    async def complete(self, request: ChatRequest) -> ChatAnswer:
        """Ask once and return what came back."""
        called, client = self._about(request), await self._clients.current()
        body = self._form.asked(request, self._clients.sdk.transform_schema)
        content, headers = await self._asked(client, _MESSAGES, body, called)
        return read_answer(content, headers, called)

    @override
    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """Ask once and yield pieces; the last one carries the whole answer."""
        called, client = self._about(request), await self._clients.current()
        deadline = asyncio.get_running_loop().time() + self._settings.timeout
        watch = Watch(called)
        body = {**self._form.asked(request, self._clients.sdk.transform_schema), "stream": True}
        with watch:
            async with asyncio.timeout_at(deadline):
                source = await client.post(
                    _MESSAGES,
                    cast_to=object,
                    body=body,
                    options={"timeout": self._idle, "follow_redirects": False},
                    stream=True,
                    stream_cls=self._clients.sdk.AsyncStream[object],
                )
        watch.begun = True
        pieces = Pieces(source.response.headers, called)
        try:
            events = aiter(source)
            while not pieces.is_ended:
                with watch:
                    async with asyncio.timeout_at(deadline):
                        event = await anext(events, None)
                if event is None:
                    break
                text = pieces.take(event)
                if text:
                    yield ChatDelta(text=text)
            if pieces.is_ended:
                await _read_out(events, watch)
            yield ChatDelta(answer=pieces.answer())
        finally:
            await source.close()

    @override
    async def count_tokens(self, request: ChatRequest) -> int:
        """Count the input tokens of a request; the interface asks nothing for it."""
        called, client = self._about(request), await self._clients.current()
        body = self._form.counted(request, self._clients.sdk.transform_schema)
        content, _ = await self._asked(client, f"{_MESSAGES}/count_tokens", body, called)
        count = read_json(content, called).get("input_tokens")
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise malformed(called, "no count of tokens", charged=False)
        return count

    @override
    async def list_models(self) -> tuple[str, ...]:
        """List ids of the models on offer, sorted."""
        client, found, after = await self._clients.current(), set[str](), None
        for _ in range(_PAGES):
            params = {"limit": _PAGE} | ({"after_id": after} if after else {})
            content, _ = await self._asked(client, "/v1/models", None, self._called, params)
            page = read_json(content, self._called)
            listed = page.get("data")
            if not isinstance(listed, list):
                raise malformed(self._called, "no list of models", charged=False)
            ids = [one.get("id") for one in listed if isinstance(one, dict)]
            found |= {one for one in ids if isinstance(one, str)}
            after = page.get("last_id")
            if page.get("has_more") is not True or not isinstance(after, str):
                break
        return tuple(sorted(found))

    @override
    async def aclose(self) -> None:
        """Close our own client; the host's stays open."""
        await self._clients.aclose()

    def _about(self, request: ChatRequest) -> Called:
        own = self._called
        return Called(
            provider=own.provider, model=own.model, key_name=own.key_name, request=request
        )

    async def _asked(
        self,
        client: Any,
        path: str,
        body: dict[str, Any] | None,
        called: Called,
        params: dict[str, Any] | None = None,
    ) -> tuple[bytes, Any]:
        """Send one request and read all of its answer; without a body it is a GET."""
        options: dict[str, Any] = {
            "headers": _UNREAD,
            "timeout": self._whole,
            # The SDK follows redirects by default, and so may the host's transport.
            "follow_redirects": False,
        }
        if params:
            options["params"] = params
        watch = Watch(called)
        with watch:
            async with asyncio.timeout(self._settings.timeout):
                if body is None:
                    given = await client.get(path, cast_to=object, options=options)
                else:
                    given = await client.post(path, cast_to=object, body=body, options=options)
                response, watch.begun = given.http_response, body is not None
                try:
                    return await response.aread(), response.headers
                finally:
                    await response.aclose()

    @cached_property
    def _whole(self) -> Any:
        """Timeouts of a call that gives its answer at once."""
        seconds = self._settings
        return self._clients.sdk.Timeout(seconds.timeout, connect=seconds.connect_timeout)

    @cached_property
    def _idle(self) -> Any:
        """Timeouts of a stream."""
        seconds = self._settings
        return self._clients.sdk.Timeout(
            seconds.timeout, connect=seconds.connect_timeout, read=seconds.idle_timeout
        )


async def _read_out(events: AsyncIterator[Any], watch: Watch) -> None:
    """Read what ends a stream after its message, so that its connection can be used again."""
    with suppress(ProviderError), watch:
        async with asyncio.timeout(_ENDING):
            await anext(events, None)
