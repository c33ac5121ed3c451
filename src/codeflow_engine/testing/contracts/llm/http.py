"""The other end of a provider that is asked over HTTP."""

from __future__ import annotations

import asyncio
import itertools
import json
from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from codeflow_engine.contracts import LLM
from codeflow_engine.plugins.containment import tell
from codeflow_engine.testing.contracts.llm.replies import Reply, ReplyKind, Wire
from codeflow_engine.testing.contracts.watching import within

__all__ = ["HTTPReply", "HTTPRequest", "HTTPWire"]

_GARBAGE = b"<!doctype html><title>Welcome</title><p>This is the login page of a proxy.</p>"
_SHORT = 1.0
_LONG = 20.0
_PAUSE = 0.001
"""Seconds between two pieces."""

_PATIENCE = 0.5
"""Seconds within which a connection that was dropped is seen to be closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPRequest:
    """What the provider has sent."""

    method: str
    path: str
    headers: Mapping[str, str]
    """By lower-case name."""

    body: bytes = b""

    @property
    def json(self) -> Any:
        """The body, read as JSON; None where there is none."""
        return json.loads(self.body) if self.body else None


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPReply:
    """What the provider is sent."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    pieces: tuple[bytes, ...] = ()
    """The body, each piece in a packet of its own."""

    @classmethod
    def of_json(
        cls, body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> HTTPReply:
        """Reply with a value as JSON."""
        told = {"content-type": "application/json", **(headers or {})}
        return cls(status=status, headers=told, pieces=(json.dumps(body).encode(),))


class HTTPWire(Wire):
    """Serves a provider over HTTP, on a port of its own.

    An author says how the provider is made for a URL, and how its interface spells a reply.
    What HTTP alone spells never gets there: `SILENT`, `GARBAGE` and `BROKEN_OFF`, for which
    the answer of `ANSWER` is broken off in the middle. Nor does `ECHO`, which comes as an
    `ANSWER` with the text of `last_message`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.timeout: float = _LONG
        """Seconds after which the provider is to give up: few where a test waits for that."""

        self._is_closed = asyncio.Event()
        self._problem: Exception | None = None

    @abstractmethod
    def create(self, url: str) -> LLM:
        """Make the provider for a URL, with `self.key`, and with `self.timeout` as its timeout."""

    @abstractmethod
    def write(self, reply: Reply, request: HTTPRequest) -> HTTPReply:
        """Spell a reply to a request as the provider's interface does."""

    def last_message(self, request: HTTPRequest) -> str:
        """Find the text of the last message in a request."""
        text: str = request.json["messages"][-1]["content"]
        return text

    @asynccontextmanager
    async def connect(self, *replies: Reply) -> AsyncIterator[LLM]:
        """Serve the replies for as long as the block lasts."""
        self.timeout = _SHORT if replies[0].kind is ReplyKind.SILENT else _LONG
        script = itertools.chain(replies, itertools.repeat(replies[-1]))
        serving: dict[asyncio.Task[Any] | None, asyncio.StreamWriter] = {}

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            serving[task] = writer
            try:
                await self._serve(reader, writer, script)
            finally:
                del serving[task]
                writer.transport.abort()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        llm = self.create(f"http://127.0.0.1:{port}")
        try:
            yield llm
        finally:
            await within(llm.aclose())
            server.close()
            for writer in serving.values():
                # A task that is cancelled would be told of as one that failed.
                writer.transport.abort()
            await asyncio.gather(*filter(None, serving), return_exceptions=True)
            if self._problem is not None:
                pytest.fail(f"{type(self).__name__} failed to reply: {tell(self._problem)}")

    async def has_hung_up(self) -> bool:
        """Say whether the connection that was left without a reply is closed."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._is_closed.wait(), _PATIENCE)
        return self._is_closed.is_set()

    async def _serve(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        script: itertools.chain[Reply],
    ) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                request = await _read(reader)
                told = request.headers.items()
                self.received.append(f"{request.path}\n{dict(told)}\n{request.body.decode()}")
                reply = next(script)
                if reply.kind is ReplyKind.SILENT:
                    self._is_closed = is_closed = asyncio.Event()
                    await reader.read()
                    is_closed.set()
                    return
                try:
                    spelt = self._spell(reply, request)
                except Exception as error:  # noqa: BLE001 - it is told where the test sees it
                    self._problem = error
                    return
                if not await _send(writer, spelt, reply.kind):
                    return

    def _spell(self, reply: Reply, request: HTTPRequest) -> HTTPReply:
        if reply.kind is ReplyKind.GARBAGE:
            return HTTPReply(headers={"content-type": "text/html"}, pieces=(_GARBAGE,))
        if reply.kind is ReplyKind.BROKEN_OFF:
            reply = replace(reply, kind=ReplyKind.ANSWER)
        elif reply.kind is ReplyKind.ECHO:
            # What has no body is another question than one to a model.
            text = self.last_message(request) if request.body else reply.text
            reply = replace(reply, kind=ReplyKind.ANSWER, text=text)
        return self.write(reply, request)


async def _read(reader: asyncio.StreamReader) -> HTTPRequest:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines)
    }
    body = b""
    if "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    elif headers.get("transfer-encoding", "").lower() == "chunked":
        while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readuntil(b"\r\n")
    return HTTPRequest(method=method, path=path, headers=headers, body=body)


async def _send(writer: asyncio.StreamWriter, reply: HTTPReply, kind: ReplyKind) -> bool:
    """Send a reply; False where the connection ends with it."""
    told = {**reply.headers, "transfer-encoding": "chunked"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    writer.write(f"HTTP/1.1 {reply.status} X\r\n{lines}\r\n".encode("latin-1"))
    pieces = reply.pieces
    if kind is ReplyKind.BROKEN_OFF:
        whole = b"".join(pieces)
        pieces = pieces[: len(pieces) // 2] or (whole[: len(whole) // 2],)
    for piece in filter(None, pieces):
        writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        await writer.drain()
        # So that it is a packet of its own.
        await asyncio.sleep(_PAUSE)
    if kind is ReplyKind.BROKEN_OFF:
        return False
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True
