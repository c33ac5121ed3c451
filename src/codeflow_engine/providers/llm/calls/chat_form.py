"""The JSON of chat completions, whole and streamed, as several providers and servers speak it.

OpenAI has written it; Groq and Mistral, and Ollama, vLLM or llama.cpp speak it with small
differences, which are the fields of `ChatForm`. It knows nothing of an SDK: JSON in, JSON out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from codeflow_engine.domain.chat import ChatAnswer, ChatRequest, FinishReason
from codeflow_engine.errors import InvalidResponseError
from codeflow_engine.providers.llm.calls.counts import Counts
from codeflow_engine.providers.llm.calls.faults import Called, Refusal, malformed, refused
from codeflow_engine.providers.llm.calls.schemas import is_strict
from codeflow_engine.providers.llm.calls.texts import sendable
from codeflow_engine.providers.llm.calls.waits import read_room

__all__ = ["ChatForm", "ChatGathering"]

_REASONS: Final = {
    "stop": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "model_length": FinishReason.OVERFLOW,
    "content_filter": FinishReason.FILTERED,
    "tool_calls": FinishReason.TOOLS,
    "function_call": FinishReason.TOOLS,
}
"""What servers say, `model_length` Mistral alone; anything else is incomplete."""

_DEEP: Final = 20
"""Lists in lists of content that are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatForm:
    """How one place speaks chat completions."""

    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """The field that limits the output."""

    strict: bool = True
    """Whether `strict` may be asked for, where a schema allows it."""

    stream_usage: bool = True
    """Whether usage in a stream has to be asked for by `stream_options`."""

    path: str = "/chat/completions"
    """Where it is asked, under the interface's URL."""

    def body(self, model: str, request: ChatRequest, *, stream: bool = False) -> dict[str, Any]:
        """Write a request."""
        body: dict[str, Any] = {
            "model": model,
            "messages": [
                {"role": message.role.value, "content": sendable(message.text)}
                for message in request.messages
            ],
            self.limit: request.max_output_tokens,
        }
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if request.answer_schema is not None:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {
                    "name": "answer",
                    "schema": request.answer_schema,
                    "strict": self.strict and is_strict(request.answer_schema),
                },
            }
        if stream:
            body["stream"] = True
            if self.stream_usage:
                body["stream_options"] = {"include_usage": True}
        return body

    def read(
        self, told: Any, request: ChatRequest, called: Called, headers: Mapping[str, str]
    ) -> ChatAnswer:
        """Read a whole answer.

        Args:
            told: The body, parsed.
            request: What was asked.
            called: Which call it was.
            headers: By lower-case name.

        Raises:
            ProviderError: The body tells an error.
            InvalidResponseError: It is no chat completion, or one that says nothing.
        """
        if not isinstance(told, Mapping):
            raise malformed(called, "an answer that is no JSON object")
        if isinstance(told.get("error"), Mapping) and not told.get("choices"):
            raise refused(Refusal.of_body(None, headers, told), called)
        gathered = self.gather(request, called, headers)
        choice = _first_choice(told.get("choices"))
        if choice is None:
            raise malformed(called, "an answer without a choice")
        if not isinstance(choice.get("message"), Mapping):
            raise malformed(called, "a choice without a message")
        gathered.take_choice(choice, choice["message"])
        gathered.take_rest(told)
        return gathered.whole_answer()

    def gather(
        self, request: ChatRequest, called: Called, headers: Mapping[str, str]
    ) -> ChatGathering:
        """Begin to read a streamed answer; the arguments are those of `read`."""
        return ChatGathering(request=request, called=called, headers=headers)


