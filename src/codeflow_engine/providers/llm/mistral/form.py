"""Chat completions as Mistral speaks them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codeflow_engine.domain.chat import ChatAnswer, ChatRequest
from codeflow_engine.providers.llm.calls.chat_form import ChatForm, ChatGathering
from codeflow_engine.providers.llm.calls.faults import Called, Refusal, refused

__all__ = ["MistralForm"]


class MistralForm(ChatForm):
    """The usual form, but for errors: those have no `error` around them."""

    def read(
        self, told: Any, request: ChatRequest, called: Called, headers: Mapping[str, str]
    ) -> ChatAnswer:
        """Read a whole answer.

        Raises:
            ProviderError: The body tells an error.
            InvalidResponseError: It is no chat completion, or one that says nothing.
        """
        _require_no_error(told, called, headers)
        return ChatForm.read(self, told, request, called, headers)

    def gather(
        self, request: ChatRequest, called: Called, headers: Mapping[str, str]
    ) -> ChatGathering:
        """Begin to read a streamed answer; the arguments are those of `read`."""
        return _Gathering(request=request, called=called, headers=headers)


class _Gathering(ChatGathering):
    def take(self, chunk: Any) -> str:
        """Take a chunk of a stream, and give the text in it.

        Raises:
            ProviderError: The chunk tells an error.
            InvalidResponseError: It is no chunk.
        """
        _require_no_error(chunk, self.called, self.headers)
        return ChatGathering.take(self, chunk)


def _require_no_error(told: Any, called: Called, headers: Mapping[str, str]) -> None:
    if isinstance(told, Mapping) and told.get("object") == "error":
        raise refused(Refusal.of_body(None, headers, told), called)
