"""An answer of the Messages interface in our words, whole or in pieces."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from codeflow_engine.domain.chat import ChatAnswer, ChatRequest, FinishReason, Room
from codeflow_engine.domain.usage import CallUsage
from codeflow_engine.providers.llm.anthropic.failing import told_inside
from codeflow_engine.providers.llm.calls.faults import Called, malformed
from codeflow_engine.providers.llm.calls.waits import read_room

__all__ = ["Pieces", "read_answer", "read_json"]

_REASONS: Final = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.OVERFLOW,
    "refusal": FinishReason.REFUSED,
    "pause_turn": FinishReason.PAUSED,
    "tool_use": FinishReason.TOOLS,
}

_PER_TOKEN: Final = 3
"""Characters that an estimated token has: few, so that the estimate is high."""


def read_json(content: bytes, called: Called) -> dict[str, Any]:
    """Read a body that has to be an object.

    Raises:
        InvalidResponseError: It is none, such as a page that something in between wrote.
    """
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        raise malformed(called, "an answer that is no JSON") from None
    if not isinstance(body, dict):
        raise malformed(called, "an answer that is no JSON object")
    return body


def read_answer(content: bytes, headers: Mapping[str, str], called: Called) -> ChatAnswer:
    """Read a whole answer.

    Raises:
        ProviderError: It is an error, or has no content.
    """
    body = read_json(content, called)
    if body.get("type") == "error":
        raise told_inside(body, headers, called)
    blocks = body.get("content")
    if not isinstance(blocks, list):
        raise malformed(called, "an answer without content")
    texts = [block.get("text") for block in blocks if _is_text(block)]
    return _answer(
        "".join(text for text in texts if isinstance(text, str)),
        message=body,
        usage=_counts(body.get("usage")),
        room=read_room(headers),
        called=called,
    )


class Pieces:
    """Puts the events of a stream together to an answer."""

    def __init__(self, headers: Mapping[str, str], called: Called) -> None:
        self._room = read_room(headers)
        self._called = called
        self._message: dict[str, Any] = {}
        self._usage: dict[str, int] = {}
        self._texts: list[str] = []
        self._is_empty = True
        self.is_ended = False
        """Whether the event that ends a message has come."""

    def take(self, event: Any) -> str:
        """Take the next event; what is unknown is passed over.

        Returns:
            The text that it adds, or nothing.
        """
        if not isinstance(event, dict):
            raise malformed(self._called, "an event that is no JSON object")
        self._is_empty = False
        match event.get("type"):
            case "content_block_delta":
                return self._text(event.get("delta"), "text_delta")
            case "content_block_start":
                return self._text(event.get("content_block"), "text")
            case "message_start":
                message = event.get("message")
                message = message if isinstance(message, dict) else {}
                # What a beginning says of the end is nothing, and of the output a first token.
                self._message = {**message, "stop_reason": None}
                self._usage = _counts(message.get("usage"))
                self._usage.pop("output_tokens", None)
            case "message_delta":
                delta = event.get("delta")
                if isinstance(delta, dict):
                    self._message |= {"stop_reason": delta.get("stop_reason")}
                self._usage |= _counts(event.get("usage"))
            case "message_stop":
                self.is_ended = True
        return ""

    def answer(self) -> ChatAnswer:
        """Give the answer, with the reason that was told, if any was.

        Raises:
            InvalidResponseError: No event has come.
        """
        if self._is_empty:
            raise malformed(self._called, "no stream of events")
        return _answer(
            "".join(self._texts),
            message=self._message,
            usage=self._usage,
            room=self._room,
            called=self._called,
        )

    def _text(self, piece: Any, kind: str) -> str:
        if not isinstance(piece, dict) or piece.get("type") != kind:
            return ""
        text = piece.get("text")
        if not isinstance(text, str) or not text:
            return ""
        self._texts.append(text)
        return text


def _answer(
    text: str, *, message: dict[str, Any], usage: dict[str, int], room: Room | None, called: Called
) -> ChatAnswer:
    said = message.get("stop_reason")
    reason = _REASONS.get(said, FinishReason.UNKNOWN) if isinstance(said, str) else None
    if reason is FinishReason.STOP and not text:
        # Nothing is no answer to a question of ours, whatever the reason says.
        reason = FinishReason.UNKNOWN
    model, answer_id = message.get("model"), message.get("id")
    counted, is_estimated = _usage(usage, text, called.request)
    return ChatAnswer(
        text=text,
        finish_reason=reason or FinishReason.UNKNOWN,
        model=model if isinstance(model, str) and model else called.model,
        usage=counted,
        is_estimated=is_estimated,
        provider=called.provider,
        response_id=answer_id if isinstance(answer_id, str) else "",
        said_reason=said if isinstance(said, str) else "",
        room=room,
    )


def _is_text(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") == "text"


def _counts(told: Any) -> dict[str, int]:
    """Take the counts that are counts."""
    if not isinstance(told, dict):
        return {}
    details = told.get("output_tokens_details")
    told = {**told, **details} if isinstance(details, dict) else told
    names = (
        *("input_tokens", "output_tokens", "thinking_tokens"),
        *("cache_creation_input_tokens", "cache_read_input_tokens"),
    )
    found = {name: told.get(name) for name in names}
    return {
        name: count
        for name, count in found.items()
        if isinstance(count, int) and not isinstance(count, bool) and count >= 0
    }


def _usage(
    counts: dict[str, int], text: str, request: ChatRequest | None
) -> tuple[CallUsage, bool]:
    """Sum up what was told; what was not is estimated.

    The interface counts cached tokens beside `input_tokens`, and thinking within the output.
    """
    sent, received = counts.get("input_tokens"), counts.get("output_tokens")
    written = counts.get("cache_creation_input_tokens", 0)
    read = counts.get("cache_read_input_tokens", 0)
    usage = CallUsage(
        calls=1,
        input_tokens=(sent or 0) + written + read,
        output_tokens=received or 0,
        cached_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=min(counts.get("thinking_tokens", 0), received or 0),
        cost_usd=None,
    )
    if sent is not None and received is not None:
        return usage, False
    if sent is None and request is not None:
        asked = _tokens(sum(len(one.text) for one in request.messages))
        usage = replace(usage, input_tokens=max(asked, written + read))
    if received is None:
        usage = replace(usage, output_tokens=_tokens(len(text)))
    return usage, True


def _tokens(characters: int) -> int:
    return -(-characters // _PER_TOKEN)
