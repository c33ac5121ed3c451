"""A server of HTTP/1.1 that answers as it is told, and fails in each way that wires fail.

It speaks plain TCP, so that it can stop in the middle of a header, drip a byte at a time, or
reset a connection: no framework lets one do so. A script says what each request gets:

```python
async with FaultServer([Reply(status=503), Reply(body=b"{}")]) as server:
    ...  # ask `server.url` twice
assert [each.path for each in server.requests] == ["/v1/models", "/v1/models"]
```

The last reply of a script goes on for ever; a script that is a function is asked for the
reply to each request. `server.requests` holds what came, in order, and `Received.left_at`
whether the other side went away before it had the whole answer.

It is a forward proxy too, as far as a fault needs one: what a proxy is asked for stands in
`Received.target` as a whole URL, and the script's reply is the answer to it. `CONNECT` is
carried out with `Reply(tunnel=True)`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Self

__all__ = ["Ending", "FaultServer", "Received", "Reply", "Script", "sse"]


class Ending(Enum):
    """What becomes of a connection after the last piece of a reply."""

    WHOLE = "whole"
    """The reply ends as HTTP has it, and the connection stays for the next request."""

    CUT = "cut"
    """The connection is closed before the reply has its end."""

    RESET = "reset"
    """The connection is reset (RST) before the reply has its end."""

    STALL = "stall"
    """Nothing comes any more, until the other side goes away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What one request gets."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)
    """Sent as they are; the length or the chunked coding is added."""

    body: bytes | tuple[bytes, ...] = b""
    """In pieces where the times between them or the chunks matter."""

    chunked: bool = False
    """Whether each piece is a chunk of its own, as streams have it."""

    after: float = 0.0
    """Seconds before the first byte of the head."""

    every: float = 0.0
    """Seconds between two pieces."""

    ending: Ending = Ending.WHOLE
    head: bytes | None = None
    """Sent in place of the status line and the headers; `b""` is nothing at all."""

    tunnel: bool = False
    """Whether a `CONNECT` is carried out."""

    @property
    def pieces(self) -> tuple[bytes, ...]:
        """The body in pieces."""
        return (self.body,) if isinstance(self.body, bytes) else self.body

    def start(self) -> bytes:
        """Give the bytes before the body."""
        if self.head is not None:
            return self.head
        size = sum(map(len, self.pieces)) + (0 if self.ending is Ending.WHOLE else 1000)
        framing = ("transfer-encoding", "chunked") if self.chunked else ("content-length", size)
        lines = [f"{name}: {value}" for name, value in (*self.headers, framing)]
        return "\r\n".join([f"HTTP/1.1 {self.status} As told", *lines, "", ""]).encode("latin-1")


