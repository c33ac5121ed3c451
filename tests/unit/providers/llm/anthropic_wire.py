"""A server on a free port that answers as a test tells it to, and keeps what it was sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any

from codeflow_engine.domain.chat import ChatAnswer, ChatRequest, Message, Role
from codeflow_engine.providers.llm.anthropic import Anthropic, AnthropicSettings

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

Reply = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass(slots=True, kw_only=True)
class Wire:
    """The server's address, its answers in turn (the last one for good), and its requests."""

    url: str
    replies: list[Reply]
    sent: list[Sent] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """A client has closed its connection."""

    def next_reply(self) -> Reply:
        """Give the answer to the next request."""
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


def question(*turns: tuple[str, str], **more: Any) -> ChatRequest:
    """Ask something, with turns as pairs of a role and a text."""
    said = turns or (("system", "You review code."), ("user", "def f(): ..."))
    messages = tuple(Message(role=Role(role), text=text) for role, text in said)
    return ChatRequest(messages=messages, max_output_tokens=500, **more)


async def asked(wire: Wire, request: ChatRequest, **settings: Any) -> ChatAnswer:
    """Ask the wire's server once."""
    model = settings.pop("model", MODEL)
    provider = Anthropic(model, AnthropicSettings(**settings), api_key="sk-1", base_url=wire.url)
    try:
        return await provider.complete(request)
    finally:
        await provider.aclose()


def whole(
    body: Any = MESSAGE,
    *,
    status: int = 200,
    kind: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Answer with one body."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    told = {"content-type": kind, "content-length": str(len(content)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())

    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + content)
        await writer.drain()

    return reply


def error(status: int, kind: str, message: str, **headers: str) -> Reply:
    """Answer with an error as Anthropic writes it."""
    body = {"type": "error", "error": {"type": kind, "message": message}}
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return whole(body, status=status, headers=told)


def streamed(*events: Mapping[str, Any] | bytes, end: str = "whole", pause: float = 0) -> Reply:
    """Answer with events; they end `whole`, `cut` in the middle, or `open` for good."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\n"
            b"anthropic-ratelimit-requests-remaining: 7\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        for event in events:
            data = event if isinstance(event, bytes) else _line(event)
            writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            await writer.drain()
            await asyncio.sleep(pause)
        if end == "whole":
            writer.write(b"0\r\n\r\n")
        elif end == "cut":
            writer.transport.abort()
        else:
            await asyncio.sleep(60)

    return reply


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


def _line(event: Mapping[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


@asynccontextmanager
async def serving(*replies: Reply, tls: SSLContext | None = None) -> AsyncIterator[Wire]:
    """Serve the answers; all connections are gone afterwards."""
    wire = Wire(url="", replies=list(replies) or [whole()])
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await _serve(wire, reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            wire.closed.set()
            writer.close()
            with suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls, backlog=500)
    wire.url = f"http{'s' if tls else ''}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield wire
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


async def _serve(wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while head := await _head(reader):
        lines = head.decode().split("\r\n")
        method, path, _ = lines[0].split(" ")
        pairs = (line.partition(": ") for line in lines[1:] if line)
        headers = {name.lower(): value for name, _, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        sent = json.loads(body) if body else None
        wire.sent.append(Sent(method=method, path=path, headers=headers, body=sent))
        replying = asyncio.ensure_future(wire.next_reply()(writer))
        leaving = asyncio.ensure_future(_left(reader))
        await asyncio.wait((replying, leaving), return_when=asyncio.FIRST_COMPLETED)
        replying.cancel()
        leaving.cancel()
        await asyncio.gather(replying, leaving, return_exceptions=True)


async def _left(reader: asyncio.StreamReader) -> None:
    while not reader.at_eof():  # noqa: ASYNC110 - a reader tells nobody of its end
        await asyncio.sleep(0.005)


async def _head(reader: asyncio.StreamReader) -> bytes:
    with suppress(asyncio.IncompleteReadError):
        return await reader.readuntil(b"\r\n\r\n")
    return b""
