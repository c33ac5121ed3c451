"""The JSON of Anthropic's Messages interface: what is asked, and the way to what comes back."""

from __future__ import annotations

import copy
import importlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from codeflow_engine.domain.chat import ChatAnswer, ChatRequest, Role
from codeflow_engine.providers.llm.anthropic.answering import MessagesGathering
from codeflow_engine.providers.llm.calls.faults import Called
from codeflow_engine.providers.llm.calls.texts import sendable

__all__ = ["MessagesForm", "knows_schemas", "takes_temperature"]

_WITHOUT_SCHEMA: Final = re.compile(
    r"claude-(?:instant|v?[123](?!\d)|4-opus|(?:opus|sonnet)-4(?:-0|[-@]2025|$))"
)
"""Models that answer HTTP 400 to a schema: those before Opus 4.1 and Sonnet 4.5."""

_NO_SAMPLING: Final = "2026-10-21"
"""From this version on the interface refuses a temperature, even the default one; see
https://platform.claude.com/docs/en/api/versioning."""

_EPHEMERAL: Final = {"type": "ephemeral"}

_TOLD: Final = (
    "Answer with one JSON value and nothing else: no words around it, no code fence. "
    "It has to be valid against this JSON Schema: "
)

_Block = dict[str, Any]
_Turn = dict[str, Any]


def knows_schemas(model: str) -> bool:
    """Say whether a model can be held to a schema, by its name; new ones can."""
    return _WITHOUT_SCHEMA.search(model) is None


def takes_temperature(headers: Mapping[str, str]) -> bool:
    """Say whether headers ask for a version of the interface that still has a temperature."""
    versions = [value for name, value in headers.items() if name.lower() == "anthropic-version"]
    return bool(versions) and versions[-1] < _NO_SAMPLING


class MessagesForm:
    """How the Messages interface is spoken.

    Args:
        marks: Whether to mark what stays the same, so that it is paid in full once.
        native: Whether a schema is a field of the request, and not words.
        sampling: Whether the interface takes a temperature.
    """

    path = "/v1/messages"
    """Where it is asked, under the interface's URL."""

    def __init__(self, *, marks: bool, native: bool, sampling: bool) -> None:
        self._marks = marks
        self._native = native
        self._sampling = sampling
        # One review asks with one schema; comparing it costs far less than changing it anew.
        self._seen: tuple[Any, dict[str, Any] | None] = (None, None)

    def body(self, model: str, request: ChatRequest, *, stream: bool = False) -> dict[str, Any]:
        """Write a request."""
        body = self.counted(model, request)
        body["max_tokens"] = request.max_output_tokens
        if self._sampling and request.temperature is not None:
            body["temperature"] = request.temperature
        if stream:
            body["stream"] = True
        return body

    def counted(self, model: str, request: ChatRequest) -> dict[str, Any]:
        """Write the part of a request that tokens are counted of."""
        system = [_block(one.text) for one in request.messages if one.role is Role.SYSTEM]
        body: dict[str, Any] = {"model": model}
        if request.answer_schema is not None:
            schema = self._schema(request.answer_schema) if self._native else None
            if schema is None:
                text = json.dumps(request.answer_schema, ensure_ascii=False, separators=(",", ":"))
                system.append(_block(_TOLD + text))
            else:
                body["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
        system = [block for block in system if block["text"]]
        turns = _turns(request)
        if self._marks:
            _mark(system, turns)
        if system:
            body["system"] = system
        body["messages"] = turns
        return body

    def read(
        self, told: Any, request: ChatRequest, called: Called, headers: Mapping[str, str]
    ) -> ChatAnswer:
        """Read a whole answer; arguments and errors as for `ChatForm.read`."""
        gathering = self.gather(request, called, headers)
        gathering.take_message(told)
        return gathering.answer()

    def gather(
        self, request: ChatRequest, called: Called, headers: Mapping[str, str]
    ) -> MessagesGathering:
        """Begin to read a streamed answer."""
        return MessagesGathering(request=request, called=called, headers=headers)

    def _schema(self, schema: Any) -> dict[str, Any] | None:
        """Give a schema in the subset that the interface knows; None where it has no such form."""
        if self._seen[0] != schema:
            transform = importlib.import_module("anthropic").transform_schema
            try:
                changed = transform(schema)
            except (ValueError, TypeError, AttributeError, AssertionError, RecursionError):
                changed = None
            self._seen = (copy.deepcopy(schema), changed)
        return self._seen[1]


def _block(text: str) -> _Block:
    return {"type": "text", "text": sendable(text)}


def _turns(request: ChatRequest) -> list[_Turn]:
    """Join what one side says in a row; the interface refuses empty blocks."""
    turns: list[_Turn] = []
    for message in request.messages:
        if message.role is Role.SYSTEM or not message.text:
            continue
        role = str(message.role)
        if not turns or turns[-1]["role"] != role:
            turns.append({"role": role, "content": []})
        turns[-1]["content"].append(_block(message.text))
    if turns and turns[-1]["role"] == "assistant":
        # Words put into the model's mouth may not end with a blank.
        last = turns[-1]["content"][-1]
        last["text"] = last["text"].rstrip()
    return turns


def _mark(system: list[_Block], turns: list[_Turn]) -> None:
    """Mark the end of the instructions, and the end of all that was said before the newest."""
    if system:
        system[-1]["cache_control"] = _EPHEMERAL
    said = [block for turn in turns for block in turn["content"]]
    if len(said) > 1:
        said[-2]["cache_control"] = _EPHEMERAL
