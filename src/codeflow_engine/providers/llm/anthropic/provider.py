"""One model of Anthropic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import ModuleType
from typing import Any, ClassVar, Final

from codeflow_engine.contracts.llm import LLMCapability
from codeflow_engine.domain.chat import ChatRequest
from codeflow_engine.providers.llm.anthropic.form import (
    MessagesForm,
    knows_schemas,
    takes_temperature,
)
from codeflow_engine.providers.llm.anthropic.line import KEYS, AnthropicLine
from codeflow_engine.providers.llm.calls.asking import AskingLLM, Form, check_client
from codeflow_engine.providers.llm.calls.counts import read_count
from codeflow_engine.providers.llm.calls.faults import malformed
from codeflow_engine.providers.llm.calls.keys import Key, read_variable
from codeflow_engine.providers.llm.calls.places import Place
from codeflow_engine.providers.llm.calls.sdk import without_ambient
from codeflow_engine.providers.llm.calls.settings import LLMSettings

__all__ = ["Anthropic", "AnthropicSettings"]

_HOME: Final = "https://api.anthropic.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnthropicSettings(LLMSettings):
    """How Anthropic is reached, and what is asked of it.

    `ANTHROPIC_API_KEY` and `ANTHROPIC_BASE_URL` say what is not set.
    """

    cache_prompts: bool = True
    """Mark what stays the same from question to question, so that it is paid in full once."""

    native_schema: bool | None = None
    """Whether the interface itself holds the model to a schema of the answer; where it does
    not, the schema is told to the model in words. None goes by the name of the model: those
    up to Claude 4 of May 2025 cannot."""


class Anthropic(AskingLLM):
    """A model of Anthropic, or of a server that speaks the same interface.

    Args:
        model: Its id, such as `claude-sonnet-5-5`.
        settings: How it is reached.
        client: The host's `AsyncAnthropic`, or its client of Bedrock or Vertex. Calls go through
            a private copy of it, with its key and URL of the moment; it is neither changed nor
            closed.
        api_key: The key, or what gives the one that holds now; before that of the settings.
        base_url: Where the interface is; before that of the settings. A server that is named
            so may need no key.

    Raises:
        ConfigurationError: The client is none that can be awaited, the URL is none, or there is
            a client and a key or URL beside it.
    """

    capabilities: ClassVar[frozenset[StrEnum]] = frozenset(LLMCapability)
    _sdk = "anthropic"
    _models_path = "/v1/models?limit=1000"

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
        check_client(
            client, "anthropic", "AsyncAnthropic", api_key, base_url, base="AsyncAPIClient"
        )
        given = base_url or settings.base_url or read_variable("ANTHROPIC_BASE_URL")
        super().__init__(
            model,
            settings,
            client=client,
            key=Key("anthropic", "ANTHROPIC_API_KEY", api_key or settings.api_key),
            place=Place("anthropic", given or _HOME),
            needs_key=not given,
        )
        requires = "codeflow-engine[anthropic]"
        self._line = AnthropicLine("anthropic", requires, settings, make=self._make, host=client)
        native = knows_schemas(model) if settings.native_schema is None else settings.native_schema
        if not native:
            less = frozenset({LLMCapability.ANSWER_SCHEMA})
            self.capabilities = self.capabilities - less  # type: ignore[misc] # it is the model's
        self._messages = MessagesForm(
            marks=settings.cache_prompts,
            native=native,
            sampling=takes_temperature(settings.headers),
        )

    async def count_tokens(self, request: ChatRequest) -> int:
        """Count the input tokens of a request; the interface asks nothing for it."""
        called = self._called(request)
        await self._line.load()
        body = self._messages.counted(self._model, request)
        told, _ = await self._whole(called, f"{self._messages.path}/count_tokens", body)
        count = read_count(told.get("input_tokens")) if isinstance(told, Mapping) else None
        if count is None:
            raise malformed(called, "no count of tokens", charged=False)
        return count

    @property
    def _form(self) -> Form:
        return self._messages

    def _make(self, sdk: ModuleType, http: Any) -> Any:
        client = sdk.AsyncAnthropic(
            api_key=self._key.current or "no key",
            base_url=self._place.url,
            max_retries=0,
            http_client=http,
            # Spans of calls are the engine's, with the host's tracer; two would count twice.
            open_telemetry=False,
        )
        return without_ambient(client)

    def _keys(self) -> tuple[Any, ...]:
        if self._host is None:
            return (self._key.current,)
        return tuple(getattr(self._host, name, None) for name in KEYS)
