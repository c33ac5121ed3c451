"""A question in the form that the Messages interface takes."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from codeflow_engine.domain.chat import ChatRequest, Role

__all__ = ["Form", "knows_schemas", "takes_temperature"]

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


class Form:
    """How one provider asks: its model, its marks for the cache, its way to a schema.

    Args:
        model: Id of the model.
        marks: Whether to mark what stays the same.
        native: Whether a schema is a field of the request, and not words.
        sampling: Whether the interface takes a temperature.
    """

    def __init__(self, model: str, *, marks: bool, native: bool, sampling: bool) -> None:
        self._model = model
        self._marks = marks
        self._native = native
        self._sampling = sampling
        # One review asks with one schema; comparing it costs far less than changing it anew.
        self._seen: tuple[Any, dict[str, Any] | None] = (None, None)

    def counted(self, request: ChatRequest, change: Callable[[Any], Any]) -> dict[str, Any]:
        """Give the part of the body that tokens are counted of.

        Args:
            request: What is asked.
            change: Brings a schema into the subset that the interface knows.
        """
        system = [_block(one.text) for one in request.messages if one.role is Role.SYSTEM]
        body: dict[str, Any] = {"model": self._model}
        if request.answer_schema is not None:
            schema = self._schema(request.answer_schema, change) if self._native else None
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

    def asked(self, request: ChatRequest, change: Callable[[Any], Any]) -> dict[str, Any]:
        """Give the whole body of a question; arguments as in `counted`."""
        body = self.counted(request, change)
        body["max_tokens"] = request.max_output_tokens
        if self._sampling and request.temperature is not None:
            body["temperature"] = request.temperature
        return body

    def _schema(self, schema: Any, change: Callable[[Any], Any]) -> dict[str, Any] | None:
        """Give a schema as the interface takes it; None where it has no such form."""
        if self._seen[0] != schema:
            try:
                changed = change(schema)
            except (ValueError, TypeError, AttributeError, AssertionError, RecursionError):
                changed = None
            self._seen = (copy.deepcopy(schema), changed)
        return self._seen[1]


def _block(text: str) -> _Block:
    return {"type": "text", "text": text}


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
