"""The wires of those who speak Chat Completions, each in its way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from codeflow_engine.contracts.llm import LLM
from codeflow_engine.domain.chat import FinishReason
from wire_form import USAGE, Event, Told, Wire

__all__ = ["ChatWire", "GroqWire", "MistralWire"]


class ChatWire(Wire):
    """Chat Completions of OpenAI, and whoever took them over."""

    name = "chat"
    model = "gpt-5.1"
    path = "/v1/chat/completions"
    key_variable = "OPENAI_API_KEY"
    reasons: ClassVar[Mapping[FinishReason, str]] = {
        FinishReason.STOP: "stop",
        FinishReason.LENGTH: "length",
        FinishReason.FILTERED: "content_filter",
        FinishReason.TOOLS: "tool_calls",
    }

    def make(self, **arguments: Any) -> LLM:
        from codeflow_engine.providers.llm.openai import OpenAI

        return OpenAI(self.model, **arguments)

    def settings(self, **values: Any) -> Any:
        from codeflow_engine.providers.llm.openai import OpenAISettings

        return OpenAISettings(api="chat", **values)

    def document(
        self,
        text: str | None,
        *,
        finish: str | None = None,
        usage: tuple[int, int] | None = USAGE,
        model: str | None = None,
    ) -> dict[str, Any]:
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": finish or "stop"}
        document = {"object": "chat.completion", **self._common(model), "choices": [choice]}
        return document if usage is None else {**document, "usage": self._usage(usage)}

    def events(
        self,
        *pieces: str,
        finish: str | None = None,
        usage: tuple[int, int] | None = USAGE,
    ) -> list[Event]:
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        deltas += [{"content": piece} for piece in pieces]
        chunks = [self._chunk([self._delta(delta, None)]) for delta in deltas]
        chunks += [self._chunk([self._delta({}, finish or "stop")])]
        if usage is not None:
            chunks += self._counted(chunks.pop(), usage)
        return [*map(json.dumps, chunks), "[DONE]"]

    def _counted(self, last: dict[str, Any], usage: tuple[int, int]) -> list[dict[str, Any]]:
        return [last, {**self._chunk([]), "usage": self._usage(usage)}]

    def _chunk(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {"object": "chat.completion.chunk", **self._common(None), "choices": choices}

    def _delta(self, delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
        return {"index": 0, "delta": delta, "finish_reason": finish}

    def _common(self, model: str | None) -> dict[str, Any]:
        return {"id": "chatcmpl-9", "created": 1_760_000_000, "model": model or self.model}

    def _usage(self, usage: tuple[int, int]) -> dict[str, Any]:
        sent, received = usage
        names = ("prompt_tokens", "completion_tokens", "total_tokens")
        return dict(zip(names, (sent, received, sent + received), strict=True))

    def last(self, events: list[Event]) -> int:
        finished = [number for number, event in enumerate(events) if self._finishes(event)]
        return finished[0]

    def _finishes(self, event: Event) -> bool:
        choices = json.loads(event).get("choices") if event != "[DONE]" else None  # type: ignore[arg-type]
        return bool(choices) and choices[0]["finish_reason"] is not None

    def error(self, *, kind: str, code: str | None = None, message: str = "No.") -> dict[str, Any]:
        return {"error": {"message": message, "type": kind, "param": None, "code": code}}

    @property
    def quota(self) -> list[Told]:
        message = "You exceeded your current quota, please check your plan and billing details."
        return [
            self.told(429, kind="insufficient_quota", code="insufficient_quota", message=message),
            self.told(402, kind="billing_error", message="Payment required."),
        ]

    @property
    def overflow(self) -> list[Told]:
        message = "This model's maximum context length is 8192 tokens, your messages had 9000."
        words = {"kind": "invalid_request_error", "message": message}
        return [
            self.told(400, code="context_length_exceeded", **words),
            self.told(413, kind="invalid_request_error", message="Payload too large."),
        ]

    @property
    def no_model(self) -> list[Told]:
        message = f"The model `{self.model}` does not exist or you do not have access to it."
        words = {"kind": "invalid_request_error", "code": "model_not_found", "message": message}
        return [self.told(404, **words), self.told(400, **words)]

    @property
    def overloaded(self) -> Event:
        return json.dumps(self.error(kind="server_error", message="The engine is overloaded."))

    @property
    def limited(self) -> Event:
        return json.dumps(self.error(kind="rate_limit_error", code="rate_limit_exceeded"))

    def declined(self) -> list[tuple[FinishReason, dict[str, Any]]]:
        refusal = self.document(None)
        refusal["choices"][0]["message"]["refusal"] = "I cannot help with that."
        return [*super().declined(), (FinishReason.REFUSED, refusal)]

    def with_tools(self, calls: list[tuple[str, str, str]]) -> dict[str, Any]:
        document = self.document(None, finish="tool_calls")
        document["choices"][0]["message"]["tool_calls"] = [
            {"id": number, "type": "function", "function": {"name": name, "arguments": arguments}}
            for number, name, arguments in calls
        ]
        return document

    def empty(self) -> list[dict[str, Any]]:
        whole = self.document("")
        return [
            {**whole, "choices": []},
            {**whole, "choices": None},
            self.document(None),
            {},
        ]


class GroqWire(ChatWire):
    """Groq, which took Chat Completions over and counts in a field of its own."""

    name = "groq"
    model = "llama-3.3-70b-versatile"
    path = "/openai/v1/chat/completions"
    prefix = ""
    key_variable = "GROQ_API_KEY"
    reasons: ClassVar[Mapping[FinishReason, str]] = {
        FinishReason.STOP: "stop",
        FinishReason.LENGTH: "length",
        FinishReason.TOOLS: "tool_calls",
    }

    def make(self, **arguments: Any) -> LLM:
        from codeflow_engine.providers.llm.groq import Groq

        return Groq(self.model, **arguments)

    def settings(self, **values: Any) -> Any:
        from codeflow_engine.providers.llm.groq import GroqSettings

        return GroqSettings(**values)

    def _counted(self, last: dict[str, Any], usage: tuple[int, int]) -> list[dict[str, Any]]:
        return [{**last, "x_groq": {"id": "req_9", "usage": self._usage(usage)}}]

    @property
    def quota(self) -> list[Told]:
        message = "Organization has reached its spend limit. See billing."
        words = {"kind": "invalid_request_error", "code": "blocked_api_access"}
        return [self.told(400, message=message, **words), self.told(402, kind="billing_error")]

    @property
    def overflow(self) -> list[Told]:
        message = "Please reduce the length of the messages or completion."
        words = {"kind": "invalid_request_error", "message": message}
        return [
            self.told(400, code="context_length_exceeded", **words),
            self.told(413, kind="invalid_request_error", code="request_too_large"),
        ]

    @property
    def no_model(self) -> list[Told]:
        words = {"kind": "invalid_request_error"}
        return [
            self.told(404, code="model_not_found", message="No such model.", **words),
            self.told(400, code="model_decommissioned", message="It is gone.", **words),
        ]

    def declined(self) -> list[tuple[FinishReason, dict[str, Any]]]:
        return []


class MistralWire(ChatWire):
    """Mistral, which has Chat Completions with errors of its own."""

    name = "mistral"
    model = "mistral-large-latest"
    prefix = ""
    key_variable = "MISTRAL_API_KEY"
    reasons: ClassVar[Mapping[FinishReason, str]] = {
        FinishReason.STOP: "stop",
        FinishReason.LENGTH: "length",
        FinishReason.OVERFLOW: "model_length",
        FinishReason.TOOLS: "tool_calls",
    }

    def make(self, **arguments: Any) -> LLM:
        from codeflow_engine.providers.llm.mistral import Mistral

        return Mistral(self.model, **arguments)

    def settings(self, **values: Any) -> Any:
        from codeflow_engine.providers.llm.mistral import MistralSettings

        return MistralSettings(**values)

    def _counted(self, last: dict[str, Any], usage: tuple[int, int]) -> list[dict[str, Any]]:
        return [{**last, "usage": self._usage(usage)}]

    def error(self, *, kind: str, code: str | None = None, message: str = "No.") -> dict[str, Any]:
        words = {"object": "error", "message": message, "type": kind}
        return {**words, "param": None, "code": code}

    @property
    def quota(self) -> list[Told]:
        return [
            self.told(402, kind="billing_error", message="Payment required."),
            self.told(429, kind="quota", code="1300", message="Monthly quota exceeded."),
        ]

    @property
    def overflow(self) -> list[Told]:
        message = "Prompt has 40000 tokens, too large for model with 32768 maximum context length"
        words = {"kind": "invalid_request_error", "code": "3051"}
        return [self.told(400, message=message, **words), self.told(413, kind="request_too_large")]

    @property
    def no_model(self) -> list[Told]:
        message = f"Invalid model: {self.model}"
        return [
            self.told(400, kind="invalid_model", code="1500", message=message),
            self.told(404, kind="not_found", code="1500", message=message),
        ]

    def declined(self) -> list[tuple[FinishReason, dict[str, Any]]]:
        return []
