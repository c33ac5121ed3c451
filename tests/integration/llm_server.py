"""A server of models on this machine: it keeps what it was asked, and answers as it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    """By lower-case name."""

    body: Any


@dataclass
class Reply:
    """What is answered: bytes in parts, after a pause each."""

    parts: Iterable[bytes] = ()
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    pause: float = 0.0


def in_json(value: object, status: int = 200, **headers: str) -> Reply:
    """Answer with JSON; an underscore in a header's name is a hyphen."""
    named = {name.replace("_", "-"): told for name, told in headers.items()}
    return Reply(
        parts=[json.dumps(value).encode()],
        status=status,
        headers={"content-type": "application/json", **named},
    )


def in_events(*events: object, done: bool = True) -> Reply:
    """Answer with a stream of events."""
    written = [f"data: {json.dumps(event)}\n\n".encode() for event in events]
    return Reply(
        parts=written + ([b"data: [DONE]\n\n"] if done else []),
        headers={"content-type": "text/event-stream"},
    )


class LLMServer:
    """Listens while it is entered."""

    def __init__(self, answer: Callable[[Asked], Reply], *, port: int = 0) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.connections = 0
        self.was_asked = asyncio.Event()
        self.is_idle = asyncio.Event()
        """No connection is open."""

        self.port = port
        self._waiting: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in self._waiting:
            task.cancel()
        await asyncio.gather(*self._waiting, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        """Where it is, once it is entered."""
        return f"http://127.0.0.1:{self.port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._waiting.add(task)
        self.connections += 1
        self.is_idle.clear()
        try:
            while True:
                asked = await _read(reader)
                self.asked.append(asked)
                self.was_asked.set()
                await _write(reader, writer, self.answer(asked))
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            self._waiting.discard(task)
            if not self._waiting:
                self.is_idle.set()
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, path, _ = head[0].split(" ")
    pairs = [line.split(": ", 1) for line in head[1:] if line]
    headers = {name.lower(): value for name, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(method, path, headers, json.loads(body) if body else None)


async def _write(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, reply: Reply) -> None:
    headers = {"transfer-encoding": "chunked", **reply.headers}
    lines = [f"HTTP/1.1 {reply.status} Said", *(f"{name}: {headers[name]}" for name in headers)]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    for part in reply.parts:
        if reply.pause:
            await writer.drain()
            await _pause(reader, reply.pause)
        writer.write(b"%x\r\n%s\r\n" % (len(part), part))
    writer.write(b"0\r\n\r\n")
    await writer.drain()


async def _pause(reader: asyncio.StreamReader, seconds: float) -> None:
    """Let time pass, and see a client that goes away in it."""
    try:
        async with asyncio.timeout(seconds):
            await reader.read(1)
    except TimeoutError:
        return
    raise ConnectionResetError


CHAT: dict[str, Any] = {
    "id": "chatcmpl-1",
    "model": "asked-model-2026",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "four"}}],
    "usage": {
        "prompt_tokens": 20,
        "completion_tokens": 9,
        "prompt_tokens_details": {"cached_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 6},
    },
}
"""A whole answer of the chat interface."""

RESPONSE: dict[str, Any] = {
    "id": "resp_1",
    "model": "asked-model-2026",
    "status": "completed",
    "output": [
        {"type": "reasoning", "summary": []},
        {"type": "message", "content": [{"type": "output_text", "text": "four"}]},
    ],
    "usage": {
        "input_tokens": 20,
        "output_tokens": 9,
        "input_tokens_details": {"cached_tokens": 8},
        "output_tokens_details": {"reasoning_tokens": 6},
    },
}
"""A whole answer of the Responses interface."""


def usual(asked: Asked) -> Reply:
    """Answer as each interface does."""
    whole = RESPONSE if asked.path.partition("?")[0].endswith("/responses") else CHAT
    return in_json(whole)
