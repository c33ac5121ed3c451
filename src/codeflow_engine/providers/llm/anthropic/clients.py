"""Where the SDK's client of a provider comes from: made here, or a copy of the host's."""

from __future__ import annotations

import asyncio
import inspect
import ssl
from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.providers.llm.anthropic.settings import AnthropicSettings
from codeflow_engine.providers.llm.calls.keys import Key
from codeflow_engine.providers.llm.calls.sdk import load_sdk

__all__ = ["REQUIRES", "Clients", "HostClients", "OwnClients"]

REQUIRES: Final = "codeflow-engine[anthropic]"

_HOME: Final = "https://api.anthropic.com"
_KEYS: Final = (
    *("api_key", "auth_token", "access_token"),
    *("aws_access_key", "aws_secret_key", "aws_session_token"),
)
"""What clients call their keys: Anthropic's own, Vertex', and Bedrock's."""

_FOLLOWED: Final = (*_KEYS, "credentials", "aws_profile", "aws_region", "base_url")
"""What a host may change on its client, and our copy follows."""

_SECRET: Final = ("key", "token", "authorization", "secret")
"""Parts of names of headers whose values are shown nowhere."""


class Clients(ABC):
    """Gives the client for a call."""

    def __init__(self, settings: AnthropicSettings) -> None:
        self._settings = settings
        self._lock = asyncio.Lock()
        self._sdk: ModuleType | None = None
        self._client: Any = None

    @property
    def sdk(self) -> Any:
        """The SDK, which a call of `current` has loaded."""
        return self._sdk

    @property
    @abstractmethod
    def endpoint(self) -> str:
        """Where calls go to, without credentials."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Keys in use, and what headers hold of the kind."""
        return tuple(
            value
            for name, value in self._settings.headers.items()
            if value and any(word in name.lower() for word in _SECRET)
        )

    async def current(self) -> Any:
        """Give the client, with the key that holds now; the first call loads the SDK.

        Raises:
            ConfigurationError: There is no key, or the SDK is not installed.
        """
        if self._sdk is None:
            self._sdk = await load_sdk("anthropic", requires=REQUIRES)
        return await self._refreshed()

    @abstractmethod
    async def _refreshed(self) -> Any:
        """Give the client, with the key that holds now."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close what was opened here."""


class OwnClients(Clients):
    """One client of our own, made when it is first needed.

    Args:
        settings: How long a call may take, and what it is sent with.
        key: Where its key comes from.
        base_url: Where the interface is.

    Raises:
        ConfigurationError: It is no URL.
    """

    def __init__(self, settings: AnthropicSettings, key: Key, base_url: str | None) -> None:
        super().__init__(settings)
        self._key = key
        self._base_url = _place(base_url or _HOME)

    @property
    def endpoint(self) -> str:
        """Where calls go to, without credentials."""
        return _shown(self._base_url)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The key, a password of the URL, and what headers hold of the kind."""
        own = (self._key.current, urlsplit(self._base_url).password)
        return (*(one for one in own if one), *super().secrets)

    async def _refreshed(self) -> Any:
        key = self._key.require()
        if self._client is None:
            async with self._lock:
                if self._client is None:
                    # Reading certificates takes tens of milliseconds, for each proxy anew.
                    self._client = await asyncio.to_thread(self._made, key)
        self._client.api_key = key
        return self._client

    async def aclose(self) -> None:
        """Close our client and its connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _made(self, key: str) -> Any:
        options: dict[str, Any] = {"follow_redirects": False}
        if self._settings.ca_file is not None:
            options["verify"] = _trust(self._settings.ca_file)
        try:
            return self.sdk.AsyncAnthropic(
                api_key=key,
                base_url=self._base_url,
                max_retries=0,
                default_headers=dict(self._settings.headers),
                http_client=self.sdk.DefaultAsyncHttpxClient(**options),
                # Spans of calls are the engine's, with the host's tracer; two would count twice.
                open_telemetry=False,
            )
        except Exception as error:  # noqa: BLE001 - a proxy that is none raises one of many
            raise ConfigurationError(
                "no client for anthropic can be made: look at HTTP_PROXY, HTTPS_PROXY, "
                f"ALL_PROXY and NO_PROXY ({type(error).__name__})"
            ) from None


class HostClients(Clients):
    """A private copy of the host's client, made anew where the host has changed its key.

    Args:
        settings: How long a call may take, and what it is sent with.
        client: The host's; it is read, and neither changed nor closed.

    Raises:
        ConfigurationError: It is a synchronous client, or none of the SDK's.
    """

    def __init__(self, settings: AnthropicSettings, client: Any) -> None:
        super().__init__(settings)
        # Asked of the class: a client imports half of its SDK when `messages` is read.
        post = getattr(type(client), "post", None)
        if not callable(getattr(type(client), "with_options", None)) or post is None:
            raise ConfigurationError(
                f"client= takes an AsyncAnthropic, or one of Bedrock or Vertex, not a "
                f"{type(client).__name__}"
            )
        if not inspect.iscoroutinefunction(post):
            raise ConfigurationError(
                f"client= takes an asynchronous client, and {type(client).__name__} is not: "
                f"take Async{type(client).__name__}"
            )
        self._host = client
        self._state: tuple[Any, ...] = ()

    @property
    def endpoint(self) -> str:
        """Where calls go to, without credentials."""
        return _shown(str(self._host.base_url))

    @property
    def secrets(self) -> tuple[str, ...]:
        """All keys of the host's client, and what our headers hold of the kind."""
        found = (getattr(self._host, name, None) for name in _KEYS)
        return (*(one for one in found if isinstance(one, str) and one), *super().secrets)

    async def _refreshed(self) -> Any:
        state = tuple(getattr(self._host, name, None) for name in _FOLLOWED)
        if self._client is None or state != self._state:
            headers: Mapping[str, str] | None = dict(self._settings.headers) or None
            self._client = self._host.with_options(
                max_retries=0, default_headers=headers, open_telemetry=False
            )
            self._state = state
        return self._client

    async def aclose(self) -> None:
        """Forget the copy; its connections are the host's."""
        self._client = None


def _place(url: str) -> str:
    """Look whether something can be asked there."""
    try:
        parts = urlsplit(url)
        is_place = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        is_place = False
    if not is_place:
        # It may hold a password, so it is not shown.
        raise ConfigurationError("base_url of anthropic is no URL such as https://host/path")
    return url


def _shown(url: str) -> str:
    """Take the credentials out of a URL."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, place, parts.path.rstrip("/"), "", ""))


def _trust(file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=file)
    except OSError as error:
        why = error.strerror or "it holds none"
        raise ConfigurationError(
            f"ca_file {file!r} cannot be read as certificates: {why}"
        ) from None
