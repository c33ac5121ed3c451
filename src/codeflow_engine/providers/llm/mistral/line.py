"""Calls through the SDK of Mistral, with the host's client or with one of ours."""

from __future__ import annotations

import asyncio
import copy
import importlib
import weakref
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Final

from codeflow_engine.errors import CodeflowError, ConfigurationError
from codeflow_engine.providers.llm.calls.faults import Called
from codeflow_engine.providers.llm.calls.line import Line, Make, Reading, late
from codeflow_engine.providers.llm.calls.sdk import load_sdk
from codeflow_engine.providers.llm.calls.settings import LLMSettings
from codeflow_engine.providers.llm.mistral.failing import from_sdk
from codeflow_engine.providers.llm.mistral.tap import CALL, Call, Nothing, Tap

__all__ = ["MistralLine", "OwnClient"]

_SDK: Final = "mistralai.client"
_CONNECTIONS: Final = 1000
_KEPT: Final = 100
"""Connections that stay open between calls; the numbers are those of OpenAI's SDK."""


class OwnClient:
    """A client of the SDK that we have made, and that can be closed.

    Args:
        http: The HTTP client, which is closed with it.
        url: Where it goes to.
    """

    def __init__(self, http: Any, url: str) -> None:
        self._http = http
        nothing = Nothing()
        # The key comes with each call; this one is empty, so that the SDK looks for none.
        self._client = importlib.import_module(_SDK).Mistral(
            api_key=lambda: None,
            server_url=url,
            client=nothing,
            async_client=Tap(http),
            debug_logger=nothing,
        )
        self.sdk_configuration: Any = self._client.sdk_configuration
        # Where MISTRAL_SDK_TELEMETRY is set, the SDK would send prompts to its maker's servers.
        self.sdk_configuration.telemetry = False

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()


class MistralLine(Line):
    """The way to Mistral: the host's client, or ours, which is made at the first call.

    Of a host's client, a copy of the configuration is used, with a `Tap` in the place of its
    HTTP client; what the host sets on it later holds from the next call on.

    Args:
        settings: How long a call may take.
        make: Makes our client.
        host: The host's client.
    """

    def __init__(self, settings: LLMSettings, *, make: Make, host: Any = None) -> None:
        super().__init__(f"{_SDK}.chat", "codeflow-engine[mistral]", settings, make=make, host=host)
        self._copy: Any = None

    async def send(
        self,
        called: Called,
        path: str,  # noqa: ARG002 - the SDK knows it
        *,
        key: str | None,
        body: Mapping[str, Any] | None = None,
        is_stream: bool = False,
    ) -> Reading:
        """Send a request, and give the response once its headers are there.

        Args:
            called: Which call it is.
            path: Where the SDK will ask by itself.
            key: The key that holds now; None for the host's client, or for a server without.
            body: What is asked; None lists the models.
            is_stream: Whether the answer comes in pieces.

        Raises:
            ProviderError: There is no response, or it is an error.
        """
        timeout = self._settings.timeout
        deadline = asyncio.get_running_loop().time() + timeout
        call = Call(called=called, timeouts=self._timeouts(is_stream=is_stream))
        token = CALL.set(call)
        response = None
        try:
            async with asyncio.timeout_at(deadline):
                response = await self._called(call, key, body, is_stream=is_stream)
        except TimeoutError:
            raise late(called, timeout) from None
        except CodeflowError:
            raise
        except Exception as error:
            raised = from_sdk(error, called, begun=call.response is not None)
            if raised is None:
                raise
            # The SDK's own words hold the body, and a traceback shows causes.
            raise raised from None
        finally:
            CALL.reset(token)
            if response is None:
                await call.aclose()
        return Reading((response, response.aiter_bytes()), called, deadline, timeout)

    def _http(self, sdk: ModuleType, **options: Any) -> Any:  # noqa: ARG002 - it has none
        httpx2 = importlib.import_module("httpx2")
        limits = httpx2.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_KEPT)
        return httpx2.AsyncClient(limits=limits, **options)

    async def _called(
        self, call: Call, key: str | None, body: Mapping[str, Any] | None, *, is_stream: bool
    ) -> Any:
        ready = await self._ready(call.called)
        configuration = self._configuration(ready.client)
        if body is None:
            models = await load_sdk(f"{_SDK}.models_", requires=self._requires)
            ask = models.Models(configuration, parent_ref=ready.client).list_async
        else:
            chat = ready.sdk.Chat(configuration, parent_ref=ready.client)
            ask = chat.stream_async if is_stream else chat.complete_async
        typed = _typed(body or {}, ready.sdk.models)
        try:
            told = await ask(**typed, **self._each_call(key))
        except ready.sdk.errors.MistralError:
            if not call.is_answered:
                raise
            # The SDK does not take the form of the answer; whether we do, its body says.
            return call.whole
        return call.whole or told.response

    def _each_call(self, key: str | None) -> dict[str, Any]:
        """Give what every method of the SDK takes."""
        headers = dict(self._settings.headers)
        if key is not None and "authorization" not in {name.lower() for name in headers}:
            headers["Authorization"] = f"Bearer {key}"
        return {
            "retries": None,
            "timeout_ms": max(int(self._settings.timeout * 1000), 1),
            "http_headers": headers,
        }

    def _configuration(self, client: Any) -> Any:
        if self._host is None:
            return client.sdk_configuration
        http = client.sdk_configuration.async_client
        if http is None:
            raise ConfigurationError("the client of mistralai that was handed in is closed")
        if self._copy is None:
            self._copy = copy.copy(client.sdk_configuration)
            # The SDK ends its telemetry with the configuration that a call came with; that of
            # the host has to last as long as the host's client.
            weakref.finalize(client, id, self._copy)
        tap = self._copy.async_client
        if not isinstance(tap, Tap) or tap.http is not http:
            tap = Tap(http)
        now = {**vars(client.sdk_configuration), "client": None, "async_client": tap}
        vars(self._copy).update(now)
        return self._copy

    def _timeouts(self, *, is_stream: bool) -> dict[str, float]:
        settings = self._settings
        return {
            "connect": settings.connect_timeout,
            "read": settings.idle_timeout if is_stream else settings.timeout,
            "write": settings.idle_timeout,
            # Many calls may wait for a connection of a small pool; it is no fault.
            "pool": settings.timeout,
        }


def _typed(body: Mapping[str, Any], types: Any) -> dict[str, Any]:
    """Put the values of the SDK into a body: it makes them of JSON too, but takes 6 ms for it."""
    makers = {
        "system": types.SystemMessage,
        "user": types.UserMessage,
        "assistant": types.AssistantMessage,
    }
    typed = dict(body)
    if "messages" in body:
        turns = [makers[one["role"]](content=one["content"]) for one in body["messages"]]
        typed["messages"] = turns
    if "response_format" in body:
        typed["response_format"] = types.ResponseFormat.model_validate(body["response_format"])
    return typed
