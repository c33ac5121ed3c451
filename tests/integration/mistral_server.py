"""A server on a free port that answers as a test says, and keeps what it was asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

HANG = b"hang"
"""Among the parts of a reply: nothing more comes, and the connection stays."""

USAGE = {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25}


@dataclass(kw_only=True)
class Reply:
    """What the server says."""

    body: bytes = b"{}"
    status: int = 200
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[bytes, ...] | None = None
    """Sent as chunks, with the end of chunks after them unless one is `HANG`."""


@dataclass(kw_only=True)
class Asked:
    """What the server was asked."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


class Server:
    """Answers one reply after the other, and the last one from there on."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.asked: list[Asked] = []
        self.url = ""
        self.connections = 0
        self.gone = asyncio.Event()
        """Whether a client has gone while a reply hung."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._answer(head.decode("latin-1"), reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(
        self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        first, *lines = head.strip().split("\r\n")
        method, path, _ = first.split(" ")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        told = await reader.readexactly(int(headers.get("content-length", 0)))
        body = json.loads(told) if told else None
        self.asked.append(Asked(method=method, path=path, headers=headers, body=body))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        size = "transfer-encoding: chunked"
        if reply.parts is None:
            size = f"content-length: {len(reply.body)}"
        extra = "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
        start = f"HTTP/1.1 {reply.status} So\r\ncontent-type: {reply.kind}\r\n{size}\r\n{extra}\r\n"
        writer.write(start.encode())
        for part in (reply.body,) if reply.parts is None else reply.parts:
            if part == HANG:
                await reader.read()
                self.gone.set()
                return
            writer.write(part if reply.parts is None else b"%x\r\n%s\r\n" % (len(part), part))
            await writer.drain()
        if reply.parts is not None:
            writer.write(b"0\r\n\r\n")


@asynccontextmanager
async def serving(*replies: Reply) -> AsyncIterator[Server]:
    """Serve replies on a free port."""
    server = Server()
    server.replies = list(replies)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        await asyncio.sleep(0)


def answered(content: Any = "Fine.", reason: str | None = "stop", **more: Any) -> Reply:
    """Make the reply of a whole answer."""
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
    return Reply(body=json.dumps({k: v for k, v in body.items() if v is not ...}).encode())


def event(told: Any) -> bytes:
    """Make an event of a stream."""
    return f"data: {json.dumps(told)}\n\n".encode()


def chunk(text: Any = "", reason: str | None = None, **more: Any) -> bytes:
    """Make an event that is a chunk of an answer."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
    told = {"id": "cmpl-2", "object": "chat.completion.chunk", "model": "small", "created": 1}
    return event({**told, "choices": [choice], **more})


def streamed(*parts: bytes, **more: Any) -> Reply:
    """Make the reply of a stream."""
    return Reply(kind="text/event-stream; charset=utf-8", parts=parts, **more)
