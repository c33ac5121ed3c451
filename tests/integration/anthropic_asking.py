"""What the tests of Anthropic ask, and what its servers reply."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from codeflow_engine.domain.chat import ChatAnswer, ChatRequest, Message, Role
from codeflow_engine.providers.llm.anthropic import Anthropic, AnthropicSettings
from fault_server import FaultServer, Reply, sse
from model_replies import SSE, in_json, streamed

MODEL = "claude-sonnet-5-5"
MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-5-5-20261101",
    "content": [{"type": "text", "text": "Looks right."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 12, "output_tokens": 4},
}


def question(*turns: tuple[str, str], **more: Any) -> ChatRequest:
    """Ask something, with turns as pairs of a role and a text."""
    said = turns or (("system", "You review code."), ("user", "def f(): ..."))
    messages = tuple(Message(role=Role(role), text=text) for role, text in said)
    return ChatRequest(messages=messages, max_output_tokens=500, **more)


async def asked(server: FaultServer, request: ChatRequest, **settings: Any) -> ChatAnswer:
    """Ask the server once."""
    model = settings.pop("model", MODEL)
    given = AnthropicSettings(**settings)
    async with aclosing(Anthropic(model, given, api_key="sk-1", base_url=server.url)) as provider:
        return await provider.complete(request)


def error(status: int, kind: str, message: str, **headers: str) -> Reply:
    """Reply with an error as Anthropic writes it."""
    said = {"type": "error", "error": {"type": kind, "message": message}}
    return in_json(said, status, **headers)


def events(*told: Mapping[str, Any] | bytes, **reply: Any) -> Reply:
    """Reply with events, each with its name."""
    head = (*SSE, ("anthropic-ratelimit-requests-remaining", "7"))
    body = [
        each if isinstance(each, bytes) else sse((each["type"], json.dumps(each)))[0]
        for each in told
    ]
    return streamed(*body, **{"headers": head, **reply})


def beginning(**usage: int) -> dict[str, Any]:
    """The first event of a stream."""
    told = {"input_tokens": 12, "output_tokens": 1, **usage}
    return {"type": "message_start", "message": MESSAGE | {"content": [], "usage": told}}


def piece(text: str, kind: str = "text_delta", key: str = "text") -> dict[str, Any]:
    """An event with a piece of text."""
    return {"type": "content_block_delta", "index": 0, "delta": {"type": kind, key: text}}


def ending(reason: str | None = "end_turn", **usage: Any) -> tuple[dict[str, Any], ...]:
    """The last two events of a stream."""
    told = {"output_tokens": 4, **usage}
    delta = {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": told}
    return delta, {"type": "message_stop"}
