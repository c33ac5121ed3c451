"""The JSON of OpenAI's Responses interface, whole and streamed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from codeflow_engine.domain.chat import ChatAnswer, ChatRequest, FinishReason, Role
from codeflow_engine.providers.llm.calls.counts import Counts
from codeflow_engine.providers.llm.calls.faults import Called, Refusal, malformed, refused
from codeflow_engine.providers.llm.calls.schemas import is_strict
from codeflow_engine.providers.llm.calls.texts import sendable
from codeflow_engine.providers.llm.calls.waits import read_room

__all__ = ["ResponsesForm", "ResponsesGathering"]

_LEAST: Final = 16
"""Tokens; the interface answers 400 to a lower limit of the output."""

_INCOMPLETE: Final = {
    "max_output_tokens": FinishReason.LENGTH,
    "content_filter": FinishReason.FILTERED,
}
_TOLD_APART: Final = frozenset({"reasoning", "message"})
"""Kinds of output that are no call of a tool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsesForm:
    """How the Responses interface is spoken."""

    path: str = "/responses"
    """Where it is asked, under the interface's URL."""

    def body(self, model: str, request: ChatRequest, *, stream: bool = False) -> dict[str, Any]:
        """Write a request."""
        instructions, turns = _split(request)
        body: dict[str, Any] = {
            "model": model,
            "input": turns,
            "max_output_tokens": max(request.max_output_tokens, _LEAST),
            # It keeps each answer for 30 days otherwise.
            "store": False,
        }
        if instructions:
            body["instructions"] = instructions
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if request.answer_schema is not None:
            body["text"] = {
                "format": {
                    "type": "json_schema",
                    "name": "answer",
                    "schema": request.answer_schema,
                    "strict": is_strict(request.answer_schema),
                }
            }
        if stream:
            body["stream"] = True
        return body

    def read(
        self, told: Any, request: ChatRequest, called: Called, headers: Mapping[str, str]
    ) -> ChatAnswer:
        """Read a whole answer; arguments and errors as for `ChatForm.read`."""
        gathering = self.gather(request, called, headers)
        gathering.take_response(told)
        answer = gathering.answer()
        if answer.finish_reason in {FinishReason.STOP, FinishReason.UNKNOWN}:
            gathering.require_text()
        return answer

    def gather(
        self, request: ChatRequest, called: Called, headers: Mapping[str, str]
    ) -> ResponsesGathering:
        """Begin to read a streamed answer."""
        return ResponsesGathering(request=request, called=called, headers=headers)


@dataclass(slots=True, kw_only=True)
class ResponsesGathering:
    """What has come of an answer."""

    request: ChatRequest
    called: Called
    headers: Mapping[str, str]
    _texts: list[str] = field(default_factory=list)
    _whole: str | None = None
    _model: str = ""
    _id: str = ""
    _reason: str = ""
    _finish: FinishReason = FinishReason.UNKNOWN
    _counts: Counts = field(default_factory=Counts)
    _is_ended: bool = False

    def take(self, event: Any) -> str:
        """Take an event of a stream, and give the text in it.

        Raises:
            ProviderError: The event tells an error.
            InvalidResponseError: It is no event.
        """
        if not isinstance(event, Mapping):
            raise malformed(self.called, "an event that is no JSON object")
        kind, delta = event.get("type"), event.get("delta")
        if kind == "error" or (event.get("error") and "response" not in event):
            raise refused(Refusal.of_body(None, self.headers, event), self.called)
        if kind in {"response.output_text.delta", "response.refusal.delta"}:
            if not isinstance(delta, str):
                raise malformed(self.called, "a piece that is no text")
            self._texts.append(delta)
            return delta
        # Of the events between, only those that begin and end carry the response.
        if isinstance(event.get("response"), Mapping):
            told = str(kind).rpartition(".")[2]
            self.take_response({"status": told, **event["response"]})
            self._is_ended = told in {"completed", "incomplete"}
        return ""

    @property
    def is_ended(self) -> bool:
        """Whether nothing more is waited for."""
        return self._is_ended

    def take_response(self, told: Any) -> None:
        """Take a response, as far as it is known.

        Raises:
            ProviderError: It has failed.
            InvalidResponseError: It is no response.
        """
        if not isinstance(told, Mapping):
            raise malformed(self.called, "an answer that is no JSON object")
        if told.get("status") == "failed" or isinstance(told.get("error"), Mapping):
            raise refused(Refusal.of_body(None, self.headers, _failure(told)), self.called)
        output = told.get("output")
        kinds, parts = _kinds(output), list(_parts(output))
        self._model, self._id = _text(told, "model"), _text(told, "id")
        self._finish, self._reason = _end(told, kinds)
        if self._finish is FinishReason.STOP and any(is_refusal for is_refusal, _ in parts):
            self._finish = FinishReason.REFUSED
        self._whole = "".join(text for _, text in parts) if parts else None
        self._counts = _read_counts(told.get("usage"))

    def require_text(self) -> None:
        """Refuse an answer that says nothing.

        Raises:
            InvalidResponseError: It has no text.
        """
        if self._whole is None:
            raise malformed(self.called, "an answer without content")

    def answer(self) -> ChatAnswer:
        """Give the answer as far as it has come."""
        text = "".join(self._texts) if self._whole is None else self._whole
        usage, is_estimated = self._counts.usage(self.request, text)
        return ChatAnswer(
            text=text,
            finish_reason=self._finish,
            model=self._model or self.called.model,
            usage=usage,
            is_estimated=is_estimated,
            provider=self.called.provider,
            response_id=self._id,
            said_reason=self._reason,
            room=read_room(self.headers),
        )


