"""The five wires on which models are asked, as their servers speak on them.

A wire makes our provider for a base URL, and writes what its vendor's server would write: a
good answer, the events of a good stream, an error in the vendor's own form. So one test asks
all of them:

```python
async with FaultServer(Reply(body=wire.answer("Fine."))) as server:
    async with wire.connect(server.url) as provider:
        answer = await provider.complete(REQUEST)
```

`WIRES` holds them all; the fixture `wire` gives a test each of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from chat_wires import ChatWire, GroqWire, MistralWire
from codeflow_engine.contracts.llm import LLM
from codeflow_engine.domain.chat import FinishReason
from wire_form import KEY, PROMPT, REQUEST, USAGE, Event, Told, Wire

__all__ = ["KEY", "PROMPT", "REQUEST", "WIRES", "Event", "Told", "Wire"]


class ResponsesWire(Wire):
    """Responses of OpenAI."""

    name = "responses"
    model = "gpt-5.1"
    path = "/v1/responses"
    key_variable = "OPENAI_API_KEY"
    reasons: ClassVar[Mapping[FinishReason, str]] = {
        FinishReason.STOP: "completed",
        FinishReason.LENGTH: "max_output_tokens",
        FinishReason.FILTERED: "content_filter",
    }

    def make(self, **arguments: Any) -> LLM:
        from codeflow_engine.providers.llm.openai import OpenAI

        return OpenAI(self.model, **arguments)

    def settings(self, **values: Any) -> Any:
        from codeflow_engine.providers.llm.openai import OpenAISettings

        return OpenAISettings(api="responses", **values)

    def document(
        self,
        text: str | None,
        *,
        finish: str | None = None,
        usage: tuple[int, int] | None = USAGE,
        model: str | None = None,
    ) -> dict[str, Any]:
        part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
        output = [] if text is None else [self._message(part)]
        return self._response(output, finish or "completed", usage, model)

    def _message(self, part: dict[str, Any]) -> dict[str, Any]:
        common = {"type": "message", "id": "msg_9", "role": "assistant", "status": "completed"}
        return {**common, "content": [part]}

    def _response(
        self,
        output: list[dict[str, Any]],
        finish: str,
        usage: tuple[int, int] | None,
        model: str | None = None,
    ) -> dict[str, Any]:
        whole = finish in {"completed", "in_progress", "failed"}
        return {
            "id": "resp_9",
            "object": "response",
            "created_at": 1_760_000_000,
            "status": finish if whole else "incomplete",
            "error": None,
            "output": output,
            "incomplete_details": None if whole else {"reason": finish},
            "model": model or self.model,
            "parallel_tool_calls": True,
            "tools": [],
            "tool_choice": "auto",
            "temperature": 1.0,
            "top_p": 1.0,
            "metadata": {},
            "instructions": None,
            "usage": None if usage is None else self._usage(usage),
        }

    def _usage(self, usage: tuple[int, int]) -> dict[str, Any]:
        sent, received = usage
        return {
            "input_tokens": sent,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": received,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": sent + received,
        }

    def events(
        self,
        *pieces: str,
        finish: str | None = None,
        usage: tuple[int, int] | None = USAGE,
    ) -> list[Event]:
        final = self.document("".join(pieces), finish=finish, usage=usage)
        message = final["output"][0]
        part = message["content"][0]
        begun = self._response([], "in_progress", None)
        place = {"item_id": "msg_9", "output_index": 0, "content_index": 0}
        opened = {**message, "status": "in_progress", "content": []}
        told: list[dict[str, Any]] = [
            {"type": "response.created", "response": begun},
            {"type": "response.in_progress", "response": begun},
            {"type": "response.output_item.added", "output_index": 0, "item": opened},
            {"type": "response.content_part.added", **place, "part": {**part, "text": ""}},
        ]
        for piece in pieces:
            delta = {"delta": piece, "logprobs": []}
            told.append({"type": "response.output_text.delta", **place, **delta})
        whole = {"text": part["text"], "logprobs": []}
        told += [
            {"type": "response.output_text.done", **place, **whole},
            {"type": "response.content_part.done", **place, "part": part},
            {"type": "response.output_item.done", "output_index": 0, "item": message},
            {"type": f"response.{final['status']}", "response": final},
        ]
        return [
            (each["type"], json.dumps({**each, "sequence_number": number}))
            for number, each in enumerate(told)
        ]

    def last(self, events: list[Event]) -> int:
        return len(events) - 1

    def error(self, *, kind: str, code: str | None = None, message: str = "No.") -> dict[str, Any]:
        return {"error": {"message": message, "type": kind, "param": None, "code": code}}

    @property
    def quota(self) -> list[Told]:
        return ChatWire().quota

    @property
    def overflow(self) -> list[Told]:
        return ChatWire().overflow

    @property
    def no_model(self) -> list[Told]:
        return ChatWire().no_model

    @property
    def overloaded(self) -> Event:
        words = {"code": "server_error", "message": "The engine is overloaded.", "param": None}
        return ("error", json.dumps({"type": "error", **words, "sequence_number": 9}))

    @property
    def limited(self) -> Event:
        error = {"code": "rate_limit_exceeded", "message": "Slow down."}
        failed = {**self._response([], "failed", None), "error": error}
        words = {"type": "response.failed", "response": failed, "sequence_number": 9}
        return ("response.failed", json.dumps(words))

    def declined(self) -> list[tuple[FinishReason, dict[str, Any]]]:
        part = {"type": "refusal", "refusal": "I cannot help with that."}
        refusal = self._response([self._message(part)], "completed", USAGE)
        return [*super().declined(), (FinishReason.REFUSED, refusal)]

    def with_tools(self, calls: list[tuple[str, str, str]]) -> dict[str, Any]:
        words = {"type": "function_call", "id": "fc_9", "status": "completed"}
        output = [
            {**words, "call_id": number, "name": name, "arguments": arguments}
            for number, name, arguments in calls
        ]
        return self._response(output, "completed", USAGE)

    def empty(self) -> list[dict[str, Any]]:
        whole = self.document("")
        message = self._message({"type": "output_text", "text": "", "annotations": []})
        return [
            self.document(None),
            {**whole, "output": None},
            {**whole, "output": [{**message, "content": []}]},
            {},
        ]


class MessagesWire(Wire):
    """Messages of Anthropic."""

    name = "messages"
    model = "claude-sonnet-5"
    path = "/v1/messages"
    prefix = ""
    key_variable = "ANTHROPIC_API_KEY"
    reasons: ClassVar[Mapping[FinishReason, str]] = {
        FinishReason.STOP: "end_turn",
        FinishReason.LENGTH: "max_tokens",
        FinishReason.OVERFLOW: "model_context_window_exceeded",
        FinishReason.REFUSED: "refusal",
        FinishReason.PAUSED: "pause_turn",
        FinishReason.TOOLS: "tool_use",
    }

    def make(self, **arguments: Any) -> LLM:
        from codeflow_engine.providers.llm.anthropic import Anthropic

        return Anthropic(self.model, **arguments)

    def settings(self, **values: Any) -> Any:
        from codeflow_engine.providers.llm.anthropic import AnthropicSettings

        return AnthropicSettings(**values)

    def document(
        self,
        text: str | None,
        *,
        finish: str | None = None,
        usage: tuple[int, int] | None = USAGE,
        model: str | None = None,
    ) -> dict[str, Any]:
        document = {
            "id": "msg_9",
            "type": "message",
            "role": "assistant",
            "model": model or self.model,
            "stop_reason": finish or "end_turn",
            "stop_sequence": None,
            "content": [] if text is None else [{"type": "text", "text": text}],
        }
        return document if usage is None else {**document, "usage": self._usage(usage)}

    def _usage(self, usage: tuple[int, int]) -> dict[str, Any]:
        cached = {"cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
        return {"input_tokens": usage[0], "output_tokens": usage[1], **cached}

    def events(
        self,
        *pieces: str,
        finish: str | None = None,
        usage: tuple[int, int] | None = USAGE,
    ) -> list[Event]:
        sent, received = usage or (0, 0)
        opened = {**self.document(None, usage=(sent, 1)), "stop_reason": None}
        if usage is None:
            del opened["usage"]
        block = {"index": 0, "content_block": {"type": "text", "text": ""}}
        told: list[dict[str, Any]] = [
            {"type": "message_start", "message": opened},
            {"type": "content_block_start", **block},
            {"type": "ping"},
        ]
        for piece in pieces:
            delta = {"type": "text_delta", "text": piece}
            told.append({"type": "content_block_delta", "index": 0, "delta": delta})
        ended = {"stop_reason": finish or "end_turn", "stop_sequence": None}
        counted = {} if usage is None else {"usage": {"output_tokens": received}}
        told += [
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": ended, **counted},
            {"type": "message_stop"},
        ]
        return [(each["type"], json.dumps(each)) for each in told]

    def last(self, events: list[Event]) -> int:
        return len(events) - 2

    def error(self, *, kind: str, code: str | None = None, message: str = "No.") -> dict[str, Any]:
        error = {"type": code or kind, "message": message}
        return {"type": "error", "error": error, "request_id": "req_9"}

    def kind_of(self, status: int) -> str:
        known = {404: "not_found_error", 413: "request_too_large", 529: "overloaded_error"}
        usual = super().kind_of(status)
        return known.get(status, "api_error" if usual == "server_error" else usual)

    @property
    def quota(self) -> list[Told]:
        low = "Your credit balance is too low to access the Anthropic API."
        limit = "You have reached your specified API usage limits."
        return [
            self.told(400, kind="invalid_request_error", message=low),
            self.told(400, kind="invalid_request_error", message=limit),
            self.told(402, kind="billing_error", message="Payment required."),
        ]

    @property
    def overflow(self) -> list[Told]:
        message = "prompt is too long: 210000 tokens > 200000 maximum"
        return [
            self.told(400, kind="invalid_request_error", message=message),
            self.told(413, kind="request_too_large", message="Request exceeds the maximum size"),
        ]

    @property
    def no_model(self) -> list[Told]:
        return [self.told(404, kind="not_found_error", message=f"model: {self.model}")]

    @property
    def overloaded(self) -> Event:
        return ("error", json.dumps(self.error(kind="overloaded_error", message="Overloaded")))

    @property
    def limited(self) -> Event:
        return ("error", json.dumps(self.error(kind="rate_limit_error")))

    def with_tools(self, calls: list[tuple[str, str, str]]) -> dict[str, Any]:
        # This wire has arguments as JSON, not as text of it: what is malformed is no object.
        document = self.document(None, finish="tool_use")
        document["content"] = [
            {"type": "tool_use", "id": number, "name": name, "input": arguments}
            for number, name, arguments in calls
        ]
        return document

    def empty(self) -> list[dict[str, Any]]:
        whole = self.document("")
        return [self.document(None), {**whole, "content": None}, {}]


WIRES: tuple[Wire, ...] = (
    ResponsesWire(),
    ChatWire(),
    MessagesWire(),
    MistralWire(),
    GroqWire(),
)
