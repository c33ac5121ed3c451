"""HTTP of the plainest kind between the processes of a crash test.

A connection carries one question and its answer, both JSON. The standard library's server
takes a thread and a millisecond for each; a night of kills asks some hundred thousand times.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

from codeflow_engine.errors import ProviderUnavailableError

__all__ = ["Answer", "Refusal", "call", "serve"]

type Answer = Callable[[str, Any], Awaitable[Any]]
"""Answers a question by its path and body; it is cancelled when the other side goes away."""


class Refusal(Exception):  # noqa: N818 - an answer of the server, which others make an error of
    """An answer with another status than 200."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


async def serve(answer: Answer) -> tuple[asyncio.Server, int]:
    """Answer on a free port of the loopback; give the server and its port."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _exchange(answer, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the other side was killed
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


async def _exchange(
    answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    size = int(head.lower().partition("content-length:")[2].split("\r\n")[0])
    body = json.loads(await reader.readexactly(size))
    answering = asyncio.ensure_future(answer(head.split(" ")[1], body))
    leaving = asyncio.ensure_future(reader.read(1))
    await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
    if not answering.done():
        answering.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await answering
        return
    leaving.cancel()
    try:
        status, told = 200, answering.result()
    except Refusal as refused:
        status, told = refused.status, None
    payload = json.dumps(told).encode()
    writer.write(
        f"HTTP/1.1 {status} X\r\nContent-Length: {len(payload)}\r\n\r\n".encode() + payload
    )
    await writer.drain()


async def call(port: int, path: str, body: Any) -> Any:
    """Ask a server, and return its answer; cancelling breaks the connection.

    Raises:
        ProviderUnavailableError: It gave no answer, or another status than 200.
    """
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            payload = json.dumps(body).encode()
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(payload)}\r\n\r\n"
            writer.write(head.encode() + payload)
            told = await reader.read()
        finally:
            writer.transport.abort()
    except OSError as error:
        raise ProviderUnavailableError(f"no answer to {path}: {type(error).__name__}") from error
    head, _, content = told.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise ProviderUnavailableError(f"{path} was answered with {head[:20]!r}")
    return json.loads(content)