def _split(request: ChatRequest) -> tuple[str, list[dict[str, str]]]:
    """Give what stands before the conversation, and its turns."""
    messages = request.messages
    first = 0
    while first < len(messages) - 1 and messages[first].role is Role.SYSTEM:
        first += 1
    instructions = "\n\n".join(sendable(message.text) for message in messages[:first])
    turns = [
        {
            "role": "developer" if message.role is Role.SYSTEM else message.role.value,
            "content": sendable(message.text),
        }
        for message in messages[first:]
    ]
    return instructions, turns


def _failure(told: Mapping[str, Any]) -> Mapping[str, Any]:
    error = told.get("error")
    return {"error": error} if isinstance(error, Mapping) else {}


def _end(told: Mapping[str, Any], kinds: set[str]) -> tuple[FinishReason, str]:
    """Read why it ended, and the server's own word for it."""
    status = _text(told, "status")
    if status == "incomplete":
        details = told.get("incomplete_details")
        reason = _text(details, "reason") if isinstance(details, Mapping) else ""
        return _INCOMPLETE.get(reason, FinishReason.UNKNOWN), reason or status
    if status != "completed":
        return FinishReason.UNKNOWN, status
    is_tool = any(kind.endswith("_call") for kind in kinds - _TOLD_APART)
    return (FinishReason.TOOLS if is_tool else FinishReason.STOP), status


def _kinds(output: Any) -> set[str]:
    items = output if isinstance(output, list) else ()
    return {_text(item, "type") for item in items if isinstance(item, Mapping)}


def _parts(output: Any) -> Iterator[tuple[bool, str]]:
    """Give the texts of the messages in an output, each with whether it is a refusal."""
    for item in output if isinstance(output, list) else ():
        content = item.get("content") if isinstance(item, Mapping) else None
        if content is None or item.get("type") != "message":
            continue
        for part in content if isinstance(content, list) else ():
            if not isinstance(part, Mapping):
                continue
            kind, text, refusal = part.get("type"), part.get("text"), part.get("refusal")
            if kind == "output_text" and isinstance(text, str):
                yield False, text
            elif kind == "refusal" and isinstance(refusal, str):
                yield True, refusal


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    return value if isinstance(value, str) else ""


def _read_counts(usage: Any) -> Counts:
    if not isinstance(usage, Mapping):
        return Counts()
    sent, received = usage.get("input_tokens_details"), usage.get("output_tokens_details")
    return Counts(
        sent=usage.get("input_tokens"),
        received=usage.get("output_tokens"),
        cached=sent.get("cached_tokens") if isinstance(sent, Mapping) else None,
        cache_write=sent.get("cache_write_tokens") if isinstance(sent, Mapping) else None,
        reasoning=received.get("reasoning_tokens") if isinstance(received, Mapping) else None,
    )
