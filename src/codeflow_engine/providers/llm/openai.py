"""OpenAI, by its Responses or its chat interface, and every server that speaks the latter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.providers.llm.calls.asking import AskingLLM, Form, check_client
from codeflow_engine.providers.llm.calls.chat_form import ChatForm
from codeflow_engine.providers.llm.calls.keys import Key, read_variable
from codeflow_engine.providers.llm.calls.line import is_client
from codeflow_engine.providers.llm.calls.places import Place
from codeflow_engine.providers.llm.calls.responses_form import ResponsesForm
from codeflow_engine.providers.llm.calls.sdk import without_ambient
from codeflow_engine.providers.llm.calls.settings import LLMSettings

__all__ = ["OpenAI", "OpenAISettings"]

_HOME: Final = "https://api.openai.com/v1"
_NO_KEY: Final = "<missing API key>"
"""What the SDK's Azure client holds where it has a token in the place of a key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAISettings(LLMSettings):
    """How OpenAI, Azure, or a server that speaks as OpenAI does is reached.

    The key and the URL that are not set are read from `OPENAI_API_KEY` and `OPENAI_BASE_URL`,
    for Azure from `AZURE_OPENAI_API_KEY` and `AZURE_OPENAI_ENDPOINT`.
    """

    api: Literal["responses", "chat"] | None = None
    """The interface; None takes `responses` at OpenAI's own place, and elsewhere `chat`, which
    Azure, Ollama, vLLM, llama.cpp and gateways speak."""

    output_limit: Literal["max_completion_tokens", "max_tokens"] | None = None
    """The field of the chat interface that limits the output; None takes the former at OpenAI
    and Azure, whose models that reason refuse the latter, and the latter elsewhere, since many
    servers know no other and would pass the limit over."""

    organization: str | None = None
    """Whom OpenAI charges; None takes `OPENAI_ORG_ID`."""

    project: str | None = None
    """What OpenAI books on; None takes `OPENAI_PROJECT_ID`."""

    api_version: str | None = None
    """Version of Azure's interface, such as `2025-03-01-preview`; where it is set, `base_url` is
    that of an Azure resource, and the model is the name of a deployment."""


class OpenAI(AskingLLM):
    """One model of OpenAI's, of Azure's, or of a server that speaks as OpenAI does.

    Args:
        model: Its id; for Azure the name of the deployment.
        settings: How it is reached.
        client: The host's `AsyncOpenAI` or `AsyncAzureOpenAI`. It is used as it is, with its
            key and URL of the moment, and neither changed nor closed.
        api_key: The key, or what gives the one that holds now; before that of the settings.
        base_url: Where the interface is; before that of the settings. A server that is named
            so may need no key.

    Raises:
        ConfigurationError: The client is none that can be awaited, the URL is none, or there is
            a client and a key or URL beside it.
    """

    _sdk = "openai"

    def __init__(
        self,
        model: str,
        settings: OpenAISettings | None = None,
        *,
        client: Any = None,
        api_key: str | Callable[[], str] | None = None,
        base_url: str | None = None,
    ) -> None:
        settings = settings or OpenAISettings()
        check_client(client, "openai", "AsyncOpenAI", api_key, base_url)
        self._settings = settings
        self._is_azure = is_client(client, "openai", "AsyncAzureOpenAI") or (
            client is None and settings.api_version is not None
        )
        azure = "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT"
        variable, where = azure if self._is_azure else ("OPENAI_API_KEY", "OPENAI_BASE_URL")
        given = base_url or settings.base_url or read_variable(where)
        if self._is_azure and client is None and not given:
            raise ConfigurationError(f"openai with an api_version needs a base_url: set {where}")
        self._organization = settings.organization or read_variable("OPENAI_ORG_ID")
        self._project = settings.project or read_variable("OPENAI_PROJECT_ID")
        super().__init__(
            model,
            settings,
            client=client,
            key=Key("openai", variable, api_key or settings.api_key),
            place=Place("openai", given or _HOME),
            needs_key=self._is_azure or not given,
        )

    @property
    def provider(self) -> str:
        """Which interface it is asked through."""
        return "azure.ai.openai" if self._is_azure else "openai"

    @property
    def _form(self) -> Form:
        own = self._place_now().is_under("api.openai.com")
        if (self._settings.api or ("responses" if own else "chat")) == "responses":
            return ResponsesForm()
        known = self._settings.output_limit
        if known is None:
            known = "max_completion_tokens" if own or self._is_azure else "max_tokens"
        return ChatForm(limit=known)

    def _keys(self) -> tuple[Any, ...]:
        # A token of Azure's is nowhere in public.
        token = getattr(self._host, "_azure_ad_token", None)
        return tuple(key for key in (*super()._keys(), token) if key != _NO_KEY)

    def _make(self, sdk: ModuleType, http: Any) -> Any:
        # What is left out here the SDK would read from the environment, at this late moment.
        common = {
            "api_key": self._key.current or _NO_KEY,
            "organization": self._organization or "",
            "project": self._project or "",
            "webhook_secret": "",
            "admin_api_key": "",
            "max_retries": 0,
            "http_client": http,
        }
        if self._is_azure:
            url = self._place.url.rstrip("/")
            url = url if urlsplit(url).path.startswith("/openai") else f"{url}/openai"
            version = self._settings.api_version
            client = sdk.AsyncAzureOpenAI(base_url=url, api_version=version, **common)
        else:
            client = sdk.AsyncOpenAI(base_url=self._place.url, **common)
        client.organization = self._organization
        client.project = self._project
        client.admin_api_key = None
        return without_ambient(client)
