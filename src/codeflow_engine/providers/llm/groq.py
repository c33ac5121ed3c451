"""Groq, by its chat interface."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

from codeflow_engine.providers.llm.calls.asking import AskingLLM, Form, check_client
from codeflow_engine.providers.llm.calls.chat_form import ChatForm
from codeflow_engine.providers.llm.calls.keys import Key, read_variable
from codeflow_engine.providers.llm.calls.places import Place
from codeflow_engine.providers.llm.calls.sdk import without_ambient
from codeflow_engine.providers.llm.calls.settings import LLMSettings

__all__ = ["Groq", "GroqSettings"]

_HOME: Final = "https://api.groq.com"
_ROOM: Final = "/openai/v1"
"""Where the interface is under the host; the SDK's URL is without it."""

_FORM: Final = ChatForm(
    limit="max_completion_tokens",
    # Two of its models take it, and the others answer 400; the caller validates all the same.
    strict=False,
    path=f"{_ROOM}/chat/completions",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroqSettings(LLMSettings):
    """How Groq is reached; `GROQ_API_KEY` and `GROQ_BASE_URL` say what is not set."""


class Groq(AskingLLM):
    """One model of Groq's.

    Args:
        model: Its id.
        settings: How it is reached.
        client: The host's `AsyncGroq`. It is used as it is, with its key and URL of the moment,
            and neither changed nor closed.
        api_key: The key, or what gives the one that holds now; before that of the settings.
        base_url: The host, with or without the interface's `/openai/v1`; before that of the
            settings. A server that is named so may need no key.

    Raises:
        ConfigurationError: The client is none that can be awaited, the URL is none, or there is
            a client and a key or URL beside it.
    """

    _sdk = "groq"
    _models_path = f"{_ROOM}/models"

    def __init__(
        self,
        model: str,
        settings: GroqSettings | None = None,
        *,
        client: Any = None,
        api_key: str | Callable[[], str] | None = None,
        base_url: str | None = None,
    ) -> None:
        settings = settings or GroqSettings()
        check_client(client, "groq", "AsyncGroq", api_key, base_url)
        given = base_url or settings.base_url or read_variable("GROQ_BASE_URL")
        super().__init__(
            model,
            settings,
            client=client,
            key=Key("groq", "GROQ_API_KEY", api_key or settings.api_key),
            place=Place("groq", (given or _HOME).rstrip("/").removesuffix(_ROOM)),
            needs_key=not given,
        )

    @property
    def _form(self) -> Form:
        return _FORM

    def _make(self, sdk: ModuleType, http: Any) -> Any:
        key = self._key.current or "no key"
        place = self._place.url
        client = sdk.AsyncGroq(api_key=key, base_url=place, max_retries=0, http_client=http)
        return without_ambient(client)
