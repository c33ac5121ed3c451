"""What the tests of Mistral ask, and what its servers reply."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

from codeflow_engine.domain.chat import ChatRequest, Message, Role
from codeflow_engine.providers.llm.mistral import Mistral, MistralSettings
from fault_server import FaultServer, Reply
from model_replies import JSON

USAGE = {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25}
DONE = b"data: [DONE]\n\n"


def asking(**more: Any) -> ChatRequest:
    """Make a request of three turns and a question."""
    turns = [
        (Role.SYSTEM, "Be brief."),
        (Role.USER, "Hi"),
        (Role.ASSISTANT, "Yes?"),
        (Role.USER, "é"),
    ]
    messages = tuple(Message(role=role, text=text) for role, text in turns)
    return ChatRequest(messages=messages, max_output_tokens=64, **more)


def provider(url: str, **settings: Any) -> Mistral:
    """Make a provider that asks a server of ours."""
    settings = {"api_key": "key-of-settings", **settings}
    return Mistral("mistral-small-latest", MistralSettings(base_url=url, **settings))


@asynccontextmanager
async def asked(*replies: Reply, **settings: Any) -> AsyncIterator[tuple[Mistral, FaultServer]]:
    """Serve replies, and give a provider that asks for them, and the server."""
    async with (
        FaultServer(replies) as server,
        aclosing(provider(server.url, **settings)) as mistral,
    ):
        yield mistral, server


async def told(mistral: Mistral, *, is_stream: bool, **more: Any) -> Any:
    """Give the answer to a question, asked in one of the two ways."""
    request = asking(**more)
    return (await streaming(mistral, request))[1] if is_stream else await mistral.complete(request)


async def streaming(mistral: Mistral, request: ChatRequest) -> tuple[list[str], Any]:
    """Give the pieces of a stream and its answer."""
    pieces = [piece async for piece in mistral.stream(request)]
    return [piece.text for piece in pieces[:-1]], pieces[-1].answer


def answered(
    content: Any = "Fine.",
    reason: str | None = "stop",
    headers: tuple[tuple[str, str], ...] = (),
    **more: Any,
) -> Reply:
    """Make the reply of a whole answer; a field of `...` is left out."""
    message = {"role": "assistant", "content": content, "tool_calls": None}
    body = {
        "id": "cmpl-1",
        "object": "chat.completion",
        "model": "mistral-small-2603",
        "created": 1,
        "usage": USAGE,
        "choices": [{"index": 0, "finish_reason": reason, "message": message}],
        **more,
    }
    told = {name: value for name, value in body.items() if value is not ...}
    return Reply(headers=(*JSON, *headers), body=json.dumps(told).encode())


def event(told: Any) -> bytes:
    """Make an event of a stream."""
    return f"data: {json.dumps(told)}\n\n".encode()


def chunk(text: Any = "", reason: str | None = None, **more: Any) -> bytes:
    """Make an event that is a chunk of an answer."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
    told = {"id": "cmpl-2", "object": "chat.completion.chunk", "model": "small", "created": 1}
    return event({**told, "choices": [choice], **more})
