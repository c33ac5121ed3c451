"""What the tests of the provider of Mistral ask."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

from mistral_server import Reply, Server, serving

from codeflow_engine.domain.chat import ChatRequest, Message, Role
from codeflow_engine.providers.llm.mistral import Mistral, MistralSettings

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
async def asked(*replies: Reply, **settings: Any) -> AsyncIterator[tuple[Mistral, Server]]:
    """Serve replies, and give a provider that asks for them, and the server."""
    async with serving(*replies) as server, aclosing(provider(server.url, **settings)) as mistral:
        yield mistral, server


async def told(mistral: Mistral, *, is_stream: bool, **more: Any) -> Any:
    """Give the answer to a question, asked in one of the two ways."""
    request = asking(**more)
    return (await streaming(mistral, request))[1] if is_stream else await mistral.complete(request)


async def streaming(mistral: Mistral, request: ChatRequest) -> tuple[list[str], Any]:
    """Give the pieces of a stream and its answer."""
    pieces = [piece async for piece in mistral.stream(request)]
    return [piece.text for piece in pieces[:-1]], pieces[-1].answer
