"""A model for `bench_call.py`, in a process of its own: it answers chat completions at once.

    python call_server.py

It prints its URL, and ends with its standard input. It is HTTP on bare sockets, so that it
takes less of the machine than what is measured beside it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import sys
from typing import Final

_LENGTH: Final = re.compile(rb"^content-length:[ \t]*(\d+)", re.IGNORECASE | re.MULTILINE)
_FINDING: Final = "src/shop/cart.py:42: the total is rounded before the discount is taken off. "


class Chat(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._parts: list[bytes] = []
        self._size = 0
        self._whole = 0

    def data_received(self, data: bytes) -> None:
        """Answer once a request is whole; nobody sends the next one before."""
        self._parts.append(data)
        self._size += len(data)
        if not self._whole:
            told = b"".join(self._parts)
            head, end, _ = told.partition(b"\r\n\r\n")
            if not end:
                return
            length = _LENGTH.search(head)
            if length is None:
                self._transport.write(b"HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\n\r\n")
                self._transport.close()
                return
            self._whole = len(head) + len(end) + int(length[1])
        if self._size >= self._whole:
            asked = b"".join(self._parts).partition(b"\r\n\r\n")[2]
            self._parts, self._size, self._whole = [], 0, 0
            self.reply(asked)

    def reply(self, asked: bytes) -> None:
        """Answer a request, whose body this is."""
        self._transport.write(answer(asked))


def answer(asked: bytes) -> bytes:
    """Give an answer of 1 KB that ends with a digest of all that was said to the model."""
    said = "\n".join(message["content"] for message in json.loads(asked)["messages"])
    digest = hashlib.sha256(said.encode()).hexdigest()
    return completion(f"{_FINDING * 12}{digest}")


def completion(content: str) -> bytes:
    """Write an answer of the model."""
    told = {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 1_764_000_000,
        "model": "gpt-5.1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 2_000, "completion_tokens": 240, "total_tokens": 2_240},
    }
    body = json.dumps(told).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"{head}\r\n".encode() + body


async def main() -> None:
    """Listen until the standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Chat, "127.0.0.1", 0, backlog=512)
    port = server.sockets[0].getsockname()[1]
    print(f"http://127.0.0.1:{port}/v1", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