@dataclass(slots=True, kw_only=True)
class Received:
    """One request, as it came."""

    method: str
    target: str
    """As it stands in the request line: a path, or a whole URL where a proxy is asked."""

    headers: dict[str, str]
    """By lower-case name."""

    body: bytes
    at: float
    """Time of the event loop at which it had come."""

    connection: int
    """Number of the connection that it came on, from 1."""

    left_at: float | None = None
    """Time at which the other side went away before it had the whole answer, or None."""

    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the other side has gone away before it had the whole answer."""

    @property
    def path(self) -> str:
        """The path without its query."""
        return self.target.partition("?")[0]

    @property
    def json(self) -> Any:
        """The body, parsed; None where there is none."""
        return json.loads(self.body) if self.body else None

    @property
    def key(self) -> str:
        """The credentials that it carries, or nothing."""
        bearer = self.headers.get("authorization", "").removeprefix("Bearer ")
        return bearer or self.headers.get("x-api-key", "")


type Script = Reply | Sequence[Reply] | Callable[[Received], Reply]


def sse(*events: str | tuple[str, str]) -> tuple[bytes, ...]:
    """Write events of a stream: data alone, or the name of an event and its data."""
    return tuple(
        f"data: {each}\n\n".encode()
        if isinstance(each, str)
        else f"event: {each[0]}\ndata: {each[1]}\n\n".encode()
        for each in events
    )


class FaultServer:
    """A server on a free port of the loopback, for as long as the block.

    Args:
        script: What the requests get.
        tls: Speaks TLS with this certificate.
        port: Listens there, and not on a free one.
    """

    def __init__(self, script: Script, *, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self._script = script
        self.port = port
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()
        self._accepted = 0
        self._changed = asyncio.Event()
        self.requests: list[Received] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, ssl=self._tls
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        """Where it is, without a path."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """How many connections have been accepted."""
        return self._accepted

    @property
    def open(self) -> int:
        """How many connections stand now."""
        return len(self._tasks)

    def tell(self, script: Script) -> None:
        """Take another script, and forget the requests."""
        self._script = script
        self.requests.clear()

    async def until(self, holds: Callable[[], bool], *, within: float = 15.0) -> None:
        """Wait until something holds that a request or the end of a connection brings about.

        Raises:
            TimeoutError: It does not hold within so many seconds.
        """
        async with asyncio.timeout(within):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._converse(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # the other side went away, or the block has ended
        finally:
            writer.close()
            self._tasks.discard(task)
            self._changed.set()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = self._accepted
        inbox = _Inbox(reader)
        pump = asyncio.create_task(inbox.pump())
        try:
            while (received := await inbox.request(number)) is not None:
                self.requests.append(received)
                self._changed.set()
                if not await _Answering(received, inbox, writer).give(self._reply(received)):
                    break
        finally:
            writer.close()  # first, so that a cancelled wait for the pump leaves nothing open
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)

    def _reply(self, received: Received) -> Reply:
        if isinstance(self._script, Reply):
            return self._script
        if callable(self._script):
            return self._script(received)
        return self._script[min(len(self.requests), len(self._script)) - 1]


class _Inbox:
    """What came on a connection; it knows at once when the other side goes away."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._held = bytearray()
        self._news = asyncio.Event()
        self.gone = asyncio.Event()

    async def pump(self) -> None:
        try:
            while data := await self._reader.read(65536):
                self._held += data
                self._news.set()
        except OSError:
            pass  # a reset is an end as well
        finally:
            self.gone.set()
            self._news.set()

    async def more(self) -> None:
        """Wait until more has come, or nothing will."""
        self._news.clear()
        if not self.gone.is_set():
            await self._news.wait()

    def take(self, size: int) -> bytes:
        taken = bytes(self._held[:size])
        del self._held[:size]
        return taken

    async def request(self, connection: int) -> Received | None:
        """Read a request; None when the other side has gone."""
        while (end := self._held.find(b"\r\n\r\n")) < 0:
            if self.gone.is_set():
                return None
            await self.more()
        head = self.take(end + 4).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        pairs = [line.partition(":") for line in head[1:] if line]
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        size = int(headers.get("content-length", "0"))
        while len(self._held) < size:
            if self.gone.is_set():
                return None
            await self.more()
        return Received(
            method=method,
            target=target,
            headers=headers,
            body=self.take(size),
            at=asyncio.get_running_loop().time(),
            connection=connection,
        )


class _Answering:
    """The answer to one request."""

    def __init__(self, received: Received, inbox: _Inbox, writer: asyncio.StreamWriter) -> None:
        self._received = received
        self._inbox = inbox
        self._writer = writer

    async def give(self, reply: Reply) -> bool:
        """Answer; say whether the connection may be used again."""
        if reply.tunnel:
            await self._tunnel()
            return False
        telling = asyncio.create_task(self._tell(reply))
        leaving = asyncio.create_task(self._inbox.gone.wait())
        try:
            await asyncio.wait({telling, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if telling.done():
                return telling.result()
            self._received.left_at = asyncio.get_running_loop().time()
            self._received.left.set()
            return False
        finally:
            telling.cancel()
            leaving.cancel()
            await asyncio.gather(telling, leaving, return_exceptions=True)

    async def _tell(self, reply: Reply) -> bool:
        await asyncio.sleep(reply.after)
        await self._send(reply.start())
        for number, piece in enumerate(reply.pieces):
            if number and reply.every:
                await asyncio.sleep(reply.every)
            await self._send(b"%x\r\n%b\r\n" % (len(piece), piece) if reply.chunked else piece)
        if reply.ending is Ending.STALL:
            await asyncio.Event().wait()  # until the other side goes, which ends this
        if reply.ending is Ending.RESET:
            await asyncio.sleep(0.02)  # what was sent arrives first: a reset throws it away
            self._linger(1, 0)
            self._writer.transport.abort()
        if reply.ending is not Ending.WHOLE:
            return False
        if reply.chunked:
            await self._send(b"0\r\n\r\n")
        return reply.head is None

    async def _send(self, data: bytes) -> None:
        if data:
            self._writer.write(data)
            await self._writer.drain()

    def _linger(self, on: int, seconds: int) -> None:
        connection: socket.socket = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", on, seconds))

    async def _tunnel(self) -> None:
        """Carry bytes between the other side and whom it wants to talk to."""
        host, _, port = self._received.target.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        await self._send(b"HTTP/1.1 200 Connected\r\n\r\n")
        back = asyncio.create_task(self._carry_back(reader))
        try:
            while (data := self._inbox.take(65536)) or not self._inbox.gone.is_set():
                if data:
                    writer.write(data)
                    await writer.drain()
                else:
                    await self._inbox.more()
        finally:
            writer.close()
            back.cancel()
            await asyncio.gather(back, return_exceptions=True)

    async def _carry_back(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._send(data)
