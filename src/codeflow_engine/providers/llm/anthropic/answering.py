"""An answer of the Messages interface in our words, whole or in pieces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from codeflow_engine.domain.chat import ChatAnswer, ChatRequest, FinishReason
from codeflow_engine.providers.llm.calls.counts import Counts, read_count
from codeflow_engine.providers.llm.calls.faults import Called, Refusal, malformed, refused
from codeflow_engine.providers.llm.calls.waits import read_room

__all__ = ["MessagesGathering"]

_REASONS: Final = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.OVERFLOW,
    "refusal": FinishReason.REFUSED,
    "pause_turn": FinishReason.PAUSED,
    "tool_use": FinishReason.TOOLS,
}


@dataclass(slots=True, kw_only=True)
class MessagesGathering:
    """What has come of an answer."""

    request: ChatRequest
    called: Called
    headers: Mapping[str, str]
    is_ended: bool = False
    """Whether the event that ends a message has come."""

    _texts: list[str] = field(default_factory=list)
    _message: dict[str, Any] = field(default_factory=dict)
    _usage: dict[str, Any] = field(default_factory=dict)

    def take(self, event: Any) -> str:
        """Take an event of a stream, and give the text in it; what is unknown is passed over.

        Raises:
            ProviderError: The event tells an error.
            InvalidResponseError: It is no event.
        """
        self._require_no_error(event, "an event that is no JSON object")
        match event.get("type"):
            case "content_block_delta":
                return self._take_text(event.get("delta"), "text_delta")
            case "content_block_start":
                return self._take_text(event.get("content_block"), "text")
            case "message_start":
                message = _mapping(event.get("message"))
                # What a beginning says of the end is nothing, and of the output a first token.
                self._message = {**message, "stop_reason": None}
                self._usage = {**_mapping(message.get("usage")), "output_tokens": None}
            case "message_delta":
                delta = _mapping(event.get("delta"))
                self._message["stop_reason"] = delta.get("stop_reason")
                told = _mapping(event.get("usage"))
                self._usage |= {name: count for name, count in told.items() if count is not None}
            case "message_stop":
                self.is_ended = True
        return ""

    def take_message(self, told: Any) -> None:
        """Take a whole answer.

        Raises:
            ProviderError: It tells an error.
            InvalidResponseError: It is no answer.
        """
        self._require_no_error(told, "an answer that is no JSON object")
        if not isinstance(told.get("content"), list):
            raise malformed(self.called, "an answer without content")
        for block in told["content"]:
            self._take_text(block, "text")
        self._message = dict(told)
        self._usage = dict(_mapping(told.get("usage")))

    def answer(self) -> ChatAnswer:
        """Give the answer as far as it has come."""
        text = "".join(self._texts)
        usage, is_estimated = _counts(self._usage).usage(self.request, text)
        said = _text(self._message, "stop_reason")
        reason = _REASONS.get(said, FinishReason.UNKNOWN)
        if reason is FinishReason.STOP and not text:
            # Nothing is no answer to a question of ours, whatever the reason says.
            reason = FinishReason.UNKNOWN
        return ChatAnswer(
            text=text,
            finish_reason=reason,
            model=_text(self._message, "model") or self.called.model,
            usage=usage,
            is_estimated=is_estimated,
            provider=self.called.provider,
            response_id=_text(self._message, "id"),
            said_reason=said,
            room=read_room(self.headers),
        )

    def _require_no_error(self, told: Any, what: str) -> None:
        if not isinstance(told, Mapping):
            raise malformed(self.called, what)
        if told.get("type") == "error":
            raise refused(Refusal.of_body(None, self.headers, told), self.called)

    def _take_text(self, piece: Any, kind: str) -> str:
        piece = _mapping(piece)
        text = _text(piece, "text") if piece.get("type") == kind else ""
        if text:
            self._texts.append(text)
        return text


def _counts(usage: Mapping[str, Any]) -> Counts:
    """Sum up what was sent: the interface counts cached tokens beside `input_tokens`."""
    cached = read_count(usage.get("cache_read_input_tokens")) or 0
    written = read_count(usage.get("cache_creation_input_tokens")) or 0
    sent = read_count(usage.get("input_tokens"))
    return Counts(
        sent=None if sent is None else sent + cached + written,
        received=usage.get("output_tokens"),
        cached=cached,
        cache_write=written,
        reasoning=_mapping(usage.get("output_tokens_details")).get("thinking_tokens"),
    )


def _mapping(told: Any) -> Mapping[str, Any]:
    return told if isinstance(told, Mapping) else {}


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    return value if isinstance(value, str) else ""