@dataclass(slots=True, kw_only=True)
class ChatGathering:
    """What has come of an answer."""

    request: ChatRequest
    called: Called
    headers: Mapping[str, str]
    _texts: list[str] = field(default_factory=list)
    _model: str = ""
    _id: str = ""
    _reason: str = ""
    _has_text: bool = False
    _is_refused: bool = False
    _wants_tools: bool = False
    _counts: Counts = field(default_factory=Counts)

    def take(self, chunk: Any) -> str:
        """Take a chunk of a stream, and give the text in it.

        Raises:
            ProviderError: The chunk tells an error.
            InvalidResponseError: It is no chunk.
        """
        if not isinstance(chunk, Mapping):
            raise malformed(self.called, "a chunk that is no JSON object")
        groq = chunk.get("x_groq")
        for told in (chunk, groq):
            if isinstance(told, Mapping) and told.get("error"):
                raise refused(Refusal.of_body(None, self.headers, told), self.called)
        text = ""
        choice = _first_choice(chunk.get("choices"))
        if choice is not None:
            delta = choice.get("delta")
            text = self.take_choice(choice, delta if isinstance(delta, Mapping) else {})
        self.take_rest(chunk)
        return text

    def take_choice(self, choice: Mapping[str, Any], said: Mapping[str, Any]) -> str:
        """Take a choice and its message or delta, and give the text in it."""
        reason = choice.get("finish_reason")
        if isinstance(reason, str):
            self._reason = reason
        if said.get("tool_calls") or said.get("function_call"):
            self._wants_tools = True
        content, refusal = said.get("content"), said.get("refusal")
        if content is not None and not isinstance(content, str | list):
            raise malformed(self.called, "content that is no text")
        self._has_text = self._has_text or content is not None
        text = content if isinstance(content, str) else "".join(_pieces(content, _DEEP))
        if isinstance(refusal, str) and refusal:
            self._is_refused = True
            text += refusal
        if text:
            self._texts.append(text)
        return text

    def take_rest(self, told: Mapping[str, Any]) -> None:
        """Take what stands beside the choices."""
        model, own_id = told.get("model"), told.get("id")
        if isinstance(model, str) and model:
            self._model = model
        if isinstance(own_id, str) and own_id:
            self._id = own_id
        groq = told.get("x_groq")
        usage = told.get("usage") or (groq.get("usage") if isinstance(groq, Mapping) else None)
        if isinstance(usage, Mapping):
            self._counts = _read_counts(usage)

    @property
    def is_ended(self) -> bool:
        """Whether nothing more is waited for: only `[DONE]` says so, which is no event."""
        return False

    def whole_answer(self) -> ChatAnswer:
        """Give the answer, where all of it came at once.

        Raises:
            InvalidResponseError: It has no content, and nothing says why.
        """
        answer = self.answer()
        silent = not self._has_text and not answer.text
        if silent and answer.finish_reason in {FinishReason.STOP, FinishReason.UNKNOWN}:
            raise _silent(self.called)
        return answer

    def answer(self) -> ChatAnswer:
        """Give the answer as far as it has come."""
        text = "".join(self._texts)
        usage, is_estimated = self._counts.usage(self.request, text)
        return ChatAnswer(
            text=text,
            finish_reason=self._finish(),
            model=self._model or self.called.model,
            usage=usage,
            is_estimated=is_estimated,
            provider=self.called.provider,
            response_id=self._id,
            said_reason=self._reason,
            room=read_room(self.headers),
        )

    def _finish(self) -> FinishReason:
        reason = _REASONS.get(self._reason, FinishReason.UNKNOWN)
        # A refusal and a tool's call end with "stop", too; neither is the answer that was asked.
        if reason is FinishReason.STOP and self._is_refused:
            return FinishReason.REFUSED
        if reason is FinishReason.STOP and self._wants_tools:
            return FinishReason.TOOLS
        return reason


def _silent(called: Called) -> InvalidResponseError:
    return malformed(called, "an answer without content")


def _first_choice(choices: Any) -> Mapping[str, Any] | None:
    """Give the one choice that was asked for; a server may number others."""
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, Mapping) and choice.get("index", 0) in {0, None}:
            return choice
    return None


def _pieces(content: Any, deep: int) -> Iterator[str]:
    """Give the texts of content in pieces; thinking, images and the unknown are passed over."""
    for piece in content if isinstance(content, list) and deep else ():
        if isinstance(piece, str):
            yield piece
        elif isinstance(piece, Mapping) and piece.get("type") in {"text", "output_text"}:
            text = piece.get("text")
            yield text if isinstance(text, str) else "".join(_pieces(text, deep - 1))


def _read_counts(usage: Mapping[str, Any]) -> Counts:
    sent, received = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    return Counts(
        sent=usage.get("prompt_tokens"),
        received=usage.get("completion_tokens"),
        cached=sent.get("cached_tokens") if isinstance(sent, Mapping) else None,
        cache_write=sent.get("cache_write_tokens") if isinstance(sent, Mapping) else None,
        reasoning=received.get("reasoning_tokens") if isinstance(received, Mapping) else None,
    )
