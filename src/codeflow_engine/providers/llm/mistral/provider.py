"""One model of Mistral."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

from codeflow_engine.providers.llm.calls.asking import AskingLLM, Form, check_client
from codeflow_engine.providers.llm.calls.keys import Key
from codeflow_engine.providers.llm.calls.places import Place
from codeflow_engine.providers.llm.calls.settings import LLMSettings
from codeflow_engine.providers.llm.mistral.form import MistralForm
from codeflow_engine.providers.llm.mistral.line import MistralLine, OwnClient

__all__ = ["Mistral", "MistralSettings"]

_HOME: Final = "https://api.mistral.ai"
_ROOM: Final = "/v1"
"""Where the interface is under the host; the SDK's URL is without it."""

_FORM: Final = MistralForm(stream_usage=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MistralSettings(LLMSettings):
    """How Mistral is reached; `MISTRAL_API_KEY` says what is not set."""


class Mistral(AskingLLM):
    """One model of Mistral's.

    Args:
        model: Its id, such as `mistral-large-latest`.
        settings: How it is reached.
        client: The host's `mistralai.client.Mistral`. It is used with its key, URL, hooks and
            connections of the moment, without its retries and redirects, and neither changed
            nor closed.
        api_key: The key, or what gives the one that holds now; before that of the settings.
        base_url: The host, with or without the interface's `/v1`; before that of the settings.
            A server that is named so may need no key.

    Raises:
        ConfigurationError: The client is none of the SDK's, the URL is none, or there is a
            client and a key or URL beside it.
    """

    _sdk = "mistral"

    def __init__(
        self,
        model: str,
        settings: MistralSettings | None = None,
        *,
        client: Any = None,
        api_key: str | Callable[[], str] | None = None,
        base_url: str | None = None,
    ) -> None:
        settings = settings or MistralSettings()
        check_client(client, "mistralai", "Mistral", api_key, base_url)
        given = base_url or settings.base_url
        super().__init__(
            model,
            settings,
            client=client,
            key=Key("mistral", "MISTRAL_API_KEY", api_key or settings.api_key),
            place=Place("mistral", (given or _HOME).rstrip("/").removesuffix(_ROOM)),
            needs_key=not given,
        )
        self._line = MistralLine(settings, make=self._make, host=client)

    @property
    def provider(self) -> str:
        """The name that OpenTelemetry has for this interface."""
        return "mistral_ai"

    @property
    def _form(self) -> Form:
        return _FORM

    def _make(self, _: ModuleType, http: Any) -> Any:
        return OwnClient(http, self._place.url)

    def _keys(self) -> tuple[Any, ...]:
        if self._host is None:
            return (self._key.current,)
        security = self._host.sdk_configuration.security
        security = security() if callable(security) else security
        # A client of the host's without a key takes the one of the environment.
        return (getattr(security, "api_key", None) or self._key.current,)

    def _place_now(self) -> Place:
        if self._host is None:
            return self._place
        return Place("mistral", self._host.sdk_configuration.get_server_details()[0])
