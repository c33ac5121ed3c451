"""The way of a call: a client of an SDK, ours or the host's, and the bytes that come back.

It is written for the SDKs that Stainless generates, those of OpenAI, Groq and Anthropic; what
differs for another one, it overrides.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Final
from weakref import WeakKeyDictionary

from codeflow_engine.errors import ConfigurationError, ProviderTimeoutError
from codeflow_engine.providers.llm.calls.faults import Called, from_transport
from codeflow_engine.providers.llm.calls.sdk import load_sdk, require_sdk
from codeflow_engine.providers.llm.calls.sdk_faults import from_sdk
from codeflow_engine.providers.llm.calls.settings import LLMSettings

__all__ = ["Asked", "Line", "Make", "Reading", "Ready", "is_client", "late"]

_DRAIN: Final = 0.1
"""Seconds for what follows the last event, so that the connection can be used again."""

type Make = Callable[[ModuleType, Any], Any]
"""Makes an SDK's client of the SDK and of the HTTP client that it is to use."""

type Asked = tuple[Any, AsyncIterator[bytes]]
"""A response as httpx or httpx2 make it, and the bytes of its body."""


@dataclass(slots=True)
class _Held:
    """What belongs to one event loop."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    ready: Ready | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """An SDK and a client of it."""

    sdk: ModuleType
    client: Any


class Reading:
    """A response whose headers are there; whoever has it closes it.

    Args:
        asked: What came.
        called: Which call it is.
        deadline: When the call ends, in the time of the event loop.
        timeout: The seconds that this was at its beginning.
    """

    def __init__(self, asked: Asked, called: Called, deadline: float, timeout: float) -> None:
        self._response, self._parts = asked
        self._called = called
        self._deadline = deadline
        self._timeout = timeout

    @property
    def headers(self) -> Mapping[str, str]:
        """Those of the response; asked for by lower-case names."""
        headers: Mapping[str, str] = self._response.headers
        return headers

    async def next(self) -> bytes | None:
        """Give the next bytes; None at the end.

        Raises:
            ProviderError: It broke off, or took too long.
        """
        try:
            async with asyncio.timeout_at(self._deadline):
                return await anext(self._parts, None)
        except TimeoutError:
            raise late(self._called, self._timeout) from None
        except Exception as error:
            told = from_sdk(error, self._called, begun=True)
            if told is None:
                raise
            raise told from None

    async def drain(self) -> None:
        """Read what follows the last event, for a moment."""
        try:
            async with asyncio.timeout(_DRAIN):
                while await anext(self._parts, None) is not None:
                    pass
        except TimeoutError:
            return
        except Exception as error:
            # The answer is whole; how its connection ends is nothing to the caller.
            if from_sdk(error, self._called, begun=True) is not None:
                return
            raise

    async def aclose(self) -> None:
        """Give the connection back, or close it where the response has not ended."""
        await self._response.aclose()


class Line:
    """The way to a server: the host's client, or ours, which is made at the first call.

    What we need otherwise than a host has set it (no retries of the SDK's, no redirects, our
    timeouts) is said with each call. The host's client is never changed, and a key that the host
    sets on it later is used.

    Args:
        sdk: Name of the SDK's package.
        requires: What to install where it is missing.
        settings: How long a call may take.
        make: Makes our client.
        host: The host's client.
    """

    def __init__(
        self, sdk: str, requires: str, settings: LLMSettings, *, make: Make, host: Any = None
    ) -> None:
        self._name = sdk
        self._requires = requires
        self._settings = settings
        self._make = make
        self._host = host
        self._loaded: ModuleType | None = None
        self._held: WeakKeyDictionary[asyncio.AbstractEventLoop, _Held] = WeakKeyDictionary()

    def check(self) -> None:
        """Look whether the SDK is there."""
        require_sdk(self._name, requires=self._requires)

    async def load(self) -> ModuleType:
        """Give the SDK, which the first call imports."""
        if self._loaded is None:
            self._loaded = await load_sdk(self._name, requires=self._requires)
        return self._loaded

    async def send(
        self,
        called: Called,
        path: str,
        *,
        key: str | None,
        body: Mapping[str, Any] | None = None,
        is_stream: bool = False,
    ) -> Reading:
        """Send a request, and give the response once its headers are there.

        Args:
            called: Which call it is.
            path: Under the client's URL.
            key: The key that holds now; None for the host's client, or for a server without.
            body: What is posted; None gets.
            is_stream: Whether the answer comes in pieces.

        Raises:
            ProviderError: There is no response, or it is an error.
        """
        timeout = self._settings.timeout
        deadline = asyncio.get_running_loop().time() + timeout
        try:
            async with asyncio.timeout_at(deadline):
                ready = await self._ready(called)
                options = self._options(ready, key, is_stream=is_stream)
                asked = await self._ask(ready, path, body, options)
        except TimeoutError:
            raise late(called, timeout) from None
        except Exception as error:
            told = from_sdk(error, called, begun=False)
            if told is None:
                raise
            # The SDK's own words may hold a part of the key, and a traceback shows causes.
            raise told from None
        return Reading(asked, called, deadline, timeout)

    async def aclose(self) -> None:
        """Close what was opened here; the host's client stays as it is."""
        held = self._held.pop(asyncio.get_running_loop(), None)
        if held is not None and held.ready is not None and self._host is None:
            await held.ready.client.close()
        # What other loops had open went with them.
        self._held.clear()

    async def _ready(self, called: Called) -> Ready:
        held = self._held.setdefault(asyncio.get_running_loop(), _Held())
        if held.ready is None:
            async with held.lock:
                if held.ready is None:
                    sdk = await self.load()
                    client = self._host
                    if client is None:
                        # It reads the certificates to trust: 20 to 50 ms of CPU.
                        client = await asyncio.to_thread(self._open, sdk, called)
                    held.ready = Ready(sdk, client)
        return held.ready

    def _open(self, sdk: ModuleType, called: Called) -> Any:
        ca_file = self._settings.ca_file
        try:
            verify = (
                {} if ca_file is None else {"verify": ssl.create_default_context(cafile=ca_file)}
            )
        except OSError as error:
            raise ConfigurationError(f"ca_file of {called.provider}: {error}") from None
        try:
            return self._make(sdk, self._http(sdk, follow_redirects=False, **verify))
        except Exception as error:
            known = isinstance(error, ValueError | ImportError | OSError)
            if not known and from_transport(error, called, begun=False) is None:
                raise
            raise ConfigurationError(
                f"no client for {called.provider} can be made: {type(error).__name__}; "
                "see base_url, HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY and SSL_CERT_FILE"
            ) from None

    def _http(self, sdk: ModuleType, **options: Any) -> Any:
        # Beside proxies and limits, it is the SDK's own: 1,000 connections, 100 kept.
        return sdk.DefaultAsyncHttpxClient(**options)

    def _options(self, ready: Ready, key: str | None, *, is_stream: bool) -> dict[str, Any]:
        settings = self._settings
        headers: dict[str, Any] = dict(settings.headers)
        if self._host is None:
            if key is None and "authorization" not in {name.lower() for name in headers}:
                headers["Authorization"] = ready.sdk.Omit()
            elif key is not None and ready.client.api_key != key:
                ready.client.api_key = key
        return {
            "max_retries": 0,
            "follow_redirects": False,
            "headers": headers,
            "timeout": ready.sdk.Timeout(
                connect=settings.connect_timeout,
                read=settings.idle_timeout if is_stream else settings.timeout,
                write=settings.idle_timeout,
                # Many calls may wait for a connection of a small pool; it is no fault.
                pool=settings.timeout,
            ),
        }

    async def _ask(
        self, ready: Ready, path: str, body: Mapping[str, Any] | None, options: dict[str, Any]
    ) -> Asked:
        # As a stream, since the SDK then hands the response out before it reads the body, and
        # parses nothing; its own decoder is never begun.
        raw = {"cast_to": object, "stream": True, "stream_cls": ready.sdk.AsyncStream[object]}
        if body is None:
            held = await ready.client.get(path, options=options, **raw)
        else:
            held = await ready.client.post(path, body=body, options=options, **raw)
        return held.response, held.response.aiter_bytes()


def is_client(value: object, module: str, name: str) -> bool:
    """Say whether a host's client is of a class of an SDK, without importing the SDK."""
    return any(
        one.__name__ == name and one.__module__.partition(".")[0] == module
        for one in type(value).__mro__
    )


def late(called: Called, timeout: float) -> ProviderTimeoutError:
    """Say that a whole call took too long."""
    return ProviderTimeoutError(
        f"{called.title} gave no whole answer within {timeout:g} s", kind="deadline", charged=True
    )
